"""What holds for every part of every tab, as a person meets it: names, contrast, keyboard, narrow screens."""

from axe_playwright_python.base import AXE_SCRIPT

import app
from tests.browser.steps import every_part

TITLES = ("Home", *(tab.TITLE for tab in app.TABS))
AXE = """async (only) => (await axe.run(document, { resultTypes: ['violations'], ...only })).violations
.filter((v) => ['serious', 'critical'].includes(v.impact))
.flatMap((v) => v.nodes.map((n) => [v.id, n.target.join(' '), n.html.slice(0, 160), n.any[0]?.message ?? '']))"""
DARK = "(dark) => document.body.classList.toggle('dark', dark)"
EXCUSED = {}  # rule -> selector of what Gradio itself causes, and why it stays


def test_no_part_has_a_serious_fault_of_accessibility_in_light_or_dark(page):
    page.evaluate(AXE_SCRIPT)
    found = {}
    for part in every_part(page, TITLES):
        for theme, only in (("light", {}), ("dark", {"runOnly": ["color-contrast"]})):
            page.evaluate(DARK, theme == "dark")
            for rule, target, html, message in page.evaluate(AXE, only):
                found.setdefault((rule, target), (part, theme, html, message))
        page.evaluate(DARK, False)
    assert not found, "\n".join(f"{key}: {told}" for key, told in found.items())


# What can be touched and is seen: by its tag, its role or its pointer.
TOUCHABLE = """() => [...document.querySelectorAll('[role=tabpanel] *')].filter((node) => {
  if (!node.checkVisibility({ visibilityProperty: true, opacityProperty: true }) || node.disabled) return false;
  const hand = (n) => ['pointer', 'crosshair', 'grab'].includes(getComputedStyle(n).cursor);
  if (node.matches('input, select, textarea, button, a[href], summary')) return true;
  return hand(node) && !hand(node.parentElement);
}).filter((node) => !(node.matches('[type=radio]') && !node.checked))"""
WATCH = "window.reached = new Set(); document.addEventListener('focusin', (event) => window.reached.add(event.target));"
MISSED = f"""() => ({TOUCHABLE})().filter((node) => ![...window.reached].some((seen) =>
  seen === node || node.contains(seen) || (seen.contains(node) && !seen.matches('[role=tabpanel]'))))
.map((node) => node.outerHTML.slice(0, 200))"""


def test_the_keyboard_alone_reaches_every_control(page):
    page.evaluate(WATCH)
    missed = {}
    for part in every_part(page, TITLES):
        page.evaluate("window.reached.clear(); document.activeElement?.blur()")
        count = len(page.evaluate(f"({TOUCHABLE})().map((n) => n.tagName)"))
        for _ in range(count + 40):
            page.keyboard.press("Tab")
        if found := page.evaluate(MISSED):
            missed[part] = found
    assert not missed, "\n".join(f"{part}: {node}" for part, nodes in missed.items() for node in nodes)


def test_no_part_scrolls_sideways_on_a_phone(page):
    page.set_viewport_size({"width": 390, "height": 800})
    wide = {}
    for part in every_part(page, TITLES):
        if (width := page.evaluate("document.documentElement.scrollWidth")) > 390:
            wide[part] = width
    assert not wide

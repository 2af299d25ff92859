"""What holds for every part of every tab, as a person meets it: names, contrast, keyboard, narrow screens.

One walk through all of them looks at everything; the tests say what it found.
"""

import pytest
from axe_playwright_python.base import AXE_SCRIPT

import app
from tests.browser.conftest import visit
from tests.browser.steps import every_part

TITLES = ("Home", *(tab.TITLE for tab in app.TABS))

# The whole page on Home, then the panel of the tab that is shown: its neighbours are hidden, and would cost time.
FAULTS = """async (only) => {
  const shown = [...document.querySelectorAll('[role=tabpanel]')].find((panel) => panel.checkVisibility());
  const home = document.querySelector('[role=tab][aria-selected=true]').textContent.trim() === 'Home';
  const { violations } = await axe.run(home ? document : shown, { resultTypes: ['violations'], ...only });
  return violations.filter((v) => ['serious', 'critical'].includes(v.impact)).flatMap((v) => v.nodes.map((n) =>
    [v.id, n.target.join(' '), n.html.slice(0, 160), n.any[0]?.message ?? '']));
}"""
DARK = "(dark) => document.body.classList.toggle('dark', dark)"

# What can be touched and is seen, by its tag or its pointer. Arrow keys go from one radio button or option to the next.
TOUCHABLE = """() => [...document.querySelectorAll('[role=tabpanel] *')].filter((node) => {
  if (!node.checkVisibility({ visibilityProperty: true, opacityProperty: true }) || node.disabled) return false;
  const hand = (n) => ['pointer', 'crosshair', 'grab'].includes(getComputedStyle(n).cursor);
  return node.matches('input, select, textarea, button, a[href], summary') || (hand(node) && !hand(node.parentElement));
}).filter((node) => !node.matches('[type=radio]:not(:checked)') &&
  !node.closest('.visually-hidden, [aria-hidden=true], [role=option]'))"""
WATCH = "window.reached = new Set(); document.addEventListener('focusin', (event) => window.reached.add(event.target));"
AFRESH = """() => {
  window.reached.clear();
  [...document.querySelectorAll('[role=tab][aria-selected=true]')].findLast((tab) => tab.checkVisibility()).focus();
}"""
MISSED = f"""() => ({TOUCHABLE})().filter((node) => ![...window.reached].some((seen) =>
  seen === node || node.contains(seen) || (seen.contains(node) && !seen.matches('[role=tabpanel]'))))
.map((node) => node.outerHTML.slice(0, 200))"""


def faults(page) -> list[list[str]]:
    """Serious and critical findings of axe-core, in the dark theme those of contrast: rule, place, markup, reason."""
    page.emulate_media(reduced_motion="reduce")  # no colour is on its way to another while it is looked at
    found = page.evaluate(FAULTS, {})
    page.evaluate(DARK, True)
    found += page.evaluate(FAULTS, {"runOnly": ["color-contrast"]})
    page.evaluate(DARK, False)
    return found


def missed(page) -> list[str]:
    """What the Tab key does not come to; asked twice, as an answer of the server may put something new on the page."""
    for _ in range(2):
        page.evaluate(AFRESH)
        found = page.evaluate(MISSED)
        for k in range(len(found) + 40):
            page.keyboard.press("Tab")
            if k % 8 == 7:
                found = page.evaluate(MISSED)
            if not found:
                return []
    return found


def too_wide(page) -> list[int]:
    """The page's width at 390 px, where it is more."""
    page.set_viewport_size({"width": 390, "height": 800})
    page.wait_for_timeout(150)
    width = page.evaluate("document.documentElement.scrollWidth")
    page.set_viewport_size({"width": 1280, "height": 1000})
    return [width] if width > 390 else []


def seen_though_hidden(page) -> list[str]:
    """Markup of what says that it is hidden and is on the page all the same."""
    return page.evaluate(
        """[...document.querySelectorAll('[hidden]')].filter((node) => node.checkVisibility())
        .map((node) => node.outerHTML.slice(0, 200))"""
    )


LOOKS = (faults, missed, too_wide, seen_though_hidden)


@pytest.fixture(scope="module")
def walk(chromium, url):
    """{look: {part: what it found}} of one walk through every part; no other host was asked for anything on it."""
    looks = {look: {} for look in LOOKS}
    with visit(chromium, url) as page:
        page.evaluate(AXE_SCRIPT)
        page.evaluate(WATCH)
        for part in every_part(page, TITLES):
            for look, found in looks.items():
                found[part] = look(page)
    return looks


@pytest.mark.timeout(600)
@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.__name__)
def test_no_part_has(walk, look):
    assert len(walk[look]) > 2 * len(app.TABS)
    found = [f"{part}: {what}" for part, all_of_it in walk[look].items() for what in all_of_it]
    assert not found, "\n".join(found)

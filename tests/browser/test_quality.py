"""What holds for every part of every tab, as a person meets it: names, contrast, keyboard, narrow screens.

One walk through all of them looks at everything; the tests say what it found.
"""

import pytest
from axe_playwright_python.base import AXE_SCRIPT

import app
from benchmarks._browser import every_part, visit

IDS = ("home", *(tab.id for tab in app.TABS))

# Whether a text can be read is decided by its own colour and by what lies under it: of each kind one node is looked at,
# a kind being what has the same tags, classes and colours up to the grandparent, and the same grounds up to the page.
# So a text of five hundred tokens is looked at once, and so is what stands in every part. `kinds`: those seen so far.
KINDS = """(root) => {
  const grounds = new Map();
  const ground = (node) => {
    if (node && !grounds.has(node)) {
      const { backgroundColor, backgroundImage, opacity } = getComputedStyle(node);
      const own = `${backgroundColor} ${backgroundImage} ${opacity};`.replace('rgba(0, 0, 0, 0) none 1;', '');
      grounds.set(node, own + ground(node.parentElement));
    }
    return node ? grounds.get(node) : '';
  };
  const look = (node) => {
    const { color, fontSize, fontWeight } = getComputedStyle(node);
    return [node.tagName, node.className, node.type, color, fontSize, fontWeight];
  };
  const fresh = new Map();
  for (const node of root.querySelectorAll('*')) {
    const says = [...node.childNodes].some((one) => one.nodeType === 3 && one.data.trim());
    if (!node.checkVisibility() || !(says || node.matches('input, select, textarea'))) continue;
    const off = Boolean(node.closest(':disabled, [aria-disabled=true]') ?? node.closest('label')?.control?.disabled);
    const line = [node, node.parentElement, node.parentElement?.parentElement].filter(Boolean);
    const kind = [off, ...line.flatMap(look), ground(node)].join('|');
    if (!kinds.has(kind)) fresh.set(kind, node);
  }
  for (const kind of fresh.keys()) kinds.add(kind);
  return [...fresh.values()];
}"""

# The whole page on Home; else the panel of the part that is shown, and at a tab's first one what is above it as well:
# its neighbours are hidden, and would cost time.
FAULTS = f"""async (only) => {{
  const panels = [...document.querySelectorAll('[role=tabpanel]')].filter((panel) => panel.checkVisibility());
  const first = document.querySelector('[role=tabpanel] [role=tab][aria-selected=true]:first-child');
  const home = Boolean(document.querySelector('nav a[data-id=home][aria-current=page]'));
  const light = axe._audit.rules.filter((rule) => ['minor', 'moderate'].includes(rule.impact)).map((rule) => rule.id);
  const skipped = Object.fromEntries(light.map((id) => [id, {{ enabled: false }}])); // what they find is not asked for
  const options = {{ resultTypes: ['violations'], preload: false, ...only, rules: {{ ...skipped, ...only.rules }} }};
  const root = home ? document : panels.at(first?.checkVisibility() ? 0 : -1);
  const nodes = only.runOnly ? ({KINDS})(root) : [root];
  const {{ violations }} = nodes.length ? await axe.run(nodes, options) : {{ violations: [] }};
  return violations.filter((v) => ['serious', 'critical'].includes(v.impact)).flatMap((v) => v.nodes.map((n) =>
    [v.id, n.target.join(' '), n.html.slice(0, 160), n.any[0]?.message ?? '']));
}}"""
# axe asks for the style of every element, and what is not displayed, as most parts of an open tab are, has one that is
# worked out anew each time. Such an element covers nothing, and nothing inside it can be seen: they are passed over.
UNSEEN = """() => {
  const walker = document.createTreeWalker;
  const seen = (node) => NodeFilter[getComputedStyle(node).display === 'none' ? 'FILTER_REJECT' : 'FILTER_ACCEPT'];
  document.createTreeWalker = (root, what, filter) => walker.call(document, root, what, filter ?? seen);
}"""
DARK = "(dark) => document.body.classList.toggle('dark', dark)"

# What can be touched and is seen, by its tag or its pointer. Arrow keys go from one radio button or option to the next.
TOUCHABLE = """() => [...document.querySelectorAll('[role=tabpanel] *')].filter((node) => {
  if (!node.checkVisibility({ visibilityProperty: true, opacityProperty: true }) || node.disabled) return false;
  const hand = (n) => ['pointer', 'crosshair', 'grab'].includes(getComputedStyle(n).cursor);
  return node.matches('input, select, textarea, button, a[href], summary') || (hand(node) && !hand(node.parentElement));
}).filter((node) => !node.matches('[type=radio]:not(:checked), label:has([type=radio]:not(:checked))') &&
  !node.closest('.visually-hidden, [aria-hidden=true], [role=option]'))"""
WATCH = "window.reached = new Set(); document.addEventListener('focusin', (event) => window.reached.add(event.target));"
AFRESH = """() => {
  window.reached.clear();
  const tab = [...document.querySelectorAll('[role=tab][aria-selected=true]')].findLast((tab) => tab.checkVisibility());
  (tab ?? document.querySelector('nav a[aria-current=page]')).focus();
}"""
MISSED = f"""() => ({TOUCHABLE})().filter((node) => ![...window.reached].some((seen) =>
  seen === node || node.contains(seen) || (seen.contains(node) && !seen.matches('[role=tabpanel]'))))
.map((node) => node.outerHTML.slice(0, 200))"""


def faults(page) -> list[list[str]]:
    """Serious and critical findings of axe-core, those of contrast in both themes: rule, place, markup, reason."""
    page.emulate_media(reduced_motion="reduce")  # no colour is on its way to another while it is looked at
    found = page.evaluate(FAULTS, {"rules": {"target-size": {"enabled": True}, "color-contrast": {"enabled": False}}})
    for dark in (False, True):
        page.evaluate(DARK, dark)
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


FAR = """[...document.querySelectorAll('.actions button.main')].filter((button) => button.checkVisibility())
.filter((button) => button.getBoundingClientRect().bottom > innerHeight).map((button) => button.textContent)"""


def too_large_for_a_phone(page) -> list:
    """The page's width at 390 px, where it is more, and the button that starts a run, where one must scroll to it."""
    page.set_viewport_size({"width": 390, "height": 800})
    page.wait_for_timeout(150)
    width, far = page.evaluate("document.documentElement.scrollWidth"), page.evaluate(FAR)
    page.set_viewport_size({"width": 1280, "height": 1000})
    return [width] * (width > 390) + far


SMALL = f"""() => ({TOUCHABLE})()
.filter((node) => node.matches('input, select, textarea, button, summary')).map((node) => {{
  const boxes = [node, ...(node.labels ?? [])].map((one) => one.getBoundingClientRect());
  return [node, ...['width', 'height'].map((side) => Math.round(Math.max(...boxes.map((box) => box[side]))))];
}}).filter(([, width, height]) => Math.min(width, height) < 24)
.map(([node, width, height]) => `${{width}} x ${{height}}: ${{node.outerHTML.slice(0, 160)}}`)"""


def too_small_to_hit(page) -> list[str]:
    """Controls whose area, with that of their label, is less than 24 px high or wide."""
    return page.evaluate(SMALL)


LOW = """[['.share .tools', 0], ['.stage', innerHeight / 2]].flatMap(([place, from]) =>
  [...document.querySelectorAll(place)].filter((node) => node.checkVisibility()).slice(0, 1)
    .map((node) => [node.getBoundingClientRect(), node.className])
    .filter(([box]) => box.bottom > innerHeight && box.top > from).map(([, name]) => name))"""


def below_the_window(page) -> list[str]:
    """The save bar, where one must scroll to it at 1280 x 800, and a stage that begins in the lower half."""
    page.set_viewport_size({"width": 1280, "height": 800})
    page.evaluate("scrollTo(0, 0)")
    found = page.evaluate(LOW)
    page.set_viewport_size({"width": 1280, "height": 1000})
    return found


def seen_though_hidden(page) -> list[str]:
    """Markup of what says that it is hidden and is on the page all the same."""
    return page.evaluate(
        """[...document.querySelectorAll('[hidden]')].filter((node) => node.checkVisibility())
        .map((node) => node.outerHTML.slice(0, 200))"""
    )


LOOKS = (faults, missed, too_large_for_a_phone, too_small_to_hit, below_the_window, seen_though_hidden)


@pytest.fixture(scope="module")
def walk(window, url):
    """{look: {part: what it found}} of one walk through every part; no other host was asked for anything on it.

    Each tab has a page of its own, as axe's time grows with what the page holds.
    """
    looks, kinds = {look: {} for look in LOOKS}, []
    for id_ in IDS:
        with visit(window, url) as page:
            page.evaluate(AXE_SCRIPT)
            page.evaluate(UNSEEN)
            page.evaluate(WATCH)
            page.evaluate("(kinds) => { window.kinds = new Set(kinds); }", kinds)
            for part in every_part(page, (id_,)):
                for look, found in looks.items():
                    found[part] = look(page)
            kinds = page.evaluate("[...window.kinds]")
    return looks


@pytest.mark.timeout(600)
@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.__name__)
def test_no_part_has(walk, look):
    assert len(walk[look]) > 2 * len(app.TABS)
    found = [f"{part}: {what}" for part, all_of_it in walk[look].items() for what in all_of_it]
    assert not found, "\n".join(found)

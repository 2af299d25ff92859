"""What the browser tests of several tabs do alike."""


def open_part(tab, name):
    """Open a part of the tab that is shown."""
    tab.get_by_role("tab", name=name, exact=True).click()


def check_on_a_phone(tab, part):
    """At 390 px, where Gradio folds the tabs that do not fit into a menu, a part does not scroll sideways."""
    tab.set_viewport_size({"width": 390, "height": 800})
    tab.evaluate(
        """(name) => [...document.querySelectorAll('[role=tab], .overflow-menu button')]
        .filter((t) => t.textContent.trim() === name).at(-1).click()""",
        part,
    )
    tab.wait_for_timeout(800)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390


SETTLED = """() => {
  if (window.counted === undefined) {
    const fetched = window.fetch; window.counted = 0; window.last = performance.now();
    window.fetch = async (...given) => {
      const long = /queue.data|heartbeat/.test(given[0]?.url ?? given[0]);
      if (!long) window.counted++;
      try { return await fetched(...given); }
      finally { if (!long) { window.counted--; window.last = performance.now(); } }
    };
  }
  return window.counted <= 0 && performance.now() - window.last > 300;
}"""
SUBTABS = """(title) => [...document.querySelectorAll('[role=tablist]')].slice(1)
.filter((list) => list.checkVisibility({ visibilityProperty: true }) && !list.closest('.visually-hidden'))
.flatMap((list) => [...list.querySelectorAll('[role=tab]')].map((tab) => tab.textContent.trim()))"""
PRESS = """(name) => [...document.querySelectorAll('[role=tab], .overflow-menu button')]
.filter((t) => t.textContent.trim() === name).at(-1).click()"""


def every_part(page, titles):
    """Open every part of the tabs with these titles, one after the other; yields its name when it has settled."""
    for title in titles:
        page.evaluate(PRESS, title)
        page.wait_for_function(SETTLED)
        for part in page.evaluate(SUBTABS, title) or [""]:
            if part:
                page.evaluate(PRESS, part)
                page.wait_for_function(SETTLED)
            yield f"{title}: {part}" if part else title

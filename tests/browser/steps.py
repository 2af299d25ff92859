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

import pytest

from benchmarks._browser import open_tab

JOB = 120_000  # ms: the worker has low priority, and starts with an import of torch
CANVAS = "document.querySelector('.plane').toDataURL()"


@pytest.fixture
def tab(page):
    open_tab(page, "flow")
    page.wait_for_function("document.querySelector('.integral')?.textContent === '1.00'")
    return page


def number(tab, selector):
    return float(tab.locator(selector).text_content().replace("−", "-").replace(",", ""))


def test_a_flow_is_trained_and_its_grid_is_scrubbed_without_a_request(tab):
    before = number(tab, ".nll")
    tab.get_by_role("button", name="Train", exact=True).click()
    tab.wait_for_function("b => Number(document.querySelector('.nll').textContent) < b - 0.2", arg=before, timeout=JOB)
    tab.get_by_role("button", name="Stop").locator("visible=true").click()
    tab.wait_for_function("!genai.parts['flow/lab'].running")
    asked = []
    tab.on("request", lambda r: asked.append(r.url) if "component_server" in r.url else None)
    shown = tab.evaluate(CANVAS)
    for k in (0, 4):
        tab.locator(".at").evaluate("(s, v) => { s.value = v; s.dispatchEvent(new Event('input')); }", k)
        tab.wait_for_function(f"b => {CANVAS} !== b", arg=shown)
        shown = tab.evaluate(CANVAS)
    tab.get_by_text("after 4 of 8: coupling moves").wait_for()
    assert not asked


def test_a_point_is_moved_by_arrow_keys_and_its_account_adds_up(tab):
    tab.get_by_text("at x (0.50, 0.50) it is").wait_for()
    tab.locator(".plane").focus()
    for key in ("ArrowRight", "ArrowUp"):
        tab.locator(".plane").press(key)
    tab.get_by_text("at x (0.60, 0.60) it is").wait_for()
    said = tab.locator(".sum").text_content()
    assert "To z and back: exactly" in said
    assert "= −2.20 − (0.00) = −2.20 nat" in said  # log N((0.6, 0.6); 0, I) = −0.36 − log 2π

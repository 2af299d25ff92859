import pytest

from benchmarks._browser import open_part, open_tab, requests_of, show_preset, visit

JOB = 120_000  # ms: the worker has low priority, and starts with an import of torch
CANVAS = "document.querySelector('.plane').toDataURL()"


@pytest.fixture
def tab(page):
    open_tab(page, "flow")
    open_part(page, "Lab")
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
    asked = requests_of(tab)
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


def test_what_was_measured_of_other_points_goes_when_points_are_drawn(tab):
    tab.evaluate("""() => {
      const settings = { ...genai.parts["flow/lab"].settings, data: "my drawing", drawn: "0.5,0.5,-0.5,0.5,0,-0.5" };
      genai.show("flow/lab", { settings });
    }""")
    tab.locator(".hint-draw:visible").wait_for()
    tab.wait_for_function("genai.parts['flow/lab'].running && Number(document.querySelector('.step').textContent) > 0")
    tab.locator(".plane").click(position={"x": 30, "y": 30})  # it stops the training as well
    tab.wait_for_function("['.nll', '.exact', '.quality'].every(c => document.querySelector(c).textContent === '–')")
    assert abs(number(tab, ".integral") - 1) < 0.1  # it is of the flow alone, and stays
    assert len(tab.evaluate("genai.parts['flow/lab'].settings.drawn").split(",")) == 8


def test_a_flow_without_a_sampler_asks_for_no_steps_of_it(tab):
    steps = tab.get_by_label("Sampler's steps", exact=True)
    assert not steps.is_visible()
    tab.get_by_text("FFJORD", exact=True).click()
    steps.wait_for()
    steps.locator("xpath=..").get_by_label("exact").fill("2.7")
    steps.locator("xpath=..").get_by_label("exact").press("Enter")
    tab.get_by_text("Glow", exact=True).click()
    steps.wait_for(state="hidden")
    tab.wait_for_function("genai.parts['flow/lab'].form.values().solver_steps === 10")


def shows(page, selector, text):
    page.locator(selector, has_text=text).locator("visible=true").first.wait_for(timeout=60_000)


def test_a_digit_goes_through_the_layers_and_comes_back(window, url):
    with visit(window, f"{url}/?tab=flow&part=layers") as page:
        shows(page, ".where", "After layer 3 of 27: affine coupling")
        slider = page.get_by_label("Place on the way, from the picture to z and back")
        slider.press("ArrowRight")
        shows(page, ".where", "After layer 4 of 27: actnorm")
        page.wait_for_function("genai.parts['flow/layers'].settings.place === 4")
        slider.press("End")
        shows(page, ".where", "What came back")
        shows(page, ".adds", "float32: off the way there by at most")
        page.get_by_role("button", name="bfloat16", exact=True).click()
        shows(page, ".adds", "bfloat16: off the way there by at most")
        page.locator("select.model:visible").select_option("nice-mnist")
        page.wait_for_function("document.querySelectorAll('.strip button').length === 7")
        page.get_by_role("button", name="State after layer 2, additive coupling").click()
        shows(page, ".adds", "Its line: 0 bits")
        page.get_by_text("The ledger as a table").click()
        assert page.locator("table.costs:visible tr").count() == 1 + 8


def test_a_picture_finds_its_place_among_test_pictures(window, url):
    with visit(window, f"{url}/?tab=flow&part=likelihood") as page:
        shows(page, ".typical", "Typical ✓")
        show_preset(page, "A haze that nobody sees")
        shows(page, ".typical", "too unlikely")
        page.get_by_role("button", name="Remove faint grey").click()
        shows(page, ".typical", "Typical ✓")
        page.get_by_role("radio", name="RealNVP, garments").click()
        shows(page, ".key", "which this flow never saw")
        page.get_by_role("button", name="Clear").locator("visible=true").click()
        shows(page, ".judged", "Likelier than each of the test garments.")
        page.get_by_label("Level of grey of a constant picture, 0 to 255").press("ArrowRight")
        shows(page, ".judged", "% of test garments.")

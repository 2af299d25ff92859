import pytest

from benchmarks._browser import visit
from demos.flow import layers, likelihood
from genai_core.common import checkpoints

# --- Layers and Likelihood ---

needs_flows = pytest.mark.skipif(
    not {*layers.MODELS, *likelihood.MODELS} <= set(checkpoints.names()), reason="the parts wait for their checkpoints"
)


def shows(page, selector, text):
    page.locator(selector, has_text=text).locator("visible=true").first.wait_for(timeout=60_000)


@needs_flows
def test_a_digit_goes_through_the_layers_and_comes_back(chromium, url):
    with visit(chromium, f"{url}/?tab=flow&part=layers") as page:
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
        page.get_by_label("Flow", exact=True).locator("visible=true").select_option("nice-mnist")
        page.wait_for_function("document.querySelectorAll('.strip button').length === 7")
        page.get_by_role("button", name="State after layer 2, additive coupling").click()
        shows(page, ".adds", "Its line: 0 bits")
        page.get_by_text("The ledger as a table").click()
        assert page.locator("table.costs:visible tr").count() == 1 + 8


@needs_flows
def test_a_picture_finds_its_place_among_test_pictures(chromium, url):
    with visit(chromium, f"{url}/?tab=flow&part=likelihood") as page:
        shows(page, ".typical", "Typical ✓")
        page.get_by_role("button", name="A haze that nobody sees").click()
        shows(page, ".typical", "too unlikely")
        page.get_by_role("button", name="Remove faint grey").click()
        shows(page, ".typical", "Typical ✓")
        page.get_by_role("radio", name="RealNVP, garments").click()
        shows(page, ".key", "which this flow never saw")
        page.get_by_role("button", name="Clear").locator("visible=true").click()
        shows(page, ".judged", "Likelier than each of the test garments.")
        page.get_by_label("Level of grey of a constant picture, 0 to 255").press("ArrowRight")
        shows(page, ".judged", "% of test garments.")

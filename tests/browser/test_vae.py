import base64
import io
import re
import zipfile

import pytest
from PIL import Image

from benchmarks._browser import SETTLED, open_part, open_tab, requests_of, show_preset
from demos._ui import validation

TRAINING = 120_000  # ms: the worker has low priority, and starts with an import of torch


@pytest.fixture
def tab(page):
    page.evaluate(SETTLED)  # counts the page's requests from now on
    open_tab(page, "vae")
    open_part(page, "Sliders")
    page.locator(".big").wait_for()
    page.wait_for_function("document.querySelector('.big')?.naturalWidth === 28")
    return page


def picture(tab, selector=".big"):
    return tab.locator(selector).first.get_attribute("src")


def changed(tab, before, selector=".big"):
    tab.wait_for_function("([s, b]) => document.querySelector(s).getAttribute('src') !== b", arg=[selector, before])


def test_a_dragged_slider_and_the_arrow_keys_change_the_picture(tab):
    slider = tab.locator(".latent input").first
    before = picture(tab)
    box = slider.bounding_box()
    tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tab.mouse.down()
    tab.mouse.move(box["x"] + 4, box["y"] + box["height"] / 2, steps=10)
    tab.mouse.up()
    changed(tab, before)
    assert float(slider.input_value()) < -2
    before = picture(tab)
    slider.focus()
    for _ in range(5):
        slider.press("PageUp")
    changed(tab, before)


def test_a_picture_is_that_of_the_sliders_at_rest(tab):
    """After a fast drag the newest value wins: the picture shown was decoded from the sliders' last position."""
    tab.locator(".latent input").first.evaluate(
        "(s) => { for (let v = -3; v <= 3; v += 0.1) { s.value = v; s.dispatchEvent(new Event('input')); } }"
    )
    tab.wait_for_function(
        """() => { const v = document.querySelector('.latent input').value;
        return document.querySelector('.big').dataset.z.split(',').some((z) => Math.abs(z - v) < 1e-6); }"""
    )


def test_presets_models_and_seeds_show_something_else(tab):
    for act in (
        lambda: show_preset(tab, "Garments"),
        lambda: show_preset(tab, "Two numbers only"),
        lambda: tab.get_by_role("button", name="New sample").click(),
        lambda: tab.get_by_role("button", name="All to 0").click(),
    ):
        before = picture(tab)
        act()
        changed(tab, before)
    assert tab.locator(".latent").count() == 2


def test_a_saved_picture_brings_its_settings_back(tab, tmp_path):
    tab.locator(".seed").fill("11")
    before = picture(tab)
    tab.locator(".seed").press("Enter")
    changed(tab, before)
    wanted = tab.locator(".big").get_attribute("data-z")
    with tab.expect_download() as waiting:
        tab.get_by_role("button", name="Save PNG").locator("visible=true").click()
    file = tmp_path / "saved.png"
    waiting.value.save_as(file)
    assert validation.settings_in(file.read_bytes())["seed"] == 11
    held = []  # the answer to what was asked before comes last, and is passed over
    tab.route(
        re.compile("component_server"),
        lambda route: held.append(route) if '"decode"' in (route.request.post_data or "") else route.continue_(),
    )
    tab.get_by_role("button", name="All to 0").click()
    tab.locator(".share:visible input.open").set_input_files(file)
    tab.get_by_text("Settings restored from the picture.").first.wait_for()
    assert tab.locator(".big").get_attribute("data-z") == wanted
    assert held
    for route in held:
        with tab.expect_response(re.compile("component_server")):
            route.continue_()
    tab.wait_for_timeout(300)
    assert tab.locator(".big").get_attribute("data-z") == wanted


def test_a_wrong_file_gets_a_sentence_and_loses_nothing(tab, tmp_path):
    before = picture(tab)
    file = tmp_path / "notes.png"
    file.write_text("no picture")
    tab.locator(".share:visible input.open").set_input_files(file)
    tab.get_by_text("That file is not a picture").wait_for()
    file.write_bytes(bytes(13_000_000))
    tab.locator(".share:visible input.open").set_input_files(file)
    tab.get_by_text("larger than 12 MB").wait_for()
    assert picture(tab) == before


def test_a_link_restores_the_tab_and_a_tampered_one_says_so(tab, url):
    tab.wait_for_function("location.search.includes('z=')")
    link, wanted = tab.url, tab.locator(".big").get_attribute("data-z")
    tab.goto(link)
    tab.wait_for_function("wanted => document.querySelector('.big')?.dataset.z === wanted", arg=wanted)
    tab.goto(f"{url}/?tab=vae&model=vae-mnist&seed=0&z=1,2")
    tab.get_by_text("z must have 16 numbers, not 2.").wait_for()
    open_tab(tab, "vae")
    open_part(tab, "Sliders")
    tab.locator(".big").wait_for()


UNDER = "() => [document.querySelector('.where').textContent, document.querySelector('.under').toDataURL()]"


def test_the_plane_follows_the_pointer_without_a_request_and_a_click_sets_the_sliders(tab):
    open_part(tab, "Plane")
    tab.wait_for_function("document.querySelector('.where')?.textContent.includes('=')")
    asked = requests_of(tab)
    box = tab.locator(".map").bounding_box()
    for share in (0.1, 0.5, 0.9):
        before = tab.evaluate(UNDER)
        tab.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] * share, steps=5)
        tab.wait_for_function(f"before => ({UNDER})().every((now, i) => now !== before[i])", arg=before)
    assert not asked
    tab.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5)
    open_part(tab, "Sliders")
    tab.wait_for_function("Math.abs(document.querySelector('.latent input').value) < 0.1")
    assert abs(float(tab.locator(".latent input").first.input_value())) < 0.1


def test_the_plane_is_as_it_was_after_a_look_at_the_sliders(page, url):
    page.goto(f"{url}/?tab=vae&part=plane")
    page.wait_for_function("document.querySelector('.where')?.textContent.includes('=')")
    assert "must be" not in page.locator("body").text_content()
    box = page.locator(".map").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.8, box["y"] + box["height"] * 0.3)
    where = page.locator(".where").text_content()
    open_part(page, "Sliders")
    page.wait_for_function("document.querySelector('.big')?.naturalWidth === 28")
    open_part(page, "Plane")
    page.wait_for_timeout(1000)
    assert page.locator(".where").text_content() == where
    assert not [said for said in page.locator(".said").all_text_contents() if said]


def test_a_drawing_goes_through_the_model_and_a_box_opens_its_source(page):
    open_tab(page, "vae")
    loss = page.locator(".model-graph [data-id=loss] .number")
    loss.wait_for()
    before = loss.text_content()
    pad = page.locator(".pad:visible")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + 60, box["y"] + 150, steps=12)
    page.mouse.up()
    page.wait_for_function(
        "(before) => document.querySelector('.model-graph [data-id=loss] .number').textContent !== before", arg=before
    )
    page.locator(".model-graph [data-id=z]").focus()
    assert "one draw from q(z|x)" in page.locator(".model-graph .meaning").text_content()
    page.keyboard.press("Enter")
    assert "z = mu" in page.locator(".model-details mark").text_content()
    page.keyboard.press("Enter")
    page.get_by_text("Click a box for its equation and its source.", exact=True).wait_for()
    page.get_by_role("button", name="Backward: gradients").locator("visible=true").click()
    page.locator(".model-graph:visible [data-id=z] .title").get_by_text("∂/∂z").wait_for()
    assert page.locator(".model-graph:visible .edge.back").count() == 13  # all but that of ε
    page.locator(".model-graph [data-id=x_hat]").hover()
    page.locator(".model-graph .meaning").get_by_text("the gradient of the loss by logits: 28 × 28").wait_for()
    page.get_by_role("button", name="Forward: values").locator("visible=true").wait_for()
    show_preset(page, "Another ε")  # asks of values
    page.get_by_role("button", name="Backward: gradients").locator("visible=true").wait_for()
    assert page.locator(".model-graph:visible .edge.back").count() == 0


def test_a_drawn_digit_is_encoded_and_rebuilt(tab):
    open_part(tab, "Encode")
    tab.locator(".rebuilt[src]").wait_for()
    before, error = picture(tab, ".rebuilt"), picture(tab, ".error")
    box = tab.locator(".pad:visible").bounding_box()
    tab.mouse.move(box["x"] + 140, box["y"] + 50)
    tab.mouse.down()
    tab.mouse.move(box["x"] + 140, box["y"] + 230, steps=12)
    tab.mouse.up()
    changed(tab, before, ".rebuilt")
    changed(tab, error, ".error")
    drawn = picture(tab, ".rebuilt")
    tab.get_by_role("button", name="Resample").click()
    changed(tab, drawn, ".rebuilt")
    assert "nat" in tab.locator(".terms").text_content()


def test_a_part_of_HTML_is_saved_opened_and_linked(tab, url, tmp_path):
    open_part(tab, "Beta")
    tab.locator(".beta .pictures img").nth(27).wait_for()
    before = picture(tab, ".beta .pictures img")
    tab.get_by_label("Digit, as our own VAE draws it").select_option("7")
    changed(tab, before, ".beta .pictures img")
    bar = tab.locator(".share:visible")
    with tab.expect_download() as waiting:
        bar.get_by_role("button", name="Save PNG").locator("visible=true").click()
    file = tmp_path / "beta.png"
    waiting.value.save_as(file)
    tab.get_by_label("Digit, as our own VAE draws it").select_option("3")
    bar.locator("input.open").set_input_files(file)
    tab.get_by_text("Settings restored from the picture.").wait_for()
    assert tab.get_by_label("Digit, as our own VAE draws it").input_value() == "7"
    bar.get_by_role("button", name="Copy link").click()
    tab.wait_for_function("location.search.includes('part=beta')")
    tab.wait_for_function(SETTLED)  # leaving while an answer is on its way is logged as an aborted request
    tab.goto(tab.url)
    tab.locator(".beta .pictures img").nth(27).wait_for()
    assert tab.get_by_label("Digit, as our own VAE draws it").input_value() == "7"
    file.write_text("no picture")
    tab.locator(".share:visible input.open").set_input_files(file)
    tab.get_by_text("That file is not a picture").wait_for()


def test_the_drawing_goes_with_its_link(tab, url):
    open_part(tab, "Encode")
    tab.locator(".rebuilt[src]").wait_for()
    tab.get_by_role("button", name="Resample").click()
    tab.wait_for_function("document.querySelector('.results .kind').textContent.includes('seed 1')")
    wanted = picture(tab, ".rebuilt")
    tab.locator(".share:visible").get_by_role("button", name="Copy link").click()
    tab.wait_for_function("location.search.includes('part=encode')")
    tab.wait_for_function(SETTLED)
    tab.goto(tab.url)
    tab.wait_for_function("document.querySelector('.results .kind')?.textContent.includes('seed 1')")
    tab.wait_for_function("w => document.querySelector('.rebuilt').getAttribute('src') === w", arg=wanted)


def test_interpolation_and_beta_are_there_when_opened(tab):
    open_part(tab, "Interpolate")
    tab.get_by_alt_text("spherical path").first.wait_for()
    open_part(tab, "Beta")
    tab.locator(".beta .pictures img").nth(27).wait_for()
    before = picture(tab, ".beta .pictures img")
    tab.get_by_label("Digit, as our own VAE draws it").select_option("7")
    changed(tab, before, ".beta .pictures img")


def test_a_live_training_streams_and_stops(tab):
    open_part(tab, "Train")
    tab.get_by_role("button", name="Train", exact=True).click()
    tab.wait_for_function(
        "Number(document.querySelector('.progress').textContent.match(/step (\\d+)/)?.[1]) >= 30", timeout=TRAINING
    )
    tab.get_by_role("button", name="Stop").click()
    tab.wait_for_timeout(1500)
    stopped = tab.locator(".progress").text_content()
    tab.wait_for_timeout(1500)
    assert tab.locator(".progress").text_content() == stopped
    tab.get_by_role("button", name="Train", exact=True).click()
    tab.wait_for_function("(s) => document.querySelector('.progress').textContent !== s", arg=stopped, timeout=TRAINING)


def png(k):
    buffer = io.BytesIO()
    picture = Image.new("L", (60, 40), 0)
    picture.paste(255, (k, 10, k + 12, 22))
    picture.save(buffer, "PNG")
    return buffer.getvalue()


DROP = """([selector, files]) => {
  const dataTransfer = new DataTransfer();
  for (const [name, base64] of files)
    dataTransfer.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name));
  document.querySelector(selector).dispatchEvent(new DragEvent('drop', { bubbles: true, dataTransfer }));
}"""
STEP = "(n) => Number(document.querySelector('.progress').textContent.match(/step (\\d+)/)?.[1]) >= n"


def test_own_pictures_are_opened_dropped_and_trained_on(tab, tmp_path):
    open_part(tab, "Train")
    tab.locator(".examples[src]").wait_for()
    file = tmp_path / "pictures.zip"
    with zipfile.ZipFile(file, "w") as archive:
        for k in range(45):
            archive.writestr(f"{k}.png", png(k))
        archive.writestr("notes.txt", "no picture")
    tab.locator("input.files").set_input_files(file)
    tab.get_by_text("45 of 46 files, each whole").wait_for()
    assert tab.evaluate("genai.parts['vae/train'].settings.factors") == "own pictures"
    before = tab.locator(".contact").evaluate("(c) => c.toDataURL()")
    tab.evaluate(DROP, [".contact", [["a.png", base64.b64encode(png(0)).decode()], ["b.txt", "AAAA"]]])
    tab.get_by_text("1 of 2 files can be read as pictures").wait_for()
    assert tab.locator(".contact").evaluate("(c) => c.toDataURL()") == before  # nothing is lost
    tab.get_by_role("button", name="Train", exact=True).click()
    tab.wait_for_function(STEP, arg=30, timeout=TRAINING)
    assert "your 45 pictures (the 4 outlined ones are held out)" in tab.locator("figcaption .which").text_content()
    assert "of the held-out pictures" in tab.locator(".elbo").text_content()
    tab.get_by_role("button", name="Stop").click()
    link = tab.evaluate("genai.link('vae/train')")
    files = [[f"{k}.png", base64.b64encode(png(2 * k)).decode()] for k in range(20)]
    tab.evaluate(DROP, [".stage:has(.contact)", files])
    tab.get_by_text("20 of 20 files, each whole").wait_for()
    tab.wait_for_timeout(1000)
    tab.goto(link)
    tab.get_by_text("None of your pictures is here").wait_for()
    tab.get_by_role("button", name="Train", exact=True).click()
    tab.get_by_text("Open a zip archive or at least 16 picture files of your own first").wait_for()


def test_the_api_answers_and_a_bad_call_gets_a_sentence(url):
    from gradio_client import Client
    from gradio_client.exceptions import AppError

    client = Client(url, verbose=False)
    assert client.predict([0.0] * 16, "vae-mnist", api_name="/vae_decode").endswith(".png")
    assert client.predict(3, "vae-fashion", api_name="/vae_sample")[1]["seed"] == 3
    with pytest.raises(AppError, match="z must have 16 numbers, not 2"):
        client.predict([0.0, 0.0], "vae-mnist", api_name="/vae_decode")
    with pytest.raises(AppError, match="Model must be one of"):
        client.predict(3, "../x", api_name="/vae_sample")

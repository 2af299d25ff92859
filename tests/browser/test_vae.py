import json

import pytest

from demos import _checks
from tests.browser.steps import open_part

TRAINING = 120_000  # ms: the worker has low priority, and starts with an import of torch


@pytest.fixture
def tab(page):
    page.get_by_role("tab", name="VAE").click()
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
        lambda: tab.get_by_role("button", name="Garments").click(),
        lambda: tab.get_by_role("button", name="Two numbers only").click(),
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
        tab.get_by_role("button", name="Save PNG").click()
    file = tmp_path / "saved.png"
    waiting.value.save_as(file)
    assert _checks.settings_in(file.read_bytes())["seed"] == 11
    tab.get_by_role("button", name="All to 0").click()
    tab.locator("input.open").set_input_files(file)
    tab.get_by_text("Settings restored from the picture.").first.wait_for()
    assert tab.locator(".big").get_attribute("data-z") == wanted


def test_a_wrong_file_gets_a_sentence_and_loses_nothing(tab, tmp_path):
    before = picture(tab)
    file = tmp_path / "notes.png"
    file.write_text("no picture")
    tab.locator("input.open").set_input_files(file)
    tab.get_by_text("That file is not a picture").wait_for()
    file.write_bytes(bytes(6_000_000))
    tab.locator("input.open").set_input_files(file)
    tab.get_by_text("larger than 5 MB").wait_for()
    assert picture(tab) == before


def test_a_link_restores_the_tab_and_a_tampered_one_says_so(tab, url):
    tab.get_by_role("button", name="Copy link").click()
    tab.wait_for_function("location.search.includes('tab=vae')")
    link, wanted = tab.url, tab.locator(".big").get_attribute("data-z")
    tab.goto(link)
    tab.get_by_text("Settings restored from the link.").wait_for()
    assert tab.locator(".big").get_attribute("data-z") == wanted
    tab.goto(f"{url}/?tab=vae&model=vae-mnist&seed=0&z=1,2")
    tab.get_by_text("z must have 16 numbers, not 2.").wait_for()
    tab.get_by_role("tab", name="VAE").click()
    tab.locator(".big").wait_for()


def test_the_plane_follows_the_pointer_without_a_request_and_a_click_sets_the_sliders(tab):
    open_part(tab, "Plane")
    tab.wait_for_function("document.querySelector('.where')?.textContent.includes('=')")
    asked = []
    tab.on("request", lambda r: asked.append(r.url) if "component_server" in r.url else None)
    box = tab.locator(".map").bounding_box()
    seen = set()
    for share in (0.1, 0.5, 0.9):
        tab.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] * share, steps=5)
        tab.wait_for_timeout(150)
        seen.add(tab.locator(".where").text_content())
        seen.add(tab.locator(".under").evaluate("(c) => c.toDataURL()"))
    assert len(seen) == 6
    assert not asked
    tab.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5)
    open_part(tab, "Sliders")
    tab.get_by_text("Set from the plane.").wait_for()
    assert abs(float(tab.locator(".latent input").first.input_value())) < 0.1


def test_a_drawn_digit_is_encoded_and_rebuilt(tab):
    open_part(tab, "Encode")
    tab.locator(".rebuilt[src]").wait_for()
    before, error = picture(tab, ".rebuilt"), picture(tab, ".error")
    box = tab.locator(".pad").bounding_box()
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


def test_a_part_of_plain_components_is_saved_opened_and_linked(tab, url, tmp_path):
    open_part(tab, "Beta")
    tab.locator(".beta .pictures img").nth(27).wait_for()
    before = picture(tab, ".beta .pictures img")
    tab.get_by_label("7", exact=True).check()
    changed(tab, before, ".beta .pictures img")
    bar = tab.locator(".keep:visible")
    with tab.expect_download() as waiting:
        bar.get_by_role("button", name="Save PNG").click()
    file = tmp_path / "beta.png"
    waiting.value.save_as(file)
    tab.get_by_label("3", exact=True).check()
    bar.locator("input.open").set_input_files(file)
    tab.get_by_text("Settings restored from the picture.").wait_for()
    assert tab.get_by_label("7", exact=True).is_checked()
    bar.get_by_role("button", name="Copy link").click()
    tab.wait_for_function("location.search.includes('part=beta')")
    tab.wait_for_timeout(2000)  # leaving while an answer is on its way is logged as an aborted request
    tab.goto(tab.url)
    tab.locator(".beta .pictures img").nth(27).wait_for()
    assert tab.get_by_label("7", exact=True).is_checked()
    file.write_text("no picture")
    tab.locator(".keep:visible input.open").set_input_files(file)
    tab.get_by_text("That file is not a picture").wait_for()


def test_the_drawing_goes_with_its_link(tab, url):
    open_part(tab, "Encode")
    tab.locator(".rebuilt[src]").wait_for()
    tab.get_by_role("button", name="Resample").click()
    tab.wait_for_function("document.querySelector('.results .kind').textContent.includes('seed 1')")
    wanted = picture(tab, ".rebuilt")
    tab.locator(".keep:visible").get_by_role("button", name="Copy link").click()
    tab.wait_for_function("location.search.includes('part=encode')")
    tab.wait_for_timeout(2000)
    tab.goto(tab.url)
    tab.wait_for_function("document.querySelector('.results .kind')?.textContent.includes('seed 1')")
    tab.wait_for_function("w => document.querySelector('.rebuilt').getAttribute('src') === w", arg=wanted)


def test_interpolation_and_beta_are_there_when_opened(tab):
    open_part(tab, "Interpolate")
    tab.get_by_alt_text("spherical way").first.wait_for()
    open_part(tab, "Beta")
    tab.locator(".beta .pictures img").nth(27).wait_for()
    before = picture(tab, ".beta .pictures img")
    tab.get_by_label("7", exact=True).check()
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


def test_the_api_answers_and_a_bad_call_gets_a_sentence(url):
    from gradio_client import Client
    from gradio_client.exceptions import AppError

    client = Client(url, verbose=False)
    assert client.predict([0.0] * 16, "vae-mnist", api_name="/vae_decode").startswith("data:image/png;base64,")
    assert client.predict(3, "vae-fashion", api_name="/vae_sample")["seed"] == 3
    assert set(json.loads(json.dumps(client.view_api(return_format="dict")))["named_endpoints"]) == {
        "/clip_search",
        "/diffusion_sample",
        "/distillation_ask",
        "/gan_sample",
        "/text_generate",
        "/vae_decode",
        "/vae_encode",
        "/vae_sample",
        "/vae_train",
    }
    with pytest.raises(AppError, match="z must have 16 numbers, not 2"):
        client.predict([0.0, 0.0], "vae-mnist", api_name="/vae_decode")
    with pytest.raises(AppError, match="The model must be one of"):
        client.predict(3, "../x", api_name="/vae_sample")

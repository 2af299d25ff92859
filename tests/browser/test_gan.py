import pytest

from demos import _checks
from tests.browser.steps import open_part


@pytest.fixture
def tab(page):
    page.get_by_role("tab", name="GAN").click()
    page.locator(".plane").wait_for()
    return page


def step(tab):
    return int(tab.locator(".step").text_content().replace(",", ""))


def plays(tab, least):
    tab.wait_for_function(
        "least => Number(document.querySelector('.step').textContent.replaceAll(',', '')) >= least",
        arg=least,
        timeout=120_000,  # the worker has low priority, and starts with an import of torch
    )


def test_a_game_is_played_paused_resumed_and_reset(tab):
    before = tab.locator(".plane").evaluate("(c) => c.toDataURL()")
    tab.get_by_role("button", name="Play").click()
    plays(tab, 30)
    assert tab.locator(".modes").text_content().endswith("of 8")
    assert tab.locator(".plane").evaluate("(c) => c.toDataURL()") != before
    tab.get_by_role("button", name="Pause").click()
    tab.wait_for_timeout(1500)
    paused = step(tab)
    tab.wait_for_timeout(1000)
    assert step(tab) == paused
    tab.get_by_role("button", name="One step of D").click()
    plays(tab, paused + 1)
    assert step(tab) == paused + 1
    tab.get_by_role("button", name="Play").click()
    plays(tab, paused + 11)
    tab.get_by_role("button", name="Reset").click()
    tab.wait_for_function("document.querySelector('.step').textContent === '0'")


def test_a_preset_starts_its_game(tab):
    tab.get_by_role("button", name="Mode collapse").click()
    plays(tab, 50)
    assert tab.locator(".modes").text_content().endswith("of 25")


def test_a_drawing_becomes_the_data(tab):
    tab.get_by_label("Real points").click()
    tab.get_by_role("option", name="my drawing").click()
    tab.get_by_text("Draw your own distribution").wait_for()
    tab.locator(".plane").scroll_into_view_if_needed()
    box = tab.locator(".plane").bounding_box()
    tab.mouse.move(box["x"] + 100, box["y"] + 100)
    tab.mouse.down()
    tab.mouse.move(box["x"] + 300, box["y"] + 300, steps=15)
    tab.mouse.up()
    tab.get_by_role("button", name="Play").click()
    plays(tab, 10)


def picture(tab, selector):
    return tab.locator(selector).first.evaluate("(c) => c.tagName === 'CANVAS' ? c.toDataURL() : c.getAttribute('src')")


def changed(tab, before, selector):
    tab.wait_for_function(
        """([s, b]) => { const c = document.querySelector(s);
        return (c.tagName === 'CANVAS' ? c.toDataURL() : c.getAttribute('src')) !== b; }""",
        arg=[selector, before],
    )


@pytest.fixture
def sheet(tab):
    open_part(tab, "Samples")
    tab.locator(".sheet button").nth(35).wait_for()
    return tab


def scores(tab):
    return [float(s.replace("−", "-")) for s in tab.locator(".sheet button span").all_text_contents()]


def test_samples_stand_by_score_and_follow_truncation_and_seed(sheet):
    assert scores(sheet) == sorted(scores(sheet), reverse=True)
    before = picture(sheet, ".sheet canvas")
    sheet.locator(".psi").evaluate("(s) => { s.value = 0.2; s.dispatchEvent(new Event('input')); }")
    changed(sheet, before, ".sheet canvas")
    before = picture(sheet, ".sheet canvas")
    sheet.get_by_role("button", name="New samples").click()
    changed(sheet, before, ".sheet canvas")
    sheet.get_by_label("best score first").uncheck()
    assert scores(sheet) != sorted(scores(sheet), reverse=True)


def test_a_chosen_sample_is_looked_for_in_the_data_and_driven_with_sliders(sheet):
    sheet.locator(".sheet button").nth(2).click()
    sheet.get_by_text("of 36 in the discriminator").wait_for()
    sheet.wait_for_function(
        "/on the median|not on this machine/.test(document.querySelector('.copying').textContent)", timeout=120_000
    )
    sheet.get_by_role("button", name="Drive it with sliders").click()
    sheet.get_by_text("Set from the sheet of samples.").wait_for()
    sheet.locator(".across button").nth(9).wait_for()


def test_a_slider_moves_the_picture_and_a_class_keeps_the_style(tab):
    open_part(tab, "Directions")
    tab.wait_for_function("document.querySelector('.big')?.naturalWidth === 28")
    before = picture(tab, ".big")
    tab.locator(".latent input").first.evaluate(
        "(s) => { s.value = 2.9; s.dispatchEvent(new Event('input')); s.dispatchEvent(new Event('change')); }"
    )
    changed(tab, before, ".big")
    before = picture(tab, ".big")
    tab.locator(".across button").nth(7).click()
    changed(tab, before, ".big")
    tab.wait_for_function("document.querySelector('.across [aria-pressed=true] figcaption').textContent === '7'")
    tab.get_by_role("button", name="A garment").click()
    tab.get_by_text("Cut and width come first.").wait_for()


def test_the_history_is_scrubbed_and_played(tab):
    open_part(tab, "History")
    tab.wait_for_function("document.querySelector('.at').max === '11'")
    tab.locator(".at").evaluate("(s) => { s.value = 0; s.dispatchEvent(new Event('input')); }")
    before = picture(tab, ".now")
    tab.locator(".at").evaluate("(s) => { s.value = 11; s.dispatchEvent(new Event('input')); }")
    changed(tab, before, ".now")
    tab.locator(".at").evaluate("(s) => { s.value = 9; s.dispatchEvent(new Event('input')); }")
    tab.locator(".play").click()
    tab.wait_for_function("document.querySelector('.at').value === '11'")


def test_ways_are_there_when_opened(tab):
    open_part(tab, "Interpolate")
    tab.get_by_alt_text("spherical way").first.wait_for()


def test_the_labs_picture_and_link_bring_its_settings_back(tab, tmp_path):
    tab.get_by_label("Real points").click()
    tab.get_by_role("option", name="spiral").click()
    with tab.expect_download() as waiting:
        tab.get_by_role("button", name="Save PNG").first.click()
    file = tmp_path / "lab.png"
    waiting.value.save_as(file)
    assert _checks.settings_in(file.read_bytes())["data"] == "spiral"
    tab.get_by_role("button", name="Copy link").first.click()
    tab.wait_for_function("location.search.includes('data=spiral')")
    tab.wait_for_timeout(2000)
    tab.goto(tab.url)
    tab.wait_for_function("document.querySelector('[aria-label=\"Real points\"]')?.value === 'spiral'")

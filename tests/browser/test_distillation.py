import pytest

from benchmarks._browser import SETTLED, open_part, open_tab, requests_of, show_preset
from demos._ui import validation

JOB = 120_000  # ms: the worker has low priority, and starts with an import of torch


@pytest.fixture
def tab(page):
    open_tab(page, "distillation")
    open_part(page, "Ask")
    page.wait_for_function("document.querySelectorAll('.bars .row').length === 30")
    return page


def bars(tab):
    return tab.locator(".bars .row .num").all_inner_texts()


def test_a_drawn_digit_is_read_and_the_temperature_acts_without_a_request(tab):
    before = bars(tab)
    tab.get_by_role("button", name="Clear").click()
    box = tab.locator(".pad").bounding_box()
    tab.mouse.move(box["x"] + 140, box["y"] + 50)
    tab.mouse.down()
    tab.mouse.move(box["x"] + 140, box["y"] + 230, steps=15)
    tab.mouse.up()
    tab.wait_for_function("b => document.querySelector('.bars .row .num').textContent !== b", arg=before[0])
    tab.get_by_text("The teacher says 1.").wait_for()
    tab.wait_for_function(SETTLED)  # the last stroke has been read
    asked = requests_of(tab)
    cold = bars(tab)
    tab.locator(".t").first.evaluate("(s) => { s.value = 20; s.dispatchEvent(new Event('input')); }")
    assert bars(tab) != cold
    assert not asked


def test_a_preset_shows_its_digit(tab):
    show_preset(tab, "A seven like a one")
    tab.get_by_text("The teacher says 7. If it were not, it would be 1").wait_for()


def test_the_gallery_of_disagreements_is_there_when_opened(tab):
    open_part(tab, "Disagree")
    tab.get_by_role("radio", name="generated").check()
    tab.locator(".parted figure, .card.empty").first.wait_for()


def test_similarity_follows_the_temperature(tab):
    open_part(tab, "Alike")
    tab.locator(".grid i").nth(299).wait_for()
    before = tab.locator(".grid i").nth(1).get_attribute("title")
    tab.locator(".t:visible").evaluate("(s) => { s.value = 12; s.dispatchEvent(new Event('input')); }")
    tab.wait_for_function("b => document.querySelectorAll('.grid i')[1].title !== b", arg=before)


@pytest.mark.parametrize(("title", "slider"), [("Alike", ".t"), ("Missing", ".bias")])
def test_a_copied_link_leaves_the_number_of_the_slider(tab, title, slider):
    open_part(tab, title)
    tab.locator(".maps .grid:visible, .threes figure:visible").first.wait_for()
    tab.locator(f"{slider}:visible").evaluate("(s) => { s.value = 7; s.dispatchEvent(new Event('input')); }")
    tab.wait_for_function("[...document.querySelectorAll('.readout')].some((r) => r.textContent === '7.0')")
    tab.get_by_role("button", name="Copy link").locator("visible=true").click()
    tab.locator(".status:visible").filter(has_text="ink").wait_for()
    assert tab.locator(".readout:visible").inner_text() == "7.0"


def test_the_third_that_is_chosen_in_ask_is_in_the_saved_picture(tab, tmp_path):
    tab.locator(".third").select_option("compact-mnist")
    tab.wait_for_function("document.querySelectorAll('.bars h3')[2].textContent.startsWith('compact')")
    with tab.expect_download() as waiting:
        tab.get_by_role("button", name="Save PNG").first.click()
    waiting.value.save_as(tmp_path / "digit.png")
    assert validation.settings_in((tmp_path / "digit.png").read_bytes())["third"] == "compact-mnist"


def test_the_bias_brings_to_light_what_was_never_seen(tab):
    open_part(tab, "Missing")
    tab.get_by_text("With a bias of 0.0").wait_for()
    told = tab.locator(".stage:has(.threes) .head")
    seen = told.text_content()
    tab.locator(".student").select_option("distill-78")
    told.filter(has_not_text=seen).wait_for()
    before = tab.locator(".threes .right").count()
    tab.get_by_role("button", name="The bias chosen on training digits").click()
    tab.wait_for_function("n => document.querySelectorAll('.threes .right').length > n", arg=before)
    tab.locator(".bias").evaluate("(s) => { s.value = 12; s.dispatchEvent(new Event('input')); }")
    tab.get_by_text("With a bias of 12.0 it reads").wait_for()


def test_costs_are_measured_here(tab):
    open_part(tab, "Cost")
    tab.get_by_text("as measured when the cards were written").wait_for()
    tab.get_by_role("button", name="Measure on this machine").click()
    tab.get_by_text("measured just now, on this machine").wait_for()


def test_student_and_control_race_and_are_stopped(tab):
    open_part(tab, "Race")
    tab.locator(".shown figure").nth(9).wait_for()
    show_preset(tab, "Few pictures")
    tab.wait_for_function("/step [2-9]\\d+ of 600/.test(document.querySelector('.progress').textContent)", timeout=JOB)
    tab.get_by_role("button", name="Stop").locator("visible=true").click()
    tab.wait_for_timeout(1500)
    stopped = tab.locator(".progress").text_content()
    tab.wait_for_timeout(1500)
    assert tab.locator(".progress").text_content() == stopped


def test_a_saved_picture_brings_the_temperature_back(tab, tmp_path):
    tab.locator(".t").first.evaluate("(s) => { s.value = 9; s.dispatchEvent(new Event('input')); }")
    with tab.expect_download() as waiting:
        tab.get_by_role("button", name="Save PNG").first.click()
    file = tmp_path / "digit.png"
    waiting.value.save_as(file)
    assert validation.settings_in(file.read_bytes())["temperature"] == 9
    tab.locator(".t").first.evaluate("(s) => { s.value = 2; s.dispatchEvent(new Event('input')); }")
    tab.locator(".share:visible input.open").set_input_files(file)
    tab.get_by_text("Settings restored from the picture.").wait_for()
    assert tab.locator(".t").first.input_value() == "9"

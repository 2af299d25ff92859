import pytest

from benchmarks._browser import open_part, open_tab, show_preset
from demos._ui import validation

FIRST = 60_000  # ms: the first call reads the model


def opened(page, part):
    open_tab(page, "clip")
    open_part(page, part)


@pytest.fixture
def classify(page):
    opened(page, "Classify")
    page.locator(".bar").nth(7).wait_for(timeout=FIRST)
    return page


@pytest.fixture
def atlas(page):
    opened(page, "Map")
    page.locator(".legend button").nth(7).wait_for(timeout=FIRST)
    return page


@pytest.fixture
def fail(page):
    opened(page, "Fail")
    page.locator(".case").nth(7).wait_for(timeout=FIRST)
    return page


def shares(page):
    return page.locator(".bar .share").all_inner_texts()


def drag(page, label, value):
    slider = page.get_by_role("slider", name=label).locator("visible=true")
    slider.evaluate("(s, v) => { s.value = v; s.dispatchEvent(new Event('input')); }", value)


def test_the_temperature_moves_the_shares_and_comes_back(classify):
    learned = shares(classify)
    drag(classify, "Temperature T", 0.47)
    assert shares(classify) != learned
    assert max(float(share.rstrip("\u00a0%")) for share in shares(classify)) < 30
    classify.get_by_role("button", name="learned:").click()
    assert shares(classify) == learned


def test_own_labels_are_asked_at_once_and_unknown_words_are_named(classify):
    classify.get_by_label("Labels, one per line").fill("a blue thing\na zebra")
    classify.wait_for_function("document.querySelectorAll('.bar').length === 2")
    classify.get_by_text("Not in the vocabulary: “zebra”").wait_for()
    assert classify.locator(".bars .strange").inner_text() == "zebra"
    classify.get_by_label("Labels, one per line").fill("<img src=x onerror=alert(1)>\nred")
    classify.get_by_text("<img src=x").first.wait_for()
    assert classify.locator(".bars img").count() == 0


def test_the_accuracy_is_shown_and_another_picture_comes(classify):
    classify.get_by_text("Over 400 pictures").wait_for(timeout=FIRST)
    before = classify.locator(".view .what").inner_text()
    classify.get_by_role("button", name="Another picture").locator("visible=true").click()
    classify.wait_for_function("t => document.querySelector('.view .what').innerText !== t", arg=before)
    assert classify.locator(".bar.true").count() == 1


def test_a_saved_classifier_comes_back(classify, tmp_path):
    show_preset(classify, "How many?")
    classify.wait_for_function("document.querySelectorAll('.bar').length === 4")
    with classify.expect_download() as waiting:
        classify.get_by_role("button", name="Save PNG").locator("visible=true").click()
    file = tmp_path / "classes.png"
    waiting.value.save_as(file)
    assert validation.settings_in(file.read_bytes())["part"] == "classify"
    show_preset(classify, "Which colour?")
    classify.wait_for_function("document.querySelectorAll('.bar').length === 8")
    classify.locator(".share:visible input.open").set_input_files(file)
    classify.wait_for_function("document.querySelectorAll('.bar').length === 4")


def test_a_picture_of_the_map_is_reached_by_the_keyboard_and_names_its_texts(atlas):
    atlas.locator(".map").focus()
    atlas.keyboard.press("ArrowRight")
    atlas.locator(".about .nearest li").nth(2).wait_for()
    first = atlas.locator(".about .what").inner_text()
    for _ in range(3):
        atlas.keyboard.press("ArrowUp")
    atlas.wait_for_function("t => document.querySelector('.about .what').innerText !== t", arg=first)
    atlas.keyboard.press("Escape")
    atlas.locator(".about").wait_for(state="hidden")


def test_the_map_turns_shows_the_gap_and_draws_pictures(atlas):
    told = atlas.locator(".note:visible").inner_text()
    show_preset(atlas, "The gap")
    atlas.get_by_text("The modality gap: the mean picture").wait_for()
    assert atlas.locator(".note:visible").inner_text() != told
    assert not atlas.get_by_label("Pictures and texts together").is_checked()
    atlas.get_by_label("Drawn as").select_option("pictures")
    atlas.get_by_label("Coloured by").select_option("background")
    atlas.get_by_role("button", name="navy").wait_for()
    atlas.get_by_role("button", name="navy").click()
    assert atlas.get_by_role("button", name="navy").get_attribute("aria-pressed") == "true"


def test_eight_cases_others_and_an_own_one(fail):
    first = fail.locator(".cases").inner_text()
    fail.get_by_role("button", name="Another eight").click()
    fail.wait_for_function("t => document.querySelector('.cases').innerText !== t", arg=first)
    assert fail.locator(".case").count() == 8
    assert fail.locator(".said-by.right, .said-by.wrong").count() == 16
    show_preset(fail, "Your own")
    fail.get_by_label("True caption").wait_for()
    fail.wait_for_function("document.querySelectorAll('.case').length === 1")
    fail.get_by_label("False caption").fill("a circle and a star")
    fail.get_by_role("button", name="Draw the first").click()
    fail.get_by_text("true of that picture, too").wait_for()

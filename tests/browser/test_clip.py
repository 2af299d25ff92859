import base64

import pytest

from benchmarks._browser import open_part, open_tab, show_preset
from demos._ui import validation
from tests.demos.test_clip import picture_file

LOAD = 60_000  # ms: the first search imports open_clip and fills the index


@pytest.fixture
def tab(page):
    open_tab(page, "clip")
    open_part(page, "Search")
    page.locator(".found button").first.wait_for(timeout=LOAD)
    return page


def similarities(tab):
    return tab.locator(".found button .line").all_inner_texts()


def test_words_find_pictures_as_they_are_typed_and_say_why(tab):
    before = similarities(tab)
    tab.get_by_label("Words 1").first.fill("a large yellow ring")
    tab.wait_for_function("b => document.querySelector('.found .line').innerText !== b", arg=before[0])
    tab.locator(".words .word", has_text="yellow").wait_for()
    assert tab.locator(".found .right").count() > 0
    assert tab.locator(".matrix td").count() > 20
    tab.locator(".found button").nth(3).click()
    assert tab.locator(".found button.on").count() == 1


def test_a_sum_of_a_picture_and_words(tab):
    show_preset(tab, "Picture − red + blue")
    tab.get_by_label("Weight of term 3").wait_for()
    tab.wait_for_function("document.querySelectorAll('.terms li').length === 3")
    before = similarities(tab)
    tab.get_by_label("Weight of term 3").evaluate("(s) => { s.value = 0; s.dispatchEvent(new Event('input')); }")
    tab.wait_for_function("b => document.querySelector('.found .line').innerText !== b", arg=before[0])
    tab.get_by_role("button", name="More like it").click()
    tab.wait_for_function("document.querySelector('.found .line').innerText.startsWith('1.000')")


def test_a_filter_and_a_saved_page(tab, tmp_path):
    tab.get_by_text("Only among pictures with").first.click()
    tab.get_by_label("background").first.select_option("navy")
    tab.wait_for_function(
        "[...document.querySelectorAll('.found button')].every((b) => b.title.endsWith('navy background'))"
    )
    with tab.expect_download() as waiting:
        tab.get_by_role("button", name="Save PNG").first.click()
    file = tmp_path / "page.png"
    waiting.value.save_as(file)
    assert validation.settings_in(file.read_bytes())["background"] == "navy"


def test_own_pictures_are_searched_and_an_unreadable_one_is_named(tab):
    open_part(tab, "Yours")
    files = [{"name": f"mine {i}.png", "mimeType": "image/png", "buffer": picture_file(i)} for i in range(3)]
    files.append({"name": "broken.png", "mimeType": "image/png", "buffer": base64.b64decode("iVBORw0KGgo=")})
    tab.locator("input[type=file][multiple]").last.set_input_files(files)
    tab.get_by_text("3 pictures read").wait_for(timeout=LOAD)
    tab.get_by_text("broken.png").wait_for()
    shown = tab.locator(".found .name:visible")
    shown.nth(2).wait_for()
    assert set(shown.all_inner_texts()) == {"mine 0.png", "mine 1.png", "mine 2.png"}


def test_the_hub_says_in_one_sentence_that_it_cannot_be_reached(tab):
    open_part(tab, "Hub")
    tab.get_by_role("button", name="Fetch", exact=True).locator("visible=true").click()
    tab.get_by_text("could not be loaded").first.wait_for(timeout=LOAD)

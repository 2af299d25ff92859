"""What a part offers of the house, in the page: its link, its PNG, its code, Back, and a question before leaving."""

import pytest

import app
from benchmarks._browser import PRESS, SETTLED, follow_link, open_part, open_tab, show_preset, visit
from demos._ui import validation

JOB = 120_000  # ms: the worker has low priority, and starts with an import of torch
# One a tab: after its Model, which the VAE's stands for, the first part with a stage of its own.
SHARED = [(one, next(part for part in one.parts if part.picture and part.id != "model")) for one in app.TABS]
SHARED += [(one, one.parts[0]) for one in app.TABS if one.id == "vae"]


def settled(page):
    """The settings that the part shown has now."""
    return page.evaluate("() => JSON.stringify(genai.parts[genai.current].settings)")


def opened(page):
    """Waits until the part shown has its settings."""
    page.wait_for_function("() => Boolean(window.genai?.parts[genai.current]?.settings)")


@pytest.fixture(scope="module")
def walked(window, url):
    """A page that goes from part to part, and is loaded anew by the link to each."""
    with visit(window, url) as page:
        page.wait_for_function(SETTLED)
        page.add_init_script(f"({SETTLED})()")  # counts the requests of the next load from the first one on
        yield page


@pytest.mark.parametrize(("one", "part"), SHARED, ids=[f"{one.id}/{part.id}" for one, part in SHARED])
def test_a_part_is_saved_opened_linked_and_shows_its_code(one, part, walked, tmp_path):
    page, file = walked, tmp_path / "saved.png"
    open_tab(page, one.id)
    page.wait_for_function(SETTLED)
    page.evaluate(PRESS, part.title)
    page.wait_for_function("id => genai.current === id && genai.parts[id].settings", arg=f"{one.id}/{part.id}")
    bar = page.locator(".share:visible")
    bar.get_by_role("button", name="Copy link").click()
    bar.locator(".address").wait_for()
    link = bar.locator(".address").input_value()
    assert f"tab={one.id}" in link
    with page.expect_download() as waiting:
        bar.get_by_role("button", name="Save PNG").click()
    waiting.value.save_as(file)
    carried = validation.settings_in(file.read_bytes())
    assert (carried["tab"], carried["part"]) == (one.id, part.id)
    before = settled(page)
    bar.locator("input.open").set_input_files(file)
    bar.get_by_text("Settings restored from the picture.").wait_for()
    assert settled(page) == before
    if part.code:
        bar.get_by_role("button", name="Show code").click()
        bar.locator("pre code").get_by_text("genai_core").first.wait_for()
    page.wait_for_function(SETTLED)  # leaving while an answer is on its way is logged as an aborted request
    page.goto(link)
    page.wait_for_function(
        "([id, wanted]) => JSON.stringify(window.genai?.parts[id]?.settings) === wanted",
        arg=[f"{one.id}/{part.id}", before],
    )


def test_back_forward_and_reload_stay_where_they_should(page):
    open_tab(page, "vae")
    page.wait_for_function("location.search.includes('tab=vae')")
    open_part(page, "Plane")
    page.wait_for_function("location.search.includes('part=plane')")
    open_tab(page, "clip")
    page.wait_for_function("location.search.includes('tab=clip')")
    page.go_back()
    page.get_by_role("tab", name="Plane", exact=True, selected=True).locator("visible=true").wait_for()
    page.reload()
    page.get_by_role("tab", name="Plane", exact=True, selected=True).locator("visible=true").wait_for()
    page.go_forward()
    page.locator('nav a[data-id="clip"][aria-current=page]').wait_for()


def test_a_link_that_cannot_be_used_says_why_and_the_page_works(page, url):
    page.goto(f"{url}/?tab=vae&part=sliders&model=vae-mnist&seed=0&z=1,2")
    page.get_by_text("This link cannot be used.").wait_for()
    open_tab(page, "gan")
    open_part(page, "Lab")
    page.locator(".plane").wait_for()


def test_leaving_during_a_training_asks_first(window, url):
    with visit(window, f"{url}/?tab=vae&part=train") as page:
        opened(page)
        page.get_by_role("button", name="Train", exact=True).locator("visible=true").click()
        page.wait_for_function("genai.parts['vae/train'].running")
        asked = []
        page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
        page.close(run_before_unload=True)
        page.wait_for_timeout(1000)
        assert asked == ["beforeunload"]
        page.get_by_role("button", name="Stop", exact=True).locator("visible=true").click()
        page.wait_for_function("!genai.parts['vae/train'].running", timeout=JOB)


FRAMES = """window.frames_asked = 0;
const ask = window.requestAnimationFrame;
window.requestAnimationFrame = (callback) => { window.frames_asked += 1; return ask.call(window, callback); };"""

AT_REST = """async () => {
  window.frames_asked = 0;
  await new Promise((r) => setTimeout(r, 1000));
  return window.frames_asked === 0;
}"""


def test_a_page_at_rest_asks_for_no_frames_of_the_screen(window, url):
    with visit(window, url) as page:
        page.add_init_script(FRAMES)
        page.goto(f"{url}/?tab=vae&part=sliders")
        opened(page)
        assert page.evaluate("frames_asked") > 0
        page.wait_for_function(AT_REST)


def test_a_preset_asks_before_it_shows_and_says_what_was_wrong_with_a_guess(page):
    page.evaluate("localStorage.removeItem('genai.answered')")  # of other tests' pages
    follow_link(page, "tab=vae&part=sliders")
    opened(page)
    before, sentence = settled(page), page.locator(".question:visible")
    page.get_by_role("button", name="The average digit", exact=True).click()
    answers = page.get_by_role("group", name="Answers").locator("visible=true")
    answers.get_by_role("button", name="Just show me").wait_for()
    assert answers.get_by_role("button").count() == 4
    assert settled(page) == before
    answers.get_by_role("button", name="A clear 0").click()
    page.get_by_text("You said: “A clear 0, since z is 0.”").wait_for()
    assert "was never told the labels. Something like an 8" in sentence.text_content()
    assert settled(page) != before
    assert answers.count() == 0
    show_preset(page, "Between two digits", "One of them")
    page.get_by_text("Right: “One of them, or nearly so.”").wait_for()
    page.reload()
    opened(page)
    done = page.locator(".pills:visible button.done")
    assert done.all_text_contents() == ["The average digit", "Between two digits"]
    assert page.evaluate("JSON.parse(localStorage['genai.answered'])") == {"vae/sliders": done.all_text_contents()}


def test_what_another_program_has_left_in_the_storage_spoils_no_preset(page):
    page.evaluate("localStorage.setItem('genai.answered', 'null]')")
    follow_link(page, "tab=vae&part=sliders")
    opened(page)
    show_preset(page, "Garments")
    page.get_by_text("Its outline: a print or a seam").wait_for()
    assert page.locator(".pills:visible button.done").all_text_contents() == ["Garments"]


def test_the_code_that_is_shown_follows_the_stage(page):
    follow_link(page, "tab=vae&part=sliders&seed=3")
    opened(page)
    bar = page.locator(".share:visible")
    bar.get_by_role("button", name="Show code").click()
    code = bar.locator("pre code")
    code.get_by_text("vae-mnist").first.wait_for()
    show_preset(page, "Garments")
    code.get_by_text('vae.load("vae-fashion")').first.wait_for()

"""Lessons in the page: their steps, the browser's Back, and one of a teacher's own."""

import json
import re

import pytest

from benchmarks._browser import open_part, open_tab
from demos import lessons

VAE = lessons.shipped()["vae"]


def at(page, step, of, title):
    page.get_by_text(f"{title} · step {step} of {of}").wait_for()


def shows(page, id_):
    page.wait_for_function("id => genai.current === id && genai.parts[id]?.settings", arg=id_)


def test_a_lesson_is_gone_through_there_and_back(page):
    page.get_by_role("link", name=VAE["title"]).click()
    at(page, 1, len(VAE["steps"]), VAE["title"])
    shows(page, "vae/model")
    page.get_by_role("button", name="Next", exact=True).click()
    page.get_by_text(VAE["steps"][1]["text"]).wait_for()
    shows(page, "vae/sliders")
    assert page.evaluate("genai.parts['vae/sliders'].settings.seed") == 3
    open_part(page, "Plane")  # whoever looks elsewhere finds the lesson where it was
    shows(page, "vae/plane")
    at(page, 2, len(VAE["steps"]), VAE["title"])
    assert "#" not in page.evaluate("genai.link('vae/plane')")
    page.go_back()
    shows(page, "vae/sliders")
    page.go_back()
    at(page, 1, len(VAE["steps"]), VAE["title"])
    shows(page, "vae/model")
    page.reload()
    at(page, 1, len(VAE["steps"]), VAE["title"])
    page.get_by_role("button", name="Leave the lesson").click()
    page.get_by_text("step 1 of").wait_for(state="hidden")
    assert "#" not in page.url


def test_a_lesson_is_built_reordered_and_opened_by_its_link(page, window, url):
    page.evaluate("localStorage.removeItem('genai.lesson')")
    page.get_by_role("link", name="Build a lesson").click()
    add = page.get_by_role("button", name="Add what is shown now")
    add.click()
    page.get_by_text("Home is no step of a lesson.").wait_for()
    page.get_by_label("Title").fill("Zwei Schritte, “ü”")
    for tab, seed in (("vae", 8), ("gan", 9)):
        open_tab(page, tab)
        open_part(page, "Sliders" if tab == "vae" else "Samples")
        shows(page, f"{tab}/{'sliders' if tab == 'vae' else 'samples'}")
        page.evaluate("([id, seed]) => genai.show(id, { settings: { ...genai.parts[id].settings, seed } })",
                      [page.evaluate("genai.current"), seed])  # fmt: skip
        page.wait_for_function("seed => location.search.includes(`seed=${seed}`)", arg=seed)
        add.click()
    texts = page.get_by_role("textbox", name=re.compile("What to do in step"))
    texts.nth(0).fill("First, <b>sliders</b>.")
    texts.nth(1).fill("Then samples.")
    page.get_by_role("button", name="Step 2 up").click()
    assert page.evaluate("document.activeElement.ariaLabel") == "Step 1 down"  # it cannot go further up
    assert [texts.nth(k).input_value() for k in range(2)] == ["Then samples.", "First, <b>sliders</b>."]
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save file").click()
    saved = json.loads(waiting.value.path().read_text(encoding="utf-8"))
    assert saved["title"] == "Zwei Schritte, “ü”"
    page.get_by_role("button", name="Copy link").locator("visible=true").first.click()
    link = page.get_by_label("The lesson's link").input_value()
    texts.nth(0).fill("Then samples, anew.")  # a lesson that the link does not hold
    page.get_by_label("The lesson's link").wait_for(state="hidden")
    page.goto("about:blank")
    page.goto(link)
    at(page, 1, 2, saved["title"])
    shows(page, "gan/samples")
    assert page.evaluate("genai.parts['gan/samples'].settings.seed") == 9
    page.get_by_role("button", name="Next", exact=True).click()
    page.get_by_text("First, <b>sliders</b>.").wait_for()
    shows(page, "vae/sliders")
    page.evaluate("localStorage.removeItem('genai.lesson')")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"{", "This is not a lesson"),
        (b"[1]", "This is not a lesson"),
        (b'{"title": "x", "steps": []}', "A lesson has 1 to 40 steps."),
        (b'{"title": "x", "steps": [{"link": "https://example.org/?tab=vae", "text": ""}]}', "Step 1 does not link"),
        (b'{"title": "x", "steps": [{"link": "tab=nowhere", "text": ""}]}', "Step 1 does not link"),
        (b'{"title": "x", "steps": [{"link": "tab=vae", "text": 3}]}', "Step 1 must have a text"),
        (b" " * 1_000_000, "too large for a lesson"),
    ],
)
def test_a_file_that_is_no_lesson_is_refused_in_one_sentence(page, tmp_path, content, sentence):
    file = tmp_path / "lesson.json"
    file.write_bytes(content)
    page.evaluate("location.hash = 'build'")
    page.locator(".lesson-file").set_input_files(file)
    page.get_by_text(sentence).wait_for()


def test_a_link_with_a_broken_lesson_says_so_and_opens_its_tab(page, url):
    page.goto(f"{url}/?tab=vae&part=sliders#lesson=.abc&step=1")
    page.get_by_text("This lesson cannot be used.").wait_for()
    shows(page, "vae/sliders")
    page.goto(f"{url}/#lesson=nowhere&step=1")
    page.get_by_text("The lesson must be one of").wait_for()

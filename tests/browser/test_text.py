from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from benchmarks._browser import SETTLED, open_part, open_tab, show_preset
from demos._ui import validation
from demos.text import _models
from tests.core.language.test_hub import TEMPLATE, saved

JOB = 120_000  # ms: the worker has low priority, and starts with an import of torch


@pytest.fixture
def tab(page):
    page.evaluate(SETTLED)  # counts the page's requests from now on
    open_tab(page, "text")
    open_part(page, "Write")
    page.wait_for_function("document.querySelectorAll('.chips .chip').length > 100")
    return page


def done(tab, tokens):
    tab.wait_for_function(
        """n => document.querySelectorAll('.chips .chip').length === n
        && !document.querySelector('.state').textContent.endsWith('…')""",
        arg=tokens,
    )


def text_of(tab):
    return tab.locator(".chips").first.inner_text()


def chips(tab):
    return tab.locator(".chips").first.locator(".chip").all_inner_texts()


def write(tab, model, prompt, tokens):
    tab.get_by_label("Model").locator("visible=true").first.select_option(label=model)
    tab.get_by_label("Prompt").locator("visible=true").first.fill(prompt)
    tab.get_by_label("Tokens").locator("visible=true").first.fill(str(tokens))
    tab.get_by_role("button", name="Write", exact=True).first.click()
    done(tab, tokens)


def drag(tab, name, value):
    tab.get_by_role("slider", name=name).locator("visible=true").first.evaluate(
        "(s, v) => { s.value = v; s.dispatchEvent(new Event('input')); }", value
    )


def settings(tab, part):
    return tab.evaluate("(id) => genai.part(id).settings", f"text/{part}")


def opened_again(tab, part):
    """The chips that the link to what is shown opens."""
    link = tab.evaluate("(id) => genai.link(id)", f"text/{part}")
    tab.goto(link)
    tab.wait_for_function("document.querySelector('.chips .chip')")
    return chips(tab)


def test_a_text_streams_and_the_same_seed_writes_it_again(tab):
    write(tab, "8-gram, Shakespeare", "KING:\n", 60)
    first = text_of(tab)
    assert first.startswith("KING:")
    tab.get_by_label("Seed").locator("visible=true").first.fill("9")
    tab.get_by_role("button", name="Write", exact=True).first.click()
    tab.wait_for_function("t => document.querySelector('.chips').innerText !== t", arg=first)
    done(tab, 60)
    tab.get_by_label("Seed").locator("visible=true").first.fill("1")
    tab.get_by_role("button", name="Write", exact=True).first.click()
    tab.wait_for_function("t => document.querySelector('.chips').innerText === t", arg=first)


def test_a_letter_is_explained_follows_a_knob_and_another_is_taken_instead(tab):
    write(tab, "8-gram, Shakespeare", "KING:\n", 40)
    tab.locator(".chips .chip").nth(20).click()
    tab.get_by_text("Sampled u =").wait_for()
    before = tab.locator(".list").inner_html()
    drag(tab, "Temperature", 2.5)
    tab.wait_for_function("b => document.querySelector('.list').innerHTML !== b", arg=before)
    stem = chips(tab)
    row = tab.locator(".list button:not(:has(.was)):not(:has(.gone))").first
    row.click()
    tab.get_by_role("button", name="Branch 2").wait_for()
    branch = chips(tab)
    assert branch[:20] == stem[:20]
    assert branch[20] != stem[20]
    tab.get_by_role("button", name="Branch 1").click()
    assert chips(tab) == stem
    tab.get_by_role("button", name="Branch 2").press("Enter")
    assert opened_again(tab, "write") == branch  # though its stem was written with another temperature


def test_the_order_of_the_filters_is_changed_and_one_is_added(tab):
    names = "els => els.map((e) => e.firstChild.textContent)"
    assert tab.locator(".chain li").evaluate_all(names) == ["Temperature", "Top-p"]
    tab.get_by_role("button", name="Later: Temperature").click()
    tab.get_by_label("Add a filter").select_option(label="Top-k")
    assert tab.locator(".chain li").evaluate_all(names) == ["Top-p", "Temperature", "Top-k"]


def test_a_run_is_stopped_midway(tab):
    tab.get_by_label("Model").locator("visible=true").first.select_option(label="GPT, Shakespeare")
    tab.get_by_label("Tokens").locator("visible=true").first.fill("500")
    tab.get_by_role("button", name="Write", exact=True).first.click()
    tab.wait_for_function(  # stopped at once, for a run is a matter of seconds; 300 are those of before
        """() => { const few = document.querySelectorAll('.chips .chip').length;
        const stop = document.querySelector('.halt');
        if (few < 6 || few > 250 || stop.disabled) return false; stop.click(); return true; }"""
    )
    tab.wait_for_timeout(1500)
    stopped = chips(tab)
    tab.wait_for_timeout(1000)
    assert chips(tab) == stopped
    assert len(stopped) < 500
    tab.get_by_role("button", name="One token").first.click()
    done(tab, len(stopped) + 1)
    longer = chips(tab)
    assert longer[:-1] == stopped
    tab.wait_for_function(SETTLED)  # leaving while an answer is on its way is logged as an aborted request
    assert opened_again(tab, "write") == longer  # what is saved is what is shown


def test_one_token_at_a_time_leaves_the_fields_as_they_are(tab):
    write(tab, "8-gram, Shakespeare", "KING:\n", 10)
    drag(tab, "Temperature", 2.5)
    tab.get_by_role("button", name="One token").first.click()
    done(tab, 11)
    tab.get_by_text("Token 11,").wait_for()
    assert tab.get_by_label("Tokens").locator("visible=true").first.input_value() == "10"
    text = chips(tab)
    assert opened_again(tab, "write") == text


def test_refused_values_leave_what_is_shown_and_everything_usable(tab):
    write(tab, "8-gram, Shakespeare", "KING:\n", 20)
    before, shown = text_of(tab), settings(tab, "write")
    tab.get_by_label("Tokens").locator("visible=true").first.fill("501")
    tab.get_by_role("button", name="Write", exact=True).first.click()
    tab.get_by_text("The number of tokens must").first.wait_for()
    assert text_of(tab) == before
    assert settings(tab, "write") == shown
    tab.locator(".chips .chip").nth(5).click()
    tab.get_by_text("Token 6,").wait_for()
    tab.locator(".list button:not(:has(.was))").first.click()  # a branch of 501 tokens is refused as well
    tab.wait_for_function("!genai.part('text/write').running")
    assert text_of(tab) == before
    assert settings(tab, "write") == shown
    tab.get_by_label("Tokens").locator("visible=true").first.fill("20")
    tab.locator(".list button:not(:has(.was))").first.click()
    tab.get_by_role("button", name="Branch 2").wait_for()
    assert tab.get_by_role("button", name="Branch 3").count() == 0


def test_three_models_write_side_by_side(tab):
    open_part(tab, "Compare")
    tab.get_by_text("loss on its own text").nth(2).wait_for()
    show_preset(tab, "Three characters of memory")
    tab.get_by_role("heading", name="3-gram").wait_for()
    tab.get_by_role("heading", name="GPT", exact=True).wait_for()


def test_drafts_are_kept_or_struck_out_and_the_text_is_the_same(tab):
    open_part(tab, "Draft")
    tab.get_by_text("Both texts are the same, all 240 tokens").wait_for()
    kept = tab.locator(".chip.kept").count()
    assert kept > 50
    assert tab.locator(".refused:visible").count() > 10
    tails = tab.locator(".refused.tail:visible")
    assert tails.count() == 0
    tab.get_by_label("whole drafts").check()
    assert tails.count() > 10
    tab.get_by_role("slider", name="How many passes are shown").fill("1")
    assert tab.locator(".pass:visible").count() == 1
    show_preset(tab, "A poor draft")
    tab.wait_for_function("k => document.querySelectorAll('.pass .chip.kept').length < k", arg=kept)
    tab.get_by_text("Both texts are the same, all 240 tokens").wait_for()


def test_a_beam_search_is_a_tree(tab):
    open_part(tab, "Search")
    tab.locator("text.best").nth(10).wait_for()
    assert tab.locator("text.pruned").count() > 10
    show_preset(tab, "Contrastive")
    tab.locator(".table .taken").wait_for()


def test_a_text_is_scored_as_it_is_typed(tab):
    open_part(tab, "Score")
    tab.locator(".line .chips").nth(3).wait_for()
    tab.get_by_label("The text to score").fill("ROMEO:\nO")
    tab.wait_for_function("document.querySelectorAll('.line .chips')[1].textContent.length < 12")
    bits = tab.locator(".line b").all_inner_texts()
    assert len(bits) == 4
    tab.locator(".line .chips").first.focus()
    tab.keyboard.press("ArrowRight")
    assert "“R”" in tab.locator(".line .walked").first.inner_text()
    tab.keyboard.press("End")
    assert "“O”" in tab.locator(".line .walked").first.inner_text()
    assert "nat, p =" in tab.locator(".line .walked").first.inner_text()
    tab.get_by_label("The text to score").fill("qqqzzz")
    tab.wait_for_function("b => document.querySelector('.line b').textContent !== b", arg=bits[0])


def test_the_bytes_of_a_character_share_a_chip(tab):
    tokens = _models.load("gpt-stories").tokenizer.encode("€!")
    choices = ",".join(f"{k}:{token}" for k, token in enumerate(tokens))
    query = urlencode({"tab": "text", "part": "write", "model": "gpt-stories", "choices": choices, "tokens": 4})
    tab.goto(f"{tab.url.split('?')[0]}?{query}")
    done(tab, 2)
    assert chips(tab) == ["€", "!"]
    tab.locator(".chips .chip").last.click()
    tab.get_by_text("Token 4, “!”").wait_for()
    for part in (1, 2, 3, 1):  # a further click goes on to the next of its tokens
        tab.locator(".chips .chip").first.click()
        tab.get_by_text(f"Token {part}, part {part} of 3 of “€”").wait_for()
    open_part(tab, "Score")
    tab.get_by_label("The text to score").fill("A€!")
    line = tab.locator(".line", has_text="children's stories")
    line.locator(".chip", has_text="€").wait_for()
    assert line.locator(".chip").all_inner_texts() == ["A", "€", "!"]


def test_a_gpt_is_trained_and_its_samples_can_be_scrubbed(tab):
    open_part(tab, "Train")
    show_preset(tab, "Sums")
    tab.wait_for_function("Number(document.querySelector('.at').max) >= 2", timeout=JOB)
    tab.get_by_role("button", name="Stop").locator("visible=true").click()
    tab.wait_for_timeout(1500)
    stopped = tab.locator(".at").get_attribute("max")
    tab.wait_for_timeout(3000)
    assert tab.locator(".at").get_attribute("max") == stopped  # also a training that a preset began is stopped
    last = tab.locator(".sample").inner_text()
    tab.locator(".at").evaluate("(s) => { s.value = 0; s.dispatchEvent(new Event('input')); }")
    assert tab.locator(".sample").inner_text() != last
    for preset, text in (
        ("Sums", "13 different ones"),
        ("Roman numbers", "17 different ones"),
    ):  # each ends the training of the last
        show_preset(tab, preset)
        tab.get_by_text(text).wait_for()
        tab.get_by_text("of 900,").wait_for(timeout=JOB)


def test_a_text_of_ones_own_selects_itself_and_stays_out_of_the_address(tab):
    open_part(tab, "Train")
    own = "to be or not to be, that is the question. " * 30
    tab.get_by_role("textbox", name="My text").fill(own)
    assert tab.get_by_label("my text", exact=True).is_checked()
    tab.wait_for_function("document.querySelector('.before .example').textContent.startsWith('to be or')")
    tab.wait_for_function("location.search.includes('source=my+text')")
    assert "question" not in tab.url
    tab.get_by_label("sums", exact=True).check()
    tab.get_by_text("13 different ones").wait_for()


def test_the_hub_says_in_one_sentence_that_it_cannot_be_reached(tab):
    open_part(tab, "Hub")
    tab.get_by_role("button", name="Fetch and write").click()
    tab.get_by_text("could not be loaded").first.wait_for(timeout=JOB)


def test_a_fetched_model_writes_and_is_in_the_menus(tab, tmp_path):
    open_part(tab, "Search")
    tab.locator("text.best").first.wait_for()
    open_part(tab, "Hub")
    name = saved(tmp_path / "tiny", template=TEMPLATE)
    stage = tab.locator(".stage:visible").first
    tab.locator("input.model:visible").fill(name)
    tab.get_by_role("button", name="Fetch and write").click()
    stage.locator(".chip").nth(10).wait_for(timeout=JOB)
    tab.get_by_text("Sampled u =").locator("visible=true").wait_for()
    tab.get_by_label("As a chat").locator("visible=true").check()
    tab.get_by_role("button", name="Fetch and write").click()
    tab.get_by_text("The model reads: <user>Once upon a time").wait_for(timeout=JOB)
    tab.wait_for_function("genai.part('text/hub').settings.chat")
    tab.locator("input.model:visible").fill("distilgpt2")
    tab.get_by_label("As a chat").locator("visible=true").uncheck()
    assert not tab.get_by_label("As a chat").locator("visible=true").count()
    for part in ("Write", "Search"):
        open_part(tab, part)
        tab.get_by_label("Model").locator("visible=true").select_option(name)
    tab.get_by_role("button", name="Search", exact=True).click()
    tab.wait_for_function("m => genai.part('text/search').settings.model === m", arg=name)


def test_a_saved_page_brings_the_text_back(tab, tmp_path):
    write(tab, "8-gram, Shakespeare", "KING:\n", 30)
    before = text_of(tab)
    with tab.expect_download() as waiting:
        tab.get_by_role("button", name="Save PNG").first.click()
    file = tmp_path / "page.png"
    waiting.value.save_as(file)
    assert validation.settings_in(file.read_bytes())["prompt"] == "KING:\n"
    write(tab, "8-gram, Shakespeare", "LADY:\n", 20)
    tab.locator(".share:visible input.open").set_input_files(file)
    tab.wait_for_function("t => document.querySelector('.chips').innerText === t", arg=before)


def test_a_prompt_cannot_smuggle_markup(tab):
    write(tab, "GPT, children's stories", "<img src=x onerror=alert(1)>", 5)
    assert tab.locator(".chips img").count() == 0
    assert "<img src=x" in text_of(tab)


def test_a_refusal_is_seen_and_no_late_answer_takes_it_away(tab):
    open_part(tab, "Compare")
    tab.get_by_text("loss on its own text").nth(2).wait_for()
    tab.get_by_label("Prompt").locator("visible=true").fill("a" * 501)
    tab.get_by_role("button", name="Compare", exact=True).locator("visible=true").click()
    refusal = tab.get_by_text("The prompt has 501 characters; at most 500 are read.")
    expect(refusal).to_be_in_viewport()
    open_part(tab, "Score")
    tab.get_by_label("The text to score").fill(" ")
    expect(tab.get_by_text("There is nothing to score: type a text first.")).to_be_in_viewport()

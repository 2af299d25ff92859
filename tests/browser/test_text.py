import pytest

from demos import _checks
from tests.browser.steps import open_part

JOB = 120_000  # ms: the worker has low priority, and starts with an import of torch


@pytest.fixture
def tab(page):
    page.get_by_role("tab", name="Text").click()
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


def write(tab, model, prompt, tokens):
    tab.get_by_label("Model").first.select_option(label=model)
    tab.get_by_label("Prompt").first.fill(prompt)
    tab.get_by_label("Tokens").first.fill(str(tokens))
    tab.get_by_role("button", name="Write", exact=True).first.click()
    done(tab, tokens)


def test_a_text_streams_and_the_same_seed_writes_it_again(tab):
    write(tab, "8-gram, Shakespeare", "KING:\n", 60)
    first = text_of(tab)
    assert first.startswith("KING:")
    tab.get_by_label("Seed").first.fill("9")
    tab.get_by_role("button", name="Write", exact=True).first.click()
    tab.wait_for_function("t => document.querySelector('.chips').innerText !== t", arg=first)
    done(tab, 60)
    tab.get_by_label("Seed").first.fill("1")
    tab.get_by_role("button", name="Write", exact=True).first.click()
    tab.wait_for_function("t => document.querySelector('.chips').innerText === t", arg=first)


def test_a_letter_is_explained_follows_a_knob_and_another_is_taken_instead(tab):
    write(tab, "8-gram, Shakespeare", "KING:\n", 40)
    tab.locator(".chips .chip").nth(20).click()
    tab.get_by_text("The dice fell on").wait_for()
    before = tab.locator(".list").inner_html()
    tab.get_by_role("slider", name="Temperature").evaluate(
        "(s) => { s.value = 2.5; s.dispatchEvent(new Event('input')); }"
    )
    tab.wait_for_function("b => document.querySelector('.list').innerHTML !== b", arg=before)
    stem = tab.locator(".chips .chip").all_inner_texts()
    row = tab.locator(".list button:not(:has(.was)):not(:has(.gone))").first
    row.click()
    tab.get_by_role("button", name="Branch 2").wait_for()
    branch = tab.locator(".chips .chip").all_inner_texts()
    assert branch[:20] == stem[:20]
    assert branch[20] != stem[20]
    tab.get_by_role("button", name="Branch 1").click()
    assert tab.locator(".chips .chip").all_inner_texts() == stem


def test_the_order_of_the_filters_is_changed_and_one_is_added(tab):
    names = "els => els.map((e) => e.firstChild.textContent)"
    assert tab.locator(".chain li").evaluate_all(names) == ["Temperature", "Top-p"]
    tab.get_by_role("button", name="Later: Temperature").click()
    tab.get_by_label("Add a filter").select_option(label="Top-k")
    assert tab.locator(".chain li").evaluate_all(names) == ["Top-p", "Temperature", "Top-k"]


def test_a_run_is_stopped_midway(tab):
    tab.get_by_label("Model").first.select_option(label="GPT, Shakespeare")
    tab.get_by_label("Tokens").first.fill("500")
    tab.get_by_role("button", name="Write", exact=True).first.click()
    tab.wait_for_function("document.querySelector('.state').textContent.endsWith('…')")
    tab.wait_for_function("document.querySelectorAll('.chips .chip').length > 5")
    tab.get_by_role("button", name="Stop").first.click()
    tab.wait_for_timeout(1500)
    stopped = tab.locator(".chips .chip").count()
    tab.wait_for_timeout(1000)
    assert tab.locator(".chips .chip").count() == stopped < 500


def test_one_token_at_a_time(tab):
    write(tab, "8-gram, Shakespeare", "KING:\n", 10)
    tab.get_by_role("button", name="One token").click()
    done(tab, 11)
    tab.get_by_text("Token 11,").wait_for()


def test_three_models_write_side_by_side(tab):
    open_part(tab, "Compare")
    tab.get_by_text("what it wrote, to itself").nth(2).wait_for()
    tab.get_by_role("button", name="Three characters of memory").click()
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
    tab.get_by_role("button", name="A poor draft").click()
    tab.wait_for_function("k => document.querySelectorAll('.pass .chip.kept').length < k", arg=kept)
    tab.get_by_text("Both texts are the same, all 240 tokens").wait_for()


def test_a_beam_search_is_a_tree(tab):
    open_part(tab, "Search")
    tab.locator("text.best").nth(10).wait_for()
    assert tab.locator("text.pruned").count() > 10
    tab.get_by_role("button", name="Contrastive").click()
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


def test_a_gpt_is_trained_and_its_samples_can_be_scrubbed(tab):
    open_part(tab, "Train")
    tab.get_by_role("button", name="Sums").click()
    tab.wait_for_function("Number(document.querySelector('.at').max) >= 2", timeout=JOB)
    tab.get_by_role("button", name="Stop").locator("visible=true").click()
    tab.wait_for_timeout(1500)
    stopped = tab.locator(".at").get_attribute("max")
    tab.wait_for_timeout(3000)
    assert tab.locator(".at").get_attribute("max") == stopped  # also a training that a preset began is stopped
    last = tab.locator(".sample").inner_text()
    tab.locator(".at").evaluate("(s) => { s.value = 0; s.dispatchEvent(new Event('input')); }")
    assert tab.locator(".sample").inner_text() != last
    for preset, text in (("Sums", "13 kinds"), ("Roman numbers", "17 kinds")):  # each ends the training of the last
        tab.get_by_role("button", name=preset).click()
        tab.get_by_text(text).wait_for()
        tab.get_by_text("of 900,").wait_for(timeout=JOB)


def test_the_hub_says_in_one_sentence_that_it_cannot_be_reached(tab):
    open_part(tab, "Hub")
    tab.get_by_role("button", name="Fetch", exact=True).click()
    tab.get_by_text("could not be loaded").first.wait_for(timeout=JOB)


def test_a_saved_page_brings_the_text_back(tab, tmp_path):
    write(tab, "8-gram, Shakespeare", "KING:\n", 30)
    before = text_of(tab)
    with tab.expect_download() as waiting:
        tab.get_by_role("button", name="Save PNG").first.click()
    file = tmp_path / "page.png"
    waiting.value.save_as(file)
    assert _checks.settings_in(file.read_bytes())["prompt"] == "KING:\n"
    write(tab, "8-gram, Shakespeare", "LADY:\n", 20)
    tab.locator("input.open").first.set_input_files(file)
    tab.wait_for_function("t => document.querySelector('.chips').innerText === t", arg=before)


def test_a_prompt_cannot_smuggle_markup(tab):
    write(tab, "GPT, children's stories", "<img src=x onerror=alert(1)>", 5)
    assert tab.locator(".chips img").count() == 0
    assert "<img src=x" in text_of(tab)

"""The transformer tab in a browser: tokens and heads are chosen, parts switched off, a training runs and stops."""

from playwright.sync_api import expect

from benchmarks._browser import SETTLED, follow_link, open_part, requests_of, show_preset

JOB = 120_000  # ms: the worker has low priority, and starts with an import of torch


def opened(page, link):
    follow_link(page, f"tab=transformer&{link}")
    page.wait_for_function("genai.parts[genai.current]?.settings")
    page.wait_for_function(SETTLED)
    return page.locator(".stage:visible")


def test_a_token_and_a_head_are_chosen(page):
    stage = opened(page, "part=attention")
    expect(stage.locator(".read")).to_have_text("“␣her” draws 95 % from “␣hat”, 5 before it.")
    asked = requests_of(page)
    stage.get_by_role("option", name="␣took").click()
    expect(stage.locator(".read")).to_contain_text("“␣took” draws")
    stage.locator(".line").press("ArrowLeft")
    expect(stage.locator(".read")).to_contain_text("“␣wind” draws")
    assert not asked  # the page has every row
    assert page.evaluate("genai.link('transformer/attention')").endswith("query=8&scale=1&temperature=1")
    stage.get_by_role("button", name="Layer 5, head 2").click()
    expect(stage.locator(".what")).to_have_text("Layer 5, head 2: who looks at whom")
    expect(stage.get_by_role("button", name="Layer 5, head 2")).to_have_attribute("aria-pressed", "true")
    expect(stage.locator(".read")).to_contain_text("“␣wind” draws")  # it stays
    assert asked == ["show"]
    page.get_by_role("textbox", name="The text").locator("visible=true").fill("漢" * 100)
    page.get_by_text("at most 48 are shown.").locator("visible=true").first.wait_for()
    expect(stage.locator(".what")).to_have_text("Layer 5, head 2: who looks at whom")  # what was there is not lost


def test_what_is_switched_off_costs_what_its_button_says(page):
    stage = opened(page, "part=block")
    button = stage.get_by_role("button", name="MLP of layer 6: with it alone off")
    button.wait_for()
    rise = float(button.inner_text())
    before = float(stage.locator(".loss").inner_text().split()[4])
    button.press("Enter")
    expect(stage.locator(".loss")).to_contain_text("with nothing off")
    expect(button).to_be_focused()
    assert abs(float(stage.locator(".loss").inner_text().split()[4]) - before - rise) < 0.02
    stage.get_by_role("button", name="Switch all on").click()
    expect(stage.locator(".loss")).to_have_text(f"Loss of the text: {before:.2f} nat per token.")
    show_preset(page, "One layer fewer")
    expect(stage.locator(".next .bar").first).to_contain_text("␣Lily")
    assert stage.locator("[aria-pressed=false]").count() == 5


def test_a_word_is_taken_away_and_comes_back(page):
    stage = opened(page, "part=fill&text=The+dog+barked+at+the+cat.&pressed=")
    expect(stage.locator(".score")).to_contain_text("Nothing is masked.")
    words, line, taken = (
        stage.get_by_role("option"),
        stage.locator(".line"),
        stage.locator(".line [aria-selected=true]"),
    )
    words.nth(1).click()
    expect(taken).to_have_count(1)
    expect(words.nth(1)).to_contain_text("[MASK]")
    expect(stage.locator(".bars .stood")).to_contain_text("dog ✓")
    assert stage.locator(".bars .bar").count() in (10, 11)
    line.press("ArrowRight")
    line.press("Enter")
    expect(stage.locator(".after")).to_contain_text("“barked”")
    expect(taken).to_have_count(2)
    words.nth(1).click()  # it is looked at first
    expect(stage.locator(".after")).to_contain_text("“dog”")
    line.press(" ")
    expect(words.nth(1)).to_have_text("dog")
    expect(taken).to_have_count(1)
    show_preset(page, "Half of the words")
    expect(stage.locator(".score")).to_contain_text("of 28 right")


def test_of_a_bert_a_token_looks_to_both_sides(page):
    stage = opened(page, "part=attention&model=bert-english&query=0")
    expect(stage.locator(".same")).to_contain_text("A BERT has no mask")
    assert stage.locator(".line path").count() + stage.locator(".line .token").count() > 10
    expect(stage.locator("tbody tr").first).to_be_visible()
    assert stage.locator("tbody tr").count() > 1  # the first token of a GPT sees itself alone


def test_points_are_cleared_and_come_back_by_the_keyboard(page):
    opened(page, "part=examples")
    count, plane = page.locator(".count:visible"), page.locator(".plane:visible")
    clear, undo = page.locator(".clear:visible"), page.locator(".undo:visible")
    before = count.inner_text()
    clear.press("Enter")
    expect(count).to_have_text("0 of 0")
    expect(plane).to_be_focused()  # as Clear has nothing left to clear
    undo.press("Enter")
    expect(count).to_have_text(before)
    expect(undo).to_be_disabled()
    expect(plane).to_be_focused()


def test_a_trained_network_answers_other_digits(page):
    stage = opened(page, "part=train&digits=123&seed=4")
    page.get_by_role("button", name="Train", exact=True).locator("visible=true").click()
    stage.locator(".which").get_by_text("step 800").wait_for(timeout=JOB)
    page.wait_for_function("!genai.parts['transformer/train'].running")
    page.get_by_label("Your digits").locator("visible=true").fill("2468")
    expect(stage.locator(".answer")).to_have_text("2468 → 8642 ✓")
    expect(stage.locator(".which")).to_have_text("step 800")
    page.get_by_label("Seed").locator("visible=true").fill("5")
    page.get_by_label("Seed").locator("visible=true").press("Enter")
    expect(stage.locator(".which")).to_have_text("untrained")


def test_a_training_goes_from_fog_to_digits_and_stops(page):
    stage = opened(page, "part=train&digits=123")
    expect(stage.locator(".which")).to_have_text("untrained")
    page.get_by_role("button", name="Train", exact=True).locator("visible=true").click()
    page.wait_for_function(
        "parseInt(document.querySelector('.control-transformer-train .which').textContent.slice(5)) > 99", timeout=JOB
    )
    page.get_by_role("button", name="Stop", exact=True).locator("visible=true").click()
    page.wait_for_function("!genai.parts['transformer/train'].running")
    stage.get_by_label("Which moment of the training").fill("0")
    expect(stage.locator(".which")).to_have_text("untrained")
    page.get_by_label("Add two numbers").locator("visible=true").check()
    expect(stage.locator(".answer")).to_contain_text("47+85")
    page.get_by_label("Your sum").locator("visible=true").fill("1+22")
    page.get_by_text("the input must be two numbers with the same number of digits").locator(
        "visible=true"
    ).first.wait_for()
    open_part(page, "Attention")
    page.wait_for_function(SETTLED)


def test_patches_are_moved_and_what_is_read_follows(page):
    stage = opened(page, "part=vision")
    first = stage.locator(".answers b")
    expect(first).to_have_count(2)
    expect(stage.get_by_role("button", name="Other patches")).to_be_disabled()
    before = stage.locator(".answers").inner_text()
    stage.locator(".moved").fill("60")
    expect(stage.locator(".of-moved")).to_have_text("60 %")
    expect(stage.locator(".answers")).not_to_have_text(before)
    moved = stage.locator(".answers").inner_text()
    stage.get_by_role("button", name="Other patches").click()
    page.wait_for_function("genai.parts['transformer/vision'].settings.seed === 1")
    expect(stage.locator(".answers")).not_to_have_text(moved)
    stage.locator(".moved").fill("0")
    page.get_by_role("button", name="Trousers", exact=True).click()
    expect(stage.locator(".answers .bar").nth(2).locator("b")).to_have_count(2)  # both say trousers
    show_preset(page, "All patches moved")
    expect(stage.locator(".of-moved")).to_have_text("100 %")
    open_part(page, "Positions")
    page.get_by_role("button", name="Four times as long").click()
    page.get_by_role("button", name="ALiBi: what is far hardly counts.").wait_for()
    plot = page.locator(".control-transformer-positions .plot")
    expect(plot).to_be_hidden()  # it is the answer
    page.get_by_role("button", name="Just show me").locator("visible=true").click()
    expect(plot).to_be_visible()


CAMERA = """() => {
  const canvas = document.createElement("canvas"), context = canvas.getContext("2d");
  canvas.width = 64; canvas.height = 48;
  setInterval(() => { context.fillStyle = "rgb(0, 200, 0)"; context.fillRect(0, 0, 64, 48); }, 50);
  navigator.mediaDevices.getUserMedia = async () => (window.stream = canvas.captureStream(20));
}"""

NO_CAMERA = """() => {
  navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("", "NotFoundError"); };
}"""


def test_a_picture_is_drawn_by_us_or_taken_with_the_camera_and_read(page):
    opened(page, "part=vision")
    part = page.locator(".control-transformer-vision")
    page.get_by_role("button", name="Things, in colour").click()
    expect(part.locator(".photo")).to_be_visible()
    expect(part.locator(".pad")).to_be_hidden()
    part.get_by_role("button", name="Airplane").click()
    expect(part.locator(".answers .bar").nth(1).locator("b")).to_have_count(2)  # both say airplane
    page.evaluate(CAMERA)
    part.get_by_text("Camera").click()
    page.wait_for_function("document.querySelector('.film video')?.videoWidth")
    page.get_by_role("button", name="Take the picture").click()
    page.wait_for_function("atob(genai.parts['transformer/vision'].settings.pixels).charCodeAt(1) > 150")
    expect(page.locator(".film")).to_have_count(0)
    assert page.evaluate("stream.getTracks().every((track) => track.readyState === 'ended')")
    page.evaluate(NO_CAMERA)
    part.get_by_text("Camera").press("Enter")
    page.get_by_text("No camera was found.").wait_for()
    page.get_by_role("button", name="Garments, grey").click()
    expect(part.locator(".pad")).to_be_visible()


def test_a_sentence_is_translated_and_a_french_token_shades_the_english(page):
    stage = opened(page, "part=translate")
    sentence = page.get_by_label("The English sentence").locator("visible=true")
    sentence.press("ControlOrMeta+a")
    page.keyboard.type("She has a red car.", delay=40)  # each letter is translated, and the field keeps the focus
    expect(sentence).to_have_value("She has a red car.")
    expect(stage.locator(".translation")).to_have_text("Elle a une voiture rouge.")
    expect(stage.locator(".scores")).to_be_hidden()
    rouge = stage.get_by_role("option", name="␣rouge")
    rouge.click()
    expect(stage.locator(".read")).to_contain_text("at “␣red”")
    expect(stage.locator(".matrix tr.on th")).to_have_text("␣rouge")
    shades = [
        float(shade) for shade in stage.locator(".source .token").evaluate_all("all => all.map(t => t.dataset.shade)")
    ]
    assert shades.index(max(shades)) == stage.locator(".source .token").all_inner_texts().index("␣red")
    stage.get_by_role("listbox").press("ArrowLeft")
    expect(stage.get_by_role("option", name="␣voiture")).to_have_attribute("aria-selected", "true")
    expect(stage.locator(".read")).to_contain_text("at “␣car”")
    beams = page.get_by_role("slider", name="Beams").locator("visible=true")
    for _ in range(2):
        beams.press("ArrowRight")
        expect(stage.locator(".finals li")).to_have_count(int(beams.input_value()))
    assert beams.input_value() == "6"
    asked = requests_of(page)
    stage.get_by_role("button", name="Layer 1, head 1").click()
    expect(stage.locator(".what")).to_have_text("Alignment: layer 1, head 1")
    assert not asked  # the page has every head
    assert "layer=1&head=1&token=3" in page.evaluate("genai.link('transformer/translate')")
    page.get_by_label("Your own translation").locator("visible=true").fill("Elle a une auto rouge.")
    expect(stage.locator(".scores")).to_contain_text("chrF")
    show_preset(page, "Greedy")
    expect(stage.locator(".finals li")).to_have_count(1)
    assert stage.locator(".tree .best").count() > 3

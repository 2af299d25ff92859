import pytest

from benchmarks._browser import open_part, open_tab

TRAINING = 120_000  # ms: the worker has low priority, and starts with an import of torch


@pytest.fixture
def tab(page):
    open_tab(page, "autoencoder")
    open_part(page, "Squeeze")
    page.wait_for_function("document.querySelector('.rebuilt')?.naturalWidth === 28")
    return page


def stroke(page, selector, across=0.5):
    """A vertical stroke over what the selector names."""
    place = page.locator(selector).locator("visible=true").first
    place.scroll_into_view_if_needed()
    box = place.bounding_box()
    x = box["x"] + box["width"] * across
    page.mouse.move(x, box["y"] + box["height"] * 0.2)
    page.mouse.down()
    page.mouse.move(x, box["y"] + box["height"] * 0.8, steps=12)
    page.mouse.up()


def changes(page, selector):
    """A function that waits until the text, the source or the pixels of the first such element are others than now."""
    what = """(s) => { const node = [...document.querySelectorAll(s)].find((one) => one.checkVisibility());
    return node && (node.toDataURL?.() ?? node.getAttribute('src') ?? node.innerText); }"""
    before = page.evaluate(what, selector)
    return lambda: page.wait_for_function(f"([s, before]) => ({what})(s) !== before", arg=[selector, before])


def test_a_drawing_goes_through_nine_bottlenecks(tab):
    waits = [changes(tab, f".family button:nth-of-type({k}) img") for k in (1, 9)]
    tab.get_by_role("button", name="Clear").locator("visible=true").click()
    stroke(tab, ".pad")
    for wait in waits:
        wait()
    assert tab.locator(".family button").count() == 9
    tab.locator(".family button").last.click()
    tab.locator(".count", has_text="32 codes").wait_for()
    tab.locator(".family button[aria-pressed=true] img[alt*='cross-entropy, 32']").wait_for()


def test_one_pointer_moves_over_both_planes(tab):
    open_part(tab, "Sample?")
    tab.wait_for_function("document.querySelectorAll('.where')[1]?.textContent.includes('z₁')", timeout=60_000)
    waits = [changes(tab, f"section:nth-of-type({k}) .under") for k in (1, 2)]
    box = tab.locator(".map").last.bounding_box()
    tab.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + box["height"] * 0.3, steps=4)
    for wait in waits:
        wait()
    drawn = changes(tab, ".draws img")
    tab.get_by_role("button", name="Draw again").click()
    drawn()


def test_noise_that_is_rubbed_in_is_cleaned(tab):
    open_part(tab, "Denoise")
    tab.get_by_text("PSNR").first.wait_for()
    wait = changes(tab, ".after")
    stroke(tab, ".noisy")
    wait()
    tab.get_by_role("button", name="Points and their score").click()
    tab.locator(".off-by", has_text="%").wait_for(timeout=60_000)


def test_what_is_odd_depends_on_what_is_normal(tab):
    open_part(tab, "Anomaly")
    tab.locator(".area", has_text="AUROC").wait_for()
    wait = changes(tab, ".score")
    tab.get_by_label("Normal is").select_option("2")
    wait()
    wait = changes(tab, ".rates")
    tab.get_by_label("Threshold of the score").evaluate(
        "(s) => { s.value = s.max; s.dispatchEvent(new Event('input')); }"
    )
    wait()


def test_a_code_takes_the_place_of_the_selected_token(tab):
    open_part(tab, "Codebook")
    tab.locator(".spread", has_text="512").wait_for(timeout=60_000)
    assert tab.locator(".changed").is_hidden()
    wait = changes(tab, ".drawn")
    tab.locator(".board").click(position={"x": 100, "y": 100})
    tab.locator(".codes canvas").click(position={"x": 40, "y": 40})
    wait()
    tab.locator(".far", has_text="%").wait_for()
    tab.get_by_role("button", name="Its own tokens").click()
    tab.locator(".changed").wait_for(state="hidden")
    two = "(part) => { genai.parts[part].request({ seed: 1 }); genai.parts[part].request({ seed: 2 }); }"
    tab.evaluate(two, "autoencoder/codebook")
    tab.wait_for_function("genai.parts['autoencoder/codebook'].settings.seed === 2")  # the later one counts
    open_part(tab, "In colour")
    tab.locator(".at", has_text="4 of 16").wait_for()
    wait = changes(tab, ".rebuilt")
    tab.get_by_role("button", name="Keep the channels up to 1", exact=True).click()
    wait()
    tab.locator(".at", has_text="1 of 16").wait_for()
    assert tab.evaluate("document.activeElement.title") == "Keep 1"
    for _ in range(6):  # faster than answers come
        tab.locator(".k").press("ArrowRight")
    tab.locator(".at", has_text="7 of 16").wait_for()
    tab.wait_for_function("genai.parts['autoencoder/colour'].settings.k === 7")
    tab.get_by_label("Or draw").locator("visible=true").fill("a purple idea")
    tab.get_by_role("button", name="Draw").locator("visible=true").click()
    tab.get_by_text("No caption of this world has the word 'idea'.").wait_for()
    assert tab.locator(".k").input_value() == "7"


def test_features_light_up_and_steer_the_gpt(tab):
    open_part(tab, "Features")
    tab.wait_for_function("document.querySelector('.steered')?.textContent.length > 150", timeout=60_000)
    assert tab.locator(".steered").inner_text() != tab.locator(".plain").inner_text()
    tab.get_by_label("The text that the GPT reads").fill("Good \N{PARTY POPPER} night, my lord")
    tab.locator(".left-out", has_text="\N{PARTY POPPER}").wait_for()
    wait = changes(tab, ".found")
    tab.locator(".text .chip").nth(4).click()
    wait()
    tab.get_by_label("Strength").locator("visible=true").evaluate(
        "(s) => { s.value = 0; s.dispatchEvent(new Event('input')); }"
    )
    tab.wait_for_function(
        "document.querySelector('.steered').textContent === document.querySelector('.plain').textContent"
    )
    tab.get_by_label("The text that the GPT reads").fill("a naïve king")
    tab.get_by_text("Not in this GPT's vocabulary, and left out: “ï”").wait_for()


def test_two_quick_changes_are_both_kept(tab):
    open_part(tab, "Features")
    tab.wait_for_function("document.querySelector('.steered')?.textContent.length > 150", timeout=60_000)
    asked = tab.evaluate("""() => { // all of it before there are answers
      const text = document.querySelector('.text'), feature = document.querySelectorAll('.active button')[1];
      text.children[3].click();
      for (const key of Array(3).fill('ArrowRight'))
        text.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
      feature.click();
      const strength = document.querySelector('input.strength');
      strength.value = 3;
      strength.dispatchEvent(new Event('input'));
      return { at: 6, feature: Number(feature.querySelector('.id-said').textContent.slice(1)), strength: 3 };
    }""")
    tab.wait_for_function(
        "(asked) => Object.entries(asked).every(([k, v]) => genai.parts['autoencoder/features'].settings[k] === v)",
        arg=asked,
    )
    tab.locator(".chip.on:nth-child(7)").wait_for()
    open_part(tab, "Compress")
    tab.locator(".verdict", has_text="bytes").wait_for()
    tab.locator(".q").evaluate("""(q) => {
      const scene = element => { element.value = 12; element.dispatchEvent(new Event('change')); };
      scene(document.querySelector('input.scene'));
      q.value = 20; q.dispatchEvent(new Event('input')); }""")
    tab.wait_for_function(
        "(({ quality, scene }) => quality === 20 && scene === 12)(genai.parts['autoencoder/compress'].settings)"
    )
    open_part(tab, "Denoise")
    tab.locator(".after", has_text="PSNR").wait_for()
    for _ in range(3):
        tab.get_by_role("button", name="Other noise").dispatch_event("click")
    tab.wait_for_function("genai.parts['autoencoder/denoise'].settings.seed === 3")


def test_an_autoencoder_learns_beside_pca_and_stops(tab):
    open_part(tab, "Train")
    tab.get_by_role("button", name="Train", exact=True).locator("visible=true").click()
    tab.wait_for_function(
        """Number([...document.querySelectorAll('.progress')].find((p) => p.checkVisibility())
        ?.textContent.match(/step (\\d+)/)?.[1]) >= 20""",
        timeout=TRAINING,
    )
    tab.get_by_role("button", name="Stop", exact=True).locator("visible=true").click()
    tab.wait_for_function("!genai.parts['autoencoder/train'].running", timeout=TRAINING)
    assert float(tab.locator(".pca").inner_text()) > 0

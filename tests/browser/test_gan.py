import pytest

from benchmarks._browser import open_part, open_tab, serve, show_preset, visit
from demos._ui import validation
from tests.core.data import mirror


@pytest.fixture
def tab(page):
    open_tab(page, "gan")
    open_part(page, "Lab")
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
    tab.get_by_role("button", name="One step of D").click()  # goes on from the last frame, which may come after Pause
    plays(tab, paused + 1)
    tab.wait_for_function("!genai.parts['gan/lab'].running")
    paused = step(tab)
    tab.get_by_role("button", name="One step of D").click()
    plays(tab, paused + 1)
    assert step(tab) == paused + 1
    tab.get_by_role("button", name="Play").click()
    plays(tab, paused + 11)
    tab.get_by_role("button", name="Reset").click()
    tab.wait_for_function("document.querySelector('.step').textContent === '0'")


SLOW = """const fetched = window.fetch;
window.fetch = async (...given) => {
  if (String(given[1]?.body).includes('"%s"')) await new Promise((r) => setTimeout(r, 3000));
  return fetched(...given);
};"""


def test_a_game_that_is_begun_before_the_stage_has_come_goes_on(window, url):
    with visit(window, url) as page:
        page.add_init_script(SLOW % "start")
        page.goto(f"{url}/?tab=gan&part=lab")
        page.get_by_role("button", name="Play", exact=True).locator("visible=true").click()
        page.wait_for_timeout(4000)  # what the stage begins with has come
        assert page.evaluate("genai.parts['gan/lab'].running")
        plays(page, 30)
        assert page.locator(".plane").evaluate(BLUE) > 50  # the real points


def test_a_preset_starts_its_game(tab):
    show_preset(tab, "Mode collapse")
    plays(tab, 50)
    assert tab.locator(".modes").text_content().endswith("of 25")


def test_a_drawing_becomes_the_data(tab):
    tab.get_by_label("Real points").locator("visible=true").select_option("my drawing")
    tab.get_by_text("Draw your own distribution").wait_for()
    tab.locator(".plane").scroll_into_view_if_needed()
    box = tab.locator(".plane").bounding_box()
    tab.mouse.move(box["x"] + 100, box["y"] + 100)
    tab.mouse.down()
    tab.mouse.move(box["x"] + 300, box["y"] + 300, steps=15)
    tab.mouse.up()
    drawing = tab.evaluate("genai.parts['gan/lab'].settings.drawn")
    assert len(drawing.split(",")) >= 20
    tab.get_by_role("button", name="Play").click()
    plays(tab, 10)


BLUE = """(c) => { const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; let n = 0;
for (let k = 0; k < d.length; k += 4) n += d[k] < 120 && d[k + 2] > 180; return n; }"""


def shows(tab, blue):
    """Wait until so many of the plane's pixels are blue."""
    tab.wait_for_function(f"n => ({BLUE})(document.querySelector('.plane')) === n", arg=blue)


ROWS = "\n".join(["height;weight", *(f"{k},5;{2 * k}" for k in range(1200))])
PASTE = """(text) => {
  const clipboardData = new DataTransfer();
  clipboardData.setData('text', text);
  document.querySelector('.plane').dispatchEvent(new ClipboardEvent('paste', { bubbles: true, clipboardData }));
}"""


def test_points_of_a_file_or_pasted_become_the_data(tab):
    tab.get_by_label("Real points").locator("visible=true").select_option("my drawing")
    tab.locator(".hint-draw").wait_for()
    settings = "genai.parts['gan/lab'].settings.drawn.split(',').map(Number)"
    csv = {"name": "points.csv", "mimeType": "text/csv", "buffer": ROWS.encode()}
    tab.locator(".hint-draw input").set_input_files(csv)
    tab.get_by_text("Of 1,200 points, 400 are used. They are moved and scaled into the window.").wait_for()
    numbers = tab.evaluate(settings)
    assert len(numbers) == 800
    assert (max(numbers), min(numbers)) == (1, -1)  # 0.8 of the window to both sides
    assert max(numbers[::2]) == 0.5  # one scale for both axes
    tab.evaluate(PASTE, "0.5, -1\n-0.25\t1,25\n0 0")
    tab.wait_for_function("genai.parts['gan/lab'].settings.drawn === '0.5,-1,-0.25,1.25,0,0'")
    tab.evaluate(PASTE, "0.5, -1\n0.5, north")
    tab.get_by_text("Row 2 does not begin with two numbers").wait_for()
    assert tab.evaluate(settings) == [0.5, -1, -0.25, 1.25, 0, 0]
    tab.get_by_role("button", name="Play").click()
    plays(tab, 10)


def test_a_drawing_outlives_reset_and_goes_with_picture_and_link(tab, tmp_path):
    tab.get_by_label("Real points").locator("visible=true").select_option("my drawing")
    tab.get_by_text("Draw your own distribution").wait_for()
    box = tab.locator(".plane").bounding_box()
    tab.mouse.move(box["x"] + 100, box["y"] + 100)
    tab.mouse.down()
    tab.mouse.move(box["x"] + 300, box["y"] + 300, steps=15)
    tab.mouse.up()
    drawn = tab.locator(".plane").evaluate(BLUE)
    assert drawn > 50
    bar = tab.locator(".share:visible")
    with tab.expect_download() as waiting:  # before anything else is pressed
        bar.get_by_role("button", name="Save PNG").click()
    file = tmp_path / "drawing.png"
    waiting.value.save_as(file)
    assert validation.settings_in(file.read_bytes())["drawn"]
    tab.get_by_role("button", name="Reset").click()
    tab.wait_for_timeout(1000)
    shows(tab, drawn)
    tab.get_by_label("Real points").locator("visible=true").select_option("spiral")
    tab.wait_for_function("genai.parts['gan/lab'].settings.data === 'spiral'")
    bar.locator("input.open").set_input_files(file)
    tab.get_by_text("Settings restored from the picture.").wait_for()
    shows(tab, drawn)
    bar.get_by_role("button", name="Copy link").click()
    bar.locator(".address").wait_for()
    tab.goto(bar.locator(".address").input_value())
    tab.wait_for_function("window.genai?.parts['gan/lab']?.settings?.drawn")
    shows(tab, drawn)


def test_a_training_ends_ones_own_in_another_part(tab):
    tab.get_by_role("button", name="Play").click()
    plays(tab, 10)
    open_tab(tab, "vae")
    open_part(tab, "Train")
    tab.get_by_role("button", name="Train", exact=True).locator("visible=true").click()
    assert not tab.evaluate("genai.parts['gan/lab'].running")
    tab.wait_for_function(
        "Number(document.querySelector('.progress')?.textContent.match(/step (\\d+)/)?.[1]) >= 10", timeout=120_000
    )
    open_tab(tab, "gan")
    tab.get_by_text("another training was started").wait_for()


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
    sheet.get_by_text("of 36 by the discriminator").wait_for()
    sheet.wait_for_function(
        "/the median is|pictures of this generator/.test(document.querySelector('.copying').textContent)",
        timeout=120_000,
    )
    sheet.get_by_role("button", name="Drive it with sliders").click()
    sheet.wait_for_function("genai.current === 'gan/directions' && genai.parts[genai.current].settings.index !== 0")
    sheet.locator(".across button").nth(9).wait_for()


PROGRAM = """import runpy, sys
from torchvision import datasets
from genai_core.data import fetching
datasets.MNIST.mirrors, datasets.MNIST.resources = [{address!r}], {resources!r}
fetching.SIZES["mnist"] = {sizes!r}
sys.argv[0] = "app.py"
runpy.run_path("app.py", run_name="__main__")
"""


def test_a_data_set_that_is_not_there_is_fetched_and_its_neighbours_shown(chromium, tmp_path):
    packed = mirror.files()
    sizes = {name: len(data) for name, data in packed.items()}
    served = dict.fromkeys(packed, b"another file")  # as a network that lets nothing through answers
    with mirror.mirror(served) as (address, _):
        program = PROGRAM.format(address=address, resources=mirror.sums(packed), sizes=sizes)
        process, url = serve(["-c", program], {"HF_HUB_OFFLINE": "1", "GENAI_DATA": str(tmp_path)})
        try:
            with visit(chromium, f"{url}/?tab=gan&part=samples") as page:
                page.locator(".sheet button").nth(2).click()
                page.get_by_text("other pictures of this generator").wait_for(timeout=120_000)
                page.get_by_role("button", name="Fetch MNIST").click()
                page.get_by_text("MNIST could not be fetched").wait_for()
                assert page.get_by_alt_text("generated picture").count() == 5
                served.update(packed)
                page.get_by_role("button", name="Fetch MNIST").click()
                page.get_by_text("for a test picture, which no one has copied").wait_for(timeout=60_000)
                assert page.get_by_alt_text("training picture").count() == 5
                assert page.get_by_role("button", name="Fetch MNIST").count() == 0
        finally:
            process.terminate()
            process.wait(10)


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
    show_preset(tab, "A garment")
    tab.get_by_text("until it is no trousers any more").wait_for()


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


def test_interpolations_are_there_when_opened(tab):
    open_part(tab, "Interpolate")
    tab.get_by_alt_text("spherical path").first.wait_for()


def test_the_labs_picture_and_link_bring_its_settings_back(tab, tmp_path):
    tab.evaluate("() => {" + SLOW % "show" + "}")  # what is saved at once is what was chosen, however slow the line is
    tab.get_by_label("Real points").locator("visible=true").select_option("spiral")
    with tab.expect_download() as waiting:
        tab.get_by_role("button", name="Save PNG").first.click()
    file = tmp_path / "lab.png"
    waiting.value.save_as(file)
    assert validation.settings_in(file.read_bytes())["data"] == "spiral"
    tab.wait_for_function("location.search.includes('data=spiral')")
    tab.goto(tab.url)
    tab.wait_for_function("window.genai?.parts['gan/lab']?.settings?.data === 'spiral'")
    assert tab.get_by_label("Real points").locator("visible=true").input_value() == "spiral"

import base64

import pytest

from benchmarks._browser import open_part, open_tab, requests_of, show_preset
from demos._ui import validation

JOB = 120_000  # ms: the worker has low priority, and starts with an import of torch


@pytest.fixture
def tab(page):
    open_tab(page, "diffusion")
    open_part(page, "Denoise")
    page.wait_for_function("document.querySelector('.at')?.max === '20'")
    return page


def canvas(tab, selector):
    return tab.locator(selector).first.evaluate("(c) => c.toDataURL()")


def changed(tab, before, selector, timeout=30_000):
    tab.wait_for_function(
        "([s, b]) => document.querySelector(s).toDataURL() !== b", arg=[selector, before], timeout=timeout
    )


def set_range(tab, selector, value):
    tab.locator(selector).first.evaluate(
        "(s, v) => { s.value = v; s.dispatchEvent(new Event('input')); s.dispatchEvent(new Event('change')); }", value
    )


def fill(tab, control, value):
    field = tab.get_by_label(f"{control}, exact").locator("visible=true")
    field.fill(value)
    field.press("Enter")


def where(tab, text):
    tab.wait_for_function("t => document.querySelector('.where')?.textContent.includes(t)", arg=text)


def test_a_run_streams_is_scrubbed_without_a_request_and_branched(tab, tmp_path):
    show_preset(tab, "Only 8 steps")
    where(tab, "step 8 of 8")
    asked = requests_of(tab)
    seen = set()
    for step in (0, 3, 7):
        set_range(tab, ".at", step)
        seen.add(canvas(tab, ".big-x"))
        seen.add(canvas(tab, ".big-x0"))
    assert len(seen) == 6
    assert not asked
    set_range(tab, ".at", 4)
    before = canvas(tab, ".big-x")
    tab.get_by_role("button", name="Branch from here").click()
    tab.get_by_text("A branch from step 5").wait_for()
    where(tab, "step 8 of 8 · the sample")
    ended = canvas(tab, ".big-x")
    settings = saved(tab, tmp_path / "branch.png")
    set_range(tab, ".at", 4)
    assert canvas(tab, ".big-x") == before
    assert (settings["branch_step"], settings["label"]) == (4, "7")
    link = tab.evaluate("genai.link(genai.current)")
    tab.goto(link)
    where(tab, "the sample")
    assert canvas(tab, ".big-x") == ended
    assert tab.evaluate("genai.link(genai.current)") == link


def saved(tab, file):
    """The settings in the picture that Save PNG gives of the part shown."""
    with tab.expect_download() as waiting:
        tab.get_by_role("button", name="Save PNG").locator("visible=true").click()
    waiting.value.save_as(file)
    return validation.settings_in(file.read_bytes())


def test_what_was_not_sampled_is_not_saved(tab, tmp_path):
    before = canvas(tab, ".big-x")
    tab.get_by_label("Class").locator("visible=true").first.select_option("9")
    assert saved(tab, tmp_path / "run.png")["label"] == "some of each"
    assert "label=9" not in tab.evaluate("genai.link(genai.current)")
    assert canvas(tab, ".big-x") == before


def test_every_step_of_a_long_run_can_be_scrubbed(tab):
    fill(tab, "Steps", "40")
    tab.get_by_role("button", name="Sample", exact=True).click()
    where(tab, "step 40 of 40")
    for step in (1, 17, 33):
        set_range(tab, ".at", step)
        where(tab, f"step {step + 1} of 40")


def test_a_run_is_stopped_midway(tab):
    for control, most in (("Steps", "200"), ("Guidance (1 = off)", "4")):  # the longest run
        fill(tab, control, most)
    tab.get_by_label("Sampler").locator("visible=true").select_option("Heun, probability-flow ODE")
    tab.get_by_role("button", name="Sample", exact=True).click()
    where(tab, "of 200")
    tab.get_by_role("button", name="Stop").first.click()
    tab.wait_for_timeout(1500)
    stopped = tab.locator(".where").first.text_content()
    tab.wait_for_timeout(1500)
    assert tab.locator(".where").first.text_content() == stopped
    assert "step 200 of" not in stopped
    set_range(tab, ".at", 0)
    where(tab, "step 1 of 200")


def test_a_link_to_a_long_run_is_streamed(page, url):
    page.goto(f"{url}/?tab=diffusion&sampler=Heun, probability-flow ODE&steps=200&guidance=4&seed=5&label=7")
    page.wait_for_function(
        "Number(document.querySelector('.where')?.textContent.match(/^step ([0-9]+) of 200/)?.[1]) > 3"
    )
    assert page.evaluate("genai.parts['diffusion/denoise'].running")
    settings = page.evaluate("genai.parts['diffusion/denoise'].settings")
    assert (settings["seed"], settings["label"], settings["steps"]) == (5, "7", 200)
    assert page.get_by_label("Seed", exact=True).locator("visible=true").input_value() == "5"
    page.get_by_role("button", name="Stop").first.click()


def test_the_race_is_there_when_opened_and_runs_again(tab):
    open_part(tab, "Race")
    tab.locator(".race img").nth(35).wait_for()
    before = tab.locator(".race img").first.get_attribute("src")
    tab.get_by_label("50", exact=True).check()
    tab.wait_for_function("b => document.querySelector('.race img').getAttribute('src') !== b", arg=before)


def test_the_forward_process_follows_the_pointer_without_a_request(tab):
    open_part(tab, "Forward")
    tab.locator(".three canvas").nth(2).wait_for()
    asked = requests_of(tab)
    before = canvas(tab, ".three canvas")
    tab.locator(".at:visible").evaluate("(s) => { s.value = 900; s.dispatchEvent(new Event('input')); }")
    changed(tab, before, ".three canvas")
    assert not asked
    before = canvas(tab, ".three canvas")
    tab.get_by_role("button", name="New noise").click()
    changed(tab, before, ".three canvas")


def mask(tab):
    """The pixels that are to be filled in, 784 bytes."""
    return base64.b64decode(tab.evaluate("genai.parts['diffusion/inpaint'].form.values().mask"))


def test_a_click_draws_a_dot(tab):
    open_part(tab, "Inpaint")
    tab.wait_for_function("genai.part('diffusion/inpaint').settings")
    tab.get_by_role("button", name="Clear").locator("visible=true").click()
    tab.get_by_role("button", name="Draw", exact=True).locator("visible=true").click()
    tab.locator(".sheet .pad").click(position={"x": 100, "y": 100})
    pixels = base64.b64decode(tab.evaluate("genai.parts['diffusion/inpaint'].form.values().pixels"))
    assert 1 <= sum(value > 127 for value in pixels) <= 12


def test_what_is_painted_over_is_filled_in(tab):
    open_part(tab, "Inpaint")
    tab.wait_for_function("genai.part('diffusion/inpaint').settings")
    tab.get_by_role("button", name="Uncover all").click()
    tab.locator(".veil").scroll_into_view_if_needed()
    box = tab.locator(".veil").bounding_box()
    tab.mouse.move(box["x"] + 60, box["y"] + 140)
    tab.mouse.down()
    tab.mouse.move(box["x"] + 220, box["y"] + 140)  # at once
    tab.mouse.up()
    row = mask(tab)[14 * 28 :][:28]
    assert row.strip(b"\0") == row[4:24] == b"\xff" * 20  # from pixel 6 to 22, and the brush's radius of 2.4
    before = canvas(tab, ".made canvas")
    tab.get_by_role("button", name="Fill in").click()
    tab.get_by_text("every known pixel is as it was").wait_for(timeout=JOB)
    assert canvas(tab, ".made canvas") != before


def test_a_denoiser_of_points_is_trained_and_its_particles_flow(tab):
    open_part(tab, "Lab")
    tab.get_by_role("button", name="Train", exact=True).click()
    tab.wait_for_function("Number(document.querySelector('.step').textContent.replaceAll(',', '')) >= 100", timeout=JOB)
    tab.get_by_role("button", name="Stop").locator("visible=true").click()
    tab.wait_for_timeout(1500)
    before = canvas(tab, ".plane")
    set_range(tab, ".level", 4)
    changed(tab, before, ".plane")
    before = canvas(tab, ".plane")
    set_range(tab, ".time", 0)
    changed(tab, before, ".plane")
    assert tab.locator(".level").input_value() == "4"  # the arrows are those of the particles' noise level
    set_range(tab, ".time", 20)
    assert tab.locator(".level").input_value() == "0"
    assert float(tab.locator(".loss").text_content()) > float(tab.locator(".exact").text_content()) > 0


def test_a_saved_picture_brings_the_run_back(tab, tmp_path):
    tab.get_by_label("Seed", exact=True).locator("visible=true").fill("17")
    tab.get_by_role("button", name="Sample", exact=True).click()
    tab.wait_for_function("genai.parts[genai.current].settings.seed === 17 && !genai.parts[genai.current].running")
    with tab.expect_download() as waiting:
        tab.get_by_role("button", name="Save PNG").locator("visible=true").click()
    file = tmp_path / "run.png"
    waiting.value.save_as(file)
    assert validation.settings_in(file.read_bytes())["seed"] == 17
    tab.get_by_label("Seed", exact=True).locator("visible=true").fill("3")
    tab.locator(".share:visible input.open").set_input_files(file)
    tab.get_by_text("Settings restored from the picture.").wait_for()
    assert tab.get_by_label("Seed", exact=True).locator("visible=true").input_value() == "17"


def test_the_hub_says_in_one_sentence_that_it_cannot_be_reached(tab):
    open_part(tab, "Hub")
    tab.get_by_role("button", name="Draw", exact=True).click()
    tab.get_by_text("could not be loaded").first.wait_for(timeout=JOB)

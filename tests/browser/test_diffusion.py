import pytest

from demos import _checks
from tests.browser.steps import open_part

JOB = 120_000  # ms: the worker has low priority, and starts with an import of torch


@pytest.fixture
def tab(page):
    page.get_by_role("tab", name="Diffusion").click()
    page.wait_for_function("document.querySelector('.at')?.max === '19'")
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


def where(tab, text):
    tab.wait_for_function("t => document.querySelector('.where').textContent.includes(t)", arg=text)


def test_a_run_streams_is_scrubbed_without_a_request_and_branched(tab):
    tab.get_by_role("button", name="Only 8 steps").click()
    where(tab, "step 8 of 8")
    asked = []
    tab.on("request", lambda r: asked.append(r.url) if "/gradio_api/" in r.url and "heartbeat" not in r.url else None)
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
    tab.get_by_text("Branch 1 from step 5").wait_for()
    where(tab, "step 8 of 8")
    set_range(tab, ".at", 4)
    assert canvas(tab, ".big-x") == before


def test_every_step_of_a_long_run_can_be_scrubbed(tab):
    tab.get_by_label("number input for Steps").fill("40")
    tab.get_by_label("number input for Steps").press("Enter")
    tab.get_by_role("button", name="Sample", exact=True).click()
    where(tab, "step 40 of 40")
    for step in (1, 17, 33):
        set_range(tab, ".at", step)
        where(tab, f"step {step + 1} of 40")


def test_a_run_is_stopped_midway(tab):
    for control, most in (("Steps", "200"), ("Guidance", "4")):  # the longest run
        field = tab.get_by_label(f"number input for {control}")
        field.fill(most)
        field.press("Enter")
    tab.get_by_label("Sampler").first.click()
    tab.get_by_role("option", name="Heun, probability-flow ODE").click()
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


def test_the_race_is_there_when_opened_and_runs_again(tab):
    open_part(tab, "Race")
    tab.locator(".race img").nth(35).wait_for()
    before = tab.locator(".race img").first.get_attribute("src")
    tab.get_by_label("50", exact=True).check()
    tab.wait_for_function("b => document.querySelector('.race img').getAttribute('src') !== b", arg=before)


def test_the_forward_process_follows_the_pointer_without_a_request(tab):
    open_part(tab, "Forward")
    tab.locator(".three canvas").nth(2).wait_for()
    asked = []
    tab.on("request", lambda r: asked.append(r.url) if "component_server" in r.url else None)
    before = canvas(tab, ".three canvas")
    tab.locator(".at:visible").evaluate("(s) => { s.value = 900; s.dispatchEvent(new Event('input')); }")
    changed(tab, before, ".three canvas")
    assert not asked
    before = canvas(tab, ".three canvas")
    tab.get_by_role("button", name="New noise").click()
    changed(tab, before, ".three canvas")


def test_what_is_painted_over_is_filled_in(tab):
    open_part(tab, "Inpaint")
    tab.locator(".made canvas").first.wait_for()
    tab.get_by_role("button", name="Uncover all").click()
    tab.locator(".veil").scroll_into_view_if_needed()
    box = tab.locator(".veil").bounding_box()
    tab.mouse.move(box["x"] + 60, box["y"] + 140)
    tab.mouse.down()
    tab.mouse.move(box["x"] + 220, box["y"] + 150, steps=20)
    tab.mouse.up()
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


def test_a_saved_picture_brings_the_run_back(tab, tmp_path):
    tab.get_by_label("Seed").first.fill("17")
    with tab.expect_download() as waiting:
        tab.get_by_role("button", name="Save PNG").first.click()
    file = tmp_path / "run.png"
    waiting.value.save_as(file)
    assert _checks.settings_in(file.read_bytes())["seed"] == 17
    tab.get_by_label("Seed").first.fill("3")
    tab.locator("input.open").first.set_input_files(file)
    tab.get_by_text("Settings restored from the picture.").wait_for()
    assert tab.get_by_label("Seed").first.input_value() == "17"


def test_the_hub_says_in_one_sentence_that_it_cannot_be_reached(tab):
    open_part(tab, "Hub")
    tab.get_by_role("button", name="Draw", exact=True).click()
    tab.get_by_text("could not be loaded").first.wait_for(timeout=JOB)

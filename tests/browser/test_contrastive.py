"""The Contrastive tab in a browser: a training, two views by hand, a row of the batch, two things, neighbours."""

import pytest

from benchmarks._browser import open_part, open_tab

TRAINING = 120_000  # ms: the worker has low priority, and starts with an import of torch
FIRST = 90_000  # ms: what comes before the first map imports scikit-learn


@pytest.fixture
def tab(page):
    open_tab(page, "contrastive")
    return page


def text(page, selector):
    return page.locator(selector).locator("visible=true").first.inner_text()


def test_a_training_moves_the_pictures_and_stops(tab):
    open_part(tab, "Train")
    tab.get_by_text("Untrained. Press Train").wait_for()
    before = tab.evaluate("document.querySelector('.control-contrastive-train .plane').toDataURL()")
    tab.get_by_role("button", name="Train", exact=True).locator("visible=true").click()
    tab.wait_for_function(
        "parseInt(document.querySelector('.control-contrastive-train .progress').textContent.slice(5)) >= 30",
        timeout=TRAINING,
    )
    tab.get_by_role("button", name="Stop", exact=True).locator("visible=true").click()
    assert tab.evaluate("document.querySelector('.control-contrastive-train .plane').toDataURL()") != before
    assert "%" in text(tab, ".control-contrastive-train .shape")


def test_a_slider_changes_a_view_and_a_tap_shows_the_softmax_of_a_row(tab):
    open_part(tab, "Views")
    tab.locator(".control-contrastive-views button.line").nth(11).wait_for()
    before = text(tab, ".control-contrastive-views .readers")
    tab.get_by_role("button", name="Second view", exact=True).locator("visible=true").click()
    hue = tab.get_by_role("slider", name="hue")
    hue.focus()
    for _ in range(4):
        hue.press("ArrowRight")
    tab.wait_for_function(
        "(before) => document.querySelector('.control-contrastive-views .readers').innerText !== before", arg=before
    )
    line = tab.locator(".control-contrastive-views button.line").nth(3)
    line.focus()
    line.press("Enter")
    tab.get_by_text("The outlined row, the first view of picture 4").wait_for()
    said = text(tab, ".row-said")
    tab.get_by_role("slider", name="Temperature").locator("visible=true").press("Home")
    tab.wait_for_function("(said) => document.querySelector('.row-said').innerText !== said", arg=said)
    assert tab.evaluate("document.activeElement.className") == "temperature"


def test_two_things_differ_in_the_attribute_that_is_chosen(tab):
    open_part(tab, "Forget")
    stage = tab.locator(".control-contrastive-forget")
    stage.get_by_role("cell").first.wait_for()
    stage.get_by_label("They differ in").select_option("shape")
    stage.get_by_text("circle", exact=True).locator("visible=true").last.wait_for()
    stage.get_by_label("the other").select_option("star")
    stage.locator("figcaption", has_text="star").wait_for()
    stage.get_by_label("one is").select_option("star")
    stage.locator(".said", has_text="choose two that differ").wait_for()
    assert stage.get_by_label("one is").input_value() == "circle"


def test_a_neighbour_that_is_pressed_is_looked_for_and_noise_is_far_from_all(tab):
    open_part(tab, "Find")
    stage = tab.locator(".control-contrastive-find")
    hits = stage.locator(".hits button")
    hits.nth(39).wait_for(timeout=TRAINING)  # five rows of eight, for which the scenes are embedded once
    assert stage.locator(".agree span").count() == 5 * 6
    hit = hits.nth(17)
    said = hit.get_attribute("aria-label")
    hit.focus()
    hit.press("Enter")
    stage.locator(".about", has_text=said.partition(",")[0] + ":").wait_for()  # "Scene 12: ..."
    assert tab.evaluate("document.activeElement.tagName") == "BUTTON"
    pixels = "document.querySelector('.control-contrastive-find .query').toDataURL()"
    before = tab.evaluate(pixels)
    stage.get_by_label("Look for").first.select_option("noise")
    stage.locator(".about", has_text="Noise").wait_for()
    tab.wait_for_function(f"(before) => {pixels} !== before", arg=before)
    assert stage.locator(".agree span").count() == 0
    assert stage.locator(".reader.far").count() == 5
    before = tab.evaluate(pixels)
    stage.get_by_role("button", name="Another").click()
    tab.wait_for_function(f"(before) => {pixels} !== before", arg=before)


def test_arrow_keys_show_a_scene_of_the_map_and_another_embedding_moves_it(tab):
    open_part(tab, "Map")
    stage = tab.locator(".control-contrastive-map")
    stage.get_by_text("all 128 numbers").wait_for(timeout=FIRST)
    shown = stage.locator(".map")
    shown.focus()
    shown.press("ArrowRight")
    first = stage.locator(".what").inner_text()
    assert ", on " in first
    shown.press("ArrowLeft")
    tab.wait_for_function("(first) => document.querySelector('.what').innerText !== first", arg=first)
    before = tab.evaluate("document.querySelector('.control-contrastive-map .map').toDataURL()")
    tab.get_by_role("combobox", name="Embedding").locator("visible=true").select_option("pixels")
    stage.get_by_text("all 3,072 numbers").wait_for()
    tab.wait_for_function(
        "(before) => document.querySelector('.control-contrastive-map .map').toDataURL() !== before", arg=before
    )
    stage.get_by_role("button", name="navy").click()
    assert stage.get_by_role("button", name="navy").get_attribute("aria-pressed") == "true"


def test_there_are_as_many_sheets_as_clusters(tab):
    open_part(tab, "Cluster")
    stage = tab.locator(".control-contrastive-cluster")
    stage.locator("figure").nth(5).wait_for(timeout=FIRST)
    assert stage.locator("figure").count() == 6
    k = tab.get_by_role("slider", name="k, clusters").locator("visible=true")
    k.focus()
    k.press("ArrowLeft")
    stage.locator("figure").nth(5).wait_for(state="detached")
    sizes = [int(text.split()[0]) for text in stage.locator("figcaption").all_inner_texts()]
    assert len(sizes) == 5
    assert sum(sizes) == 400
    stage.get_by_text("With the next seed").wait_for()

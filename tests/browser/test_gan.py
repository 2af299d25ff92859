import pytest


@pytest.fixture
def tab(page):
    page.get_by_role("tab", name="GAN").click()
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
    tab.get_by_role("button", name="One step of D").click()
    plays(tab, paused + 1)
    assert step(tab) == paused + 1
    tab.get_by_role("button", name="Play").click()
    plays(tab, paused + 11)
    tab.get_by_role("button", name="Reset").click()
    tab.wait_for_function("document.querySelector('.step').textContent === '0'")


def test_a_preset_starts_its_game(tab):
    tab.get_by_role("button", name="Mode collapse").click()
    plays(tab, 50)
    assert tab.locator(".modes").text_content().endswith("of 25")


def test_a_drawing_becomes_the_data(tab):
    tab.get_by_label("Real points").click()
    tab.get_by_role("option", name="my drawing").click()
    tab.get_by_text("Draw your own distribution").wait_for()
    tab.locator(".plane").scroll_into_view_if_needed()
    box = tab.locator(".plane").bounding_box()
    tab.mouse.move(box["x"] + 100, box["y"] + 100)
    tab.mouse.down()
    tab.mouse.move(box["x"] + 300, box["y"] + 300, steps=15)
    tab.mouse.up()
    tab.get_by_role("button", name="Play").click()
    plays(tab, 10)

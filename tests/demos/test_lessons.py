"""Lessons that are shipped: every step opens, names what there is, and can be read by the page."""

from urllib.parse import parse_qsl

import pytest

import app
from demos import lessons
from demos._ui import errors, tab
from demos._ui.bundle import template

STEPS = [(name, k, step) for name, one in lessons.shipped().items() for k, step in enumerate(one["steps"])]


def test_there_is_one_for_every_tab_and_one_across_them():
    tabs = [{dict(parse_qsl(step["link"]))["tab"] for step in one["steps"]} for one in lessons.shipped().values()]
    assert max(tabs, key=len) >= {"autoencoder", "vae", "flow", "gan", "diffusion"}
    assert {one.id for one in app.TABS} == {next(iter(each)) for each in tabs if len(each) == 1}


@pytest.mark.parametrize(("name", "k", "step"), STEPS, ids=[f"{name}-{k + 1}" for name, k, _ in STEPS])
def test_a_step_opens_and_the_presets_it_speaks_of_are_there(name, k, step):
    found = tab.opened(app.TABS, dict(parse_qsl(step["link"], strict_parsing=True)))
    assert found["part"] == dict(parse_qsl(step["link"]))["part"]
    assert 20 < len(step["text"]) <= 400
    assert step["text"].rstrip("”").endswith((".", "?"))
    part = next(one for one in app.TABS if one.id == found["tab"]).part(found["part"])
    if "Press “" in step["text"]:
        label = step["text"].split("Press “")[1].split("”")[0]
        assert label in [preset.label for preset in part.presets]
    elif "Press " in step["text"] or "press " in step["text"]:
        label = step["text"].split("ress ")[1].split(",")[0].split(".")[0]
        assert (
            label in [action.label for action in part.actions]
            or f">{label}<" in template(f"{found['tab']}/{part.id}")[0]
        )


def test_an_unknown_lesson_gets_a_sentence():
    ask = errors.guarded(lessons.lesson)
    assert ask({"name": "vae"})["ok"]["title"] == lessons.shipped()["vae"]["title"]
    for bad in (None, {}, {"name": "x"}, {"name": ["vae"]}):
        assert list(ask(bad)) == ["error"]

"""The part Train: frames, own inputs, and what is saved of the stage. That tasks are learned: tests/core."""

import re
from pathlib import Path

import pytest

from demos._ui.validation import InputError
from demos.transformer import train
from genai_core.transformer import seq2seq

PART = train.PART


def test_before_a_training_the_untrained_network_is_shown():
    value = PART.value(PART.parse({}))
    assert value["step"] == 0
    assert value["wanted"] == "62951413"
    assert value["exact"] < 0.05
    assert [len(head) for head in value["attention"]] == [8, 8]
    assert all(abs(sum(row) - 1) < 0.01 for head in value["attention"] for row in head)


def test_frames_stream_and_end(monkeypatch):
    monkeypatch.setattr(train, "STEPS", 30)
    values = [value for value in train.train("add", "", "47+85", 1) if value]
    assert [value["step"] for value in values] == [25, 30]
    assert values[-1]["given"] == "47+85"
    assert values[-1]["wanted"] == "132"


def test_a_network_whose_training_has_ended_answers_other_inputs(monkeypatch):
    monkeypatch.setattr(train, "STEPS", 30)
    settings = {"task": "sort", "digits": "321", "sum": "", "seed": 77}
    assert train.answer(settings | {"sum": "1+1"}) == {}
    *_, last = (value for value in train.train(**settings) if value)
    assert "weights" not in last
    again = train.answer(settings | {"sum": "1+1"})
    assert again == last
    other = train.answer(settings | {"sum": "1+1", "digits": "54"})
    assert other["wanted"] == "45"
    assert other["step"] == 30
    assert train.answer(settings | {"sum": "1+1", "seed": 78}) == {}


def test_each_task_takes_its_own_input():
    assert train.given("sort", "321", "47+85") == "321"
    assert train.given("add", "x", "1+2") == "1+2"


@pytest.mark.parametrize(
    "bad",
    [
        *({"digits": digits} for digits in ("", "12a", "1" * 13)),
        *({"task": "add", "sum": sum} for sum in ("1+22", "")),
        {"task": "x"},
    ],
)
def test_what_is_no_input_gets_a_sentence(bad):
    with pytest.raises(InputError, match=r"^[A-Z].*\.$"):
        PART.parse(bad)


@pytest.mark.parametrize(
    "shown",
    [
        {"output": "1" * 13, "attention": []},
        {"output": "12", "attention": [[0.5]]},
        {"output": "1", "attention": [[[2.0] * 8] * 8] * 2},
        {"output": "1", "attention": "x"},
        {"output": "1", "attention": [[["a"] * 8] * 8] * 2},
        {"output": 5},
        "x",
    ],
)
def test_a_stage_that_cannot_be_is_refused(shown):
    with pytest.raises(InputError):
        train.picture(**PART.parse({}), shown=shown)


def test_a_picture_shows_what_is_on_the_stage():
    settings = PART.parse({"digits": "12"})
    frame = {"output": "21", "attention": [[[0, 1], [1, 0]], [[0.5, 0.5], [0.5, 0.5]]]}
    assert train.picture(**settings, shown=frame).tobytes() != train.picture(**settings).tobytes()
    assert train.says(**settings, shown=frame) == "12 -> 21; right: 21"


def test_presets_speak_of_what_the_tests_of_the_core_train():
    """Their inputs are those that tests/core/transformer/test_seq2seq.py looks at after as many steps and this seed."""
    told = (Path(__file__).parents[1] / "core" / "transformer" / "test_seq2seq.py").read_text(encoding="utf-8")
    assert f"steps={train.STEPS}, seed=0" in told
    for preset in PART.presets:
        settings = PART.parse(preset.given())
        assert re.search(re.escape(f'"{train.given(settings["task"], settings["digits"], settings["sum"])}"'), told)
        assert settings["task"] in seq2seq.TASKS

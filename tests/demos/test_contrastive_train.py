"""The part Train: what its presets promise, its frames, and what is saved of the stage."""

import functools

import pytest

from demos._ui.validation import InputError
from demos.contrastive import train
from demos.contrastive._api import contrastive_train
from genai_core.contrastive import live

PART = train.PART


@functools.cache
def last_frame(label):
    """Of a preset, after a shorter training: what it says is true by then."""
    (preset,) = (one for one in PART.presets if one.label == label)
    *_, last = live.train_simclr(**PART.parse(preset.given()), steps=120, seconds=600)
    return last


def test_with_colour_jitter_it_sorts_by_shape_and_forgets_colour():
    last = last_frame("No labels")
    assert last.shape > 0.9
    assert last.colour < 0.45  # a quarter by chance


def test_without_colour_jitter_it_knows_shape_and_colour():
    last = last_frame("Without the jitter")
    assert last.shape > 0.9
    assert last.colour > 0.9


def test_without_negatives_it_collapses_at_a_loss_of_nearly_nothing():
    last = last_frame("No negatives")
    assert min(last.cosines) > 0.99
    assert last.rank < 2
    assert last.loss < 0.01
    assert train.frame_value(last)["collapsed"]


def test_vicreg_does_not_collapse_and_sorts_by_shape():
    last = last_frame("VICReg")
    assert last.cosines[1] < 0.5
    assert last.rank > 2.5
    assert last.shape > 0.9
    assert last.colour < 0.45


def test_a_high_temperature_makes_clusters_dense():
    low, high = last_frame("No labels"), last_frame("Temperature 1")
    assert high.cosines[0] > 0.9 > low.cosines[0]
    assert high.rank < low.rank - 2


def test_frames_stream_and_end(monkeypatch):
    monkeypatch.setattr(train, "STEPS", 20)
    settings = PART.parse({"seed": 3})
    values = [value for value in train.train(**settings) if value]
    assert [value["step"] for value in values] == [10, 20]
    *_, figures = [value for value in contrastive_train(**settings) if value]
    assert figures["loss"] == pytest.approx(values[-1]["loss"])
    shown = {"shown": values[-1]}
    assert train.says(**settings, **shown) != train.says(**settings)
    assert train.picture(**settings, **shown).tobytes() != train.picture(**settings).tobytes()


def test_before_a_training_the_untrained_network_is_shown():
    value = PART.value(PART.parse({}))
    assert value["step"] == 0
    assert value["steps"] == train.STEPS
    assert value["loss"] is None
    assert value["collapsed"]


def test_views_show_the_augmentations_that_are_on():
    def sheet(**more):
        return train.views(**train.CHOSEN | more).tobytes()

    sheets = {sheet(**more) for more in ({}, {"crop": False}, {"jitter": False}, {"grey": False})}
    assert len(sheets) == 4


@pytest.mark.parametrize("bad", [{"objective": "x"}, {"temperature": 0}, {"temperature": "nan"}, {"crop": 3}, 5])
def test_bad_settings_get_a_sentence(bad):
    with pytest.raises(InputError, match=r"^[A-Z].*\.$"):
        PART.parse(bad)


@pytest.mark.parametrize(
    "bad", [{"scatter": "AAAA"}, {"scatter": 5}, {"positives": "AAAA"}, {"negatives": None}, {"rank": -1}, {"shape": 2}]
)
def test_a_stage_that_cannot_be_is_refused(bad):
    settings = PART.parse({})
    with pytest.raises(InputError):
        train.picture(**settings, shown=train.show(**settings) | bad)
    with pytest.raises(InputError):
        train.says(**settings, shown="x")

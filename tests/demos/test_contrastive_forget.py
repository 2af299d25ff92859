"""The part Forget: two things that differ in one attribute, the probes of the cards, and its presets."""

import pytest
import torch

from demos._ui.validation import InputError
from demos.contrastive import _models, forget
from demos.contrastive._api import contrastive_forget
from genai_core.contrastive import singles

PART = forget.PART
SCENES = 12


@pytest.mark.parametrize(
    ("label", "least"),
    [
        ("Red or orange?", "simclr-scenes-no-jitter"),
        ("Small or large?", "simclr-scenes-no-crop"),
    ],
)
def test_the_training_that_a_preset_names_finds_the_two_least_alike(label, least):
    """Of the thing that it shows, and of others in the mean."""
    (preset,) = (one for one in PART.presets if one.label == label)
    settings = PART.parse(preset.given())
    found = [forget.cosines(**settings | {"scene": i}) for i in range(SCENES)]
    mean = {name: sum(one[name] for one in found) / SCENES for name in _models.SCENES}
    for cosines in (forget.cosines(**settings), mean):
        assert min(cosines, key=cosines.__getitem__) == least


def test_with_all_augmentations_place_is_kept():
    (preset,) = (one for one in PART.presets if one.label == "Top or bottom?")
    assert forget.cosines(**PART.parse(preset.given()))["simclr-scenes"] < 0.4
    assert forget.table()["simclr-scenes"]["place"] > 0.8


def test_h_keeps_the_size_that_z_makes_less_of():
    assert forget.table()["simclr-scenes"]["size"] > 0.95


def test_jitter_costs_colour_in_what_probes_read():
    table = forget.table()
    whole, no_jitter, _ = (table[name] for name in _models.SCENES)
    assert no_jitter["colour"] > whole["colour"] + 0.05
    assert set(whole) == set(singles.ATTRIBUTES)


@pytest.mark.parametrize("attribute", list(forget.ATTRIBUTES))
def test_the_two_things_differ_in_pixels_and_every_value_is_drawn(attribute):
    first, second = forget.values(attribute)[:2]
    x = forget.pair(0, attribute, first, second)
    assert x.shape == (2, 3, _models.SIZE, _models.SIZE)
    assert not torch.equal(x[0], x[1])
    value = PART.value(PART.parse({"attribute": attribute}))
    assert value["settings"] | {"scene": 0} == {"scene": 0, "attribute": attribute, "first": first, "second": second}


def test_its_program_says_what_it_says_and_so_does_the_endpoint(capsys):
    settings = PART.parse({"scene": 7, "attribute": "shape", "first": "star", "second": "ring"})
    exec(compile(PART.code(**settings), "forget", "exec"), {})
    assert capsys.readouterr().out.strip() == PART.says(**settings)
    found = contrastive_forget(**settings)
    assert found["cosines"] == pytest.approx(forget.cosines(**settings), abs=1e-4)
    assert all(-1 <= value <= 1 for value in found["any"].values())
    assert PART.picture(**settings).width > 300


@pytest.mark.parametrize(
    "bad",
    [
        {"attribute": "age"},
        {"attribute": "colour", "first": "star"},
        {"first": "red", "second": "red"},
        {"scene": 10_000},
        {"attribute": ""},
        {"second": "🙂" * 5000},
    ],
)
def test_bad_settings_get_a_sentence(bad):
    with pytest.raises(InputError, match=r"^[A-Z].*\.$"):
        PART.parse(bad)

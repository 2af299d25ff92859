"""Layers: the ledger of the page adds up, the way back is the way there, and what its presets say is so."""

import base64
import json

import numpy as np
import pytest
import torch

from demos._ui import digits, errors
from demos.flow import _pictures, layers, likelihood
from demos.flow.layers import LEVELS, MODELS, PART
from genai_core.flows import base, variants
from genai_core.flows.ledger import roundtrip


def of(**changes):
    return PART.parse(changes)


def preset(label: str) -> dict:
    return of(**next(one for one in PART.presets if one.label == label).given())


def noise(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def masks(packed: str) -> np.ndarray:
    """[lines, 784] of 0 and 1."""
    return np.unpackbits(np.frombuffer(base64.b64decode(packed), np.uint8)).reshape(-1, 784)


@pytest.mark.parametrize("model", MODELS)
def test_the_lines_add_up_to_the_bits_of_the_picture(model):
    value = layers.travel(of(model=model, seed=4))
    x = digits.drawing(_pictures.own_digit(3))
    exact = base.bits(variants.load(model), x, generator=noise(4))
    assert sum(line["bits"] for line in value["lines"]) == pytest.approx(float(exact), abs=1e-4)
    assert value["lines"][0]["bits"] == 8
    assert json.dumps(value, allow_nan=False)


@pytest.mark.parametrize("model", MODELS)
def test_every_state_is_sent_there_and_back(model):
    value, way = layers.travel(of(model=model)), layers.journey(**of(model=model))
    n = value["layers"]
    states = np.frombuffer(base64.b64decode(value["states"]), np.int8).reshape(-1, 784)
    assert n == sum(len(scale.layers) for scale in variants.load(model).scales)
    assert len(states) == len(value["about"]) == 2 * n + 1
    assert len(value["lines"]) == n + 2
    assert np.abs(states[n + 1 :].astype(int) - states[:n][::-1]).max() <= 1  # in float32, but for rounding to a byte
    x = digits.drawing(_pictures.own_digit(3))
    for name, dtype in layers.PRECISIONS.items():
        v, back = roundtrip(variants.load(model), x, generator=noise(), dtype=dtype)
        assert torch.equal(way.back[name][-1:], back)
        assert value["errors"][name][-1] == float((back - v).abs().max())


@pytest.mark.parametrize("model", MODELS)
def test_what_is_latent_already_changes_no_more(model):
    value, way = layers.travel(of(model=model)), layers.journey(**of(model=model))
    reach, changed = masks(value["reach"]), masks(value["changed"])
    states = way.states.flatten(1).numpy()
    assert (changed <= reach).all()
    assert (np.diff(reach.astype(int), axis=0) <= 0).all()  # what has left does not come back
    for k in range(value["layers"]):
        out = reach[k + 1] == 0  # before the layer, and so from here on
        assert (states[k:, out] == states[k, out]).all()
    assert [line["count"] for line in value["lines"]] == changed.sum(1).tolist()


@pytest.mark.parametrize("model", MODELS)
def test_float32_comes_back_and_bfloat16_does_not(model):
    errors = layers.travel(of(model=model))["errors"]
    assert max(errors["float64"]) < 1e-9
    assert max(errors["float32"]) < 1e-3
    assert errors["float32"][-1] < 1e-4
    assert errors["bfloat16"][-1] > 100 * errors["float32"][-1]


def test_only_histogram_scale_and_prior_are_other_than_0_in_nice():
    lines = layers.travel(preset("Only shifts"))["lines"]
    shifts = [line["bits"] for line in lines if line["name"] == "additive coupling"]
    assert len(shifts) > 2
    assert not any(shifts)
    assert {line["name"] for line in lines if line["bits"]} == {"dequantise", "histogram", "scale", "prior"}


def test_every_other_row_has_left_after_the_first_scale():
    settings = preset("Half leave early")
    value, way = layers.travel(settings), layers.journey(**settings)
    reach = masks(value["reach"])[settings["place"]].reshape(28, 28)
    assert value["lines"][settings["place"]]["scale"] == 1
    assert reach[::2].all()
    assert not reach[1::2].any()
    later = way.states[settings["place"] - 1 :, 0, 1::2]
    assert torch.equal(later, later[:1].expand_as(later))


def test_eight_bits_lose_levels_of_grey_and_float32_loses_none():
    settings = preset("Eight bits on the way")
    way = layers.journey(**settings)
    assert way.errors("bfloat16")[-1] * LEVELS > 2
    assert way.errors("float32")[-1] * LEVELS < 0.01
    mean = float((way.back["bfloat16"][-1] - way.states[0]).abs().mean())
    assert mean * LEVELS < 0.5  # to the eye it comes back


def test_a_flat_map_multiplies_the_rounding_of_float32():
    settings = preset("Where the map is flat")
    way = layers.journey(**settings)
    x, model = _pictures.own_digits(), variants.load(settings["model"])
    v, back = roundtrip(model, x, generator=noise())
    usual = float((back - v).abs().flatten(1).amax(1).median())
    assert usual * LEVELS < 0.003
    assert way.errors("float32")[-1] > 10 * usual
    assert way.errors("float64")[-1] * LEVELS < 1e-6


def test_an_empty_picture_takes_less_than_any_digit():
    settings = preset("An empty picture")
    total = sum(line["bits"] for line in layers.travel(settings)["lines"])
    assert total < likelihood.metrics(settings["model"])["bits_quantiles"][0]
    assert 0.05 < total < 0.15


def test_presets_speak_of_places_that_there_are():
    for one in PART.presets:
        settings = of(**one.given())
        assert settings["place"] <= 2 * layers.journey(**settings).layers or settings["place"] == layers.MOST
    assert max(2 * layers.journey(**of(model=model)).layers for model in MODELS) <= layers.MOST


def test_own_digits_have_nothing_faint():
    levels = (255 * _pictures.own_digits()).round()
    assert not ((levels > 0) & (levels < _pictures.FAINT)).any()
    assert layers.example({"digit": 4}) == _pictures.own_digit(4)


def test_the_endpoint_gives_the_ledger_of_the_page():
    settings = of(model="nice-mnist", seed=2)
    image, said = layers.flow_layers.function(**settings)
    value = layers.travel(settings)
    assert [line["bits"] for line in said["ledger"]] == [line["bits"] for line in value["lines"]]
    assert said["bits"] == pytest.approx(sum(line["bits"] for line in value["lines"]))
    assert said["errors"] == {name: values[-1] for name, values in value["errors"].items()}
    assert image.size == layers.picture(**settings).size


def test_bad_requests_get_a_sentence():
    for bad in (None, [], {"model": "glow"}, {"pixels": "AAAA"}, {"place": -1}, {"precision": "int8"}, {"seed": 0.5}):
        answer = errors.guarded(layers.travel)(bad)
        assert list(answer) == ["error"]
        assert answer["error"] != errors.UNKNOWN
    for bad in (None, {}, {"digit": 10}, {"digit": "3"}):
        assert list(errors.guarded(layers.example)(bad)) == ["error"]

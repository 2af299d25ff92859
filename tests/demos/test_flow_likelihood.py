"""Likelihood: exact bits and their place among test pictures, what the presets say, missing flows, and bad requests."""

import json

import numpy as np
import pytest
import torch

from demos._ui import digits, errors
from demos.flow import _pictures, likelihood
from demos.flow.likelihood import MODELS, PART
from genai_core.common import checkpoints
from genai_core.flows import base, variants
from genai_core.flows.evaluation import BINS

FASHION = "realnvp-fashion"


def of(**changes):
    return PART.parse(changes)


def preset(label: str) -> dict:
    return of(**next(one for one in PART.presets if one.label == label).given())


def judged(**changes) -> dict:
    return likelihood.judged(**of(**changes))


@pytest.mark.parametrize("model", MODELS)
def test_bits_and_nats_are_those_of_the_density(model):
    one, x = judged(model=model, seed=7), digits.drawing(_pictures.own_digit(3))
    flow, device = variants.load(model), checkpoints.default_device()
    v = base.dequantise(x, generator=torch.Generator().manual_seed(7)).to(device)
    assert one["nats"] == pytest.approx(float(flow.log_prob(v)), rel=1e-4)
    assert one["bits"] == pytest.approx(8 - one["nats"] / (784 * np.log(2)), abs=1e-5)


@pytest.mark.parametrize("model", MODELS)
def test_percentiles_agree_with_the_histogram(model):
    value = likelihood.show(**of(model=model))
    assert json.dumps(value, allow_nan=False)
    low, high, n = BINS
    edges = np.linspace(low, high, n + 1)[1:]
    below = 100 * np.cumsum(value["counts"]) / np.sum(value["counts"])
    inner = edges < likelihood.metrics(model)["bits_quantiles"][100]
    places = np.array([likelihood.percentile(model, edge) for edge in edges])
    assert np.abs(places - below)[inner & (edges < high)].max() < 1.1
    assert value["counts"][-1] < 0.01 * sum(value["counts"])  # the bins reach far enough


@pytest.mark.parametrize("model", MODELS)
def test_a_percentile_is_the_share_that_takes_fewer_bits(model):
    quantiles = likelihood.metrics(model)["bits_quantiles"]
    assert [likelihood.percentile(model, quantiles[k]) for k in (10, 50, 90)] == pytest.approx([10, 50, 90])
    assert likelihood.percentile(model, quantiles[0] - 1) == 0
    assert likelihood.percentile(model, quantiles[100] + 9) == 100
    assert likelihood.bulk(model) == (quantiles[5], quantiles[95])


def test_a_flow_of_garments_finds_digits_likelier():
    settings, measured = preset("The surprise"), likelihood.metrics(FASHION)
    assert settings["model"] == FASHION
    one = likelihood.judged(**settings)
    assert not one["typical"]
    assert one["percentile"] < likelihood.BULK[0]
    assert measured["bits_other"] < 0.7 * measured["bits"]
    assert measured["other_above"] > 0.9
    for label in range(10):
        assert judged(model=FASHION, pixels=_pictures.own_digit(label))["bits"] < measured["bits"]
    garment = judged(model=FASHION, pixels=_pictures.drawn("garment", 0, FASHION))
    assert garment["bits"] > one["bits"]


def test_black_is_likelier_than_every_test_digit_and_not_typical():
    settings = preset("Nothing at all")
    for model in MODELS:
        one = likelihood.judged(**settings | {"model": model})
        assert one["bits"] < likelihood.metrics(model)["bits_quantiles"][0]
        assert not one["typical"]
    assert not any(digits.drawing(settings["pixels"]).flatten())


def test_one_level_of_grey_is_worse_than_a_uniform_density():
    grey, black = preset("One level of grey"), preset("Nothing at all")
    assert set((255 * digits.drawing(grey["pixels"])).round().flatten().tolist()) == {1.0}
    assert likelihood.judged(**black)["bits"] < 0.15
    assert likelihood.judged(**grey)["bits"] > 8


def test_a_haze_makes_a_digit_unlikely_and_without_it_the_digit_is_typical():
    settings = preset("A haze that nobody sees")
    x = digits.drawing(settings["pixels"])
    one = likelihood.judged(**settings)
    assert one["bits"] > likelihood.metrics(settings["model"])["bits_quantiles"][100]
    clean = _pictures.without_faint(x)
    assert likelihood.judged(**settings | {"pixels": digits.packed(clean)})["typical"]
    assert float((x - clean).mean()) < 0.02  # of white


def test_what_the_flow_draws_is_as_likely_as_test_digits():
    settings = preset("Its own")
    assert likelihood.judged(**settings)["typical"]
    model = settings["model"]
    own = [judged(model=model, pixels=_pictures.drawn("flow", s, model))["percentile"] for s in range(20)]
    assert 25 < np.median(own) < 75


def test_a_missing_flow_is_said_in_its_row_or_in_a_sentence(tmp_path, monkeypatch):
    for name in ("realnvp-mnist", "cgan-mnist"):
        (tmp_path / name).symlink_to(checkpoints.ASSETS / name)
    settings = of()
    monkeypatch.setattr(checkpoints, "ASSETS", tmp_path)
    likelihood.metrics.cache_clear()
    try:
        rows = likelihood.judge(settings)["rows"]
        assert "bits" in rows["realnvp-mnist"]
        assert f"There is no checkpoint '{FASHION}'" in rows[FASHION]["error"]
        answer = errors.guarded(likelihood.judge)(settings | {"model": FASHION})
        assert answer["error"].startswith(f"There is no checkpoint '{FASHION}'")
    finally:
        likelihood.metrics.cache_clear()


def test_every_kind_of_picture_comes_and_a_seed_repeats_it():
    for kind in _pictures.KINDS:
        asked = {"kind": kind, "seed": 1, "model": "realnvp-mnist"}
        assert likelihood.source(asked) == likelihood.source(asked)
        assert digits.drawing(likelihood.source(asked)).shape == (1, 1, 28, 28)
        assert likelihood.source(asked) != likelihood.source(asked | {"seed": 2})


def test_the_endpoint_gives_what_the_page_shows():
    settings = of(model=FASHION, seed=3)
    assert likelihood.flow_likelihood.function(**settings) == likelihood.judge(settings)["rows"][FASHION]


def test_bad_requests_get_a_sentence():
    for bad in (None, [], {"model": "nice-mnist"}, {"pixels": "AAAA"}, {"seed": -1}, {"seed": "x"}):
        answer = errors.guarded(likelihood.judge)(bad)
        assert list(answer) == ["error"]
        assert answer["error"] != errors.UNKNOWN
    good = {"kind": "noise", "seed": 1, "model": FASHION}
    for bad in (None, {}, good | {"kind": "x"}, good | {"seed": None}, good | {"model": "../x"}):
        assert list(errors.guarded(likelihood.source)(bad)) == ["error"]

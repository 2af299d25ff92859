"""Anomaly: what a detector says of a picture, what a threshold costs, what its presets say, and bad requests."""

import json

import numpy as np
import pytest
import torch

from demos._ui import errors, validation
from demos.autoencoder import _api_denoise, _samples, anomaly
from genai_core.common import checkpoints


def of(**changes):
    return anomaly.PART.parse(changes)


def preset(label):
    return of(**next(one for one in anomaly.PART.presets if one.label == label).given())


def score(settings):
    return anomaly.judge(settings)["score"]


def rates(settings):
    """Shares flagged at the threshold: of the normal class, of all others, and of each class."""
    counts = anomaly.loaded(settings["model"])[anomaly.classes(settings["model"]).index(settings["normal"])]
    k = anomaly.classes(settings["model"]).index(settings["normal"])
    flagged = counts[:, round(settings["threshold"] / anomaly.STEP) :].sum(1).double()
    others = [c for c in range(len(counts)) if c != k]
    share = flagged / counts.sum(1)
    return float(share[k]), float(flagged[others].sum() / counts[others].sum()), share


@pytest.mark.parametrize("model", anomaly.NAMES)
def test_the_first_threshold_flags_five_per_cent_of_the_normal_ones(model):
    for normal in anomaly.classes(model):
        settings = of(model=model, normal=normal)
        false_positives, _, _ = rates(settings)
        assert 0.035 < false_positives <= 0.05
        settings["threshold"] -= anomaly.STEP
        assert rates(settings)[0] > 0.05


def test_the_stage_has_every_test_picture_and_the_figures_of_the_card():
    settings = of(normal="8")
    value = anomaly.show(**settings)
    assert json.dumps(value)
    metrics = checkpoints.read_json("anomaly-mnist", "metrics.json")
    assert value["auroc"] == metrics["auroc_per_class"][8]
    assert value["mean"] == metrics["auroc"]
    assert anomaly.loaded("anomaly-mnist").sum() == 10 * 10_000


def test_its_own_pass_and_others_do_not():
    """Of the digits that our GAN draws: the threshold holds for them as for test digits, more or less."""
    for normal in "017":
        own = [score(of(normal=normal, pixels=_samples.drawn(int(normal), seed))) for seed in range(8)]
        other = [score(of(normal=normal, pixels=_samples.drawn((int(normal) + 3) % 10, seed))) for seed in range(8)]
        assert np.median(own) < of(normal=normal)["threshold"] < np.median(other)


def test_one_of_its_own_is_normal():
    settings = preset("One of its own")
    assert score(settings) < 1 < settings["threshold"]


def test_a_two_among_sevens_is_odd_where_it_says():
    settings = preset("A two among sevens")
    x, _, error, value = anomaly.judged(*(settings[key] for key in ("model", "normal", "pixels")))
    assert value > 1.5 * settings["threshold"]
    below = error[18:].clamp(max=0)  # the lower part, too dark
    assert below.square().sum() > 0.25 * error.square().sum()
    assert x[0, 0, 18:].sum() > 0


def test_eight_is_the_hardest():
    areas = checkpoints.read_json("anomaly-mnist", "metrics.json")["auroc_per_class"]
    settings = preset("The hardest")
    assert min(areas) == areas[int(settings["normal"])]
    assert max(areas) == areas[1]
    assert score(settings) < 1.1 * settings["threshold"]


def test_a_strict_threshold_costs_half_of_the_sevens():
    false_positives, caught, _ = rates(preset("A strict threshold"))
    assert false_positives == pytest.approx(0.5, abs=0.1)
    assert caught > 0.99


def test_other_shoes_are_what_is_missed_among_boots():
    settings = preset("Garments")
    _, _, share = rates(settings)
    names = anomaly.classes("anomaly-fashion")
    caught = {name: float(share[k]) for k, name in enumerate(names) if name != "ankle boot"}
    assert set(sorted(caught, key=caught.__getitem__)[:2]) == {"sneaker", "sandal"}
    sandal = of(model="anomaly-fashion", normal="ankle boot", pixels=_samples.drawn(5, 1, "fashion"))
    assert score(settings) > 2 * score(sandal)


def test_an_empty_picture_is_judged_as_well():
    answer = anomaly.judge(of(pixels=anomaly.digits.packed(torch.zeros(1, 1, 28, 28))))
    assert np.isfinite(answer["score"])


def test_bad_requests_get_a_sentence():
    judge = errors.guarded(anomaly.judge)
    for bad in (None, [], {"model": "x"}, {"normal": "11"}, {"pixels": "AAAA"}, {"threshold": -1}, {"threshold": "x"}):
        answer = judge(bad)
        assert list(answer) == ["error"]
        assert answer["error"] != errors.UNKNOWN
    for bad in ({"model": "x", "seed": 1}, {"model": "anomaly-mnist", "seed": -1}, None):
        with pytest.raises(validation.InputError):
            anomaly.example(bad)


def test_the_endpoint_gives_what_the_page_shows():
    settings = preset("A two among sevens")
    rebuilt, error, said = _api_denoise.autoencoder_anomaly.function(**settings)
    assert said == {"score": pytest.approx(score(settings)), "threshold": settings["threshold"], "odd": True}
    assert rebuilt.size == error.size == (28, 28)

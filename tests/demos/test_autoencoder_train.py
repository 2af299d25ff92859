"""The autoencoder tab's Train: frames of a live training, and what its presets promise."""

import base64

import numpy as np
import pytest

from demos.autoencoder import train
from demos.autoencoder._api import autoencoder_train
from genai_core.autoencoders import live


def last_frame(label):
    """The last frame of a preset's training."""
    (preset,) = (one for one in train.PART.presets if one.label == label)
    settings = train.PART.parse(preset.given())
    options = {"vary": train.FACTORS[settings["factors"]], "loss": settings["loss"], "linear": settings["linear"]}
    *_, last = live.train_ae(**options, seed=settings["seed"], steps=train.STEPS, seconds=600)
    return last


def test_a_map_of_positions_comes_far_below_pca():
    last = last_frame("A map of positions")
    assert last.mse < 0.1 * last.mse_pca


def test_a_linear_one_comes_to_pca_and_stays_there():
    last = last_frame("Linear")
    assert 0.98 * last.mse_pca < last.mse < 1.05 * last.mse_pca


def test_codes_of_turned_shapes_are_a_closed_line():
    """In the order of the angle, neighbours are near, and the last is near the first."""
    last = last_frame("Turned shapes")
    order = np.argsort(last.factors[:, 2])
    line = last.scatter[order].astype(float) / live.EDGE
    steps = np.linalg.norm(np.diff(line, axis=0), axis=1)
    assert np.median(steps) < 0.1
    assert np.linalg.norm(line[0] - line[-1]) < 0.25 * np.ptp(line)


def test_frames_end_with_the_steps_and_repeat_for_a_seed(monkeypatch):
    monkeypatch.setattr(train, "STEPS", 40)
    settings = train.PART.parse({})
    frames = [f for f in train.train(**settings) if f]
    assert [f["step"] for f in frames] == [10, 20, 30, 40]
    assert frames == [f for f in train.train(**settings) if f]
    assert len(base64.b64decode(frames[-1]["shade"])) == len(base64.b64decode(frames[-1]["xy"])) // 4 == 300
    *_, (sheet, figures) = [f for f in autoencoder_train() if f]
    assert figures["mse"] == pytest.approx(frames[-1]["mse"])
    assert sheet.size == (live.SIDE * 28, live.SIDE * 28)

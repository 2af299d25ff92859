"""Home: one label and one seed through four generators."""

import base64
import io
import time

import numpy as np
import pytest
import torch
from PIL import Image

from demos import _checks, _side
from genai_core import checkpoints, diffusion


def pixels(image):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(image))))


def test_each_technique_draws_the_label_from_the_seed():
    value = _side.side({"label": 7, "seed": 5})
    assert [row["title"] for row in value["rows"]] == [row.title for row in _side.ROWS]
    assert all(len(row["images"]) == _side.N for row in value["rows"])
    made = diffusion.sample(
        diffusion.load("ddpm-mnist-fewstep"),
        _side.N,
        generator=torch.Generator().manual_seed(5),
        labels=torch.full((_side.N,), 7),
        steps=4,
    )
    expected = (made[0, 0].clamp(0, 1) * 255).round().byte().numpy()
    assert np.abs(pixels(value["rows"][3]["images"][0]).astype(int) - expected).max() <= 1


def test_the_figures_are_those_of_the_cards():
    for row, shown in zip(_side.ROWS, _side.side({})["rows"], strict=True):
        card = checkpoints.read_json(row.name, "metrics.json")
        assert shown["frechet"] == card["frechet_ratio"]
        assert shown["coverage"] == card["coverage"]
        assert shown["nats"] == card.get("iw_bound")
        assert shown["ms"] > 0


def test_what_a_model_does_once_is_no_part_of_its_time(monkeypatch):
    drawn = []

    def draw(label, _generator):
        if not drawn:
            time.sleep(1)
        drawn.append(label)
        return torch.zeros(_side.N, 1, 28, 28), _side.N

    monkeypatch.setattr(_side, "ROWS", (_side.Technique("slow to begin", "vae-mnist", draw, ""),))
    assert _side.rows.__wrapped__(3, 0)[0]["ms"] < 1000 / _side.N
    assert drawn[-1] == 3


@pytest.mark.parametrize("request_", [{"label": 10}, {"label": "3"}, {"seed": -1}, {"seed": float("nan")}, []])
def test_bad_requests_get_one_sentence(request_):
    answer = _checks.guarded(_side.side)(request_)
    assert list(answer) == ["error"]
    assert answer["error"] != _checks.UNKNOWN

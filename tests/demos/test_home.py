"""Home: the cards' pictures, made by the techniques' own models, and one label and seed through four generators."""

import base64
import io
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

import app
from demos import home
from demos._ui import errors
from demos.home import comparison
from genai_core import diffusion
from genai_core.common import checkpoints


def pixels(image):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(image))))


@pytest.mark.parametrize("tab", app.TABS, ids=lambda tab: tab.id)
def test_a_card_has_a_picture_with_something_to_see(tab):
    found = home.pictures(app.TABS)({"id": tab.id})
    if "image" in found:
        assert pixels(found["image"]).std() > 10
        assert found["alt"]
        assert all(found.get("below", ["no row of texts"]))
    elif "words" in found:
        assert any(text.strip() for text, _ in found["words"])
        assert len({opacity for _, opacity in found["words"]}) > 1
    else:
        assert {"--real", "--made"} <= {ink for *_, ink in found["dots"]} <= {"--real", "--made", "--noise"}
        assert all(0 <= x <= 300 and 0 <= y <= 92 for x, y, _ in found["dots"])  # of the viewBox in cards.js
        assert found["alt"]


def test_a_cards_picture_is_made_once_a_server_and_only_when_it_is_asked_for():
    made = []
    one, other = (
        SimpleNamespace(id=id_, picture=lambda id_=id_: made.append(id_) or {"words": [[id_, 1]]})
        for id_ in ("one", "other")
    )
    picture = home.pictures([one, other])
    assert not made
    assert picture({"id": "one"}) == picture({"id": "one"}) == {"words": [["one", 1]]}
    assert made == ["one"]


@pytest.mark.parametrize("bad", [None, 5, [], {}, {"id": "x"}, {"id": ["vae"]}, {"id": None}], ids=str)
def test_a_card_that_is_not_there_gets_one_sentence(bad):
    answer = errors.guarded(home.pictures(app.TABS))(bad)
    assert list(answer) == ["error"]
    assert answer["error"] != errors.UNKNOWN


def test_each_technique_draws_the_label_from_the_seed():
    value = comparison.draw({"ask": {"label": 7, "seed": 5}})
    assert (value["label"], value["seed"]) == (7, 5)
    assert [row["title"] for row in value["rows"]] == [row.title for row in comparison.ROWS]
    assert all(len(row["images"]) == comparison.N for row in value["rows"])
    made = diffusion.sample(
        diffusion.load("ddpm-mnist-fewstep"),
        comparison.N,
        generator=torch.Generator().manual_seed(5),
        labels=torch.full((comparison.N,), 7),
        steps=4,
    )
    expected = (made[0, 0].clamp(0, 1) * 255).round().byte().cpu().numpy()
    assert np.abs(pixels(value["rows"][3]["images"][0]).astype(int) - expected).max() <= 1


def test_the_figures_are_those_of_the_cards():
    for row, shown in zip(comparison.ROWS, comparison.side({})["rows"], strict=True):
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
        return torch.zeros(comparison.N, 1, 28, 28), comparison.N

    monkeypatch.setattr(comparison, "ROWS", (comparison.Technique("slow to begin", "vae-mnist", draw, ""),))
    assert comparison.rows.__wrapped__(3, 0)[0]["ms"] < 1000 / comparison.N
    assert drawn[-1] == 3


@pytest.mark.parametrize(
    "bad", [{"label": 10}, {"label": "3"}, {"seed": -1}, {"seed": float("nan")}, [], None], ids=str
)
def test_bad_requests_get_one_sentence(bad):
    answer = errors.guarded(comparison.side)(bad)
    assert list(answer) == ["error"]
    assert answer["error"] != errors.UNKNOWN

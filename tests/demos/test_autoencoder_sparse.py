"""The part Sparse: its features add up to what is shown, and what its presets say is so."""

import base64
import io

import pytest
import torch
from PIL import Image

from demos._ui import digits, errors
from demos._ui.tab import preset_function
from demos.autoencoder import _api_sparse, sparse
from genai_core import evaluation
from genai_core.autoencoders import sparse as model


def of(label: str) -> dict:
    return preset_function(sparse.PART)({"label": label})["settings"]


def gained(settings: dict, n: int | None = None) -> float:
    """The share of the error of the mean picture that the first n features, by default all, take away."""
    errors = sparse.show(**settings)["errors"]
    return 1 - errors[-1 if n is None else n] / errors[0]


def read(settings: dict) -> int:
    sums = sparse.drawn(**settings)["sums"]
    return int(evaluation.read(evaluation.evaluation_classifier("mnist"), sums[-1:].clamp(0, 1)).argmax())


def test_the_presets_observe_what_is_shown():
    four, many, none = (of(label) for label in ("Four features", "Sixty-four", "No digit"))
    assert gained(four) > 0.5
    assert read(four) == 9
    assert gained(many, len(sparse.drawn(**many)["chosen"]) // 2) > 0.9 * gained(many)
    assert gained(none) < 0.5
    assert gained(four | {"k": none["k"]}) >= 0.75


def opened(png: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(png)))


def test_the_features_add_up_to_the_reconstruction():
    settings = sparse.PART.parse({"k": 20})
    x = digits.drawing(settings["pixels"])
    _, strengths, sums = sparse.built(model.load("sae-mnist"), x, 20)
    whole = model.load("sae-mnist")(x.flatten(1), 20).view(1, 28, 28)
    torch.testing.assert_close(sums[-1], whole, atol=1e-5, rtol=1e-4)
    assert strengths == sorted(strengths, reverse=True)
    assert len(sums) == len(strengths) + 1 <= 21


@pytest.mark.parametrize("k", [1, 16, sparse.MOST])
def test_the_stage_has_a_picture_for_each_feature(k):
    value = sparse.show(**sparse.PART.parse({"k": k}))
    assert len(value["chosen"]) <= k
    assert opened(value["columns"]).size == (28 * len(value["chosen"]), 28)
    assert opened(value["sums"]).size == (28 * len(value["errors"]), 28)


def test_an_empty_drawing_is_drawn_as_well():
    value = sparse.show(k=8, pixels=digits.packed(torch.zeros(1, 1, 28, 28)))
    assert value["errors"][-1] < 0.01
    assert sparse.picture(k=8, pixels=digits.packed(torch.zeros(1, 1, 28, 28)))


@pytest.mark.parametrize(
    "bad", [{"k": 0}, {"k": sparse.MOST + 1}, {"k": 2.5}, {"pixels": "abc"}, {"pixels": None}, 5, None]
)
def test_bad_input_is_one_sentence(bad):
    answer = errors.guarded(sparse.PART.parse)(bad)
    assert answer["error"] != errors.UNKNOWN
    assert "\n" not in answer["error"]


@pytest.mark.parametrize("bad", [None, {}, {"seed": -1}, {"seed": "x"}])
def test_an_example_of_no_seed_is_one_sentence(bad):
    assert errors.guarded(sparse.example)(bad)["error"] != errors.UNKNOWN


def test_the_endpoint_gives_what_the_page_shows():
    image, figures = _api_sparse.autoencoder_sparse(None, 12)
    value = sparse.show(**sparse.PART.parse({"k": 12}))
    assert image.size == (28, 28)
    assert figures["features"] == value["chosen"]
    assert figures["errors"] == value["errors"]

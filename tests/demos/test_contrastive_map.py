"""The part Map: where scenes lie, what their neighbours share, and its presets.

Those of the presets “Sorted by colour?” and “h or z?” are of the trained weights; the others hold for any.
"""

import base64

import numpy as np
import pytest
import torch

from demos._ui.validation import InputError
from demos.contrastive import _models, _samples, map
from demos.contrastive._api import contrastive_map
from genai_core.contrastive import singles

PART = map.PART


def settings_of(label):
    (preset,) = (one for one in PART.presets if one.label == label)
    return PART.parse(preset.given())


def space(**settings):
    return map.neighbours(**settings)["space"]


def test_an_untrained_network_sorts_by_background_and_not_by_shape():
    settings = settings_of("Before training")
    assert space(**settings) > 0.9
    found = map.neighbours(**settings | {"attribute": "shape"})
    assert found["space"] < found["chance"] + 0.1


def test_the_training_without_jitter_sorts_most_by_colour():
    settings = settings_of("Sorted by colour?")
    found = {name: space(**settings | {"embedding": name}) for name in _models.SCENES}
    assert max(found, key=found.__getitem__) == settings["embedding"]
    assert found.pop(settings["embedding"]) > max(found.values()) + 0.2


def test_more_of_the_colour_is_left_in_h_than_in_z():
    settings = settings_of("h or z?")
    assert space(**settings | {"layer": "h"}) > space(**settings)


def test_a_plane_of_pixels_hides_places_and_t_sne_keeps_them():
    settings = settings_of("What a plane hides")
    found = map.neighbours(**settings)
    assert found["space"] > 0.7 > 0.6 > found["plane"]
    assert map.neighbours(**settings | {"method": "tsne"})["plane"] > found["plane"] + 0.2
    assert sum(map.shares("pixels", "h")) < 1 / 3


def test_the_untrained_network_has_the_best_alignment_and_the_worst_uniformity():
    found = map.sphere(settings_of("Best aligned")["layer"])
    assert min(found, key=lambda name: found[name]["alignment"]) == _samples.UNTRAINED
    assert max(found, key=lambda name: found[name]["uniformity"]) == _samples.UNTRAINED


def test_the_scenes_of_the_map_were_never_trained_on():
    trained = {repr(scene) for scene in singles.draw("train/0", 0, 4_000)}
    assert not trained & {repr(scene) for scene in _samples.scenes()}
    assert len({repr(scene) for scene in _samples.scenes()}) == _samples.POINTS


@pytest.mark.parametrize("method", list(map.METHODS))
def test_the_stage_gets_a_place_and_a_value_of_every_scene(method):
    settings = PART.parse({"embedding": "pixels", "attribute": "fill", "method": method, "layer": "z"})
    assert settings["layer"] == "h"  # pixels have no other
    value = PART.value(settings)
    at = np.frombuffer(base64.b64decode(value["points"]), np.int16).reshape(-1, 2) / map.EDGE
    assert np.allclose(at, map.plane("pixels", "h", method), atol=1e-4)
    assert np.abs(at).max() == 1
    classes = np.frombuffer(base64.b64decode(value["classes"]), np.int8)
    captions = _samples.sheet({})["captions"]
    assert len(captions) == len(classes) == _samples.POINTS
    assert all(value["names"][k] in caption.split() for k, caption in zip(classes, captions, strict=True))
    assert len(value["inks"]) == len(value["names"])
    assert (value["shares"] is None) == (method == "tsne")


def test_the_stage_compares_embeddings_of_the_layer_that_is_shown():
    found = map.compare({"embedding": "untrained", "layer": "z"})
    assert found == {"layer": "z", "sphere": map.sphere("z")}
    with pytest.raises(InputError, match="Layer must be one of"):
        map.compare({"layer": "y"})


def test_the_untrained_network_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    _models.untrained.__wrapped__()
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    "given",
    [
        {"embedding": "pixels", "method": "pca"},
        {"embedding": "untrained", "layer": "z", "method": "tsne"},
        {"embedding": "simclr-scenes", "method": "pca", "attribute": "place"},
    ],
)
def test_its_program_says_what_it_says_and_so_does_the_endpoint(given, capsys):
    settings = PART.parse(given)
    exec(compile(PART.code(**settings), "map", "exec"), {})
    assert capsys.readouterr().out.strip() == PART.says(**settings)
    found = contrastive_map(**settings)
    assert len(found["points"]) == len(found["labels"]) == _samples.POINTS
    assert found["neighbours"] == pytest.approx(map.neighbours(**settings), abs=1e-4)
    assert set(found["sphere"]) == set(_samples.EMBEDDINGS)
    assert PART.picture(**settings).width > 400


@pytest.mark.parametrize(
    "bad",
    [
        {"embedding": "vae"},
        {"layer": "y"},
        {"method": "umap"},
        {"attribute": "age"},
        {"attribute": ["colour"]},
        {"embedding": "🙂" * 5000},
    ],
)
def test_bad_settings_get_a_sentence(bad):
    with pytest.raises(InputError, match=r"^[A-Z].*\.$"):
        PART.parse(bad)

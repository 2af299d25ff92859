"""The part Vision: what it shows is what the networks say, and its presets come true."""

import io
import json

import numpy as np
import pytest
import torch

from demos._ui import digits, images
from demos._ui.validation import InputError
from demos.transformer import _api, vision
from genai_core.common import checkpoints
from genai_core.transformer import vit

PART = vision.PART


def preset(label):
    return PART.value(PART.parse(next(p for p in PART.presets if p.label == label).given()))


def named(value):
    """What each network says first, and with what probability."""
    return {name: (vision.NAMES[int(np.argmax(p))], max(p)) for name, p in value["read"].items()}


def test_what_is_read_is_what_the_networks_say_of_the_picture_that_is_shown():
    value = PART.value(PART.parse({"moved": 30, "seed": 4}))
    x = digits.drawing(value["seen"])
    for name, p in value["read"].items():
        assert p == pytest.approx(vit.load(name)(x).softmax(-1)[0].tolist(), abs=2e-2)  # `seen` has 256 levels
    assert not torch.equal(x, digits.drawing(value["settings"]["pixels"]))


def test_nothing_moved_and_nothing_taken_is_the_picture():
    value = PART.value(PART.parse({}))
    assert value["seen"] == value["settings"]["pixels"]
    assert value["order"] == list(range(49))
    assert all(value["kept"])


def test_looks_sum_to_1_and_are_where_something_is_left():
    for where in vision.SEEN:
        value = PART.value(PART.parse({"taken": 60, "where": where}))
        left = [v for v in value["looks"] if v is not None]
        assert len(left) == sum(value["kept"]) == 20
        if where == vision.ROLLOUT:
            assert sum(left) == pytest.approx(1, abs=0.01)
        else:
            assert 0 < sum(left) < 1.001  # the rest looks at the class token itself


def test_the_curves_are_those_of_the_cards():
    value = PART.value(PART.parse({}))
    for name in vision.NETWORKS:
        measured = checkpoints.read_json(name, "metrics.json")
        assert value["curves"]["moved"][name] == measured["accuracy_moved"]
        assert value["curves"]["taken"][name] == measured["accuracy_taken"]
        assert len(measured["accuracy_moved"]) == len(vision.SHARES["moved"])


def test_an_example_is_a_garment_of_its_class():
    read = [vision.read(vision.example({"label": label}), 0, 0, 0)["vit-fashion"] for label in range(10)]
    assert sum(int(np.argmax(p)) == label for label, p in enumerate(read)) >= 8


@pytest.mark.parametrize("bad", [{"label": 10}, {"label": "x"}, {}, {"label": 1, "number": 100}, 3])
def test_an_example_that_there_is_not_gets_a_sentence(bad):
    with pytest.raises(InputError):
        vision.example(bad)


def test_the_endpoint_names_the_classes():
    buffer = io.BytesIO()
    images.tile(digits.drawing(vision.garment(9)), 1, zoom=1).save(buffer, "PNG")
    found = _api.transformer_vision(picture=buffer.getvalue(), moved=50)
    json.dumps(found)
    assert list(found["cnn-fashion"]) == list(vision.NAMES)
    assert sum(found["vit-fashion"].values()) == pytest.approx(1, abs=1e-3)


def test_with_all_patches_moved_neither_sees_a_boot():
    assert all(name != "Ankle boot" for name, _ in named(preset("All patches moved")).values())
    curves = vision.curves()["moved"]
    assert all(accuracies[-1] < 0.2 < 0.9 < accuracies[0] for accuracies in curves.values())


def test_half_of_the_trousers_are_trousers():
    value = preset("Half of the trousers")
    assert sum(value["kept"]) == 49 - 24
    assert all(name == "Trousers" and p > 0.7 for name, p in named(value).values())


def test_of_half_a_boot_the_cnn_says_boot_and_the_vit_does_not():
    found = named(preset("Who gives up first?"))
    assert found["cnn-fashion"][0] == "Ankle boot"
    assert found["vit-fashion"][0] != "Ankle boot"
    vit_, cnn = (vision.curves()["taken"][name] for name in ("vit-fashion", "cnn-fashion"))
    assert all(c > v for c, v in zip(cnn[:3], vit_[:3], strict=True))

"""The part Vision: what it shows is what the networks say, and its presets come true."""

import base64
import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

from demos._ui import images
from demos._ui.validation import InputError
from demos.transformer import _api, _pictures, vision
from genai_core.common import checkpoints
from genai_core.transformer import vit

PART = vision.PART


def preset(label, **changed):
    return PART.value(PART.parse({**next(p for p in PART.presets if p.label == label).given(), **changed}))


def named(value):
    """What each network says first, and with what probability."""
    names = vit.NAMES[value["settings"]["dataset"]]
    return {name: (names[int(np.argmax(p))], max(p)) for name, p in value["read"].items()}


both = pytest.mark.parametrize("dataset", list(_pictures.CONFIGS))


@both
def test_what_is_read_is_what_the_networks_say_of_the_picture_that_is_shown(dataset):
    value = PART.value(PART.parse({"dataset": dataset, "moved": 30, "seed": 4}))
    x = _pictures.tensor(dataset, value["seen"])
    assert list(value["read"]) == list(_pictures.NETWORKS[dataset])
    for name, p in value["read"].items():
        assert p == pytest.approx(vit.load(name)(x).softmax(-1)[0].tolist(), abs=2e-2)  # `seen` has 256 levels
    assert not torch.equal(x, _pictures.tensor(dataset, value["settings"]["pixels"]))


@both
def test_nothing_moved_and_nothing_taken_is_the_picture(dataset):
    value = PART.value(PART.parse({"dataset": dataset}))
    assert value["seen"] == value["settings"]["pixels"]
    assert value["order"] == list(range(value["side"] ** 2))
    assert all(value["kept"])


@both
def test_looks_sum_to_1_and_are_where_something_is_left(dataset):
    for where in vision.layers(dataset):
        value = PART.value(PART.parse({"dataset": dataset, "taken": 60, "where": where}))
        left = [v for v in value["looks"] if v is not None]
        assert len(left) == sum(value["kept"]) == {"fashion": 20, "cifar10": 26}[dataset]
        if where == vision.ROLLOUT:
            assert sum(left) == pytest.approx(1, abs=0.01)
        else:
            assert 0 < sum(left) < 1.001  # the rest looks at the class token itself


@both
def test_the_curves_are_those_of_the_cards(dataset):
    value = PART.value(PART.parse({"dataset": dataset}))
    for name in _pictures.NETWORKS[dataset]:
        measured = checkpoints.read_json(name, "metrics.json")
        assert value["curves"]["moved"][name] == measured["accuracy_moved"]
        assert value["curves"]["taken"][name] == measured["accuracy_taken"]
        assert len(measured["accuracy_moved"]) == len(vision.SHARES["moved"])


def test_an_example_is_a_garment_of_its_class():
    read = [vision.read("fashion", vision.example({"label": k}), 0, 0, 0)["vit-fashion"] for k in range(10)]
    assert sum(int(np.argmax(p)) == label for label, p in enumerate(read)) >= 8


def test_a_picture_file_is_read_whole_or_its_middle_square():
    x = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(0))
    exact = images.picture(x)
    wide = Image.new("RGB", (64, 32))
    wide.paste(exact, (16, 0))
    for picture in (exact, wide):
        buffer = io.BytesIO()
        picture.save(buffer, "PNG")
        pixels = vision.open_in_colour({"png": base64.b64encode(buffer.getvalue()).decode()})
        assert torch.equal(_pictures.tensor("cifar10", pixels), (x[None] * 255).round() / 255)


@pytest.mark.parametrize("pixels", ["", base64.b64encode(bytes(784)).decode(), "%%%", 3, None])
def test_pixels_of_another_size_get_a_sentence(pixels):
    with pytest.raises(InputError):
        PART.parse({"dataset": "cifar10", "pixels": pixels})
    with pytest.raises(InputError, match="layer|Where"):
        PART.parse({"dataset": "fashion", "where": "6"})  # only the ViT of things has so many


@pytest.mark.parametrize(
    "bad", [{"label": 10}, {"label": "x"}, {}, {"label": 1, "number": 100}, {"label": 1, "dataset": "mnist"}, 3]
)
def test_an_example_that_there_is_not_gets_a_sentence(bad):
    with pytest.raises(InputError):
        vision.example(bad)


@both
def test_the_endpoint_names_the_classes(dataset):
    buffer = io.BytesIO()
    images.tile(_pictures.tensor(dataset, _pictures.example(dataset, 8)), 1, zoom=1).save(buffer, "PNG")
    found = _api.transformer_vision(picture=buffer.getvalue(), moved=50, dataset=dataset)
    json.dumps(found)
    assert list(found) == list(_pictures.NETWORKS[dataset])
    for p in found.values():
        assert list(p) == list(vit.NAMES[dataset])
        assert sum(p.values()) == pytest.approx(1, abs=1e-3)


def test_the_saved_picture_is_tinted_where_the_class_token_looks_also_where_it_is_black():
    settings = PART.parse({"taken": 20, "moved": 30, "where": "2"})
    board = vision.attention_board(**settings)
    shares = [v or 0.0 for v in PART.value(settings)["looks"]]
    row, column = divmod(shares.index(max(shares)), 7)
    patch = board[0, :, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
    red, green, blue = (patch[channel].min() for channel in range(3))
    assert blue - red == pytest.approx(0.55 * (0xE5 - 0x4F) / 255, abs=1e-4)
    assert blue > green > 0.1
    assert board.max() <= 1


def test_with_all_patches_moved_neither_sees_a_boot():
    assert all(name != "Ankle boot" for name, _ in named(preset("All patches moved")).values())
    curves = vision.curves("fashion")["moved"]
    assert all(accuracies[-1] < 0.2 < 0.9 < accuracies[0] for accuracies in curves.values())


def test_half_of_the_trousers_are_trousers():
    value = preset("Half of the trousers")
    assert sum(value["kept"]) == 49 - 24
    assert all(name == "Trousers" and p > 0.7 for name, p in named(value).values())
    curve = dict(zip(vision.SHARES["taken"], vision.curves("fashion")["taken"]["vit-fashion"], strict=True))
    assert 0.45 < curve[0.5] < 0.6


def test_of_half_a_boot_the_cnn_says_boot_and_the_vit_does_not():
    found = named(preset("Who gives up first?"))
    assert found["cnn-fashion"][0] == "Ankle boot"
    assert found["vit-fashion"][0] != "Ankle boot"
    vit_, cnn = (vision.curves("fashion")["taken"][name] for name in ("vit-fashion", "cnn-fashion"))
    assert all(c > v for c, v in zip(cnn[:3], vit_[:3], strict=True))
    draws = [named(preset("Who gives up first?", seed=seed)) for seed in range(12)]
    right = {name: sum(found[name][0] == "Ankle boot" for found in draws) for name in found}
    assert right["cnn-fashion"] >= 10
    assert 4 <= right["vit-fashion"] <= 8


def test_both_know_a_drawn_ship_and_take_an_empty_sea_for_one():
    for label in ("A drawing of a ship", "The sea without the ship"):
        assert all(name == "Ship" and p > 0.8 for name, p in named(preset(label)).values())
    assert preset("A drawing of a ship")["seen"] != preset("The sea without the ship")["seen"]


def test_an_airplane_in_pieces_is_one_and_a_ship_is_none():
    value = preset("An airplane in 64 pieces")
    assert value["order"] != list(range(64))
    assert all(name == "Airplane" and p > 0.7 for name, p in named(value).values())
    pixels = _pictures.example("cifar10", 8)
    moved = PART.value(PART.parse({"dataset": "cifar10", "pixels": pixels, "moved": 100}))
    assert all(name != "Ship" for name, _ in named(moved).values())
    curves = vision.curves("cifar10")["moved"]
    assert all(0.1 < accuracies[-1] < 0.3 for accuracies in curves.values())


def test_most_drawings_are_read_as_what_they_show():
    """They are examples: those that are not are part of the lesson, but few."""
    for name in _pictures.NETWORKS["cifar10"]:
        read = [vision.read("cifar10", _pictures.example("cifar10", k), 0, 0, 0)[name] for k in range(10)]
        assert sum(int(np.argmax(p)) == label for label, p in enumerate(read)) >= 7

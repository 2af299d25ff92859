"""The autoencoder tab's Sample?: two planes of codes, what they decode to, and draws from both."""

import base64

import numpy as np
import pytest
import torch

from demos._ui import distributions, validation
from demos.autoencoder import sample
from demos.autoencoder._api import autoencoder_decode, autoencoder_sample
from genai_core import vae
from genai_core.autoencoders import ae, codes

AE, BCE = sample.MODELS
generator = torch.Generator


def value(**changes):
    return sample.PART.value(sample.PART.parse(changes))


def preset(label):
    (one,) = (one for one in sample.PART.presets if one.label == label)
    return sample.PART.parse(one.given())


def test_draws_are_those_of_the_techniques():
    for name, technique in ((AE, ae), ("ae-mnist-mse-32", ae), (sample.VAE, vae), ("vae-mnist", vae)):
        expected = technique.sample(technique.load(name), 3, generator=generator().manual_seed(7)).cpu()
        torch.testing.assert_close(sample.decode(name, sample.draw(name, 3, 7)), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", [*sample.MODELS, sample.VAE])
def test_the_plane_holds_nearly_all_test_digits(name):
    square = sample.plane(name)
    inside = (square.places.abs() <= 1).all(1).float().mean()
    assert 0.93 < inside < 1
    z, classes = codes.load(name) if name in sample.MODELS else sample.means.load(name)
    torch.testing.assert_close(square.code(square.places), z, atol=1e-4, rtol=1e-4)
    assert torch.equal(square.classes, classes)


@pytest.mark.parametrize("name", [AE, sample.VAE])
def test_a_tile_is_what_its_place_decodes_to(name):
    sheet, _ = sample.tiles(name)
    corner = np.asarray(sheet)[:28, :28]
    one = sample.decode(name, sample.plane(name).code(torch.tensor([[-1.0, 1.0]])))[0, 0]
    assert np.abs(corner - one.numpy() * 255).max() <= 1


def test_both_planes_come_with_their_points_and_draws():
    shown = value(n=5, seed=3)
    for plane in shown["planes"]:
        assert len(plane["draws"]) == len(plane["sure"]) == 5
        assert len(distributions.unpacked(plane["drawn"], "draws", 5, 2)) == 5
        assert set(base64.b64decode(plane["classes"])) == set(range(10))
        assert len(base64.b64decode(plane["holes"])) == shown["tiles"] ** 2
    assert shown["planes"] == value(n=5, seed="3")["planes"]
    assert shown["planes"][0]["draws"] != value(n=5, seed=4)["planes"][0]["draws"]
    large = value(source="large")["planes"]
    assert all(plane["drawn"] == "" for plane in large)  # their codes have no place in a plane


def empty_land(name):
    """The share of an 8 x 8 board over the plane, within a circle, that holds no test digit."""
    places = sample.plane(name).places
    board = np.histogram2d(*places.T.numpy(), bins=8, range=[[-1, 1], [-1, 1]])[0]
    middle = (np.arange(8) + 0.5) / 4 - 1
    return float((board[np.hypot(*np.meshgrid(middle, middle)) < 0.8] == 0).mean())


def test_presets_come_true():
    assert preset("Holes")["holes"]
    holes = {name: float(sample.tiles(name)[1].float().mean()) for name in (AE, sample.VAE)}
    assert holes[AE] > holes[sample.VAE] > 0.05
    assert empty_land(AE) > 1.5 * empty_land(sample.VAE)

    square, known = sample.plane(preset("Cross-entropy")["model"]), sample.plane(sample.VAE)
    assert square.half > 4 * known.half
    assert square.centre.norm() > 10 * known.centre.norm()

    assert preset("Thirty-two codes")["source"] == "large"
    assert 0.25 < sample.share("ae-mnist-mse-32") < 0.42
    assert 0.7 < sample.share("vae-mnist") < 0.8


def test_endpoints_give_what_the_page_shows():
    own, other, told = autoencoder_sample(n=5, seed=3)
    planes = value(n=5, seed=3)["planes"]
    assert [told[AE]["sure"], told[sample.VAE]["sure"]] == [plane["sure"] for plane in planes]
    assert own.size == other.size == (10 * 30 - 2, 28)  # ten places in a row
    own, _, told = autoencoder_decode([-1.0, 1.0])
    assert np.abs(np.asarray(own).astype(int) - np.asarray(sample.tiles(AE)[0])[:28, :28]).max() <= 1
    assert told["code"][AE] == pytest.approx(sample.plane(AE).code(torch.tensor([-1.0, 1.0])).tolist())


@pytest.mark.parametrize(
    "bad", [{"at": [0, 2]}, {"at": [0]}, {"at": "a,b"}, {"n": 0}, {"n": 61}, {"model": sample.VAE}, {"source": "x"}]
)
def test_a_bad_setting_is_an_input_error(bad):
    with pytest.raises(validation.InputError):
        sample.PART.parse(bad)

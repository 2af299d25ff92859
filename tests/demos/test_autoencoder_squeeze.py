"""The autoencoder tab's Squeeze: codes, reconstructions and errors of nine bottlenecks."""

import base64
import math

import pytest
import torch

from demos._ui import digits, errors, validation
from demos.autoencoder import _models, squeeze
from demos.autoencoder._api import autoencoder_reconstruct
from genai_core import evaluation
from genai_core.autoencoders import ae, principal

EMPTY = base64.b64encode(bytes(784)).decode()


def outcome(label):
    """A preset's picture, and what each member of the family makes of it."""
    (preset,) = (one for one in squeeze.PART.presets if one.label == label)
    settings = squeeze.PART.parse(preset.given())
    x = digits.drawing(settings["pixels"])
    return settings, x, {name: _models.squeeze(name, x) for name in _models.FAMILY}


def read(one):
    """The class that the LeNet sees in a reconstruction, and how surely."""
    p = evaluation.read(evaluation.evaluation_classifier("mnist"), one.rebuilt)[0]
    return int(p.argmax()), float(p.max())


def test_each_member_is_the_model_that_it_names():
    x = _models.own_digits()[3:4]
    model = ae.load("ae-mnist-bce-8")
    one = _models.squeeze("bce-8", x)
    torch.testing.assert_close(one.rebuilt, ae.reconstruct(model, x))
    assert one.codes.shape == (8,)
    assert one.mse == pytest.approx(float((one.rebuilt - x).square().mean()), rel=1e-4)
    pca = principal.load("pca-mnist").cpu()
    torch.testing.assert_close(_models.squeeze("pca-8", x).rebuilt, pca.decode(pca.encode(x, 8)))


@pytest.mark.parametrize("member", ["mse-2", "bce-32", "pca-8"])
def test_bars_are_in_standard_deviations_of_the_codes(member, mnist):
    """Of test digits, whose codes lie as the training ones."""
    bars = torch.stack([_models.squeeze(member, x[None]).standard for x in mnist[0][:300]])
    assert (bars.mean(0).abs() < 0.4).all()
    assert ((bars.std(0) > 0.6) & (bars.std(0) < 1.5)).all()


def test_more_codes_rebuild_own_digits_better_and_pca_is_beaten_at_every_size():
    found = {name: sum(_models.squeeze(name, x[None]).mse for x in _models.own_digits()) for name in _models.FAMILY}
    for kind in _models.KINDS:
        assert found[f"{kind}-2"] > found[f"{kind}-8"] > found[f"{kind}-32"]
    for size in _models.SIZES:
        assert found[f"mse-{size}"] < found[f"pca-{size}"]
        assert found[f"bce-{size}"] < found[f"pca-{size}"]


def test_presets_come_true():
    _, _, family = outcome("Two numbers only")
    assert read(family["mse-2"])[0] == read(family["bce-2"])[0] == 2
    hazes = [read(_models.squeeze("pca-2", digit[None]))[0] for digit in _models.own_digits()]
    assert read(family["pca-2"])[0] == 8
    assert hazes.count(8) > 5

    settings, x, family = outcome("Thirty-two numbers")
    assert settings["model"] == "pca-32"
    assert max(family["mse-32"].mse, family["bce-32"].mse) < 0.2 * family["pca-32"].mse
    black = torch.nn.functional.max_pool2d(x, 5, 1, 2) < 0.1  # more than two pixels from the stroke
    ghosts = {name: float((family[name].rebuilt - x)[black].square().sum()) for name in ("pca-32", "mse-32", "bce-32")}
    assert max(ghosts["mse-32"], ghosts["bce-32"]) < 0.1 * ghosts["pca-32"]

    _, _, family = outcome("No digit at all")
    assert family["mse-32"].mse < 0.25 * family["pca-32"].mse
    assert read(family["mse-2"])[1] > 0.7  # a digit, surely


def test_the_answer_is_that_of_the_settings():
    answer = squeeze.squeeze({"model": "mse-8", "pixels": _models.own_digit(5)})
    assert list(answer["family"]) == list(_models.FAMILY)
    assert len(answer["codes"]) == len(answer["standard"]) == 8
    rebuilt, figures = autoencoder_reconstruct(model="mse-8")
    assert rebuilt.size == (28, 28)
    assert figures["mse"] == figures["family"]["mse-8"]


def test_an_example_is_one_of_ours():
    assert squeeze.example({"digit": 4}) == digits.packed(_models.own_digits()[4:5])
    x = torch.cat([digits.drawing(squeeze.example({"digit": d})) for d in range(10)])
    read_as = evaluation.read(evaluation.evaluation_classifier("mnist"), x).argmax(1)
    assert read_as.tolist() == list(range(10))


BAD = {
    "model": [None, 3, "mse-3", "ae-mnist-mse-2", ["mse-2"], "x" * 100_000],
    "pixels": [None, 5, "", "AAAA", "!" * 1048, "A" * 10_000_000],
}


@pytest.mark.parametrize(("field", "bad"), [(field, bad) for field, values in BAD.items() for bad in values])
def test_a_bad_request_gets_one_sentence(field, bad):
    answer = errors.guarded(squeeze.squeeze)({"model": "mse-2", "pixels": EMPTY, field: bad})
    assert list(answer) == ["error"]
    assert answer["error"] != errors.UNKNOWN
    assert len(answer["error"]) < 300


@pytest.mark.parametrize("bad", [None, 5, {}, {"digit": 10}, {"digit": -1}, {"digit": math.nan}, {"digit": "x"}])
def test_an_example_that_there_is_not_gets_one_sentence(bad):
    answer = errors.guarded(squeeze.example)(bad)
    assert answer["error"] != errors.UNKNOWN


def test_a_bad_call_of_the_api_is_an_input_error():
    with pytest.raises(validation.InputError):
        autoencoder_reconstruct(b"AAAA")

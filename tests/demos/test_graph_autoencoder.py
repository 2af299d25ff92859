"""The autoencoder's Model: its values are those of the networks and of a training step; what its presets say is so."""

import pytest
import torch

from demos.autoencoder import model as part
from genai_core import evaluation
from genai_core.autoencoders import ae, principal
from genai_core.common import checkpoints


def of(**given):
    return part.values(**part.PART.parse(given))


def preset(label):
    (found,) = [one for one in part.PART.presets if one.label == label]
    return of(**found.given())


@pytest.mark.parametrize("model", part.MODELS)
def test_the_values_are_those_of_the_networks_and_of_a_training_step(model):
    found, own = of(model=model), ae.load(model)
    device = checkpoints.default_device()
    x, seen = found["x"][None].to(device), {}
    hooks = [
        getattr(own, name).register_forward_hook(lambda _net, given, out, name=name: seen.update({name: out.cpu()}))
        for name in ("encoder", "decoder")
    ]
    with torch.inference_mode():
        terms = ae.loss(own, x)
    for hook in hooks:
        hook.remove()
    assert torch.allclose(found["code"], seen["encoder"][0])
    out = seen["decoder"][0].sigmoid() if own.config.loss == "bce" else seen["decoder"][0]
    assert torch.allclose(found["x_hat"], out.clamp(0, 1), atol=1e-6)
    assert torch.allclose(found["error"], (out - found["x"])[0], atol=1e-6)
    for name in ("loss", "mse"):
        assert float(found[name]) == pytest.approx(float(terms[name]), rel=1e-5)
    assert float(found["error"].square().mean()) == pytest.approx(float(found["mse"]), rel=1e-4)
    if own.config.loss == "mse":
        assert float(found["error"].square().sum()) == pytest.approx(float(found["loss"]), rel=1e-4)


@pytest.mark.parametrize("codes", [2, 8, 32])
def test_beside_it_is_pca_with_as_many_numbers(codes):
    found, pca = of(model=f"ae-mnist-mse-{codes}"), principal.load(part.PCA).cpu()
    assert len(found["coordinates"]) == codes
    own = pca.mean + found["coordinates"] @ pca.components[:codes]
    assert torch.allclose(found["error_pca"].flatten(), own - found["x"].flatten(), atol=1e-5)
    assert torch.allclose(found["x_hat_pca"].flatten(), own.clamp(0, 1), atol=1e-5)
    assert float(found["mse_pca"]) == pytest.approx(float(found["error_pca"].square().mean()), rel=1e-5)


def test_with_two_numbers_the_autoencoder_errs_less_than_half_as_much_as_pca():
    first, two = of(), preset("Two numbers")
    assert float(two["mse"]) < float(two["mse_pca"]) / 2
    assert all(float(two[name]) > float(first[name]) for name in ("mse", "mse_pca"))


def test_with_more_numbers_the_error_of_the_autoencoder_shrinks_faster():
    first, more = of(), preset("Thirty-two numbers")
    assert float(first["mse"]) > 4 * float(more["mse"])
    assert float(first["mse_pca"]) < 3 * float(more["mse_pca"])


def test_of_a_cross_two_numbers_make_a_2_and_pca_errs_less():
    found = preset("A cross")
    reader = evaluation.evaluation_classifier("mnist").cpu()
    with torch.inference_mode():
        read = reader(found["x_hat"][None]).softmax(1)[0]
    assert read.argmax() == 2
    assert float(found["mse_pca"]) < float(found["mse"])


def test_the_cross_entropy_of_a_picture_with_itself_is_its_entropy():
    found = preset("Cross-entropy")
    x = found["x"]
    entropy = torch.nn.functional.binary_cross_entropy(x, x, reduction="sum")
    assert round(float(entropy)) == 51
    assert float(found["loss"]) > float(entropy) > 40

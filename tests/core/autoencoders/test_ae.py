"""The plain autoencoder: its objectives, its Gaussian, and the linear one, which finds PCA's subspace."""

import pytest
import torch
import torch.nn.functional as F

from genai_core.autoencoders import ae, codes, principal
from genai_core.common import checkpoints
from genai_core.common.training import seeded

SMALL = {"codes": 3, "channels": (8, 8), "hidden": 16, "batch": 8}


def build(**options):
    return seeded(0, lambda: ae.AE(ae.AEConfig(**SMALL | options))).eval().requires_grad_(False)


@pytest.fixture
def x(generator):
    return torch.rand(6, 1, 28, 28, generator=generator)


def pictures_of_few_patterns(generator, strengths=(8.0, 5.0, 3.0)):
    """400 pictures that are a mean, three orthogonal patterns of these strengths, and a little noise."""
    patterns = torch.linalg.qr(torch.randn(784, len(strengths), generator=generator)).Q  # [784, 3]
    weights = torch.randn(400, len(strengths), generator=generator) * torch.tensor(strengths)
    flat = 0.5 + weights @ patterns.T + 0.02 * torch.randn(400, 784, generator=generator)
    return flat.view(-1, 1, 28, 28)


def test_a_linear_autoencoder_finds_the_subspace_of_pca(generator):
    """Baldi & Hornik 1989: the projections on both are one matrix, and so are the reconstructions."""
    x = pictures_of_few_patterns(generator)
    config = ae.AEConfig(codes=3, linear=True, batch=400, lr=0.01, weight_decay=0.0)
    *_, last = ae.train(config, (x, torch.zeros(400)), steps=800)
    pca = principal.PCA(principal.PCAConfig(components=3))
    pca.fit(x)
    basis = torch.linalg.qr(last.model.decoder[0].weight).Q  # [784, 3]
    projection, expected = basis @ basis.T, pca.components.T @ pca.components
    assert (projection - expected).norm() < 0.05 * expected.norm()
    rebuilt, best = last.model.output(last.model.encode(x)), pca.linear(pca.encode(x))
    assert (rebuilt - best).square().mean() < 0.01 * x.var()
    assert (rebuilt - x).square().mean() >= (best - x).square().mean()


def test_the_losses_are_those_of_torch_summed_over_a_picture(x):
    for name, expected in (("mse", F.mse_loss), ("bce", F.binary_cross_entropy)):
        model = build(loss=name)
        terms = ae.loss(model, x)
        rebuilt = model.output(model.encode(x))
        rebuilt = rebuilt.sigmoid() if name == "bce" else rebuilt
        assert float(terms["loss"]) == pytest.approx(float(expected(rebuilt, x, reduction="sum")) / len(x), rel=1e-4)
        assert float(terms["mse"]) == pytest.approx(float(F.mse_loss(rebuilt, x)), rel=1e-4)


@pytest.mark.parametrize("count", [1, 3])
def test_the_gaussian_has_mean_and_covariance_of_the_codes(count, generator):
    model = build(codes=count)
    x = torch.rand(50, 1, 28, 28, generator=generator)
    model.fit_codes(x)
    z = model.encode(x)
    torch.testing.assert_close(model.mean, z.mean(0), atol=1e-5, rtol=1e-4)
    covariance = z.T.cov(correction=0).reshape(count, count)
    torch.testing.assert_close(model.scale @ model.scale.T, covariance, atol=1e-5, rtol=1e-3)


def test_a_trained_model_knows_where_its_training_codes_lie(x):
    config = ae.AEConfig(**SMALL)
    steps = list(ae.train(config, (x.repeat(4, 1, 1, 1), torch.zeros(24)), steps=3))
    last = steps[-1].model
    torch.testing.assert_close(last.mean, last.encode(x).mean(0), atol=1e-4, rtol=1e-3)


def test_a_picture_is_rebuilt_alike_in_any_company(x):
    model = build()
    assert torch.allclose(ae.reconstruct(model, x)[2:3], ae.reconstruct(model, x[2:3]), atol=1e-5)
    assert ae.reconstruct(model, x).shape == x.shape


@pytest.mark.parametrize("config", [{"loss": "l1"}, {"loss": ""}])
def test_an_unknown_loss_is_one_sentence(config):
    with pytest.raises(ValueError, match=r"^There is no loss '.*'\. There are: mse, bce\.$"):
        ae.AE(ae.AEConfig(**config))


@pytest.mark.parametrize("n", [0, -1, 1.5])
def test_a_wrong_number_of_samples_is_one_sentence(n, generator):
    with pytest.raises(ValueError, match=r"^The number of pictures must be a whole number of 1 or more"):
        ae.sample(build(), n, generator=generator)


@pytest.mark.parametrize("name", codes.SHIPPED)
def test_shipped_codes_are_what_the_checkpoint_encodes(name, mnist):
    z, labels = codes.load(name)
    expected, expected_labels = codes.encode(name)
    assert (z - expected.float()).abs().max() < 0.01 * z.std()
    assert torch.equal(labels, expected_labels.long())
    assert (checkpoints.ASSETS / name / codes.CODES.file).stat().st_size < 20_000


def test_missing_codes_are_one_sentence():
    with pytest.raises(checkpoints.CheckpointError, match="codes of ae-mnist-mse-32 are missing .* or run: python -m"):
        codes.load("ae-mnist-mse-32")


@pytest.mark.parametrize("name", ["ae-mnist-mse-32", "ae-mnist-bce-2"])
def test_the_error_on_the_card_is_found_again(name, mnist):
    rebuilt = ae.reconstruct(ae.load(name), mnist[0])
    figures = checkpoints.read_json(name, "metrics.json")
    assert float(F.mse_loss(rebuilt, mnist[0])) == pytest.approx(figures["mse"], rel=1e-3)
    pca = principal.load("pca-mnist")
    expected = principal.reconstruction_error(pca, mnist[0], ae.RECIPES[name].config.codes)
    assert figures["mse_pca"] == pytest.approx(expected, rel=1e-3)
    assert figures["ratio_to_pca"] == pytest.approx(figures["mse"] / figures["mse_pca"])

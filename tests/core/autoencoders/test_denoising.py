"""Noise is what it says, a denoising autoencoder's step is the score, and the card's figures come out again."""

import math

import pytest
import torch

from genai_core import data
from genai_core.autoencoders import denoising, noise, plane
from genai_core.common import checkpoints
from genai_core.data.plane import NAMES, distribution


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_each_noise_is_as_strong_as_it_says():
    x = torch.rand((20, 1, 28, 28), generator=generator(1)) * 0.8 + 0.1  # no pixel is 0 or 1
    added = noise.corrupt(x, "gaussian", 0.3, generator=generator()) - x
    assert added.std() == pytest.approx(0.3, rel=0.03)
    assert abs(added.mean()) < 0.01
    masked = noise.corrupt(x, "masking", 0.5, generator=generator())
    assert (masked == 0).float().mean() == pytest.approx(0.5, abs=0.02)
    assert torch.equal(masked[masked != 0], x[masked != 0])
    salted = noise.corrupt(x, "salt", 0.4, generator=generator())
    assert (salted == 0).float().mean() == pytest.approx(0.2, abs=0.02)
    assert (salted == 1).float().mean() == pytest.approx(0.2, abs=0.02)
    for kind in noise.KINDS:
        assert torch.equal(noise.corrupt(x, kind, 0.0, generator=generator()), x)


def test_noise_of_another_kind_or_strength_is_refused():
    x = torch.zeros(1, 1, 28, 28)
    for kind, strength in (("fog", 0.1), ("masking", 1.1), ("salt", -0.1), ("gaussian", math.nan)):
        with pytest.raises(ValueError, match=r"noise"):
            noise.corrupt(x, kind, strength, generator=generator())


def test_every_kind_and_strength_is_trained():
    x = torch.full((900, 1, 8, 8), 0.5)
    spoiled = noise.corrupt_any(x, generator=generator()).flatten(1)
    outside = ((spoiled < 0) | (spoiled > 1)).any(1)  # Gaussian only
    ones, zeros = (spoiled == 1).any(1), (spoiled == 0).any(1)
    assert outside.float().mean() == pytest.approx(0.3, abs=0.07)
    assert ones.float().mean() == pytest.approx(1 / 3, abs=0.07)  # salt only
    assert (zeros & ~ones).float().mean() == pytest.approx(1 / 3, abs=0.07)  # masking


def test_psnr_is_that_of_its_definition():
    x = torch.zeros(2, 1, 4, 4)
    assert noise.psnr(x + torch.tensor([0.1, 1.0]).view(2, 1, 1, 1), x).tolist() == pytest.approx([20, 0], abs=1e-4)


def test_the_linear_denoiser_is_the_best_affine_map():
    """It beats every map that differs from it a little, over the noise; for a Gaussian it is E[x given x~]."""
    basis = torch.randn((6, 6), generator=generator(2))
    clean = (torch.randn((60_000, 6), generator=generator(3)) @ basis + 1).view(-1, 1, 1, 6)
    noisy = noise.corrupt(clean, "gaussian", 0.7, generator=generator(4))
    mapped = noise.linear(noisy, clean, 0.7)
    least = (mapped - clean).square().mean()
    residual, centred = (mapped - clean).flatten(1), noisy.flatten(1) - noisy.flatten(1).mean(0)
    assert (residual.T @ centred / len(centred)).abs().max() < 0.02  # orthogonal to what it is made from
    assert least < (noisy - clean).square().mean()


@pytest.mark.parametrize("name", NAMES)
def test_the_score_of_points_is_the_gradient_of_their_log_density(name):
    """Against autograd of the log density of the mixture, written anew by torch.distributions."""
    points, width = distribution(name), 0.2
    x = (0.5 * torch.randn((40, 2), generator=generator(5))).double().requires_grad_()
    normal = torch.distributions.Normal(points.centres.double(), math.hypot(points.sigma, width))
    log_p = normal.log_prob(x[:, None]).sum(2).logsumexp(1) - math.log(len(points.centres))
    (gradient,) = torch.autograd.grad(log_p.sum(), x)
    points = type(points)(points.centres.double(), points.sigma, points.modes)
    torch.testing.assert_close(points.score(x.detach(), width), gradient)


def test_the_step_of_a_denoising_autoencoder_is_the_score():
    """(r(x) - x) / sigma^2 = grad log p_sigma(x) [Alain & Bengio 2014], over noisy points and as a field."""
    points = distribution("moons")
    model = plane.train(points, 0.3, steps=400)
    assert plane.error(model, points) < 0.1
    x = points.draw(500, generator(6))
    x = x + 0.3 * torch.randn(x.shape, generator=generator(7))
    with torch.inference_mode():
        step, exact = (model(x) - x) / 0.3**2, points.score(x, 0.3)
    assert torch.cosine_similarity(step.flatten(), exact.flatten(), dim=0) > 0.99
    learned, wanted = plane.arrows(model, points, 9, 1.25)
    assert learned.shape == wanted.shape == (9, 9, 2)
    corner = torch.tensor([[1.25, -1.25]])  # row 0 is at y = -reach, the last column at x = reach
    torch.testing.assert_close(torch.from_numpy(wanted)[0, -1], 0.3**2 * points.score(corner, 0.3)[0])


def test_the_same_seed_trains_the_same_field():
    points = distribution("ring")
    first, again, other = (plane.train(points, 0.2, steps=5, seed=seed) for seed in (0, 0, 1))
    x = points.draw(50, generator())
    assert torch.equal(first(x), again(x))
    assert not torch.equal(first(x), other(x))
    for sigma in (0, -1, math.nan):
        with pytest.raises(ValueError, match="sigma"):
            plane.train(points, sigma)


def test_the_shipped_model_cleans_as_its_card_says():
    """On 500 test digits."""
    model = denoising.load("dae-mnist")
    metrics = checkpoints.read_json("dae-mnist", "metrics.json")
    if not data.available("mnist"):
        pytest.skip("MNIST is not on this machine")
    x = data.load("mnist", "test")[0][:500]
    for kind, strength in denoising.MEASURED.items():
        noisy = noise.corrupt(x, kind, strength, generator=generator())
        assert float(noise.psnr(model(noisy), x).mean()) == pytest.approx(metrics[f"psnr_{kind}"], abs=0.5)
        assert metrics[f"psnr_{kind}_gain"] > 3
    assert metrics["psnr_gaussian"] > metrics["psnr_gaussian_linear"]

"""The bound of a diffusion model holds, and is tight where the denoiser is the best there is."""

import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from genai_core.diffusion import bound
from genai_core.diffusion.samplers import Prediction, from_x0
from genai_core.diffusion.schedules import factors, noised, schedule

COSINE = schedule("cosine")
VALUES = torch.linspace(0, 255, 4).round() / 255  # grey levels of a pixel, with these probabilities
P = torch.tensor([0.5, 0.25, 0.125, 0.125])
ENTROPY = 1.75  # bits
N = 200_000  # pixels that a table is counted on


def exact(x, t):
    """The best guess of a pixel that has one of the VALUES: their mean, weighted by p(value | x_t)."""
    alpha, sigma = (float(f) for f in factors(torch.as_tensor(t, dtype=torch.float64)))
    centres = 2 * VALUES - 1
    log_p = P.log() - (x[..., None] - alpha * centres).square() / (2 * sigma**2)
    return from_x0(x, t, (log_p.softmax(-1) * centres).sum(-1))


def shrunken(x, t):
    """A worse denoiser."""
    p = exact(x, t)
    return Prediction(p.noise, 0.8 * p.x0)


@pytest.fixture(scope="module")
def pixels():
    generator = torch.Generator().manual_seed(0)
    x = VALUES[P.multinomial(N + 20_000, replacement=True, generator=generator)].view(-1, 1, 1, 1)
    return x[:N], x[N:]


def bits(denoise, pixels, first):
    train, test = pixels
    one = bound.count(denoise, first, train, COSINE, generator=torch.Generator().manual_seed(1))
    found = bound.nats(denoise, one, test, generator=torch.Generator().manual_seed(2))
    return float(found.mean()) / math.log(2)


@pytest.mark.parametrize("first", [0, 100])
def test_with_the_best_denoiser_the_bound_is_the_entropy(pixels, first):
    assert bits(exact, pixels, first) == pytest.approx(ENTROPY, abs=0.03)


def test_with_a_worse_denoiser_it_is_above(pixels):
    assert bits(shrunken, pixels, 0) > ENTROPY + 0.1


def test_a_term_is_the_divergence_of_the_two_posteriors():
    """The posterior of Ho 2020, eq. 7, with x_0 and with x0hat in its place, by torch's own formula."""
    x, step = torch.rand(5, 1, 4, 4, generator=torch.Generator().manual_seed(0)), 300
    found = bound.step_nats(shrunken, x, step, COSINE, generator=torch.Generator().manual_seed(3))
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(3))
    x_t = noised(2 * x - 1, COSINE.t[step], noise)
    before, now = (COSINE.alpha_bar[i] for i in (step - 1, step))
    beta = 1 - now / before
    std = ((1 - before) / (1 - now) * beta).sqrt()

    def posterior(x0):
        mean = before.sqrt() * beta / (1 - now) * x0 + (now / before).sqrt() * (1 - before) / (1 - now) * x_t
        return Normal(mean, std)

    expected = kl_divergence(posterior(2 * x - 1), posterior(shrunken(x_t, COSINE.t[step]).x0)).flatten(1).sum(1)
    assert found.double() == pytest.approx(expected.double(), rel=1e-3)


def test_noise_alone_costs_next_to_nothing():
    x = torch.rand(3, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    alpha_bar = COSINE.alpha_bar[-1]
    q = Normal(alpha_bar.sqrt() * (2 * x.double() - 1), (1 - alpha_bar).sqrt())
    expected = kl_divergence(q, Normal(0.0, 1.0)).flatten(1).sum(1)
    assert bound.prior_nats(x.double(), COSINE) == pytest.approx(expected, abs=1e-9)
    assert expected.max() < 0.01


def test_steps_and_terms_that_there_are_not_are_refused(pixels):
    train, _ = pixels
    with pytest.raises(ValueError, match="step"):
        bound.step_nats(exact, train, 0, COSINE, generator=torch.Generator())
    one = bound.count(exact, 0, train, COSINE, generator=torch.Generator())
    with pytest.raises(ValueError, match="terms"):
        bound.nats(exact, one, train, generator=torch.Generator(), terms=0)

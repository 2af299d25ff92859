import pytest
import torch
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from genai_core import vae
from genai_core.common.training import seeded
from genai_core.vae import live

CONFIG = vae.VAEConfig(latents=3, channels=(8, 8), hidden=16)


@pytest.fixture(scope="module")
def model():
    return seeded(0, lambda: vae.VAE(CONFIG)).eval().requires_grad_(False)


@pytest.fixture
def x(generator):
    return torch.rand(5, 1, 28, 28, generator=generator).round()


def test_kl_is_that_of_torch_distributions(generator):
    mu, logvar = torch.randn(2, 7, 3, generator=generator)
    expected = kl_divergence(Normal(mu, (0.5 * logvar).exp()), Normal(0.0, 1.0))
    assert torch.allclose(vae.kl(mu, logvar), expected, atol=1e-6)


def test_log_likelihood_is_that_of_torch_distributions(generator, x):
    logits = torch.randn(5, 1, 28, 28, generator=generator)
    expected = Independent(Bernoulli(logits=logits), 3).log_prob(x)
    assert torch.allclose(vae.log_likelihood(logits, x), expected, atol=1e-3)


def test_log_weights_are_log_joint_minus_log_posterior(model, x, generator):
    """With the posterior at N(mu, sigma) = prior, the weight is log p(x|z) alone, for each of the k draws."""
    mu = logvar = torch.zeros(5, 3)
    log_w = vae.log_weights(model, x, mu, logvar, 4, torch.Generator().manual_seed(1))
    z = torch.randn(4, 5, 3, generator=torch.Generator().manual_seed(1))
    expected = torch.stack([vae.log_likelihood(model.logits(z[i]), x) for i in range(4)])
    assert torch.allclose(log_w, expected, atol=1e-3)


def test_the_mean_log_weight_is_the_elbo(model, x):
    """E log w = E log p(x|z) - KL: the sampled form and the analytic one agree."""
    mu, logvar = model.encode(x)
    sampled = vae.log_weights(model, x, mu, logvar, 3000, torch.Generator().manual_seed(0)).mean()
    z = mu + (0.5 * logvar).exp() * torch.randn(3000, 5, 3, generator=torch.Generator().manual_seed(9))
    fit = vae.log_likelihood(model.logits(z.flatten(0, 1)).unflatten(0, (3000, 5)), x).mean()
    assert float(sampled) == pytest.approx(float(fit - vae.kl(mu, logvar).sum(1).mean()), abs=0.3)


def test_more_importance_samples_tighten_the_bound(model, x):
    at = [vae.bounds(model, x, generator=torch.Generator().manual_seed(0), k=k)["iw"].mean() for k in (1, 20, 400)]
    assert at[0] < at[1] < at[2]
    both = vae.bounds(model, x, generator=torch.Generator().manual_seed(0), k=20)
    assert (both["iw"] >= both["elbo"]).all()


@pytest.mark.parametrize("k", [1, 5])
def test_loss_terms_add_up(model, x, k):
    terms = vae.loss(model, x, generator=torch.Generator().manual_seed(0), beta=4.0, k=k)
    if k == 1:
        assert terms["loss"] == pytest.approx(float(terms["reconstruction"] + 4 * terms["kl"]), rel=1e-5)
    else:
        assert -terms["loss"] >= terms["elbo"]


def test_a_live_training_whose_time_is_up_says_so():
    (frame,) = live.train_vae(vary=("x",), beta=1.0, seed=0, steps=100, seconds=0.0)
    assert (frame.step, frame.timed_out) == (1, True)
    *_, last = live.train_vae(vary=("x",), beta=1.0, seed=0, steps=2 * live.FRAME, seconds=1e9)
    assert (last.step, last.timed_out) == (2 * live.FRAME, False)

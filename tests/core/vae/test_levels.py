"""A VAE's bound in grey levels is the formula of Burda 2015."""

import math

import pytest
import torch
from torch.distributions import Normal

from genai_core import vae
from genai_core.common.training import seeded
from genai_core.data.sprites import sprites
from genai_core.vae import levels


@pytest.fixture(scope="module")
def model():
    return seeded(0, lambda: vae.VAE(vae.VAEConfig(latents=2, channels=(8, 8), hidden=16))).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def x():
    return (255 * sprites(60, generator=torch.Generator().manual_seed(0))[0]).round() / 255


@pytest.fixture(scope="module")
def table(model, x):
    return levels.count(model, x, generator=torch.Generator().manual_seed(1))


def test_the_bound_is_the_mean_of_joint_over_posterior(model, x, table):
    """-log 1/k sum p(x|z) p(z) / q(z|x), with the densities of torch and a posterior that is not the prior."""
    x, k = x[:4], 6
    mu, logvar = model.encode(x)
    q, prior = Normal(mu, (0.5 * logvar).exp()), Normal(0.0, 1.0)
    z = q.mean + q.stddev * torch.randn(k, 4, 2, generator=torch.Generator().manual_seed(3))
    log_p = torch.stack([table.log_prob(model.logits(some), x) for some in z])  # [k, 4]
    log_w = log_p + (prior.log_prob(z) - q.log_prob(z)).sum(-1)
    found = levels.nats(model, table, x, generator=torch.Generator().manual_seed(3), k=k)
    assert found == pytest.approx(math.log(k) - log_w.logsumexp(0), rel=1e-5)


def test_more_samples_tighten_the_bound(model, x, table):
    loose, near = (levels.nats(model, table, x, generator=torch.Generator().manual_seed(3), k=k) for k in (1, 100))
    assert near.mean() < loose.mean()


def test_the_same_seed_gives_the_same_bound(model, x, table):
    first, second = (levels.nats(model, table, x, generator=torch.Generator().manual_seed(3), k=5) for _ in range(2))
    assert torch.equal(first, second)
    with pytest.raises(ValueError, match="k must be"):
        levels.nats(model, table, x, generator=torch.Generator(), k=0)

"""Points in the plane: their exact density."""

import math

import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from genai_core.data.plane import NAMES, Distribution, distribution


@pytest.mark.parametrize("name", NAMES)
def test_the_density_is_that_of_a_mixture_of_gaussians(name, generator):
    data = distribution(name).scaled(2.0, 0.2)
    components = Independent(Normal(data.centres, 0.2), 1)
    mixture = MixtureSameFamily(Categorical(torch.ones(len(data.centres))), components)
    x = 2 * torch.randn((50, 2), generator=generator)
    assert torch.allclose(data.log_prob(x), mixture.log_prob(x), rtol=1e-4, atol=1e-3)


def test_the_score_is_the_gradient_of_the_density(generator):
    data = distribution("moons").scaled(1.0, 0.2)
    x = torch.randn((20, 2), generator=generator).requires_grad_()
    (slope,) = torch.autograd.grad(data.log_prob(x).sum(), x)
    assert torch.allclose(data.score(x.detach()), slope, rtol=1e-3, atol=1e-3)


def test_the_entropy_is_exact():
    one = Distribution(torch.tensor([[0.3, -0.7]]), 0.15, False)
    assert one.entropy() == pytest.approx(math.log(2 * math.pi * math.e * 0.15**2), abs=1e-4)
    ring = distribution("ring")  # its Gaussians do not overlap
    assert ring.entropy() == pytest.approx(math.log(8) + math.log(2 * math.pi * math.e * ring.sigma**2), abs=1e-4)


def test_scaled_points_are_the_same_ones_farther_apart(generator):
    grid = distribution("grid")
    assert torch.equal(grid.scaled(2.0, 0.15).centres, 2 * grid.centres)
    assert grid.scaled(2.0, 0.15).draw(4000, generator).abs().max() < 2 + 6 * 0.15

"""The laws of layers and of whole flows in the plane: they invert, keep the account of volume, and integrate to 1."""

import math

import pytest
import torch
from torch import nn

from genai_core.flows.plane.continuous import FFJORD
from genai_core.flows.plane.discrete import glow, realnvp, standard_normal
from genai_core.flows.plane.layers import ActNorm, Coupling, Mixing
from genai_core.flows.plane.velocity import Velocity


def seed(number: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def shaken(model: nn.Module, size: float = 0.3) -> nn.Module:
    """The model with noise on its weights, in float64: untrained, a coupling is the identity."""
    generator = seed(1)
    with torch.no_grad():
        for p in model.parameters():
            p += size * torch.randn(p.shape, generator=generator)
    return model.double()


FLOWS = {
    "coupling 0": (lambda: Coupling(0, 8, seed()), 1e-9),
    "coupling 1": (lambda: Coupling(1, 8, seed()), 1e-9),
    "actnorm": (ActNorm, 1e-9),
    "mixing": (lambda: Mixing(seed()), 1e-9),
    "realnvp": (lambda: realnvp(5, 8, seed()), 1e-9),
    "glow": (lambda: glow(3, 8, seed()), 1e-9),
    "ode": (lambda: FFJORD(Velocity(2, 8, seed()), steps=16), 1e-5),  # as exact as its solver
}


@pytest.mark.parametrize("name", FLOWS)
def test_a_flow_inverts_and_its_log_det_is_that_of_autograd(name):
    make, error = FLOWS[name]
    flow, x = shaken(make()), torch.randn((3, 2), generator=seed(2), dtype=torch.float64)
    z, log_det = flow(x)
    assert (z - x).abs().max() > 0.05
    assert torch.allclose(flow.inverse(z), x, atol=error)
    jacobians = torch.stack([torch.autograd.functional.jacobian(lambda p: flow(p[None])[0][0], point) for point in x])
    assert torch.allclose(log_det, torch.linalg.slogdet(jacobians).logabsdet, atol=error)


@pytest.mark.parametrize("name", ["realnvp", "glow", "ode"])
def test_the_density_integrates_to_1_trained_or_not(name):
    flow, step = shaken(FLOWS[name][0](), 0.12), 0.1
    line = torch.arange(-8, 8, step, dtype=torch.float64)
    x = torch.cartesian_prod(line, line)
    with torch.no_grad():
        density = flow.log_prob(x).exp()
    assert density.sum().item() * step**2 == pytest.approx(1, abs=2e-3)
    assert (density - standard_normal(x).exp()).abs().max() > 0.02  # and is no longer that of the noise


@pytest.mark.parametrize("name", ["realnvp", "ode"])
def test_an_untrained_flow_is_the_identity(name):
    flow, x = FLOWS[name][0](), torch.randn((10, 2), generator=seed())
    z, log_det = flow(x)
    assert torch.allclose(z, x, atol=1e-6)
    assert torch.allclose(log_det, torch.zeros(10), atol=1e-6)
    assert torch.allclose(flow.log_prob(x), standard_normal(x), atol=1e-5)


def test_the_latent_density_is_a_standard_normal():
    z = torch.randn((10, 2), generator=seed())
    normal = torch.distributions.Normal(0, 1)
    assert torch.allclose(standard_normal(z), normal.log_prob(z).sum(1), atol=1e-6)


def test_a_coupling_keeps_one_coordinate_and_bounds_its_stretch():
    layer, x = shaken(Coupling(1, 8, seed()), 30.0), torch.randn((20, 2), generator=seed(), dtype=torch.float64)
    z, log_det = layer(x)
    assert torch.equal(z[:, 0], x[:, 0])
    assert log_det.abs().max() <= 2


def test_actnorm_makes_its_first_batch_standard():
    flow, x = glow(3, 8, seed()), 3 * torch.randn((200, 2), generator=seed()) + 5
    flow.initialise(x)
    for layer in flow.layers:
        x, _ = layer(x)
        if isinstance(layer, ActNorm):
            assert torch.allclose(x.mean(0), torch.zeros(2), atol=1e-4)
            assert torch.allclose(x.var(0, correction=0), torch.ones(2), atol=1e-3)


def test_mixing_begins_as_a_rotation_and_its_determinant_is_that_of_s():
    layer = Mixing(seed())
    assert torch.allclose(layer.weight() @ layer.weight().T, torch.eye(2), atol=1e-6)
    w = shaken(layer).weight()
    assert torch.linalg.det(w).abs().log().item() == pytest.approx(layer.log_s.sum().item(), abs=1e-9)


@pytest.mark.parametrize("name", ["realnvp", "glow", "ode"])
def test_a_path_leads_from_z_to_x(name):
    flow, z = shaken(FLOWS[name][0]()), torch.randn((5, 2), generator=seed(), dtype=torch.float64)
    path = flow.path(z)
    assert torch.equal(path[0], z)
    assert torch.equal(path[-1], flow.inverse(z))
    assert len(path) == {"realnvp": 6, "glow": 10, "ode": 17}[name]
    assert math.isclose((path[1:] - path[:-1]).norm(dim=2).max().item(), 0, abs_tol=5)

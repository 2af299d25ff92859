"""The two flows that are ODEs: divergence, instantaneous change of variables, flow matching and its samplers."""

import itertools

import pytest
import torch

from genai_core.data.plane import Distribution, distribution
from genai_core.flows.plane import matching
from genai_core.flows.plane.continuous import FFJORD, Continuous
from genai_core.flows.plane.matching import FlowMatching
from genai_core.flows.plane.velocity import Velocity, exact, hutchinson
from tests.core.flows.test_plane_layers import seed, shaken

SIGNS = torch.tensor(list(itertools.product((-1.0, 1.0), repeat=2)), dtype=torch.float64)  # all values of the noise
X = torch.randn((7, 2), generator=seed(3), dtype=torch.float64)
T = torch.tensor(0.4, dtype=torch.float64)


def velocity() -> Velocity:
    return shaken(Velocity(2, 16, seed()))


def test_the_divergence_is_the_trace_of_autograds_jacobian():
    v, divergence = exact(velocity(), T, X)
    assert torch.allclose(v, velocity()(T, X))
    jacobians = [torch.autograd.functional.jacobian(lambda p: velocity()(T, p[None])[0], point) for point in X]
    assert torch.allclose(divergence, torch.stack([j.trace() for j in jacobians]))


def test_hutchinsons_estimator_is_unbiased_and_no_more_than_that():
    """Its mean over all values that Rademacher's noise can take is the trace; a single value is not."""
    estimates = torch.stack([hutchinson(velocity(), T, X, noise.expand_as(X))[1] for noise in SIGNS])
    assert torch.allclose(estimates.mean(0), exact(velocity(), T, X)[1])
    assert estimates.std(0).max() > 0.1


def test_so_is_the_likelihood_that_it_gives():
    flow = FFJORD(velocity())
    estimates = torch.stack([flow.log_prob(X, noise.expand_as(X)) for noise in SIGNS])
    assert torch.allclose(estimates.mean(0), flow.log_prob(X))


class Linear(torch.nn.Module):
    """The velocity A x."""

    A = torch.tensor([[0.3, -1.0], [0.8, -0.5]], dtype=torch.float64)

    def forward(self, t, x):
        return x @ self.A.T

    def derivatives(self, t, x, directions):
        return x @ self.A.T, directions.expand(-1, len(x), 2) @ self.A.T


def test_a_linear_velocity_has_its_matrix_exponential_and_trace():
    """dx/dt = A x: z = exp(-A) x, and log |det dz/dx| = -trace A."""
    z, log_det = Continuous(Linear(), steps=40)(X)
    assert torch.allclose(z, X @ torch.linalg.matrix_exp(-Linear.A).T, atol=1e-7)
    assert torch.allclose(log_det, -Linear.A.trace().expand(len(X)), atol=1e-9)


def test_the_likelihood_converges_as_the_tolerance_tightens():
    flow = FFJORD(velocity())
    with torch.no_grad():
        best, *rougher = (flow.integrate(X, tolerance=10.0**-k)[1] for k in (10, 6, 4, 2))
        errors = [(log_det - best).abs().max().item() for log_det in rougher]
        steps = [(FFJORD(velocity(), steps=n)(X)[1] - best).abs().max().item() for n in (16, 4)]
    assert errors[0] < errors[1] < errors[2]
    assert errors[0] < 1e-5
    assert steps[0] < steps[1] / 16  # RK4 is of fourth order: a quarter of the step, a 256th of the error at best


def test_training_follows_the_gradient_of_either_trace():
    """The mean of the losses over all noise has the gradient of the exact loss."""
    flow = FFJORD(velocity())
    names = list(dict(flow.named_parameters()))
    exact_slope = torch.autograd.grad(-flow.log_prob(X).mean(), flow.parameters())
    estimated = torch.stack([flow.log_prob(X, noise.expand_as(X)) for noise in SIGNS])
    slope = torch.autograd.grad(-estimated.mean(), flow.parameters())
    assert all(torch.allclose(a, b) for a, b in zip(exact_slope, slope, strict=True)), names


def test_an_unknown_trace_or_solver_is_told_the_known_ones():
    with pytest.raises(ValueError, match="no trace 'x'; there are exact, hutchinson"):
        FFJORD(velocity(), "x")
    with pytest.raises(ValueError, match="no solver 'x'; there are euler, heun"):
        matching.sample(velocity(), X, "x", 3)
    with pytest.raises(ValueError, match="whole number of 1 or more"):
        matching.sample(velocity(), X, "heun", 0)


# --- flow matching ---

ONE = Distribution(torch.tensor([[1.0, -0.5]]), 0.3, False)


def test_the_exact_velocity_of_a_gaussian_samples_that_gaussian():
    """Its points move on x_t = t c + sqrt((1 - t)^2 + t^2 sigma^2) z: the end is c + sigma z, whatever z was."""
    z, wanted = X.float(), ONE.centres + ONE.sigma * X.float()
    ends = {
        (solver, n): (matching.sample(matching.exact_velocity(ONE), z, solver, n)[-1] - wanted).abs().max().item()
        for solver in matching.SOLVERS
        for n in (20, 40)
    }
    assert ends["heun", 40] < 2e-3
    assert ends["euler", 40] == pytest.approx(ends["euler", 20] / 2, rel=0.2)  # of first order
    assert ends["heun", 40] == pytest.approx(ends["heun", 20] / 4, rel=0.4)  # and of second


def test_one_euler_step_of_the_exact_velocity_ends_at_the_mean():
    data = distribution("moons").scaled(2.0, 0.15)
    ends = matching.sample(matching.exact_velocity(data), X.float(), "euler", 1)[-1]
    assert torch.allclose(ends, data.centres.mean(0).expand_as(ends), atol=1e-5)


def test_the_exact_velocity_is_that_of_the_score():
    """E[z | x_t] = -(1 - t) times the score of x_t (Tweedie), and then x_t = (1 - t) z + t x gives E[x - z | x_t]."""
    data, t = distribution("ring").scaled(2.0, 0.15), torch.tensor(0.6)
    width = ((1 - t) ** 2 + (t * data.sigma) ** 2).sqrt().item()
    x_t = X.float()
    z = -(1 - t) * Distribution(t * data.centres, width, True).score(x_t)
    assert torch.allclose(matching.exact_velocity(data)(t, x_t), (x_t - z) / t, atol=1e-4)


def test_the_exact_velocity_carries_noise_to_every_mode():
    data = distribution("ring").scaled(2.0, 0.15)
    ends = matching.sample(matching.exact_velocity(data), torch.randn((400, 2), generator=seed()), "heun", 40)[-1]
    modes, quality = data.quality(ends)
    assert modes == 8
    assert quality > 0.97


def test_no_velocity_has_a_lower_loss_than_the_exact_one():
    """Whose loss is not 0: noise and data are not known from where they meet."""
    flow = FlowMatching(Velocity(1, 4, seed()))
    x = ONE.draw(20_000, seed())
    exact_velocity = matching.exact_velocity(ONE)
    losses = []
    for off in (0.0, -0.1, 0.1):
        flow.velocity.forward = lambda t, p, off=off: exact_velocity(t, p) + off  # type: ignore[method-assign]
        losses.append(flow.loss(x, seed(1)).item())
    assert losses[0] < min(losses[1:])
    assert losses[0] > 0.05

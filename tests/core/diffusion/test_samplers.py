"""Laws of the samplers, with exact scores in place of a network."""

import itertools
import math

import pytest
import torch

from genai_core.diffusion import exact, samplers, schedules
from genai_core.diffusion.samplers import SAMPLERS, SPACING

COSINE = schedules.schedule("cosine")
GAUSSIAN = exact.mixture(torch.tensor([[0.3, -0.5]]), 0.4)
MIXTURE = exact.mixture(torch.tensor([[-0.8, 0.0], [0.8, 0.4]]), 0.15)
each = pytest.mark.parametrize("name", SAMPLERS)


def seed(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def noise(n: int, number: int = 0, dtype=torch.float32) -> torch.Tensor:
    return torch.randn((n, 2), generator=seed(number), dtype=dtype)


def steps_of(name: str, denoise, n: int, steps: int, **options) -> list[samplers.Step]:
    grid = schedules.grid(COSINE, steps, SPACING.get(name, "trailing"))
    return list(SAMPLERS[name](denoise, noise(n), grid, generator=seed(1), **options))


def end_of(name: str, denoise) -> torch.Tensor:
    """20,000 samples of enough steps; Langevin dynamics are exact only in the limit of many."""
    if name == "langevin":
        return steps_of(name, denoise, 20_000, 1000)[-1].after
    return steps_of(name, denoise, 20_000, 100)[-1].after


@each
def test_the_exact_score_of_a_gaussian_gives_that_gaussian(name):
    x = end_of(name, GAUSSIAN)
    assert x.mean(0).tolist() == pytest.approx([0.3, -0.5], abs=0.03)
    covariance = x.T.cov()
    assert covariance.diagonal().sqrt().tolist() == pytest.approx([0.4, 0.4], rel=0.05)
    assert abs(covariance[0, 1]) < 0.01


@each
def test_the_exact_score_of_a_mixture_gives_that_mixture(name):
    x = end_of(name, MIXTURE)
    right = x[:, 0] > 0
    assert right.float().mean().item() == pytest.approx(0.5, abs=0.03)
    for part, centre in ((x[~right], [-0.8, 0.0]), (x[right], [0.8, 0.4])):
        assert part.mean(0).tolist() == pytest.approx(centre, abs=0.02)
        assert part.std(0).tolist() == pytest.approx([0.15, 0.15], rel=0.12)


def error(name: str, steps: int) -> float:
    """Of the way from sigma / alpha = 20 to 0.5 in even steps, against the known end of a Gaussian's flow."""
    ratio = torch.linspace(math.log(20), math.log(0.5), steps + 1, dtype=torch.float64).exp()
    grid = ratio.atan() * (2 / math.pi)
    x = noise(100, dtype=torch.float64)
    *_, last = SAMPLERS[name](GAUSSIAN, x, grid, generator=seed(0))
    (alpha, _), (alpha_end, _) = (schedules.factors(t) for t in grid[[0, -1]])
    centre = torch.tensor([[0.3, -0.5]], dtype=torch.float64)
    scale = ((0.4**2 + ratio[-1] ** 2) / (0.4**2 + ratio[0] ** 2)).sqrt()  # of x / alpha around the centre
    wanted = alpha_end * (centre + (x / alpha - centre) * scale)
    return (last.after - wanted).norm(dim=1).mean().item()


@pytest.mark.parametrize(("name", "order"), [("euler", 1), ("ddim", 1), ("heun", 2), ("dpmpp_2m", 2)])
def test_the_error_falls_with_the_samplers_order(name, order):
    assert math.log2(error(name, 100) / error(name, 200)) == pytest.approx(order, abs=0.15)
    assert error(name, 200) < 0.01


def zero_terminal() -> schedules.Schedule:
    """The linear schedule, rescaled to end in noise alone [Lin 2023, algorithm 1]."""
    root = schedules.schedule("linear").alpha_bar.sqrt()
    return schedules.Schedule("zero", ((root - root[-1]) * root[0] / (root[0] - root[-1])).square())


@pytest.mark.parametrize("schedule", [zero_terminal(), COSINE], ids=["alpha 0", "alpha 5e-5"])
@pytest.mark.parametrize("name", ["ddim", "euler", "heun", "dpmpp_2m"])
def test_from_noise_alone_the_flow_ends_where_it_should(name, schedule):
    """x_0 = c + s x_T for a Gaussian N(c, s^2), and ever more nearly so with more steps."""
    x = noise(100, dtype=torch.float64)
    errors = []
    for steps in (25, 100):
        *_, last = SAMPLERS[name](GAUSSIAN, x, schedules.grid(schedule, steps), generator=seed(0))
        wanted = torch.tensor([[0.3, -0.5]], dtype=torch.float64) + 0.4 * x
        errors.append((last.after - wanted).norm(dim=1).mean().item())
    assert errors[1] < 0.5 * errors[0]
    assert errors[1] < 0.03


def test_from_nearly_noise_alone_heun_does_not_magnify_an_error():
    """The first slope counts for sigma / alpha = 20,000; an x_0 that is off by 0.01 must stay as harmless as that."""
    calls = itertools.count()

    def inexact(x, t):
        return samplers.from_x0(x, t, GAUSSIAN(x, t).x0 + 0.01 * (-1) ** next(calls))

    grid = schedules.grid(COSINE, 5)
    ends = [list(samplers.heun(d, noise(100), grid, generator=seed(0)))[-1].after for d in (GAUSSIAN, inexact)]
    assert (ends[0] - ends[1]).abs().max() < 0.1


@pytest.mark.parametrize("variance", samplers.VARIANCES)
def test_from_noise_alone_ddpm_gives_the_gaussian(variance):
    grid = schedules.grid(zero_terminal(), 250)
    *_, last = samplers.ddpm(GAUSSIAN, noise(10_000), grid, generator=seed(1), variance=variance)
    assert last.after.mean(0).tolist() == pytest.approx([0.3, -0.5], abs=0.03)
    assert last.after.std(0).tolist() == pytest.approx([0.4, 0.4], rel=0.05)


def test_ddpms_variances_are_those_of_a_point_and_of_a_normal():
    """Each is exact for its data even in a few steps [Ho 2020, section 3.2]."""
    grid, normal = schedules.grid(COSINE, 5), exact.mixture(torch.zeros(1, 2), 1.0)
    x = noise(50_000)
    for step in samplers.ddpm(normal, x, grid, generator=seed(1), variance="fixed_large"):
        if step.step < 4:  # the last adds no noise
            assert step.after.std().item() == pytest.approx(1, abs=0.01)
    point = exact.mixture(torch.tensor([[0.5, 0.5]]), 1e-6)
    for step in samplers.ddpm(point, x, grid, generator=seed(1), variance="fixed_small"):
        alpha, sigma = (float(f) for f in schedules.factors(grid[step.step + 1]))
        assert step.after.mean().item() == pytest.approx(alpha * 0.5, abs=0.01)
        assert step.after.std().item() == pytest.approx(sigma, abs=0.01)
    with pytest.raises(ValueError, match="no variance 'learned'; there are fixed_small, fixed_large"):
        next(samplers.ddpm(point, x, grid, generator=seed(1), variance="learned"))


def test_langevin_is_refused_where_there_is_no_signal():
    with pytest.raises(ValueError, match="without any signal"):
        next(samplers.langevin(GAUSSIAN, noise(2), schedules.grid(zero_terminal(), 5), generator=seed(0)))


def test_ddim_without_eta_is_deterministic_and_with_eta_it_is_not():
    grid = schedules.grid(COSINE, 10)
    ends = {}
    for eta in (0.0, 0.5):
        for number in (1, 2):
            *_, last = samplers.ddim(MIXTURE, noise(50), grid, generator=seed(number), eta=eta)
            ends[eta, number] = last.after
    assert torch.equal(ends[0.0, 1], ends[0.0, 2])
    assert not torch.allclose(ends[0.5, 1], ends[0.5, 2])


def test_ddim_with_eta_one_is_ddpm():
    """The same mean and the same variance at every step, hence with the same random numbers the same way."""
    grid = schedules.grid(COSINE, 20)
    one = samplers.ddim(MIXTURE, noise(50), grid, generator=seed(1), eta=1.0)
    other = samplers.ddpm(MIXTURE, noise(50), grid, generator=seed(1))
    for a, b in zip(one, other, strict=True):
        torch.testing.assert_close(a.after, b.after, atol=1e-5, rtol=1e-4)


def test_euler_on_the_same_grid_is_ddim():
    grid = schedules.grid(COSINE, 20, "leading")
    *_, a = samplers.ddim(MIXTURE, noise(50), grid, generator=seed(1))
    *_, b = samplers.euler(MIXTURE, noise(50), grid, generator=seed(1))
    torch.testing.assert_close(a.after, b.after, atol=1e-5, rtol=1e-4)


@each
def test_each_step_says_what_was_and_what_it_cost(name):
    calls = []

    def counted(x, t):
        calls.append(float(t))
        return MIXTURE(x, t)

    steps = steps_of(name, counted, 5, 7)
    assert [step.step for step in steps] == list(range(7))
    assert steps[-1].nfe == len(calls) == (13 if name == "heun" else 7)
    assert samplers.steps_within(name, len(calls)) == 7
    for step, following in itertools.pairwise(steps):
        assert torch.equal(step.after, following.x)
        assert step.t > following.t
        alpha, sigma = (float(f) for f in schedules.factors(torch.tensor(step.t, dtype=torch.float64)))
        torch.testing.assert_close(alpha * step.x0 + sigma * step.noise, step.x, atol=1e-5, rtol=1e-4)
        again = MIXTURE(step.x, torch.tensor(step.t, dtype=torch.float64))
        assert torch.equal(again.x0, step.x0)


@pytest.mark.parametrize("name", ["ddim", "euler", "heun"])
def test_a_way_taken_up_in_the_middle_ends_where_it_would_have(name):
    steps = steps_of(name, MIXTURE, 5, 8)
    grid = schedules.grid(COSINE, 8, SPACING.get(name, "trailing"))
    *_, last = SAMPLERS[name](MIXTURE, steps[3].x, grid, generator=seed(1), start=3)
    assert torch.equal(last.after, steps[-1].after)


def test_there_is_no_step_behind_the_last():
    with pytest.raises(IndexError, match="has no step 8"):
        next(samplers.ddim(MIXTURE, noise(2), schedules.grid(COSINE, 8), generator=seed(0), start=8))


@pytest.mark.parametrize("t", [0.1, 0.5, 0.9])
def test_the_four_ways_to_say_a_prediction_agree(t):
    t = torch.tensor(t, dtype=torch.float64)
    alpha, sigma = (float(f) for f in schedules.factors(t))
    x0, e = noise(4, 1), noise(4, 2)
    x = alpha * x0 + sigma * e
    for p in (
        samplers.from_noise(x, t, e),
        samplers.from_x0(x, t, x0),
        samplers.from_v(x, t, alpha * e - sigma * x0),
        samplers.from_score(x, t, -e / sigma),
    ):
        torch.testing.assert_close(p.x0, x0, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(p.noise, e, atol=1e-5, rtol=1e-4)


def test_the_exact_denoisers_noise_is_the_score_of_its_mixture():
    x, t = noise(6, dtype=torch.float64).requires_grad_(), torch.tensor(0.4, dtype=torch.float64)
    alpha, sigma = (float(f) for f in schedules.factors(t))
    centres = torch.tensor([[-0.8, 0.0], [0.8, 0.4]], dtype=torch.float64)
    parts = torch.distributions.Normal(alpha * centres, math.sqrt((alpha * 0.15) ** 2 + sigma**2))
    density = parts.log_prob(x[:, None]).sum(2).logsumexp(1)
    (score,) = torch.autograd.grad(density.sum(), x)
    torch.testing.assert_close(MIXTURE(x.detach(), t).noise, -sigma * score)

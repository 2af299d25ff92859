"""Schedules and the forward process."""

import diffusers
import pytest
import torch

from genai_core import diffusion
from genai_core.diffusion import schedules

each = pytest.mark.parametrize("name", schedules.NAMES)


@each
def test_noise_only_grows(name):
    s = schedules.schedule(name)
    assert s.alpha_bar.shape == (1000,)
    assert (s.alpha_bar.diff() < 0).all()
    assert (s.t.diff() > 0).all()
    assert s.alpha_bar[0] > 0.99
    assert s.alpha_bar[-1] < 1e-3
    torch.testing.assert_close(s.snr.log(), schedules.log_snr(s.t), rtol=1e-9, atol=1e-7)


@pytest.mark.parametrize(("name", "theirs"), [("linear", "linear"), ("cosine", "squaredcos_cap_v2")])
def test_the_tables_are_diffusers(name, theirs):
    table = diffusers.DDPMScheduler(beta_schedule=theirs).alphas_cumprod.double()
    torch.testing.assert_close(schedules.schedule(name).alpha_bar, table, rtol=2e-4, atol=1e-9)  # theirs is in float32


@each
@pytest.mark.parametrize("step", [0, 300, 700, 999])
def test_the_forward_process_has_the_mean_and_variance_of_q(name, step, generator):
    x0 = torch.rand((1, 1, 4, 4), generator=generator)
    x = diffusion.noised(x0.expand(40_000, 1, 4, 4), step, name, generator=generator)
    alpha_bar = schedules.schedule(name).alpha_bar[step]
    torch.testing.assert_close(x.mean(0), (alpha_bar.sqrt() * (2 * x0[0] - 1)).float(), atol=0.025, rtol=0)
    torch.testing.assert_close(x.var(0), torch.full((1, 4, 4), float(1 - alpha_bar)), atol=0, rtol=0.04)


def test_each_picture_may_have_its_own_level(generator):
    x, noise = torch.rand((3, 1, 2, 2), generator=generator), torch.randn((3, 1, 2, 2), generator=generator)
    mixed = schedules.noised(x, torch.tensor([0.0, 0.5, 1.0]), noise)
    torch.testing.assert_close(mixed[0], x[0])
    torch.testing.assert_close(mixed[1], (x[1] + noise[1]) * 0.5**0.5)
    torch.testing.assert_close(mixed[2], noise[2], atol=1e-6, rtol=0)


@pytest.mark.parametrize("steps", [1, 4, 50, 999, 1000])
@pytest.mark.parametrize("spacing", schedules.SPACINGS)
def test_a_grid_falls_to_zero(spacing, steps):
    grid = schedules.grid(schedules.schedule("cosine"), steps, spacing)
    assert grid.shape == (steps + 1,)
    assert (grid.diff() < 0).all()
    assert grid[-1] == 0
    assert grid[0] <= 1


def test_unknown_names_are_told():
    with pytest.raises(ValueError, match="there are cosine, linear, sigmoid"):
        schedules.schedule("quadratic")
    with pytest.raises(ValueError, match="there are trailing"):
        schedules.grid(schedules.schedule("cosine"), 5, "even")
    for steps in (0, 1001):
        with pytest.raises(ValueError, match="1 to 1000 steps"):
            schedules.grid(schedules.schedule("cosine"), steps)

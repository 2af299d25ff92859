"""The 2-D lab: what it learns, what it shows, what a seed fixes."""

import math
import pickle

import numpy as np
import pytest
import torch

from genai_core.data.plane import distribution, drawn
from genai_core.diffusion import lab, live, schedules
from genai_core.diffusion.lab import Lab, LabConfig

TINY = {"hidden": 32, "layers": 2, "fourier_features": 8, "batch": 128, "steps": 60}


def test_it_comes_nearer_to_the_exact_score_and_its_particles_to_the_data():
    training = Lab(LabConfig(hidden=64, layers=2, batch=256, steps=500), distribution("moons"))
    before = training.frame()
    training.step(500)
    after = training.frame()
    assert (after.error < 0.2 * before.error).all()
    assert training.data.quality(torch.from_numpy(after.flow[-1]))[1] > 0.6
    assert training.data.quality(torch.from_numpy(before.flow[-1]))[1] < 0.3


def test_a_frame_says_where_it_stands_and_travels():
    frames = [frame for frame, *_ in live.train(settings=TINY, data="ring", seed=0, per_frame=25)]
    assert [frame.step for frame in frames] == [25, 50, 60]
    frame = pickle.loads(pickle.dumps(frames[-1]))
    assert frame.learned.shape == frame.perfect.shape == (len(lab.LEVELS), lab.ARROWS, lab.ARROWS, 2)
    assert frame.error.shape == (len(lab.LEVELS),)
    assert frame.flow.shape == (lab.FLOW + 1, lab.PARTICLES, 2)
    assert frame.learned.dtype == frame.flow.dtype == np.float32
    assert math.isfinite(frame.loss)
    assert np.array_equal(frames[0].flow[0], frame.flow[0])


def test_the_field_lies_on_the_plane():
    """Its arrow (row, column) is minus the noise at (x of the column, y of the row)."""
    perfect = Lab(LabConfig(**TINY), distribution("grid")).perfect()
    line = torch.linspace(-lab.PLANE, lab.PLANE, lab.ARROWS)
    at = torch.stack([line[11], line[3]])[None]
    assert np.allclose(lab.field(perfect)[2, 3, 11], -perfect(at, lab.LEVELS[2]).noise[0], atol=1e-6)


@pytest.mark.parametrize("solver", ["ode", "sde"])
def test_under_the_exact_score_the_particles_reach_the_data(solver):
    training = Lab(LabConfig(**TINY), distribution("ring"))
    end = torch.from_numpy(lab.flow(training.perfect(), training.noise, solver)[-1])
    modes, quality = training.data.quality(end)
    assert modes == 8
    assert quality > 0.95


def test_the_least_loss_is_the_exact_denoisers_own():
    """One Gaussian of width s: given x_t, v has the variance s^2 / (alpha^2 s^2 + sigma^2)."""
    data = drawn(np.zeros((1, 2)))
    alpha, sigma = schedules.factors((torch.arange(1000, dtype=torch.float64) + 0.5) / 1000)
    variance = data.sigma**2 / (alpha**2 * data.sigma**2 + sigma**2)
    least = lab.least_loss(Lab(LabConfig(**TINY), data).perfect(), data, 100_000)
    strata = variance[25::50].mean()
    assert least == pytest.approx(float(strata), rel=0.05)


def test_a_flow_says_the_noise_levels_of_its_states():
    for solver in lab.SOLVERS:
        times = Lab(LabConfig(**TINY), distribution("ring")).frame(solver).times
        assert times.shape == (lab.FLOW + 1,)
        assert (np.diff(times) < 0).all()
        assert times[-1] == 0


def test_a_paused_training_goes_on_as_if_nothing_had_been():
    whole = [frame for frame, *_ in live.train(settings=TINY, data="ring", seed=1, per_frame=20)]
    _, state, _ = next(live.train(settings=TINY, data="ring", seed=1, per_frame=20))
    rest = [frame for frame, *_ in live.train(settings={}, data="", seed=9, state=state, per_frame=20)]
    assert [frame.loss for frame in rest] == [frame.loss for frame in whole[1:]]
    assert np.array_equal(rest[-1].flow, whole[-1].flow)


def test_both_denoisers_carry_the_same_noise_back():
    _, state, _ = next(live.train(settings=TINY, data=[[0.5, 0.5], [-0.5, 0.0]], seed=0))
    flows = live.flows(state, solver="ddim", seed=3, steps=10)
    assert flows["learned"].shape == (11, lab.PARTICLES, 2)
    assert np.array_equal(flows["learned"][0], flows["perfect"][0])
    again = live.flows(state, solver="ddim", seed=4, steps=10)
    assert not np.array_equal(flows["learned"][0], again["learned"][0])


def test_it_ends_when_its_time_is_up_and_says_so():
    ((_, _, timed_out),) = live.train(settings=TINY, data="ring", seed=0, seconds=0.0)
    assert timed_out
    assert not any(late for _, _, late in live.train(settings=TINY, data="ring", seed=0))


def test_what_is_wrong_is_told():
    with pytest.raises(ValueError, match="no solver 'left'"):
        lab.flow(Lab(LabConfig(**TINY), distribution("ring")).perfect(), torch.zeros(1, 2), "left")
    with pytest.raises(ValueError, match="there are ring"):
        next(live.train(settings=TINY, data="square", seed=0))
    with pytest.raises(lab.Diverged, match=r"after \d+ steps: try a lower learning rate.*\.$"):
        Lab(LabConfig(**{**TINY, "lr": 1e30}), distribution("ring")).step(60)

"""The lab of flows: what a frame shows, what a seed fixes, and what a training learns."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from genai_core.data.plane import distribution, drawn
from genai_core.flows.plane import lab, live
from genai_core.flows.plane.discrete import standard_normal
from genai_core.flows.plane.lab import Lab, LabConfig, configured

TINY = {"hidden": 8, "batch": 32, "steps": 12}


def tiny(model: str, **changes: object) -> dict:
    return {"model": model, **TINY, "couplings": 3, "layers": 1, **changes}


@pytest.mark.parametrize("model", lab.MODELS)
def test_a_frame_shows_the_way_from_z_to_x(model):
    training = Lab(configured(**tiny(model)), distribution("moons"))
    training.step(3)
    frame = training.frame("euler", 7)
    states = {"realnvp": 4, "glow": 10, "ffjord": 7, "matching": 7}[model]
    assert frame.lattice.shape == (states, lab.LATTICE, lab.LATTICE, 2)
    assert frame.samples.shape == (8 if states == 7 else states, lab.SAMPLES, 2)
    assert np.array_equal(frame.lattice[0].reshape(-1, 2), lab.lattice().numpy())
    assert frame.lattice.dtype == frame.samples.dtype == frame.measures.density.dtype == np.float32
    x = torch.from_numpy(frame.lattice[-1].reshape(-1, 2))
    with torch.no_grad():
        z, _ = training.average.model(x)
    assert torch.allclose(z, lab.lattice(), atol=1e-3)


def test_the_density_lies_on_the_plane():
    """Its cell (row, column) is the mean of p at four points around (x of the column, y of the row)."""
    training = Lab(configured(**tiny("glow")), distribution("moons"))
    training.step(3)
    density = training.frame().measures.density
    line = (np.arange(len(density)) + 0.5) * 2 * lab.PLANE / len(density) - lab.PLANE
    quarter = lab.PLANE / len(density) / 2
    points = torch.tensor([[line[40] + i * quarter, line[22] + j * quarter] for i in (-1, 1) for j in (-1, 1)])
    with torch.no_grad():
        p = training.average.model.log_prob(points.float()).exp().mean().item()
    assert density[22, 40] == pytest.approx(p, rel=1e-4)


@pytest.mark.parametrize("model", lab.MODELS)
def test_before_the_first_step_the_measures_are_those_of_a_gaussian(model):
    """Of N(0, I), or in Glow, whose actnorm has seen a batch, of a Gaussian with the moments of the data."""
    training = Lab(configured(model), distribution("ring"))
    measures, x = training.frame().measures, training.held_out
    spread = x.std(0) if model == "glow" else torch.ones(2)
    wanted = -(standard_normal(x / spread) - spread.log().sum()).mean().item()
    assert measures.nll == pytest.approx(wanted, abs=0.05 if model == "glow" else 1e-4)
    assert measures.exact == pytest.approx(training.entropy, abs=0.15)  # 500 points
    assert measures.integral == pytest.approx(1, abs=1e-3)


def test_the_margin_surrounds_the_plane_without_a_gap():
    """Cells of both sizes, each with its area, tile the larger square."""
    inner, outer = lab.middles(64, lab.PLANE), lab.margin()
    area = len(inner) * (2 * lab.PLANE / 64) ** 2 + len(outer) * (4 * lab.PLANE / lab.MARGIN) ** 2
    assert area == pytest.approx((4 * lab.PLANE) ** 2)
    assert inner.abs().max() < lab.PLANE < outer.abs().max(1).values.min()


@pytest.mark.parametrize("model", lab.MODELS)
def test_a_paused_training_goes_on_as_if_nothing_had_been(model):
    options = {"settings": tiny(model), "data": "ring", "seed": 1, "per_frame": 4}
    whole = [frame for frame, *_ in live.train(**options)]
    _, state, _ = next(live.train(**options))
    rest = [frame for frame, *_ in live.train(settings={}, data="", seed=9, state=state, per_frame=4)]
    assert [frame.step for frame in whole] == [4, 8, 12]
    assert [frame.loss for frame in rest] == [frame.loss for frame in whole[1:]]
    assert np.array_equal(rest[-1].weights.numbers, whole[-1].weights.numbers)
    assert rest[-1].measures.nll == whole[-1].measures.nll


def test_a_seed_fixes_the_training_and_two_never_touch():
    alone = Lab(configured(**tiny("ffjord", trace="hutchinson")), distribution("grid"), seed=3)
    alone.step(4)
    torch.manual_seed(123)
    one, other = (Lab(configured(**tiny("ffjord", trace="hutchinson")), distribution("grid"), seed=s) for s in (3, 4))
    for _ in range(2):
        one.step(2)
        other.step(1)
        one.frame()  # looking changes nothing
    assert np.array_equal(one.frame().samples, alone.frame().samples)
    assert not np.array_equal(other.frame().samples, alone.frame().samples)


def test_another_sampler_moves_the_samples_alone():
    _, state, _ = next(live.train(settings=tiny("matching"), data="moons", seed=0))
    (one, same), (two, _) = (next(live.look(state=state, solver=s, solver_steps=3)) for s in ("euler", "heun"))
    assert same == state
    assert not np.array_equal(one.samples[-1], two.samples[-1])
    assert np.array_equal(one.samples[0], two.samples[0])
    assert np.array_equal(one.lattice, two.lattice)


def test_what_integrates_is_measured_now_and_then_and_at_the_end():
    frames = [f for f, *_ in live.train(settings=tiny("matching", steps=7), data="ring", seed=0, per_frame=1)]
    assert [frame.step for frame in frames if frame.measures] == [5, 7]
    assert all(f.measures for f, *_ in live.train(settings=tiny("realnvp"), data="ring", seed=0, per_frame=4))


def test_it_ends_when_its_time_is_up_and_says_so():
    ((frame, _, timed_out),) = live.train(settings=tiny("matching"), data="ring", seed=0, per_frame=1, seconds=0.0)
    assert timed_out
    assert frame.measures
    assert not any(late for _, _, late in live.train(settings=tiny("realnvp"), data="ring", seed=0))


def test_a_drawing_is_what_the_flow_learns():
    training = Lab(configured(**tiny("realnvp")), drawn(np.array([[0.5, 0.25]])))
    assert torch.equal(training.data.centres, torch.tensor([[1.0, 0.5]]))
    assert training.entropy == pytest.approx(math.log(2 * math.pi * math.e * 0.15**2), abs=1e-4)


def test_the_weights_are_all_that_another_program_needs():
    """A Glow computed with numpy from what a page is sent, layer by layer."""
    training = Lab(configured(**tiny("glow")), distribution("ring"))
    training.step(5)
    sent, x = training.frame().weights, np.array([0.4, -0.9])
    with torch.no_grad():
        (z,), (log_det,) = training.average.model(torch.tensor([x], dtype=torch.float32))
    numbers, total = iter(sent.numbers.tolist()), 0.0
    take = lambda *shape: np.array([next(numbers) for _ in range(math.prod(shape))]).reshape(shape)  # noqa: E731
    for kind in sent.kinds:
        if kind.startswith("coupling"):
            moved, h = int(kind[9:]), None
            for a, b in zip(sent.widths, sent.widths[1:], strict=False):
                weight, bias = take(b, a), take(b)
                h = weight @ (x[[1 - moved]] if h is None else h / (1 + np.exp(-h))) + bias
            scale = 2 * np.tanh(h[0] / 2)
            x[moved] = x[moved] * np.exp(scale) + h[1]
            total += scale
        else:
            matrix = take(2, 2)
            x = matrix @ x + take(2)
            total += np.log(abs(np.linalg.det(matrix)))
    assert next(numbers, None) is None
    assert np.allclose(x, z, atol=1e-5)
    assert total == pytest.approx(log_det.item(), abs=1e-5)


@pytest.mark.parametrize(
    ("model", "steps", "left"), [("realnvp", 60, 0.75), ("ffjord", 15, 0.75), ("matching", 120, 0.5)]
)
def test_a_training_comes_nearer_to_the_true_density(model, steps, left):
    """What the mean negative log-likelihood is above the truth, against before: it cannot come to be below."""
    training = Lab(configured(model, batch=128, lr=1e-2), distribution("moons"))
    before = training.frame().measures
    training.step(steps)
    after = training.frame().measures
    assert 0 < after.nll - after.exact < left * (before.nll - before.exact)
    assert after.quality > before.quality


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"couplings": 0}, "couplings must be a whole number of 1 or more"),
        ({"sigma": 0.0}, "sigma must be a number above 0"),
        ({"sigma": math.nan}, "sigma must be a number above 0"),
        ({"lr": -1.0}, "lr must be a number of 0 or more"),
        ({"ema": 1.5}, "ema must be a number from 0 to 1"),
        ({"trace": "x"}, "no trace 'x'; there are exact"),
        ({"model": "x"}, "no model 'x'; there are realnvp"),
    ],
    ids=str,
)
def test_a_config_that_cannot_be_is_refused_with_a_sentence(changes, said):
    with pytest.raises(ValueError, match=said):
        Lab(dataclasses.replace(LabConfig(), **changes), distribution("ring"))


def test_what_is_wrong_is_told():
    with pytest.raises(ValueError, match="no model 'vae'; there are realnvp, glow, ffjord, matching"):
        configured("vae")
    with pytest.raises(ValueError, match="no solver 'left'"):
        next(live.train(settings=tiny("realnvp"), data="ring", seed=0, solver="left"))
    with pytest.raises(ValueError, match="there are ring"):
        next(live.train(settings=tiny("realnvp"), data="square", seed=0))
    with pytest.raises(lab.Diverged, match=r"^The loss is not finite after \d+ steps: try .*\.$"):
        Lab(configured(**tiny("matching", lr=1e30)), distribution("ring")).step(60)

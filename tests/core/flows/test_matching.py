"""Flow matching: the paths, the solvers on a velocity that is known, guidance, reflow, and straightness."""

import dataclasses
import math

import pytest
import torch

from genai_core.common import checkpoints
from genai_core.common.training import Recipe, seeded
from genai_core.flows import matching
from genai_core.flows.matching import generate, model, solvers, straight
from tests.core.diffusion.conftest import bars

TINY = matching.FlowMatchingConfig(channels=(16, 16, 16), embedding=32, heads=2, batch=16, lr=1e-2, ema=0.95)
MEAN, STD = torch.tensor([2.0, -1.0]), torch.tensor([0.5, 1.5])

each_solver = pytest.mark.parametrize("solver", matching.SOLVERS)


def seed(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def gaussian(x: torch.Tensor, t: float) -> torch.Tensor:
    """E[x_1 - x_0 | x_t] for x_1 ~ N(MEAN, STD^2): regression of x_1 - x_0 on x_t, all of them Gaussian."""
    variance = (1 - t) ** 2 + t**2 * STD**2
    return MEAN + (t * STD**2 - (1 - t)) / variance * (x - t * MEAN)


@pytest.fixture(scope="module")
def trained() -> matching.VelocityUNet:
    """Trained on bars of the labels 1 and 8 for a few seconds."""
    x, y = bars()
    two = (y == 1) | (y == 8)
    *_, last = matching.train(TINY, (x[two], y[two]), steps=60)
    return last.model


@pytest.fixture(scope="module")
def random_model() -> matching.VelocityUNet:
    """Not trained, but with no layer left at zero."""
    net = seeded(0, lambda: matching.VelocityUNet(TINY)).eval().requires_grad_(False)
    for p in net.parameters():
        p.add_(0.05 * torch.randn(p.shape, generator=seed(1)))
    return net


@pytest.mark.parametrize(("solver", "steps"), [("euler", 400), ("heun", 20), ("midpoint", 20)])
def test_the_exact_velocity_of_a_gaussian_samples_it(solver, steps):
    x = torch.randn((1000, 2), generator=seed(0), dtype=torch.float64)
    x = (x - x.mean(0)) / x.std(0)
    *_, last = matching.SOLVERS[solver](gaussian, x, steps)
    torch.testing.assert_close(last.after, MEAN + STD * x, atol=0.01, rtol=0.01)  # the flow between two Gaussians
    torch.testing.assert_close(last.after.mean(0).float(), MEAN, atol=0.01, rtol=0)
    torch.testing.assert_close(last.after.std(0).float(), STD, atol=0.01, rtol=0)


@pytest.mark.parametrize(("solver", "order"), [("euler", 1), ("midpoint", 2), ("heun", 2)])
def test_the_error_of_a_solver_falls_by_its_order(solver, order):
    def error(steps: int) -> float:
        *_, last = matching.SOLVERS[solver](lambda x, t: 3 * x * (1 - x), torch.tensor(0.2).double(), steps)
        return abs(float(last.after) - 1 / (1 + 4 * math.exp(-3)))  # the logistic curve from 1/5

    assert error(40) / error(80) == pytest.approx(2**order, rel=0.1)


@each_solver
def test_one_step_is_exact_where_paths_are_straight(solver):
    x, v = torch.randn((2, 5, 3), generator=seed(0))
    step = next(matching.SOLVERS[solver](lambda x, t: v, x, 1))
    torch.testing.assert_close(step.after, x + v)
    torch.testing.assert_close(step.end, x + v)
    assert step.nfe == solvers.COST[solver]


@each_solver
@pytest.mark.parametrize("nfe", [1, 2, 3, 7, 20])
def test_a_budget_of_evaluations_is_kept(solver, nfe):
    calls = []
    steps = list(
        matching.SOLVERS[solver](lambda x, t: calls.append(t) or x, torch.ones(1), solvers.steps_within(solver, nfe))
    )
    assert steps[-1].nfe == len(calls) <= max(nfe, solvers.COST[solver])
    assert all(0 <= t <= 1 for t in calls)


class Linear(torch.nn.Module):
    """The exact velocity, for pictures that are one grey N(0.6, 0.2^2) for each pixel, times a factor."""

    def __init__(self, factor: float = 1.0, shift: float = 0.0):
        super().__init__()
        self.config, self.factor, self.shift = TINY, factor, shift

    def forward(self, x, t, labels):
        t = t.view(-1, 1, 1, 1)
        mean, std = 0.2, 0.4  # of states
        variance = (1 - t) ** 2 + t**2 * std**2
        return self.factor * (mean + (t * std**2 - (1 - t)) / variance * (x - t * mean)) + self.shift


def test_the_loss_is_least_at_the_exact_velocity():
    x = 0.6 + 0.2 * torch.randn((256, 1, 28, 28), generator=seed(0))
    noise, labels = torch.randn(x.shape, generator=seed(1)), torch.zeros(256, dtype=torch.long)
    options = [(1.0, 0.0), (0.9, 0.0), (1.1, 0.0), (1.0, 0.1), (1.0, -0.1)]
    losses = [model.loss(Linear(*o), noise, x, labels, generator=seed(2))["loss"].item() for o in options]
    assert losses[0] < min(losses[1:])


def test_the_loss_is_that_of_the_straight_path(random_model):
    """Its target is the derivative of the state in t."""
    x, y = bars(8)
    noise = torch.randn(x.shape, generator=seed(1))
    seen = {}

    class Spy(torch.nn.Module):
        config = dataclasses.replace(TINY, label_dropout=0.0)

        def forward(self, x_t, t, labels):
            seen.update(x=x_t, t=t, labels=labels)
            return torch.zeros_like(x_t)

    value = model.loss(Spy(), noise, x, y, generator=seed(3))["loss"]
    t = seen["t"].view(-1, 1, 1, 1).requires_grad_()
    state = (1 - t) * noise + t * (2 * x - 1)
    torch.testing.assert_close(seen["x"], state.detach())
    (slope,) = torch.autograd.grad(state.sum(), t)  # [8, 1, 1, 1], summed over the pixels
    torch.testing.assert_close(slope, (2 * x - 1 - noise).sum((1, 2, 3), keepdim=True), atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(value, (2 * x - 1 - noise).square().mean())
    assert torch.equal(seen["labels"], y)


@pytest.mark.parametrize(
    ("times", "density"),
    [
        ("uniform", lambda t: torch.ones_like(t)),
        ("logit-normal", lambda t: (-0.5 * t.logit().square()).exp() / (t * (1 - t))),
        ("ends", lambda t: torch.cosh(model.STEEPNESS * (2 * t - 1))),
    ],
)
def test_times_are_drawn_from_their_density(times, density):
    t = model.draw_times(times, 100_000, generator=seed(0))
    edges = torch.linspace(0, 1, 11)
    counts = torch.histogram(t, edges).hist / len(t)
    grid = (torch.arange(10_000, dtype=torch.float64) + 0.5) / 10_000
    wanted = density(grid).view(10, -1).sum(1)
    torch.testing.assert_close(counts, (wanted / wanted.sum()).float(), atol=2e-3, rtol=0)


def test_the_trained_model_respects_labels(trained):
    labels = torch.tensor([1] * 8 + [8] * 8)
    x = matching.sample(trained, 16, generator=seed(3), labels=labels, steps=8)
    left, right = x[..., 2:8].mean((1, 2, 3)), x[..., 16:22].mean((1, 2, 3))
    assert ((left > right) == (labels == 1)).all()


def test_guidance_one_is_the_conditional_model(random_model):
    x, labels, none = torch.randn((4, 1, 28, 28), generator=seed(0)), torch.arange(4), torch.full((4,), 10)
    with torch.inference_mode():
        made = {
            guidance: matching.velocity_field(random_model, labels, guidance=guidance)(x, 0.4)
            for guidance in (0.0, 1.0, 1 + 1e-9, 2.0)
        }
        without = matching.velocity_field(random_model, none)(x, 0.4)
    near = {"atol": 0.03, "rtol": 0.03}  # bfloat16
    torch.testing.assert_close(made[1 + 1e-9], made[1.0], **near)
    torch.testing.assert_close(made[0.0], without, **near)
    torch.testing.assert_close(made[2.0], 2 * made[1.0] - without, **near)
    assert not torch.allclose(made[2.0], made[1.0], **near)


@each_solver
def test_the_same_seed_gives_the_same_sample_streamed_or_not(trained, solver):
    options = {"sampler": solver, "steps": 3, "guidance": 1.5}
    one, two, other = (matching.sample(trained, 3, generator=seed(s), **options) for s in (5, 5, 6))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)
    *_, last = matching.sample_steps(trained, 3, generator=seed(5), **options)
    assert torch.equal(one, matching.picture(last.after))


def test_pairs_are_noises_and_what_they_become(trained):
    noise, pictures, labels = matching.pairs(trained, 12, seed=2, steps=3)
    again = matching.sample(trained, 12, generator=seed(9), labels=labels, noise=noise, steps=3)
    assert torch.equal(pictures, again)
    assert labels.tolist() == [*range(10), 0, 1]


def test_reflow_begins_as_its_teacher_and_parts_no_pair(trained, monkeypatch):
    noise = torch.randn((48, 1, 28, 28), generator=seed(0))
    pictures, labels = noise.sigmoid(), torch.arange(48) % 10
    seen = []
    inner = model.loss
    monkeypatch.setattr(
        model, "loss", lambda net, *batch, generator: seen.append(batch) or inner(net, *batch, generator=generator)
    )
    config = dataclasses.replace(TINY, teacher="its argument", lr=0.0, weight_decay=0.0)
    *_, last = matching.train(config, (noise, pictures, labels), steps=3, teacher=trained)
    for name, value in last.model.state_dict().items():
        torch.testing.assert_close(value, trained.state_dict()[name])
    noises, images, classes = (torch.cat(part) for part in zip(*seen, strict=True))
    torch.testing.assert_close(noises.sigmoid(), images)
    at = torch.cdist(noises.flatten(1), noise.flatten(1)).argmin(1)
    assert torch.equal(classes, labels[at])
    assert at.unique().tolist() == list(range(48))


def test_a_resumed_reflow_ends_as_the_uninterrupted_one(trained):
    pairs = matching.pairs(trained, 40, seed=0, steps=1)
    config = dataclasses.replace(TINY, teacher="its argument", label_dropout=0.0)
    kept, whole = None, []
    for step in matching.train(config, pairs, steps=6, teacher=trained):
        whole.append(step.losses)
        if step.step == 3:
            kept = step.state()
    resumed = matching.train(config, pairs, steps=6, teacher=trained, resume=kept)
    assert [step.losses for step in resumed] == whole[3:]


def test_reflow_reads_its_pairs_from_the_teacher_in_its_recipe(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "ASSETS", tmp_path)
    monkeypatch.setitem(generate.RECIPES, "first", Recipe(TINY, "sprites", steps=1))
    checkpoints.save("first", trained, TINY)
    recipe = Recipe(dataclasses.replace(TINY, teacher="first", pairs=6, guidance=1.5), "sprites", steps=1, seed=4)
    noise, pictures, labels = matching.examples(recipe)
    expected = matching.pairs(matching.load("first"), 6, seed=4, guidance=1.5, steps=generate.STEPS)
    assert torch.equal(noise, expected[0])
    assert torch.equal(pictures, expected[1])
    assert torch.equal(labels, expected[2])


def test_a_straight_path_has_straightness_zero_and_an_arc_its_own():
    u = torch.linspace(0, 1, 2001, dtype=torch.float64)
    a, b = torch.tensor([3.0, 0.0]), torch.tensor([0.0, 3.0])
    line = torch.lerp(a, b, u[:, None].float())
    assert straight.straightness(line[:, None], u).item() == pytest.approx(0, abs=1e-6)
    along, away = straight.plane(line, a, b)
    torch.testing.assert_close(along, u.float(), atol=1e-5, rtol=0)
    assert away.max() < 1e-5
    assert straight.deviation(line, u, a, b).max() < 1e-5
    angle = u[:, None] * torch.pi / 2
    arc = angle.cos() * a + angle.sin() * b
    # |v|^2 is (pi/2 r)^2 and |chord|^2 is 2 r^2: the mean of |v - chord|^2 is the difference of the two
    assert straight.straightness(arc[:, None], u).item() == pytest.approx(torch.pi**2 / 8 - 1, rel=1e-3)
    along, away = straight.plane(arc, a, b)
    assert away.max() == pytest.approx((1 - 0.5**0.5) / 2**0.5, rel=1e-3)  # sagitta over chord
    assert along[[0, 1000, 2000]].tolist() == pytest.approx([0, 0.5, 1], abs=1e-5)


def test_deviation_is_pythagoras_of_the_plane():
    """Away from the chord, and along it before or behind the time."""
    states, times = torch.randn((6, 2, 3), generator=seed(0)), torch.linspace(0, 1, 6)
    along, away = straight.plane(states, states[0], states[-1])
    expected = (away.square() + (along - times).square()).sqrt()
    torch.testing.assert_close(straight.deviation(states, times, states[0], states[-1]), expected, atol=1e-5, rtol=1e-5)


def test_straightness_counts_uneven_speed_and_no_scale():
    u = torch.linspace(0, 1, 2001, dtype=torch.float64)
    states = torch.stack([u**2 * 5, u * 7], 1)[:, :, None]  # [T, 2 paths, 1]
    values = straight.straightness(states, u)
    assert values.tolist() == pytest.approx([1 / 3, 0], abs=1e-3)  # the integral of (2u - 1)^2
    torch.testing.assert_close(straight.straightness(100 * states, 5 + 3 * u), values)


def test_wrong_settings_are_told(trained):
    with pytest.raises(ValueError, match="no sampler 'best'"):
        matching.sample(trained, 1, generator=seed(0), sampler="best")
    with pytest.raises(ValueError, match="2 pictures need 2 labels"):
        matching.sample(trained, 2, generator=seed(0), labels=torch.tensor([1]))
    with pytest.raises(ValueError, match="labels from 0 to 10"):
        matching.sample(trained, 1, generator=seed(0), labels=torch.tensor([11]))
    with pytest.raises(ValueError, match="steps must be a whole number from 1 to 1000"):
        matching.sample(trained, 1, generator=seed(0), steps=0)
    with pytest.raises(ValueError, match="must be 2 x 1 x 28 x 28 numbers"):
        matching.sample(trained, 2, generator=seed(0), noise=torch.zeros(2, 28, 28))
    with pytest.raises(ValueError, match="guidance must be a number"):
        matching.sample(trained, 1, generator=seed(0), guidance=float("nan"))
    with pytest.raises(ValueError, match="no times 'now'"):
        matching.FlowMatchingConfig(times="now")
    with pytest.raises(ValueError, match="number of states"):
        straight.straightness(torch.zeros(1, 2), torch.zeros(1))
    with pytest.raises(ValueError, match="A state must be 2 numbers"):
        straight.plane(torch.zeros(4, 2), torch.zeros(2), torch.zeros(3))
    with pytest.raises(ValueError, match="The times must be 4 numbers"):
        straight.deviation(torch.zeros(4, 2), torch.zeros(3), torch.zeros(2), torch.zeros(2))
    with pytest.raises(checkpoints.CheckpointError, match=r"no flow-matching model 'flow'.*flowmatch-mnist"):
        matching.load("flow")

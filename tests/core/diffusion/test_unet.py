"""The network, its training, and what `sample` promises."""

import dataclasses

import pytest
import torch

from genai_core import diffusion
from genai_core.common import checkpoints
from genai_core.common.training import seeded
from genai_core.diffusion import guidance as guided
from genai_core.diffusion import schedules, unet
from genai_core.diffusion.samplers import SAMPLERS
from tests.core.diffusion.conftest import TINY, bars

each_sampler = pytest.mark.parametrize("sampler", SAMPLERS)


def seed(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(number)


@pytest.fixture(scope="module")
def random_model() -> unet.UNet:
    """Not trained, but with no layer left at zero."""
    model = seeded(0, lambda: unet.UNet(TINY)).eval().requires_grad_(False)
    for p in model.parameters():
        p.add_(0.05 * torch.randn(p.shape, generator=seed(1)))
    return model


def test_the_loss_falls_on_one_overfitted_batch():
    x, y = bars(16)
    losses = [step.losses["loss"] for step in diffusion.train(TINY, (x, y), steps=80)]
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])


@pytest.mark.parametrize("cycles", [1, 2])
def test_a_cycle_goes_on_from_the_average_of_the_last(cycles):
    config = dataclasses.replace(TINY, cycles=cycles)
    averages, weights = [], []
    for step in diffusion.train(config, bars(64), steps=4):
        parts = step.state()["parts"]
        averages.append(parts["ema"]["model"])
        weights.append(parts["model"])
    first = config.lr / 50 * 1.01  # the longest way of Adam's first step, at the start of a warm-up
    away = max(float((weights[2][name] - averages[1][name]).abs().max()) for name in weights[2])
    assert (away <= first) == (cycles == 2)


def test_the_loss_is_that_of_v(random_model):
    """Against the definition, for levels that the draw is known to take."""
    x, y = bars(8)
    config = dataclasses.replace(TINY, label_dropout=0.0)
    model = seeded(0, lambda: unet.UNet(config)).eval()  # its last layer is zero: v is predicted as 0
    table = torch.tensor([0.25], dtype=torch.float64)
    got = unet.loss(model, x, y, table, generator=seed(3))["loss"]
    generator = seed(3)
    torch.rand((), generator=generator), torch.rand(8, generator=generator)
    noise = torch.randn(x.shape, generator=generator)
    alpha, sigma = (float(f) for f in schedules.factors(table))
    assert got.item() == pytest.approx((alpha * noise - sigma * (2 * x - 1)).square().mean().item(), rel=1e-5)


@each_sampler
def test_the_same_seed_gives_the_same_sample_and_it_is_the_last_step(model, sampler):
    options = {"sampler": sampler, "steps": 4, "guidance": 1.5}
    one, two, other = (diffusion.sample(model, 3, generator=seed(number), **options) for number in (5, 5, 6))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)
    assert one.shape == (3, 1, 28, 28)
    assert 0 <= one.min() <= one.max() <= 1
    *_, last = diffusion.sample_steps(model, 3, generator=seed(5), **options)
    assert torch.equal(one, diffusion.picture(last.after))


def test_many_are_made_in_batches(model):
    labels = torch.arange(7)
    whole = diffusion.sample(model, 7, generator=seed(0), labels=labels, steps=3)
    parts = diffusion.sample(model, 7, generator=seed(0), labels=labels, steps=3, batch=3)
    assert parts.shape == whole.shape
    torch.testing.assert_close(parts[:3], whole[:3], atol=0.05, rtol=0)  # bfloat16 sums depend on the batch


@each_sampler
def test_labels_are_respected(model, sampler):
    """Trained on bars of two labels, each label's picture is brightest at its own place."""
    labels = torch.tensor([1] * 8 + [8] * 8)
    steps = 60 if sampler == "langevin" else 12
    x = diffusion.sample(model, 16, generator=seed(3), labels=labels, sampler=sampler, steps=steps)
    left, right = x[..., 2:8].mean((1, 2, 3)), x[..., 16:22].mean((1, 2, 3))
    assert ((left > right) == (labels == 1)).all()


def test_guidance_one_is_the_conditional_model_and_zero_the_unconditional(random_model):
    x, t = torch.randn((4, 1, 28, 28), generator=seed(0)), torch.tensor(0.6, dtype=torch.float64)
    labels, none, grid = torch.arange(4), torch.full((4,), 10), schedules.grid(schedules.schedule("cosine"), 4)
    made = {}
    for name, y, guidance in (
        ("label", labels, 1.0),
        ("one", labels, 1 + 1e-9),
        ("none", none, 1.0),
        ("zero", labels, 0.0),
        ("two", labels, 2.0),
    ):
        with torch.inference_mode():
            made[name] = guided.denoiser(random_model, y, grid=grid, guidance=guidance, clip=False)(x, t)
    near = {"atol": 0.03, "rtol": 0.03}  # bfloat16
    torch.testing.assert_close(made["one"].noise, made["label"].noise, **near)
    torch.testing.assert_close(made["zero"].noise, made["none"].noise, **near)
    torch.testing.assert_close(made["two"].noise, 2 * made["label"].noise - made["none"].noise, **near)
    assert made["label"].guidance_norm is None
    apart = (made["label"].noise - made["none"].noise).flatten(1).norm(dim=1)
    torch.testing.assert_close(made["two"].guidance_norm, apart, atol=0.1, rtol=0.1)


def test_clipping_keeps_the_predicted_picture_in_range_and_the_prediction_whole(random_model):
    x, t = 3 * torch.randn((4, 1, 28, 28), generator=seed(0)), torch.tensor(0.6, dtype=torch.float64)
    grid = schedules.grid(schedules.schedule("cosine"), 4)
    with torch.inference_mode():
        p = guided.denoiser(random_model, torch.arange(4), grid=grid)(x, t)
    alpha, sigma = (float(f) for f in schedules.factors(t))
    assert p.x0.abs().max() == 1
    torch.testing.assert_close(alpha * p.x0 + sigma * p.noise, x, atol=1e-4, rtol=1e-4)


def test_a_branch_begins_where_it_is_told(model):
    labels = torch.tensor([1, 8])
    options = {"labels": labels, "sampler": "ddpm", "steps": 6}
    steps = list(diffusion.sample_steps(model, 2, generator=seed(0), **options))
    branch = list(diffusion.sample_steps(model, 2, generator=seed(7), start=(2, steps[2].x), **options))
    assert [step.step for step in branch] == [2, 3, 4, 5]
    assert torch.equal(branch[0].x0, steps[2].x0)
    assert not torch.equal(branch[-1].after, steps[-1].after)
    same = list(diffusion.sample_steps(model, 2, generator=seed(7), start=(2, steps[1].after), **options))
    assert torch.equal(same[-1].after, branch[-1].after)


@pytest.mark.parametrize("schedule", schedules.NAMES)
def test_a_model_can_be_sampled_under_every_schedule(model, schedule):
    labels = torch.tensor([1, 8])
    x = diffusion.sample(model, 2, generator=seed(3), labels=labels, steps=12, schedule=schedule)
    assert x[0, ..., 2:8].mean() > x[0, ..., 16:22].mean()
    assert x[1, ..., 2:8].mean() < x[1, ..., 16:22].mean()


def test_interpolation_begins_and_ends_at_its_noises(model):
    a, b = torch.randn((2, 1, 28, 28), generator=seed(4))
    *_, last = diffusion.interpolate(model, a, b, 5, label=1, steps=5)
    ends = torch.stack([a, b])
    *_, direct = diffusion.sample_steps(
        model, 2, generator=seed(0), labels=torch.tensor([1, 1]), start=(0, ends), steps=5
    )
    assert last.after.shape == (5, 1, 28, 28)
    torch.testing.assert_close(
        last.after[[0, -1]], direct.after, atol=0.06, rtol=0
    )  # bfloat16 sums depend on the batch


def test_wrong_settings_are_told(model):
    with pytest.raises(ValueError, match="no sampler 'best'"):
        diffusion.sample(model, 1, generator=seed(0), sampler="best")
    with pytest.raises(ValueError, match="2 pictures need 2 labels"):
        diffusion.sample(model, 2, generator=seed(0), labels=torch.tensor([1]))
    with pytest.raises(ValueError, match="labels from 0 to 10"):
        diffusion.sample(model, 1, generator=seed(0), labels=torch.tensor([11]))
    with pytest.raises(checkpoints.CheckpointError, match=r"no diffusion model 'ddpm'.*ddpm-mnist"):
        diffusion.load("ddpm")

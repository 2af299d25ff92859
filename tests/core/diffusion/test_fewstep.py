"""Distillation: the student's steps are its teacher's, two at a time."""

import dataclasses

import pytest
import torch

from genai_core import diffusion
from genai_core.diffusion import fewstep, schedules
from tests.core.diffusion.conftest import TINY, bars

FIELDS = {field.name: getattr(TINY, field.name) for field in dataclasses.fields(TINY)}
SMALL = fewstep.FewStepConfig(**{**FIELDS, "lr": 3e-3, "ema": 0.9}, rounds=(4, 2, 1), guidance=1.0)


def seed(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def two_bars():
    x, y = bars()
    two = (y == 1) | (y == 8)
    return x[two], y[two]


def test_a_move_is_a_step_of_ddim_and_velocity_to_its_inverse():
    x, v = torch.randn((2, 5, 1, 2, 2), generator=seed(0))
    t, s = torch.rand((2, 5), generator=seed(1)).sort(0, descending=True).values
    (alpha, sigma), (alpha_s, sigma_s) = (
        tuple(f.view(-1, 1, 1, 1) for f in schedules.factors(level)) for level in (t, s)
    )
    wanted = alpha_s * (alpha * x - sigma * v) + sigma_s * (sigma * x + alpha * v)
    torch.testing.assert_close(fewstep.move(x, v, t, s), wanted)
    torch.testing.assert_close(fewstep.velocity_to(x, wanted, t, s), v, atol=1e-3, rtol=1e-3)


def test_the_target_ends_where_two_of_the_teachers_steps_do(model):
    grid = schedules.grid(schedules.schedule("cosine"), 8)
    x, labels = torch.randn((2, 1, 28, 28), generator=seed(0)), torch.tensor([1, 8])
    levels = grid[2:5, None].expand(3, 2)
    v = fewstep.target(model, 2.0, x, labels, levels)
    steps = diffusion.sample_steps(model, 2, generator=seed(0), labels=labels, steps=8, guidance=2.0, start=(2, x))
    next(steps)
    torch.testing.assert_close(
        fewstep.move(x, v, levels[0], levels[2]), next(steps).after, atol=0.05, rtol=0.02
    )  # bfloat16


def test_at_first_the_student_is_its_teacher(model):
    student = next(fewstep.train(dataclasses.replace(SMALL, lr=0.0), two_bars(), steps=3, teacher=model)).model
    x, t, labels = torch.randn((2, 1, 28, 28), generator=seed(0)), torch.tensor([0.5, 0.9]), torch.tensor([1, 8])
    with torch.inference_mode():
        torch.testing.assert_close(student(x, t, labels, t / 2), model(x, t, labels))


def test_the_student_makes_the_bars_in_one_and_in_two_steps_and_its_loss_is_small(model):
    *_, last = fewstep.train(SMALL, two_bars(), steps=120, teacher=model)
    assert last.losses["loss"] < 0.1
    labels = torch.tensor([1] * 4 + [8] * 4)
    for steps in (2, 1):
        x = diffusion.sample(last.model, 8, generator=seed(1), labels=labels, steps=steps)
        left, right = x[..., 2:8].mean((1, 2, 3)), x[..., 16:22].mean((1, 2, 3))
        assert ((left > right) == (labels == 1)).all()
    assert len(list(diffusion.sample_steps(last.model, 1, generator=seed(1)))) == fewstep.Student.steps


def test_an_interrupted_distillation_goes_on_as_if_nothing_had_been(model):
    kept, whole = None, []
    for step in fewstep.train(SMALL, two_bars(), steps=9, teacher=model):
        whole.append(step.losses)
        if step.step == 4:
            kept = step.state()
    resumed = fewstep.train(SMALL, two_bars(), steps=9, teacher=model, resume=kept)
    assert [step.losses for step in resumed] == whole[4:]


@pytest.mark.parametrize("n", [16, 8, 4, 2, 1])
def test_every_other_level_of_the_teachers_grid_is_the_students(n):
    cosine = schedules.schedule("cosine")
    assert torch.equal(schedules.grid(cosine, 2 * n)[::2], schedules.grid(cosine, n))

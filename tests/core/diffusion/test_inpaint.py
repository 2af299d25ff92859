"""Inpainting: what is known stays, what is not fits."""

import pytest
import torch

from genai_core.diffusion import inpaint
from tests.core.diffusion.conftest import bars


def seed(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def upper_half() -> torch.Tensor:
    known = torch.zeros(1, 1, 28, 28, dtype=torch.bool)
    known[..., :14, :] = True
    return known


def test_known_pixels_are_kept_exactly_and_the_rest_fits(model):
    x, labels = bars(20)
    x, labels = x[[1, 8]], labels[[1, 8]]
    made = inpaint.inpaint(model, x, upper_half(), generator=seed(0), labels=labels, steps=15, resample=3)
    assert torch.equal(made[..., :14, :], x[..., :14, :])
    lower = made[..., 14:, :]
    assert lower[0, ..., 2:8].mean() > lower[0, ..., 16:22].mean() + 0.3
    assert lower[1, ..., 16:22].mean() > lower[1, ..., 2:8].mean() + 0.3


def test_each_repeat_is_a_step_and_all_known_pixels_are_at_the_steps_own_level(model):
    x, _ = bars(2)
    steps = list(inpaint.inpaint_steps(model, x, upper_half(), generator=seed(0), steps=4, resample=3))
    assert [step.step for step in steps] == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3]
    assert [step.nfe for step in steps] == list(range(1, 11))
    torch.testing.assert_close(steps[-1].after[..., :14, :], 2 * x[..., :14, :] - 1)
    all_known = torch.ones(1, 1, 28, 28, dtype=torch.bool)
    assert torch.equal(inpaint.inpaint(model, x, all_known, generator=seed(0), steps=4), x)


def test_the_same_seed_fills_in_the_same(model):
    x, _ = bars(1)
    one, two, other = (
        inpaint.inpaint(model, x, upper_half(), generator=seed(number), steps=4, resample=2) for number in (0, 0, 1)
    )
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


def test_without_a_resample_there_is_no_step(model):
    with pytest.raises(ValueError, match="resample, must be 1 or more"):
        next(inpaint.inpaint_steps(model, bars(1)[0], upper_half(), generator=seed(0), resample=0))

"""Inpainting with a model that was never trained for it: RePaint (Lugmayr 2022).

At every step the known pixels are set to the true picture, noised to that level; the network makes the rest fit. A
single pass fits badly, because what is known was put there without a look at what is new. So each step is undone and
done again `resample` times: the state is noised up by one step and comes down another way, now with both in view.
"""

import dataclasses
import itertools
import math
from collections.abc import Iterator

import torch
from torch import Tensor

from genai_core.diffusion import schedules
from genai_core.diffusion.guided import denoiser
from genai_core.diffusion.samplers import Step, ddpm
from genai_core.diffusion.unet import UNet


@torch.inference_mode()
def inpaint_steps(
    model: UNet,
    x0: Tensor,
    known: Tensor,
    *,
    generator: torch.Generator,
    labels: Tensor | None = None,
    steps: int = 50,
    resample: int = 5,
    guidance: float = 1.0,
    schedule: str = "cosine",
) -> Iterator[Step]:
    """Fill in pictures x0 [N, 1, 28, 28] in [0, 1] where `known` (bool, [N or 1, 1, 28, 28]) is False.

    A Step per evaluation: steps * resample, less the last step's repeats, which would change nothing. labels: [N];
    None: every label is "none", so that what is known decides. [algorithm 1, with a jump length of 1]
    Raises: ValueError for a resample below 1.
    """
    if resample < 1:
        raise ValueError("Each step is done at least once: resample must be 1 or more.")
    device = next(model.parameters()).device
    x0, known = (2 * x0 - 1).to(device), known.to(device)
    if labels is None:
        labels = torch.full((len(x0),), model.config.classes)
    grid = schedules.grid(schedules.schedule(schedule), steps)
    denoise = denoiser(model, labels, grid=grid, guidance=guidance)
    x, nfe = _randn(x0, generator), 0
    for i, (t, s) in enumerate(itertools.pairwise(grid)):
        kept = float(schedules.factors(t)[0] / schedules.factors(s)[0])
        repeats = resample if s > 0 else 1
        for repeat in range(repeats):
            (down,) = ddpm(denoise, x, grid[i : i + 2], generator=generator)
            after = torch.where(known, schedules.noised(x0, s, _randn(x, generator)), down.after)  # [line 8]
            nfe += 1
            yield dataclasses.replace(down, step=i, after=after, nfe=nfe)
            if repeat < repeats - 1:  # from level s back up to t [line 10]
                after = kept * after + math.sqrt(1 - kept**2) * _randn(x, generator)
            x = after


def inpaint(model: UNet, x0: Tensor, known: Tensor, **options) -> Tensor:
    """The pictures that `inpaint_steps` ends with, [N, 1, 28, 28] in [0, 1]; known pixels are x0's own, exactly."""
    *_, last = inpaint_steps(model, x0, known, **options)
    return torch.where(known, x0, ((last.after.cpu() + 1) / 2).clamp(0, 1))


def _randn(x: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(x.shape, generator=generator).to(x)

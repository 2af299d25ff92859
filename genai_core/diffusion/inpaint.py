"""Inpainting with a model that was never trained for it: RePaint (Lugmayr 2022).

At every step the known pixels are set to the true picture, noised to that level; the network fills in the rest. A
single pass fits badly, since the known pixels are inserted regardless of the new ones. So each step is repeated
`resample` times: the state is noised back by one step and denoised again, now with both parts present.
"""

import dataclasses
import itertools
import math
from collections.abc import Iterator

import torch
from torch import Tensor

from genai_core.common import checks
from genai_core.diffusion import schedules
from genai_core.diffusion.guidance import denoiser
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

    A Step per evaluation: steps * resample, minus the last step's repeats, which would change nothing. labels: [N];
    None: every label is "none", so that the known pixels decide. [algorithm 1, with a jump length of 1]
    Raises: ValueError for a resample below 1, pictures, a mask or labels of another shape, unknown labels or schedule,
    a number of steps outside 1 ... 1000, or a guidance that is not a number.
    """
    if not resample >= 1:
        raise ValueError("The number of repeats, resample, must be 1 or more.")
    checks.shape("Pictures", x0, None, 1, 28, 28)
    checks.shape("The mask", known, 1 if len(known) == 1 else len(x0), 1, 28, 28)
    device = next(model.parameters()).device
    x0, known = (2 * x0 - 1).to(device), known.to(device)
    if labels is None:
        labels = torch.full((len(x0),), model.config.classes)
    checks.labels(labels, len(x0), model.config.classes + 1)
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
    """The pictures that `inpaint_steps` ends with, [N, 1, 28, 28] in [0, 1]; known pixels are x0's own, exactly.

    Raises: ValueError as `inpaint_steps`.
    """
    *_, last = inpaint_steps(model, x0, known, **options)
    return torch.where(known, x0, ((last.after.cpu() + 1) / 2).clamp(0, 1))


def _randn(x: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(x.shape, generator=generator).to(x)

"""Diffusion models: noise becomes a picture step by step (Sohl-Dickstein 2015, Ho 2020).

Pictures are in [0, 1]. A *state* x_t is not: it lives where the networks do, with pictures in [-1, 1] and noise of
variance 1; `picture` turns the one into the other.
"""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from genai_core import checkpoints
from genai_core.diffusion import fewstep, schedules, unet
from genai_core.diffusion.evaluation import evaluate
from genai_core.diffusion.guided import denoiser
from genai_core.diffusion.parts import record
from genai_core.diffusion.samplers import SAMPLERS, SPACING, Step
from genai_core.diffusion.unet import UNet, UNetConfig
from genai_core.interpolation import slerp
from genai_core.training import TrainStep

__all__ = ["CARD", "RECIPES", "evaluate", "interpolate", "load", "noised", "picture", "sample", "sample_steps", "train"]

MODELS = {UNetConfig: UNet, fewstep.FewStepConfig: fewstep.Student}
RECIPES = {**unet.RECIPES, **fewstep.RECIPES}
CARD = {
    "overview": "A class-conditional diffusion model (Ho 2020): a small U-Net, with {channels} channels at 16 x 16, "
    "8 x 8 and 4 x 4, that tells noise from picture at every noise level. It predicts v (Salimans & Ho 2022), was "
    "trained under the {schedule} schedule with {label_dropout:.0%} of the labels hidden, and its weights are a "
    "running average. The few-step student was distilled from the model that its config names (progressive "
    "distillation, guidance folded in) and needs 1 to 8 evaluations for a picture.",
    "use": "Teaching: denoising step by step, samplers and schedules compared, guidance, inpainting, interpolation.",
    "limits": "It draws what its ten classes hold and nothing else. Guidance above 1 makes samples easier to read and "
    "less varied: the Frechet figures are for guidance 1 unless they say otherwise, and reward the opposite. The "
    "digits' aims of 1.3 times the floor at 50 evaluations, 1.6 at 8, and 2 by the few-step student come from sets of "
    "2,000, where they are reached; sets of 10,000 have a lower floor and tell finer differences, and there the same "
    "samples lie further off. Training for a second cycle, from the first one's weights as they were shipped, came "
    "nearer; labels as frequent as in the data and more fresh noise, tried on training pictures, gave little or "
    "nothing.",
}


def load(name: str) -> UNet:
    """A trained diffusion model, ready to use. Raises: CheckpointError, which says which names there are."""
    if name not in RECIPES:
        raise checkpoints.CheckpointError(f"There is no diffusion model '{name}'. There are: {', '.join(RECIPES)}.")
    config_class = type(RECIPES[name].config)
    return checkpoints.load(name, MODELS[config_class], config_class, _furnish)


def _furnish(model: UNet, folder: Path) -> None:
    levels = torch.zeros(2, device=next(model.parameters()).device)
    record(model, torch.zeros(2, 1, 28, 28).to(levels), levels, levels.long(), *[levels] * model.jumps)


def train(config: UNetConfig, data: tuple[Tensor, Tensor], **options) -> Iterator[TrainStep]:
    """`unet.train`, or for the config of a student `fewstep.train`."""
    return (fewstep if isinstance(config, fewstep.FewStepConfig) else unet).train(config, data, **options)


def picture(x: Tensor) -> Tensor:
    """A state -> the picture that it shows, clipped to [0, 1], same shape."""
    return ((x + 1) / 2).clamp(0, 1)


def noised(x0: Tensor, step: int, schedule: str = "cosine", *, generator: torch.Generator) -> Tensor:
    """The forward process: pictures x0 [N, 1, H, W] in [0, 1] -> their state after `step` of T = 1000 steps.

    Raises: IndexError for a step outside 0 ... 999, ValueError for an unknown schedule.
    """
    noise = torch.randn(x0.shape, generator=generator).to(x0)
    return schedules.noised(2 * x0 - 1, schedules.schedule(schedule).t[step], noise)


def sample_steps(
    model: UNet,
    n: int,
    *,
    generator: torch.Generator,
    labels: Tensor | None = None,
    sampler: str = "ddim",
    steps: int | None = None,
    guidance: float = 1.0,
    eta: float = 0.0,
    schedule: str = "cosine",
    spacing: str | None = None,
    start: tuple[int, Tensor] | None = None,
    clip: bool = True,
) -> Iterator[Step]:
    """n pictures made step by step: a Step after each one, of states [n, 1, 28, 28].

    labels: [n] in 0 ... 10, where 10 is "none"; drawn evenly from the ten classes where they are not given.
    sampler: of samplers.SAMPLERS. steps: 1 to 1000; None: 50, or what a student was made for. eta: DDIM's. spacing: of
    schedules.SPACINGS; None: the sampler's own. start: (step, state [n, 1, 28, 28]) to go on from there with the same
    settings, or (0, noise) to begin with that noise.
    Raises: ValueError for a name, a number of steps or labels there are not.
    """
    if sampler not in SAMPLERS:
        raise ValueError(f"There is no sampler '{sampler}'; there are {', '.join(SAMPLERS)}.")
    grid = schedules.grid(
        schedules.schedule(schedule), steps or model.steps, spacing or SPACING.get(sampler, "trailing")
    )
    first, x = start or (0, torch.randn((n, 1, 28, 28), generator=generator))
    if labels is None:
        labels = torch.randint(model.config.classes, (n,), generator=generator)
    if len(labels) != n or len(x) != n or not 0 <= int(labels.min()) <= int(labels.max()) <= model.config.classes:
        raise ValueError(f"{n} pictures need {n} labels from 0 to {model.config.classes} and {n} states.")
    denoise = denoiser(model, labels, grid=grid, guidance=guidance, clip=clip)
    own = {"eta": eta} if sampler == "ddim" else {}
    return SAMPLERS[sampler](
        denoise, x.to(next(model.parameters()).device), grid, generator=generator, start=first, **own
    )


def sample(
    model: UNet,
    n: int,
    *,
    generator: torch.Generator,
    labels: Tensor | None = None,
    batch: int = 500,
    **options,
) -> Tensor:
    """n pictures, [n, 1, 28, 28] in [0, 1]; options and errors are those of `sample_steps`, whose last step they are.

    More than `batch` are made so many at a time.
    """
    made = []
    for first in range(0, n, batch):
        some = min(batch, n - first)
        part = None if labels is None else labels[first : first + some]
        *_, last = sample_steps(model, some, generator=generator, labels=part, **options)
        made.append(picture(last.after))
    return torch.cat(made)


def interpolate(model: UNet, a: Tensor, b: Tensor, frames: int, *, label: int = 10, **options) -> Iterator[Step]:
    """`sample_steps` by DDIM from `frames` noises on the great circle from a to b, each [1, 28, 28] (White 2016).

    Noise is of nearly the same length everywhere, and so are the states between; the straight line would be shorter.
    """
    noise = slerp(a.flatten(), b.flatten(), torch.linspace(0, 1, frames)).view(frames, 1, 28, 28)
    labels = torch.full((frames,), label)
    unused = torch.Generator()  # DDIM without eta draws nothing
    return sample_steps(model, frames, generator=unused, labels=labels, start=(0, noise), **options)

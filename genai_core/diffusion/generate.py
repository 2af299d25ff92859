"""Diffusion models: noise becomes a picture step by step (Sohl-Dickstein 2015, Ho 2020).

Pictures are in [0, 1]. A *state* x_t is in the range of the networks, with pictures in [-1, 1] and noise of variance 1;
`picture` converts a state to a picture.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from genai_core.common import checkpoints, checks
from genai_core.common.interpolation import slerp
from genai_core.common.training import Recipe, TrainStep
from genai_core.diffusion import fewstep, schedules, unet
from genai_core.diffusion.guidance import denoiser
from genai_core.diffusion.parallel import record
from genai_core.diffusion.samplers import SAMPLERS, SPACING, Step
from genai_core.diffusion.unet import UNet, UNetConfig

MODELS: dict[type, Callable[[Any], UNet]] = {UNetConfig: UNet, fewstep.FewStepConfig: fewstep.Student}
RECIPES = {**unet.RECIPES, **fewstep.RECIPES}
TINY = Recipe(UNetConfig(channels=(8, 8, 8), embedding=16, heads=2, batch=16), "sprites", steps=80)
CARD = {
    "overview": "A class-conditional diffusion model (Ho 2020): a small U-Net, with {channels} channels at 16 x 16, "
    "8 x 8 and 4 x 4, that separates noise from picture at every noise level. It predicts v (Salimans & Ho 2022), was "
    "trained under the {schedule} schedule with {label_dropout:.0%} of the labels hidden, and its weights are a "
    "running average. The few-step student was distilled from the model that its config names (progressive "
    "distillation, guidance folded in) and needs 1 to 8 evaluations for a picture.",
    "use": "Teaching: denoising step by step, samplers and schedules compared, guidance, inpainting, interpolation.",
    "limits": "It samples its ten classes only. Guidance above 1 makes samples clearer and less varied: the Fréchet "
    "figures are for guidance 1 unless they say otherwise, and penalise guidance. Sets of 2,000 have a higher "
    "reference than sets of 10,000 and show smaller differences: the ratios of the two are not comparable.",
}


def load(name: str) -> UNet:
    """A trained diffusion model, ready to use. Raises: CheckpointError, which says which names there are."""
    if name not in RECIPES:
        raise checkpoints.CheckpointError(f"There is no diffusion model '{name}'. There are: {', '.join(RECIPES)}.")
    config_class = type(RECIPES[name].config)
    return checkpoints.load(name, MODELS[config_class], config_class, _record)


def _record(model: UNet, folder: Path) -> None:
    levels = torch.zeros(2, device=next(model.parameters()).device)
    record(model, torch.zeros(2, 1, 28, 28).to(levels), levels, levels.long(), *[levels] * model.jumps)


def train(config: UNetConfig, data: tuple[Tensor, Tensor], **options) -> Iterator[TrainStep]:
    """`unet.train`, or for the config of a student `fewstep.train`."""
    return (fewstep if isinstance(config, fewstep.FewStepConfig) else unet).train(config, data, **options)


def picture(x: Tensor) -> Tensor:
    """A state -> a picture, clipped to [0, 1], same shape."""
    return ((x + 1) / 2).clamp(0, 1)


def noised(x0: Tensor, step: int, schedule: str = "cosine", *, generator: torch.Generator) -> Tensor:
    """The forward process: pictures x0 [N, 1, H, W] in [0, 1] -> their state after `step` of T = 1000 steps.

    Raises: IndexError for a step outside 0 ... 999, ValueError for an unknown schedule.
    """
    if not 0 <= step < schedules.T:
        raise IndexError(f"A schedule has steps 0 to {schedules.T - 1}, and none {step}.")
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
    """Sample n pictures step by step: yields a Step each time, of states [n, 1, 28, 28].

    labels: [n] in 0 ... 10, where 10 is "none"; by default drawn uniformly from the ten classes.
    sampler: of samplers.SAMPLERS. steps: 1 to 1000; None: 50, or those of a few-step student. eta: DDIM's. spacing: of
    schedules.SPACINGS; None: the sampler's own. start: (step, state [n, 1, 28, 28]) to continue from there with
    the same settings, or (0, noise) to start from that noise.
    Raises: ValueError for an unknown name, n below 1, steps, labels or a start of another number or shape than these, a
    guidance that is not a number, or an eta outside [0, 1].
    """
    if sampler not in SAMPLERS:
        raise ValueError(f"There is no sampler '{sampler}'; there are {', '.join(SAMPLERS)}.")
    checks.count("The number of pictures", n)
    checks.number("eta", eta, 0, 1)
    steps = model.steps if steps is None else steps
    grid = schedules.grid(schedules.schedule(schedule), steps, spacing or SPACING.get(sampler, "trailing"))
    first, x = start or (0, torch.randn((n, 1, 28, 28), generator=generator))
    if labels is None:
        labels = torch.randint(model.config.classes, (n,), generator=generator)
    checks.count("The step to start from", first, 0, steps - 1)
    checks.shape("The states", x, n, 1, 28, 28)
    checks.labels(labels, n, model.config.classes + 1)
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
    """n pictures, [n, 1, 28, 28] in [0, 1]; options and errors as in `sample_steps`.

    They are sampled in batches of `batch`.
    """
    checks.count("The number of pictures", n)
    checks.count("A batch", batch)
    if labels is not None:
        checks.labels(labels, n, model.config.classes + 1)
    pictures = []
    for first in range(0, n, batch):
        some = min(batch, n - first)
        part = None if labels is None else labels[first : first + some]
        *_, last = sample_steps(model, some, generator=generator, labels=part, **options)
        pictures.append(picture(last.after))
    return torch.cat(pictures)


def interpolate(model: UNet, a: Tensor, b: Tensor, frames: int, *, label: int = 10, **options) -> Iterator[Step]:
    """`sample_steps` by DDIM from `frames` noises on the great circle from a to b, each [1, 28, 28] (White 2016).

    All noise has nearly the same norm, and so have the states on the circle; on the straight line it would shrink.
    Raises: ValueError for frames below 1, noises of another shape, and as `sample_steps`.
    """
    checks.count("The number of frames", frames)
    for noise in (a, b):
        checks.shape("A noise", noise, 1, 28, 28)
    noise = slerp(a.flatten(), b.flatten(), torch.linspace(0, 1, frames)).view(frames, 1, 28, 28)
    labels = torch.full((frames,), label)
    unused = torch.Generator()  # DDIM without eta draws nothing
    return sample_steps(model, frames, generator=unused, labels=labels, start=(0, noise), **options)

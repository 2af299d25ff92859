"""Samples by flow matching, pairs for reflow, and the recipes of the checkpoints.

Pictures are in [0, 1]. A *state* x_t is in the range of the network, with noise of variance 1 at t = 0 and pictures in
[-1, 1] at t = 1; `picture` converts a state to a picture.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from genai_core import data
from genai_core.common import checkpoints, checks
from genai_core.common.training import Recipe
from genai_core.diffusion.parallel import by_parts, record
from genai_core.flows.matching.model import FlowMatchingConfig, VelocityUNet
from genai_core.flows.matching.solvers import SOLVERS, Step, Velocity

FIRST = "flowmatch-mnist"
RECIPES = {
    FIRST: Recipe(FlowMatchingConfig(), "mnist", steps=7400),
    "reflow-mnist": Recipe(
        FlowMatchingConfig(times="ends", teacher=FIRST, guidance=1.25, pairs=24_000, label_dropout=0.0, lr=1e-3),
        "mnist",
        steps=3000,
    ),
}
STEPS, FEW = 20, 2  # Euler's steps by default: of a model, and of a rectified one
TINY = Recipe(FlowMatchingConfig(channels=(8, 8, 8), embedding=16, heads=2, batch=16), "sprites", steps=80)
CARD = {
    "overview": "A class-conditional flow (Lipman 2022, Liu 2022): the small U-Net that diffusion has, with {channels} "
    "channels at 16 x 16, 8 x 8 and 4 x 4, predicts the velocity of straight paths from noise to digits. {label_dropout"
    ":.0%} of the labels were hidden in training, the times drawn were {times}, and the weights are a running average. "
    "Teacher whose pairs of noise and sample it was rectified on: {teacher} ({pairs:,} pairs, guidance {guidance:g}).",
    "use": "Teaching: flow matching beside diffusion, straight and curved paths, solvers, guidance, reflow.",
    "limits": "It samples its ten classes only. Guidance above 1 makes samples clearer and less varied, which the "
    "Fréchet distance penalises. A rectified model has its teacher's guidance within it: more of it is not meant, and "
    "without the label it was trained no further. Sets of 2,000 have a higher reference than sets of 10,000 and show "
    "smaller differences: the ratios of the two are not comparable.",
}


def load(name: str) -> VelocityUNet:
    """A trained model, ready to sample from. Raises: CheckpointError, which says which names there are."""
    if name not in RECIPES:
        raise checkpoints.CheckpointError(f"There is no flow-matching model '{name}'. There are: {', '.join(RECIPES)}.")
    return checkpoints.load(name, VelocityUNet, FlowMatchingConfig, _record)


def _record(model: VelocityUNet, folder: Path) -> None:
    times = torch.zeros(2, device=next(model.parameters()).device)
    record(model, torch.zeros(2, 1, 28, 28).to(times), times, times.long())


def picture(x: Tensor) -> Tensor:
    """A state -> a picture, clipped to [0, 1], same shape."""
    return ((x + 1) / 2).clamp(0, 1)


def velocity_field(model: VelocityUNet, labels: Tensor, *, guidance: float = 1.0) -> Velocity:
    """The velocity that `solvers` integrate, for one label [N] a picture (`classes`: none).

    Guidance extrapolates from the velocity without the label through the one with it (Ho & Salimans 2022; for flows
    Zheng 2023): v = v_none + guidance (v_label - v_none), so that 1 is the plain conditional model.
    Raises: ValueError for unknown labels, or a guidance that is not a number.
    """
    checks.number("The guidance", guidance)
    checks.labels(labels, len(labels), model.config.classes + 1)
    labels = labels.to(next(model.parameters()).device)
    none = torch.full_like(labels, model.config.classes)

    def velocity(x: Tensor, t: float) -> Tensor:
        times = torch.full((len(x),), t, device=x.device)
        if guidance == 1:
            return by_parts(model, x, times, labels)
        doubled = torch.cat([x, x]), torch.cat([times, times]), torch.cat([labels, none])
        with_label, without = by_parts(model, *doubled).chunk(2)
        return without + guidance * (with_label - without)

    return velocity


def sample_steps(
    model: VelocityUNet,
    n: int,
    *,
    generator: torch.Generator,
    labels: Tensor | None = None,
    sampler: str = "euler",
    steps: int | None = None,
    guidance: float = 1.0,
    noise: Tensor | None = None,
) -> Iterator[Step]:
    """Sample n pictures step by step: yields a Step each time, of states [n, 1, 28, 28].

    labels: [n] in 0 ... 10, where 10 is "none"; by default drawn uniformly from the ten classes. sampler: of SOLVERS.
    steps: None: 20, or 2 of a rectified model. noise: the states to start from, [n, 1, 28, 28].
    Raises: ValueError for an unknown name, n below 1, steps, labels or noise of another number or shape than these, or
    a guidance that is not a number.
    """
    if sampler not in SOLVERS:
        raise ValueError(f"There is no sampler '{sampler}'; there are {', '.join(SOLVERS)}.")
    checks.count("The number of pictures", n)
    steps = default_steps(model) if steps is None else steps
    checks.count("The number of steps", steps, 1, 1000)
    x = torch.randn((n, 1, 28, 28), generator=generator) if noise is None else noise
    if labels is None:
        labels = torch.randint(model.config.classes, (n,), generator=generator)
    checks.shape("The states", x, n, 1, 28, 28)
    checks.labels(labels, n, model.config.classes + 1)
    velocity = velocity_field(model, labels, guidance=guidance)
    return SOLVERS[sampler](velocity, x.to(next(model.parameters()).device), steps)


def default_steps(model: VelocityUNet) -> int:
    """Steps of Euler's rule that a model is sampled with unless told otherwise."""
    return FEW if model.config.teacher else STEPS


def sample(
    model: VelocityUNet,
    n: int,
    *,
    generator: torch.Generator,
    labels: Tensor | None = None,
    noise: Tensor | None = None,
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
    if noise is not None:
        checks.shape("The states", noise, n, 1, 28, 28)
    pictures = []
    for first in range(0, n, batch):
        part = slice(first, min(first + batch, n))
        own: dict[str, Any] = {
            "labels": None if labels is None else labels[part],
            "noise": None if noise is None else noise[part],
        }
        *_, last = sample_steps(model, part.stop - first, generator=generator, **own, **options)
        pictures.append(picture(last.after))
    return torch.cat(pictures)


def pairs(model: VelocityUNet, n: int, *, seed: int, **options) -> tuple[Tensor, Tensor, Tensor]:
    """n noises and the pictures that they become, both [n, 1, 28, 28], and their labels [n], 0 ... 9 in turn.

    These are the coupling that a model is rectified on. options and errors as in `sample_steps`.
    """
    checks.count("The number of pictures", n)
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn((n, 1, 28, 28), generator=generator)
    labels = torch.arange(n) % model.config.classes
    return noise, sample(model, n, generator=generator, labels=labels, noise=noise, **options).cpu(), labels


def examples(recipe: Recipe) -> tuple[Tensor, ...]:
    """What `train` takes: pictures and labels of the data set, or pairs of the teacher.

    Raises: DataError, CheckpointError.
    """
    config = recipe.config
    if not config.teacher:
        return data.load(recipe.dataset, "train")
    return pairs(load(config.teacher), config.pairs, seed=recipe.seed, guidance=config.guidance, steps=STEPS)

"""SimCLR on small pictures while you watch: the `train` of the command line, with values to draw.

The pictures have a shape and a colour, of which the network is told neither: what it sorts them by shows. The colours
are neighbours on the wheel, so that a jitter of the hue makes one of another.
"""

import functools
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from genai_core.common import checks
from genai_core.common.live import paced
from genai_core.common.training import seeded
from genai_core.contrastive import augment, losses, singles
from genai_core.contrastive.evaluation import projections
from genai_core.contrastive.simclr import SimCLR, SimCLRConfig, augmentation, train
from genai_core.data.scenes.world import Kind, Scene, Thing

OBJECTIVES = ("simclr", "positives", "vicreg")
SHAPES, COLOURS = ("circle", "star", "ring"), ("red", "orange", "yellow", "pink")
SIZE = 16  # pixels, both ways
PICTURES, SHOWN = 1024, 240  # learned from; held out to be looked at
FRAME = 10  # steps between two frames
BINS = 40  # of the histograms of cosines, from -1 to 1
EDGE = 10_000  # of `scatter` at -1 and 1
NEIGHBOURS = 10


@dataclass(frozen=True)
class ContrastiveFrame:
    """What a page draws of a running training; but for the loss, all is of held-out pictures."""

    step: int
    steps: int
    loss: float  # of the training, the mean since the frame before
    positives: np.ndarray  # float32 [BINS], shares of the cosines of z of two views of one picture, by their size
    negatives: np.ndarray  # float32 [BINS], the same of views of two pictures
    cosines: tuple[float, float]  # the means of both
    rank: float  # effective rank of z, from 1 to `projection`
    scatter: np.ndarray  # int16 [SHOWN, 2], unit vectors of z on their first two principal components
    shape: float  # share of the NEIGHBOURS nearest to a picture, by z, that have its shape; by chance 1 / 3
    colour: float  # ... that have its colour; by chance 1 / 4
    timed_out: bool  # the time limit was reached before the last step


def pictures(stream: str, n: int) -> tuple[Tensor, Tensor, Tensor]:
    """n large things on black, [N, 3, SIZE, SIZE] in [0, 1], and the numbers of their shapes and colours, [N] each."""
    rng = random.Random(f"contrastive/live/{stream}")
    things, truth = [], []
    for _ in range(n):
        shape, colour = rng.randrange(len(SHAPES)), rng.randrange(len(COLOURS))
        kind = Kind(SHAPES[shape], COLOURS[colour], "solid", "large")
        x, y, radius = rng.uniform(0.4, 0.6), rng.uniform(0.4, 0.6), rng.uniform(0.28, 0.38)
        things.append(Thing(kind, x, y, radius, rng.uniform(-20, 20), rng.uniform(-1, 1)))
        truth.append((shape, colour))
    shapes, colours = torch.tensor(truth).unbind(1)
    return singles.render([Scene((thing,), "black") for thing in things], SIZE), shapes, colours


@functools.cache
def shown() -> tuple[Tensor, Tensor, Tensor]:
    """The held-out pictures, whatever the seed."""
    return pictures("shown", SHOWN)


def config(objective: str, temperature: float, crop: bool, jitter: bool, grey: bool) -> SimCLRConfig:
    """Of a network that sorts them within 200 steps.

    Raises: ValueError for an objective that is not among these, or a temperature that is not above 0.
    """
    checks.above("The temperature", temperature)
    if objective not in OBJECTIVES:
        raise ValueError(f"There is no objective '{objective}'; there are {', '.join(OBJECTIVES)}.")
    return SimCLRConfig(
        objective=objective,
        dataset="scenes",
        size=SIZE,
        width=8,
        stages=3,
        projection=16,
        temperature=temperature,
        crop=crop,
        scale=0.5,
        flip=False,
        jitter=jitter,
        strength=1.0,
        grey=grey,
        batch=64,
        lr=6e-3,
        warmup=20,
        ema=0.9,
    )


def train_simclr(
    *,
    objective: str = "simclr",
    temperature: float = 0.2,
    crop: bool = True,
    jitter: bool = True,
    grey: bool = True,
    seed: int,
    steps: int,
    seconds: float = 55.0,
) -> Iterator[ContrastiveFrame]:
    """A frame every FRAME steps; an end after `steps` or `seconds`. Raises: ValueError as `config`."""
    chosen = config(objective, temperature, crop, jitter, grey)
    begun = time.monotonic()
    held, view = Held(chosen), None
    training = train(chosen, (pictures(f"train/{seed}", PICTURES)[0],), steps=steps, seed=seed)
    for moment in paced(training, total=steps, every=FRAME, seconds=seconds, begun=begun):
        step = moment.steps[-1]
        loss = float(np.mean([one.losses["loss"] for one in moment.steps]))
        figures, view = held.look(step.model, view)
        yield ContrastiveFrame(step.step, steps, loss, **figures, timed_out=moment.timed_out)


def before(chosen: SimCLRConfig, seed: int) -> ContrastiveFrame:
    """The frame of the network with which such a training begins; its loss is NaN."""
    figures, _ = Held(chosen).look(seeded(seed, lambda: SimCLR(chosen)).eval(), None)
    return ContrastiveFrame(0, 0, float("nan"), **figures, timed_out=False)


class Held:
    """The held-out pictures, and two views of each, which stay the same in a training."""

    def __init__(self, chosen: SimCLRConfig):
        self.pictures, self.shapes, self.colours = shown()
        generator = torch.Generator().manual_seed(0)
        self.views = augment.views(self.pictures, augmentation(chosen), generator)

    @torch.inference_mode()
    def look(self, model: SimCLR, view: Tensor | None) -> tuple[dict, Tensor]:
        """What a frame says of a model, and the axes [D, 2] of its scatter, turned to be like those of `view`."""
        z1, z2 = projections(model, self.views).chunk(2)
        between = losses.similarities(z1, z2)[: len(z1), len(z1) :]
        same, others = between.diag(), between[~torch.eye(len(z1), dtype=torch.bool)]
        z = F.normalize(projections(model, self.pictures), dim=1)
        view = axes(z, view)
        near = (z @ z.T).fill_diagonal_(-torch.inf).topk(NEIGHBOURS).indices
        figures = {
            "positives": histogram(same),
            "negatives": histogram(others),
            "cosines": (float(same.mean()), float(others.mean())),
            "rank": float(losses.effective_rank(z)),
            "scatter": ((z - z.mean(0)) @ view * EDGE).clamp(-2 * EDGE, 2 * EDGE).round().short().numpy(),
            "shape": float((self.shapes[near] == self.shapes[:, None]).float().mean()),
            "colour": float((self.colours[near] == self.colours[:, None]).float().mean()),
        }
        return figures, view


def histogram(cosines: Tensor) -> np.ndarray:
    """Shares of cosines in BINS equal bins from -1 to 1, float32 [BINS]."""
    counts = torch.histc(cosines.clamp(-1, 1), BINS, -1, 1)
    return (counts / counts.sum()).numpy()


def axes(z: Tensor, before: Tensor | None) -> Tensor:
    """The first two principal components of points [N, D], [D, 2].

    They are turned and mirrored within their plane so that they are nearest to those `before` (orthogonal Procrustes):
    from frame to frame the same points do not change places for no reason.
    """
    plane = torch.linalg.svd(z - z.mean(0), full_matrices=False).Vh[:2].T
    if before is None:
        return plane
    u, _, vh = torch.linalg.svd(plane.T @ before)
    return plane @ (u @ vh)

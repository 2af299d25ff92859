"""Scene reader: which things a picture of our procedural world shows, by a detector after CenterNet (Zhou 2019).

It judges pictures that a model has made: what it reads is compared with what should be there. The detector is a small
convolutional network that knows no caption and no generator. Every cell of a 16x16 grid says how likely the centre of
a thing lies in it, and which shape, colour, fill and size that thing would have; a cell that is surer than its eight
neighbours is a thing [section 3]. It is trained on endless fresh scenes, all combinations included, half of them
blurred or noisy, because what a model makes is never quite sharp.
"""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genai_core.common import checkpoints, checks
from genai_core.common.training import (
    EMA,
    Recipe,
    TrainStep,
    autocast,
    cosine,
    restore,
    resumable,
    seeded,
    set_lr,
    snapshot,
)
from genai_core.data import scenes
from genai_core.data.scenes import Kind, Scene, Thing
from genai_core.data.scenes.queries import FIELDS
from genai_core.data.scenes.world import BACKGROUNDS

GRID = 16  # cells of a side
CLASSES = {field: len(options) for field, options in FIELDS.items()}
NEAR = 0.12  # as a share of the side: what is read lies so close to the true centre; two centres are twice as far apart


@dataclass(frozen=True)
class SceneReaderConfig:
    channels: tuple[int, int, int] = (32, 64, 128)  # at 32x32, 16x16 and 8x8
    sigma: float = 0.8  # cells: spread of the target around a centre
    # augmentation of half the pictures
    noise: float = 0.05  # largest standard deviation
    # optimisation
    batch: int = 64
    lr: float = 2e-3
    weight_decay: float = 0.02
    clip: float = 5.0


@dataclass(frozen=True, slots=True)
class Found:
    """A thing that was read. x, y: its centre from the top left corner, as shares of the side; sure: in [0, 1]."""

    kind: Kind
    x: float
    y: float
    sure: float


class SceneReader(nn.Module):
    """Detector of the things in pictures of 64x64 pixels in [0, 1]."""

    def __init__(self, config: SceneReaderConfig):
        super().__init__()
        self.config = config
        a, b, c = config.channels
        self.stem = nn.Sequential(nn.Conv2d(3, a, 5, 2, 2, bias=False), nn.BatchNorm2d(a), nn.ReLU(), *_block(a, a))
        self.fine = nn.Sequential(*_block(a, b, 2), *_block(b, b))  # [N, b, 16, 16]
        self.coarse = nn.Sequential(*_block(b, c, 2), *_block(c, c))  # [N, c, 8, 8]
        self.up = nn.Sequential(nn.Conv2d(c, 4 * b, 1), nn.PixelShuffle(2))  # [N, b, 16, 16]
        self.last = nn.Sequential(*_block(2 * b, c))
        self.head = nn.Conv2d(c, OUTPUTS, 1)
        self.ground = nn.Linear(c, len(BACKGROUNDS))
        self.head.bias = nn.Parameter(_rare())

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, dict[str, Tensor], Tensor]:
        """[N, 3, 64, 64] -> logits of a centre [N, 16, 16], its offset from the cell's middle in cells [N, 2, 16, 16],
        logits of every attribute [N, classes, 16, 16], and of the background [N, 6]."""
        fine = self.fine(self.stem(2 * x - 1))
        y = self.last(torch.cat([fine, self.up(self.coarse(fine))], 1))  # [N, c, 16, 16]
        return *answers(self.head(y)), self.ground(y.mean((2, 3))).float()

    @torch.inference_mode()
    def read(self, x: Tensor, threshold: float = 0.3, batch: int = 250) -> list[list[Found]]:
        """What pictures [N, 3, 64, 64] in [0, 1] show, of each the things surer than `threshold`, the surest first.

        Raises: ValueError for another shape, or a threshold outside 0 to 1.
        """
        checks.shape("Pictures", x, None, 3, scenes.SIZE, scenes.SIZE)
        checks.number("The threshold", threshold, 0, 1)
        return [things for part in x.split(batch) for things in self._read(part, threshold)]

    def _read(self, x: Tensor, threshold: float) -> list[list[Found]]:
        centre, offset, attributes, _ = self(x.to(next(self.parameters()).device))
        sure = centre.sigmoid()
        peak = (sure == F.max_pool2d(sure[:, None], 3, 1, 1)[:, 0]) & (sure > threshold)
        picture, row, column = peak.nonzero().unbind(1)
        at = torch.stack([column, row], 1) + 0.5 + offset[picture, :, row, column]  # [T, 2] in cells
        chosen = [logits[picture, :, row, column].argmax(1).tolist() for logits in attributes.values()]
        found: list[list[Found]] = [[] for _ in range(len(x))]
        scores = sure[picture, row, column].tolist()
        for i, (u, v), score, *best in zip(picture.tolist(), (at / GRID).tolist(), scores, *chosen, strict=True):
            kind = Kind(*(options[j] for options, j in zip(FIELDS.values(), best, strict=True)))
            found[i].append(Found(kind, u, v, score))
        return [sorted(things, key=lambda thing: -thing.sure) for things in found]

    @torch.inference_mode()
    def backgrounds(self, x: Tensor) -> list[str]:
        """The background of each of pictures [N, 3, 64, 64] in [0, 1]. Raises: ValueError for another shape."""
        checks.shape("Pictures", x, None, 3, scenes.SIZE, scenes.SIZE)
        return [BACKGROUNDS[i] for i in self(x.to(next(self.parameters()).device))[-1].argmax(1).tolist()]


OUTPUTS = 3 + sum(CLASSES.values())  # of a head, in every cell


def answers(y: Tensor) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """A head's outputs [N, OUTPUTS, G, G] -> centre [N, G, G], offset [N, 2, G, G], logits of every attribute."""
    centre, offset, *attributes = y.float().split([1, 2, *CLASSES.values()], 1)
    return centre[:, 0], offset, dict(zip(CLASSES, attributes, strict=True))


def _rare() -> Tensor:
    """Biases of a head: few cells hold a centre."""
    return torch.cat([torch.full((1,), -4.0), torch.zeros(OUTPUTS - 1)])


def _block(inside: int, outside: int, stride: int = 1) -> tuple[nn.Module, ...]:
    return nn.Conv2d(inside, outside, 3, stride, 1, bias=False), nn.BatchNorm2d(outside), nn.ReLU()


def matches(things: Sequence[Thing], found: Sequence[Found]) -> list[Found | None]:
    """For every thing the nearest that was read within NEAR of its centre, None where nothing was."""
    near: list[Found | None] = []
    for thing in things:
        gaps = [(math.hypot(thing.x - one.x, thing.y - one.y), i) for i, one in enumerate(found)]
        gap, i = min(gaps, default=(math.inf, 0))
        near.append(found[i] if gap < NEAR else None)
    return near


def accuracy(reader: SceneReader, pictures: Tensor, shown: Sequence[Scene], threshold: float = 0.3) -> dict[str, float]:
    """How well pictures [N, 3, 64, 64] show the scenes that they should, in [0, 1].

    "objects": share of the true things that are found with all attributes right. "found": found at all; "shape",
    "colour", "fill" and "size": right among those found. "invented": things read that are none, as a share of the true
    ones. "scenes": pictures in which all is right and nothing invented.
    Raises: ValueError unless there are as many pictures as scenes, one or more.
    """
    checks.count("The number of pictures", len(pictures))
    checks.count("The number of scenes", len(shown), len(pictures), len(pictures))
    right = dict.fromkeys(("objects", "found", *FIELDS, "invented", "scenes"), 0)
    total = 0
    for scene, found in zip(shown, reader.read(pictures, threshold), strict=True):
        read = matches(scene.things, found)
        pairs = [(thing.kind, one.kind) for thing, one in zip(scene.things, read, strict=True) if one]
        whole, invented = sum(a == b for a, b in pairs), len(found) - len(pairs)
        total += len(scene.things)
        right["objects"] += whole
        right["found"] += len(pairs)
        right["invented"] += invented
        right["scenes"] += whole == len(scene.things) and not invented
        for field in FIELDS:
            right[field] += sum(getattr(a, field) == getattr(b, field) for a, b in pairs)
    whole_of = {"scenes": len(shown)} | dict.fromkeys(("objects", "found", "invented"), total)
    return {name: n / max(1, whole_of.get(name, right["found"])) for name, n in right.items()}


def targets(shown: Sequence[Scene], sigma: float, grid: int = GRID) -> dict[str, Tensor]:
    """What a network should answer for scenes on a grid of G = `grid` cells a side.

    "centre" [N, G, G]: 1 in the cell of each centre, a Gaussian of `sigma` cells around it. "thing" [N, G, G]: the
    nearest thing of each cell, as its number among all T. "at" [T, 2]: the centres, in cells. "kind" [T, 4] and
    "ground" [N]: the true classes.
    """
    owner = [i for i, scene in enumerate(shown) for _ in scene.things]
    things = [thing for scene in shown for thing in scene.things]
    at = torch.tensor([(grid * thing.x, grid * thing.y) for thing in things])  # [T, 2]
    kind = torch.tensor([[FIELDS[f].index(getattr(thing.kind, f)) for f in FIELDS] for thing in things])
    axis, cell = torch.arange(grid).float(), at.floor()
    far = (axis - cell[:, :1])[:, None].square() + (axis - cell[:, 1:])[:, :, None].square()  # [T, G, G]
    near = (-far / (2 * sigma**2)).exp()
    centre = torch.zeros(len(shown), grid, grid)
    nearest = torch.zeros(len(shown), grid, grid, dtype=torch.long)
    for t, i in enumerate(owner):
        closer = near[t] > centre[i]
        centre[i, closer], nearest[i, closer] = near[t, closer], t
    ground = torch.tensor([BACKGROUNDS.index(scene.background) for scene in shown])
    return {"centre": centre, "thing": nearest, "at": at, "kind": kind, "ground": ground}


def detection(
    centre: Tensor, offset: Tensor, attributes: dict[str, Tensor], truth: dict[str, Tensor]
) -> dict[str, Tensor]:
    """The terms of what a head answers (see `answers`) to its `targets`.

    "centre" is the penalty-reduced focal loss per thing [Zhou 2019, eq. 1], "offset" the mean distance in cells, the
    others cross-entropies, where a cell counts as much as its target; "accuracy" is the share of the things whose
    attributes are all right in the cell of their centre.
    """
    y, thing = truth["centre"], truth["thing"]
    weight = y * (y > 0.1)
    p, hit, count = centre.sigmoid().clamp(1e-4, 1 - 1e-4), y == 1, weight.sum()
    focal = torch.where(hit, (1 - p).square() * p.log(), (1 - y) ** 4 * p.square() * (1 - p).log())
    axis = torch.arange(y.shape[-1]).to(centre) + 0.5
    cell = torch.stack([axis.expand(len(axis), -1), axis[:, None].expand(-1, len(axis))])  # [2, G, G]
    shift = truth["at"][thing].movedim(-1, 1) - cell  # [N, 2, G, G]
    terms = {
        "centre": -focal.sum() / len(truth["at"]),
        "offset": ((offset - shift).abs().sum(1) * weight).sum() / count,
    }
    right = hit
    for i, (field, logits) in enumerate(attributes.items()):
        true = truth["kind"][thing, i]  # [N, G, G]
        terms[field] = (F.cross_entropy(logits, true, reduction="none") * weight).sum() / count
        right = right & (logits.argmax(1) == true)
    return terms | {"accuracy": right.sum() / hit.sum()}


def loss(model: SceneReader, x: Tensor, truth: dict[str, Tensor]) -> dict[str, Tensor]:
    """The terms of `detection` for pictures x [N, 3, 64, 64] and their `targets`, and "ground", the background's."""
    centre, offset, attributes, ground = model(x)
    terms = detection(centre, offset, attributes, truth)
    accuracy = terms.pop("accuracy")
    named = torch.stack(list(terms.values())).sum()
    terms["ground"] = F.cross_entropy(ground, truth["ground"])
    return {"loss": named + 0.1 * terms["ground"], **terms, "accuracy": accuracy}


def degrade(x: Tensor, noise: float, generator: torch.Generator) -> Tensor:
    """Pictures [N, 3, 64, 64] of which half are, at random, blurred a little, noisy, lighter or darker."""
    n = len(x)
    u = torch.rand(4, n, 1, 1, 1, generator=generator).to(x)
    blurred = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)
    changed = torch.lerp(x, blurred, u[0]) + noise * u[1] * torch.randn(x.shape, generator=generator).to(x)
    return torch.where(u[3] < 0.5, changed + 0.06 * (u[2] - 0.5), x).clamp(0, 1)


def fresh(stream: str, first: int, n: int) -> list[Scene]:
    """Scenes `first` and on of an endless stream, all combinations included."""
    return [scenes.draw(random.Random(f"{stream}/{i}")) for i in range(first, first + n)]


@resumable
def train(
    config: SceneReaderConfig,
    stream: str,
    *,
    steps: int,
    seed: int = 0,
    device: str | torch.device = "cpu",
    resume: dict | None = None,
) -> Iterator[TrainStep[SceneReader]]:
    """Train on a stream of fresh scenes, each used once; yields each step with its EMA."""
    model = seeded(seed, lambda: SceneReader(config)).to(device).train()
    ema = EMA(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.lr, weight_decay=config.weight_decay, fused=True)
    generator = torch.Generator().manual_seed(seed)
    parts = {"model": model, "ema": ema, "optimizer": optimizer}
    done = restore(resume, generator, parts)

    for step in range(done, steps):
        shown = fresh(f"{stream}/{seed}", step * config.batch, config.batch)
        x = degrade(scenes.render(shown), config.noise, generator).to(device)
        truth = {name: value.to(device) for name, value in targets(shown, config.sigma).items()}
        set_lr(optimizer, config.lr * cosine(step, steps, warmup=100))
        with autocast(device):
            terms = loss(model, x, truth)
        optimizer.zero_grad()
        terms["loss"].backward()
        nn.utils.clip_grad_norm_(model.parameters(), config.clip)
        optimizer.step()
        ema.update(model)
        losses = {name: term.item() for name, term in terms.items()}
        yield TrainStep(step + 1, losses, ema.model, partial(snapshot, step + 1, generator, parts))


HELD = 5000  # scenes that `evaluate` reads

SMALL = "reader-scenes-small"  # for losses; what was trained with it is judged by the other one
RECIPES = {
    "reader-scenes": Recipe(SceneReaderConfig(), "scenes", steps=2500),
    SMALL: Recipe(SceneReaderConfig(channels=(24, 48, 96)), "scenes", steps=1200, seed=1),
}
TINY = Recipe(SceneReaderConfig(channels=(4, 8, 8), batch=8), "scenes", steps=4)

CARD = {
    "overview": "A small detector in CenterNet's style (Zhou 2019, Objects as Points), by which this project judges "
    "pictures of its procedural world: for every cell of a 16 x 16 grid it says how likely the centre of a thing lies "
    "there, and which shape, colour, fill and size it has.",
    "splits": "trained on a stream of its own, in which all combinations of colour and shape occur; measured on the "
    "test split, which was used for no choice.",
    "use": "Evaluating what a model drew or rebuilt: which of the things that should be there are there, with all "
    "attributes right. `reader-scenes` judges and trains no model; `reader-scenes-small`, of other weights, sizes and "
    "training scenes, is for losses, and judges none.",
    "limits": "It knows one world of small drawings and finds nothing sensible in others. It reads slightly blurred "
    "and noisy pictures as sharp ones, on purpose, so what it calls right may still look soft. Two things closer to "
    "each other than the world allows may be read as one.",
}

LABELS = {
    "objects": ("Things found with all attributes right", "{:.2%}"),
    "found": ("Things found", "{:.2%}"),
    "shape": ("Shape right, of the things found", "{:.2%}"),
    "colour": ("Colour right, of the things found", "{:.2%}"),
    "fill": ("Fill right, of the things found", "{:.2%}"),
    "size": ("Size right, of the things found", "{:.2%}"),
    "invented": ("Things read where there is none, per true thing", "{:.2%}"),
    "scenes": ("Scenes read without any error", "{:.2%}"),
    "degraded_objects": ("Things found with all attributes right, in pictures blurred and noisy", "{:.2%}"),
    "background": ("Background right", "{:.2%}"),
    "held_out": ("Unseen scenes that were read", "{:,d}"),
}


def load(name: str = "reader-scenes") -> SceneReader:
    """The reader, ready to use. Raises: CheckpointError, which says which names there are."""
    return checkpoints.load(name, SceneReader, SceneReaderConfig)


def examples(recipe: Recipe) -> str:
    """What a recipe trains on: the name of a stream of scenes, which are drawn on demand."""
    return "reader"


def evaluate(name: str) -> dict:
    """Figures of a reader on scenes of the test split (see LABELS)."""
    model = load(name)
    shown = [scenes.scene("test", i) for i in range(HELD)]
    x = scenes.render(shown)
    ground = [name for part in x.split(250) for name in model.backgrounds(part)]
    worse = degrade(x, model.config.noise, torch.Generator().manual_seed(0))
    return {
        **accuracy(model, x, shown),
        "degraded_objects": accuracy(model, worse, shown)["objects"],
        "background": sum(a == scene.background for a, scene in zip(ground, shown, strict=True)) / HELD,
        "held_out": HELD,
    }

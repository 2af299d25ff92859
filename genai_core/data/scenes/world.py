"""The world: scenes, how they are sampled, positions and relations (in the style of CLEVR, Johnson 2017).

A scene is one to four things that do not touch, on a background. Scene i of a split is a pure function of (split, i).
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import NamedTuple

SHAPES = ("circle", "square", "triangle", "star", "cross", "ring", "heart", "diamond")
COLOURS = ("red", "orange", "yellow", "green", "teal", "blue", "purple", "pink")
FILLS = ("solid", "outlined", "striped", "dotted")
SIZES = ("small", "large")
BACKGROUNDS = ("white", "cream", "mint", "charcoal", "navy", "black")
SHADES = {"light": BACKGROUNDS[:3], "dark": BACKGROUNDS[3:]}
RELATIONS = ("left of", "right of", "above", "below")
OPPOSITE = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}
PLACES = ("top", "bottom", "left", "right")
MOST = 4  # things in a scene

# never in a training scene: each colour and each shape once ...
HELD_OUT_PAIRS = (
    ("red", "triangle"),
    ("orange", "heart"),
    ("yellow", "square"),
    ("green", "star"),
    ("teal", "circle"),
    ("blue", "ring"),
    ("purple", "cross"),
    ("pink", "diamond"),
)
# ... and these shapes in these relations, whatever their colours
HELD_OUT_RELATIONS = (
    ("star", "above", "heart"),
    ("circle", "left of", "square"),
    ("triangle", "above", "ring"),
    ("cross", "left of", "diamond"),
)
SPLITS = {"train": False, "validation": False, "test": True}  # split -> whether it contains held-out combinations

RADIUS = {"small": 0.118, "large": 0.19}  # as a share of the picture's side, +- 7 %
GAP = 0.03  # minimum between two things
RELATED = 0.12  # minimum distance of two centres along an axis for a relation to hold
SIDE = 0.4  # a thing is at an edge if its centre is this close to it
_COUNTS = (0.2, 0.35, 0.25, 0.2)  # probability of 1, 2, 3, 4 things in a scene
_AGAIN = 0.3  # probability that a thing repeats the kind of the one before


class Kind(NamedTuple):
    """The attributes of a thing that words can describe."""

    shape: str
    colour: str
    fill: str
    size: str


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing. x, y: centre from the top left corner; radius; all as shares of the picture's side.

    angle: degrees, clockwise. tint: how much lighter than its nominal colour, in [-1, 1].
    """

    kind: Kind
    x: float
    y: float
    radius: float
    angle: float
    tint: float


@dataclass(frozen=True, slots=True)
class Scene:
    """Things on a background. tint: how much lighter than the nominal background, in [-1, 1]."""

    things: tuple[Thing, ...]
    background: str
    tint: float = 0.0


def scene(split: str, i: int, most: int = MOST) -> Scene:
    """Scene i >= 0 of a split: "train" and "validation" contain no held-out combinations, "test" does.

    most: maximum number of things, for an easy start of a training; below MOST scene i is a different one.
    Raises: ValueError for an unknown split or a negative number.
    """
    if split not in SPLITS or not i >= 0 or i != int(i) or not 1 <= most <= MOST:
        raise ValueError(f"There is no scene {i} of '{split}'; the splits are {', '.join(SPLITS)}, from scene 0 on.")
    return draw(random.Random(f"{split}/{i}"), held_out=SPLITS[split], most=most)


def draw(
    rng: random.Random,
    *,
    kinds: Sequence[Kind] | None = None,
    background: str | None = None,
    held_out: bool = True,
    most: int = MOST,
) -> Scene:
    """A random scene. kinds: its things, by default at most `most` random ones; held_out: allow held-out combinations.

    Crowded scenes tend to have small things, since a scene in which one does not fit is sampled again.
    Raises: ValueError for no kinds or more than MOST, unknown words, or a held-out pair that is requested but not
    allowed.
    """
    if not 1 <= most <= MOST:
        raise ValueError(f"A scene has 1 to {MOST} things, and not at most {most}.")
    if background not in (None, *BACKGROUNDS):
        raise ValueError(f"There is no background '{background}'; there are {', '.join(BACKGROUNDS)}.")
    if kinds is not None and not all(
        word in options for kind in kinds for word, options in zip(kind, (SHAPES, COLOURS, FILLS, SIZES), strict=True)
    ):
        raise ValueError("A kind is a shape, a colour, a fill and a size of this world.")
    if kinds is not None and (not 1 <= len(kinds) <= MOST or (not held_out and any(_pair(k) for k in kinds))):
        raise ValueError(
            f"There is no such scene: it has a thing, at most {MOST} things, and held-out pairs are forbidden."
        )
    while True:
        things = _placed(rng, kinds or _kinds(rng, held_out, most))
        if things and (held_out or not novel_relation(things)):
            return Scene(things, background or pick(rng, BACKGROUNDS), 2 * rng.random() - 1)


def pick(rng: random.Random, options: Sequence):
    """One of the options, by `random()` only, whose sequence Python guarantees not to change."""
    return options[int(rng.random() * len(options))]


def _kinds(rng: random.Random, held_out: bool, most: int) -> list[Kind]:
    u, n = rng.random(), 0
    while u >= sum(_COUNTS[: n + 1]) and n < most - 1:
        n += 1
    kinds: list[Kind] = []
    while len(kinds) <= n:
        kind = Kind(pick(rng, SHAPES), pick(rng, COLOURS), pick(rng, FILLS), pick(rng, SIZES))
        if kinds and rng.random() < _AGAIN:
            kinds.append(kinds[-1])
        elif possible(kind) and (held_out or not _pair(kind)):
            kinds.append(kind)
    return kinds


def possible(kind: Kind) -> bool:
    """A ring is never outlined: it would look like an outlined circle."""
    return not (kind.shape == "ring" and kind.fill == "outlined")


def _placed(rng: random.Random, kinds: Sequence[Kind]) -> tuple[Thing, ...]:
    """The kinds at random positions without overlap; empty if one does not fit."""
    things: list[Thing] = []
    for kind in kinds:
        radius = RADIUS[kind.size] * (0.93 + 0.14 * rng.random())
        room = radius + GAP
        for _ in range(20):
            x, y = (room + (1 - 2 * room) * rng.random() for _ in range(2))
            if all(math.hypot(x - other.x, y - other.y) > radius + other.radius + GAP for other in things):
                angle, tint = 30 * rng.random() - 15, 2 * rng.random() - 1
                things.append(Thing(kind, x, y, radius, angle, tint))
                break
        else:
            return ()
    return tuple(things)


def related(a: Thing, relation: str, b: Thing) -> bool:
    """Whether a is "left of", "right of", "above" or "below" b, by at least RELATED; two of them can be true."""
    distance = {"left of": b.x - a.x, "right of": a.x - b.x, "above": b.y - a.y, "below": a.y - b.y}[relation]
    return distance >= RELATED


def main_relation(a: Thing, b: Thing) -> str:
    """The relation of a to b along the axis on which they are farther apart."""
    if abs(a.x - b.x) > abs(a.y - b.y):
        return "left of" if a.x < b.x else "right of"
    return "above" if a.y < b.y else "below"


def at(thing: Thing, place: str) -> bool:
    """Whether a thing is at the "top", "bottom", "left" or "right" of the picture."""
    return {"top": thing.y, "bottom": 1 - thing.y, "left": thing.x, "right": 1 - thing.x}[place] < SIDE


def novel_pair(things: Sequence[Thing]) -> bool:
    """Whether one of the things has a combination of colour and shape that no training scene contains."""
    return any(_pair(thing.kind) for thing in things)


def novel_relation(things: Sequence[Thing]) -> bool:
    """Whether two of the things have a relation that their shapes have in no training scene."""
    return any(
        a.kind.shape == shape and b.kind.shape == other and related(a, relation, b)
        for a, b in permutations(things, 2)
        for shape, relation, other in HELD_OUT_RELATIONS
    )


def _pair(kind: Kind) -> bool:
    return (kind.colour, kind.shape) in HELD_OUT_PAIRS

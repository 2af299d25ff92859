"""The world: what a scene is, how one is drawn by lot, and what stands where (in the manner of CLEVR, Johnson 2017).

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
# ... and these shapes so placed (in some of the colours, or any)
HELD_OUT_RELATIONS = (
    ("star", "above", "heart"),
    ("circle", "left of", "square"),
    ("triangle", "above", "ring"),
    ("cross", "left of", "diamond"),
)
SPLITS = {"train": False, "validation": False, "test": True}  # split -> whether held-out combinations occur in it

RADIUS = {"small": 0.118, "large": 0.19}  # of the picture's side, give or take 7 %
GAP = 0.03  # between two things at least
RELATED = 0.12  # how far apart two centres must be along an axis to be left or right of, above or below one another
SIDE = 0.4  # a centre within this share of an edge is at that edge
_COUNTS = (0.2, 0.35, 0.25, 0.2)  # how often a scene has 1, 2, 3, 4 things
_AGAIN = 0.3  # how often a thing is of the kind of the one before


class Kind(NamedTuple):
    """What words can say of a thing by itself."""

    shape: str
    colour: str
    fill: str
    size: str


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing. x, y: its centre, from the top left corner; radius: both as a share of the picture's side.

    angle: degrees, clockwise. tint: how much lighter than its colour, in [-1, 1].
    """

    kind: Kind
    x: float
    y: float
    radius: float
    angle: float
    tint: float


@dataclass(frozen=True, slots=True)
class Scene:
    """Things on a background. tint: how much lighter it is than its name says, in [-1, 1]."""

    things: tuple[Thing, ...]
    background: str
    tint: float = 0.0


def scene(split: str, i: int, most: int = MOST) -> Scene:
    """Scene i (0 or more, without end) of a split: "train" and "validation" have no held-out combination, "test" has.

    most: things in it at most, for an easy beginning; where that is less than MOST, it is another scene.
    Raises: ValueError for a split or a number there is not.
    """
    if split not in SPLITS or i < 0 or not 1 <= most <= MOST:
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
    """A scene by lot. kinds: what is in it, or at most `most` by lot; held_out: may held-out combinations occur?

    In a crowd things tend to be small, since what finds no room is drawn again with all the rest.
    Raises: ValueError for more than MOST kinds, or for a held-out pair that is asked for and forbidden.
    """
    if kinds is not None and (len(kinds) > MOST or (not held_out and any(_pair(k) for k in kinds))):
        raise ValueError(f"There is no such scene: it has at most {MOST} things, and held-out pairs are forbidden.")
    while True:
        things = _placed(rng, kinds or _kinds(rng, held_out, most))
        if things and (held_out or not novel_relation(things)):
            return Scene(things, background or pick(rng, BACKGROUNDS), 2 * rng.random() - 1)


def pick(rng: random.Random, options: Sequence):
    """One of the options. By `random()` alone, whose sequence Python promises never to change."""
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
    """A ring is never outlined: it could not be told from an outlined circle."""
    return not (kind.shape == "ring" and kind.fill == "outlined")


def _placed(rng: random.Random, kinds: Sequence[Kind]) -> tuple[Thing, ...]:
    """The kinds, each at a place of its own; nothing if some find none."""
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
    """Whether a is "left of", "right of", "above" or "below" b, by RELATED at least; two of them can be true."""
    distance = {"left of": b.x - a.x, "right of": a.x - b.x, "above": b.y - a.y, "below": a.y - b.y}[relation]
    return distance >= RELATED


def main_relation(a: Thing, b: Thing) -> str:
    """How one would say where a is, seen from b: along the axis on which they are farther apart."""
    if abs(a.x - b.x) > abs(a.y - b.y):
        return "left of" if a.x < b.x else "right of"
    return "above" if a.y < b.y else "below"


def at(thing: Thing, place: str) -> bool:
    """Whether a thing is at the "top", "bottom", "left" or "right" of the picture."""
    return {"top": thing.y, "bottom": 1 - thing.y, "left": thing.x, "right": 1 - thing.x}[place] < SIDE


def novel_pair(things: Sequence[Thing]) -> bool:
    """Whether one of the things has a colour and a shape that no training scene shows together."""
    return any(_pair(thing.kind) for thing in things)


def novel_relation(things: Sequence[Thing]) -> bool:
    """Whether two of the things stand as no two of their shapes do in a training scene."""
    return any(
        a.kind.shape == shape and b.kind.shape == other and related(a, relation, b)
        for a, b in permutations(things, 2)
        for shape, relation, other in HELD_OUT_RELATIONS
    )


def _pair(kind: Kind) -> bool:
    return (kind.colour, kind.shape) in HELD_OUT_PAIRS

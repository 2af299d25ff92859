"""Scenes of a single thing, whose attributes are known: what an embedding keeps of each can be measured.

Every combination of attributes occurs, in training too, so that none can be told from another.
"""

import random
from collections.abc import Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from genai_core.data import scenes
from genai_core.data.scenes import Scene
from genai_core.data.scenes.queries import FIELDS
from genai_core.data.scenes.world import BACKGROUNDS, RADIUS

PLACES = ("top left", "top right", "bottom left", "bottom right")  # the quarter that holds the centre
MIDDLES = {"top": 0.28, "bottom": 0.72, "left": 0.28, "right": 0.72}
ATTRIBUTES = {**FIELDS, "place": PLACES, "background": BACKGROUNDS}


def draw(stream: str, first: int, n: int) -> list[Scene]:
    """Scenes `first` and on of an endless stream, each a pure function of (stream, number)."""
    return [scenes.draw(random.Random(f"contrastive/{stream}/{i}"), most=1) for i in range(first, first + n)]


def crowd(stream: str, number: int, things: int) -> Scene:
    """The thing of scene `number`, and those of the scenes after it, on its background, placed anew: not of this world.

    Raises: ValueError for a number of things that no scene has.
    """
    own, rng = draw(stream, number, things), random.Random(f"contrastive/{stream}/{number}/{things}")
    kinds = [scene.things[0].kind for scene in own]
    return scenes.draw(rng, kinds=kinds, background=own[0].background if own else None)


def render(shown: Sequence[Scene], size: int) -> Tensor:
    """Their pictures, [N, 3, size, size] in [0, 1]; size divides 64."""
    return F.avg_pool2d(scenes.render(shown), scenes.SIZE // size)


def attributes(shown: Sequence[Scene]) -> dict[str, Tensor]:
    """The number of each attribute's value among ATTRIBUTES, [N] each."""
    things = [scene.things[0] for scene in shown]
    found = {name: torch.tensor([FIELDS[name].index(getattr(t.kind, name)) for t in things]) for name in FIELDS}
    found["place"] = torch.tensor([2 * (thing.y > 0.5) + (thing.x > 0.5) for thing in things])
    found["background"] = torch.tensor([BACKGROUNDS.index(scene.background) for scene in shown])
    return found


def altered(scene: Scene, attribute: str, value: str) -> Scene:
    """A scene of one thing with another value of one of ATTRIBUTES, and all else as it was.

    A place is the middle of its quarter. Raises: ValueError for another attribute or value.
    """
    if value not in ATTRIBUTES.get(attribute, ()):
        raise ValueError(f"There is no {attribute} '{value}'; there are {', '.join(ATTRIBUTES.get(attribute, ()))}.")
    if attribute == "background":
        return replace(scene, background=value)
    (thing,) = scene.things
    if attribute == "place":
        down, across = value.split()
        return replace(scene, things=(replace(thing, x=MIDDLES[across], y=MIDDLES[down]),))
    radius = RADIUS[value] if attribute == "size" else thing.radius
    kind = thing.kind._replace(**{attribute: value})
    return replace(scene, things=(replace(thing, kind=kind, radius=radius),))

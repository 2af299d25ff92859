"""Twins: two scenes that differ in one respect alone, so that what is said of the one is false of the other.

Pictures that are hard to tell apart teach a picture encoder what false captions teach a text encoder (Yuksekgonul
2022, section 4, takes such pictures from the neighbours in its data; a world that is known can make them).
"""

import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

from genai_core.scenes import world
from genai_core.scenes.queries import Query, describe, holds
from genai_core.scenes.world import Scene, pick

EXCHANGED = ("colour", "fill")  # by two kinds of things; exchanging shapes is exchanging all the rest


def twin(scene: Scene, rng: random.Random, *, held_out: bool = True) -> Scene | None:
    """The scene with two colours or fills exchanged, mirrored, or short of one thing, by lot; None for a single thing.

    held_out: whether a held-out combination may occur in it; where all that could be done makes one, None.
    """
    ways: dict[str, list[Scene]] = {}
    for way, made in _ways(scene) if len(scene.things) > 1 else ():
        kinds = [thing.kind for thing in made.things]
        new = held_out or not (world.novel_pair(made.things) or world.novel_relation(made.things))
        if new and all(map(world.possible, kinds)):
            ways.setdefault(way, []).append(made)
    return pick(rng, ways[pick(rng, list(ways))]) if ways else None


def _ways(scene: Scene) -> Iterator[tuple[str, Scene]]:
    kinds = list(dict.fromkeys(thing.kind for thing in scene.things))
    for a, b in combinations(kinds, 2):
        for field in EXCHANGED:
            x, y = getattr(a, field), getattr(b, field)
            if x != y:
                new = {a: a._replace(**{field: y}), b: b._replace(**{field: x})}
                yield field, _with(scene, [replace(one, kind=new.get(one.kind, one.kind)) for one in scene.things])
    yield "mirrored", _with(scene, [replace(one, x=1 - one.x, angle=-one.angle) for one in scene.things])
    yield "upside down", _with(scene, [replace(one, y=1 - one.y) for one in scene.things])
    for i in range(len(scene.things)):
        yield "fewer", _with(scene, [*scene.things[:i], *scene.things[i + 1 :]])


def _with(scene: Scene, things: list) -> Scene:
    return replace(scene, things=tuple(things))


def describe_both(a: Scene, b: Scene, rng: random.Random, detail: str) -> tuple[Query, Query] | None:
    """True queries about two twins, in the same manner (see `describe`), if each is false of the other; else None."""
    state = rng.getstate()
    of_a = describe(a, rng, detail)
    rng.setstate(state)
    of_b = describe(b, rng, detail)
    return None if holds(a, of_b) or holds(b, of_a) else (of_a, of_b)

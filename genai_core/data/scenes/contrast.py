"""Twins: two scenes that differ in one respect only, so that a description of one is false of the other.

Pictures that are hard to distinguish are to a picture encoder what false captions are to a text encoder (Yuksekgonul
2022, section 4, takes them from nearest neighbours in the data; a procedural world can generate them).
"""

import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

from genai_core.data.scenes import world
from genai_core.data.scenes.queries import Query, describe, holds
from genai_core.data.scenes.world import Scene, pick

EXCHANGED = ("colour", "fill")  # between two kinds of things; exchanging shapes equals exchanging everything else


def twin(scene: Scene, rng: random.Random, *, held_out: bool = True) -> Scene | None:
    """The scene with two colours or fills exchanged, mirrored, or one thing removed, at random. None for a single one.

    held_out: whether it may contain a held-out combination; None if every change would create one.
    """
    changes: dict[str, list[Scene]] = {}
    for respect, changed in _changes(scene) if len(scene.things) > 1 else ():
        kinds = [thing.kind for thing in changed.things]
        new = held_out or not (world.novel_pair(changed.things) or world.novel_relation(changed.things))
        if new and all(map(world.possible, kinds)):
            changes.setdefault(respect, []).append(changed)
    return pick(rng, changes[pick(rng, list(changes))]) if changes else None


def _changes(scene: Scene) -> Iterator[tuple[str, Scene]]:
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
    """True queries about two twins, of the same kind (see `describe`), if each is false of the other; else None."""
    state = rng.getstate()
    of_a = describe(a, rng, detail)
    rng.setstate(state)
    of_b = describe(b, rng, detail)
    return None if holds(a, of_b) or holds(b, of_a) else (of_a, of_b)

"""Captions with scenes that show what they say and nothing else; prompts, whose pictures a reader of scenes judges."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from torch import Tensor

from genai_core.clip import evaluation as clip_prompts
from genai_core.data import scenes
from genai_core.data.scenes import Query, Scene, Thing, world
from genai_core.evaluation.scene_reader import Found, SceneReader

DETAILS = {"one": 0.25, "two": 0.2, "relation": 0.2, "count": 0.15, "all": 0.2}  # how often a caption is of each
KINDS = ("one", "held-out pair", "two", "number", "relation")  # of prompts


@dataclass(frozen=True)
class Captioned:
    """A scene, what is true of it, and that in English."""

    scene: Scene
    query: Query
    caption: str


def pairs(stream: str, first: int) -> Iterator[Captioned]:
    """An endless stream of captioned scenes without held-out combinations, from number `first` on; each is a pure
    function of (stream, number).
    """
    for i in count(first):
        rng = random.Random(f"multimodal/{stream}/{i}")
        while True:
            query = scenes.describe(scenes.draw(rng, held_out=False), rng, _detail(rng))
            try:
                shown = scenes.compose(query, rng)
            except ValueError:
                continue
            if not (world.novel_pair(shown.things) or world.novel_relation(shown.things)):
                break
        yield Captioned(shown, query, scenes.say(query, rng))


def _detail(rng: random.Random) -> str:
    (detail,) = rng.choices(tuple(DETAILS), tuple(DETAILS.values()))
    return detail


def prompts(kind: str, n: int, seed: int = 0) -> list[Query]:
    """n queries of one of KINDS, without repetition while there are others.

    "held-out pair" has a colour and shape that no training saw together; the others have no held-out combination.
    Raises: ValueError for another kind.
    """
    if kind not in KINDS:
        raise ValueError(f"There is no kind of prompt '{kind}'; there are {', '.join(KINDS)}.")
    if kind == "held-out pair":
        found = [query for query in clip_prompts.one_thing() if scenes.novel(query)]
    else:
        of_kind = {
            "one": clip_prompts.one_thing,
            "two": clip_prompts.two_things,
            "number": clip_prompts.counts,
            "relation": clip_prompts.relations,
        }[kind]
        found = [query for query in of_kind() if not scenes.novel(query)]
    random.Random(seed).shuffle(found)
    return [found[i % len(found)] for i in range(n)]


def as_scene(found: Sequence[Found], background: str) -> Scene:
    """What a reader found as a scene, of which queries are true or false."""
    return Scene(
        tuple(Thing(one.kind, one.x, one.y, world.RADIUS[one.kind.size], 0.0, 0.0) for one in found), background
    )


def judged(reader: SceneReader, pictures: Tensor, queries: Sequence[Query]) -> list[bool]:
    """Whether the reader finds in each picture [N, 3, 64, 64] what its query says."""
    shown = map(as_scene, reader.read(pictures), reader.backgrounds(pictures))
    return [scenes.holds(scene, query) for scene, query in zip(shown, queries, strict=True)]

"""The gallery to search: the first 10,000 scenes of the test split, unseen in training.

No picture is stored: each is drawn from its number. The embeddings are stored beside the checkpoint that computed
them, in float16.
"""

import functools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from genai_core.common import checkpoints, checks, vector_store
from genai_core.common.vector_store import Collection
from genai_core.data import scenes
from genai_core.data.scenes import Query, Scene

SIZE = 10_000
FILE = "gallery.safetensors"


@functools.lru_cache(maxsize=2)
def world(n: int = SIZE) -> tuple[Scene, ...]:
    """The descriptions of the gallery's first n scenes; takes a quarter of a second for all.

    Raises: ValueError for n below 0.
    """
    checks.count("The number of scenes", n, 0)
    return tuple(scenes.scene("test", i) for i in range(n))


def index(shown: Sequence[Scene]) -> dict[tuple[str, ...], set[int]]:
    """(shape,) and (shape, colour) -> the numbers of the scenes that contain such a thing."""
    by_kind: dict[tuple[str, ...], set[int]] = defaultdict(set)
    for i, scene in enumerate(shown):
        for thing in scene.things:
            by_kind[thing.kind.shape,].add(i)
            by_kind[thing.kind.shape, thing.kind.colour].add(i)
    return by_kind


def true_of(query: Query, shown: Sequence[Scene], by_kind: dict[tuple[str, ...], set[int]]) -> list[int]:
    """The numbers of the scenes of which a query is true, sorted. by_kind: their `index`, to narrow the search."""
    there = set(range(len(shown)))
    for phrase in query.phrases:
        if phrase.shape and phrase.count != 0:
            there &= by_kind.get((phrase.shape, phrase.colour) if phrase.colour else (phrase.shape,), set())
    return sorted(i for i in there if scenes.holds(shown[i], query))


@functools.lru_cache(maxsize=256)
def answers(query: Query) -> frozenset[int]:
    """The numbers of the gallery's scenes of which a query is true: the correct answers."""
    return frozenset(true_of(query, world(), _whole_index()))


@functools.cache
def _whole_index() -> dict[tuple[str, ...], set[int]]:
    return index(world())


def pictures(indices: Iterable[int]) -> Tensor:
    """Scenes of the gallery by number -> pictures [N, 3, 64, 64] in [0, 1]. Raises: ValueError for a number below 0."""
    return scenes.render([scenes.scene("test", i) for i in indices])


def encode(encoder, n: int = SIZE) -> Tensor:
    """An encoder's unit vectors of the gallery's first n scenes: [n, D] float32."""
    return torch.cat([encoder.encode_image(pictures(part.tolist())) for part in torch.arange(n).split(500)])


def save(name: str, embeddings: Tensor) -> Path:
    """Write the embeddings [N, D] beside checkpoint `name`."""
    file = checkpoints.ASSETS / name / FILE
    save_file({"embeddings": embeddings.half().contiguous()}, file)
    return file


def load(name: str) -> Tensor:
    """The stored embeddings of a checkpoint, unit vectors [N, D] float32. Raises: CheckpointError."""
    checkpoints.read_json(name, "config.json")  # says which names there are
    try:
        embeddings = load_file(checkpoints.ASSETS / name / FILE)["embeddings"].float()
    except (OSError, SafetensorError, KeyError) as error:
        raise checkpoints.damaged(name, FILE) from error
    if embeddings.ndim != 2 or not bool(embeddings.isfinite().all()):
        raise checkpoints.damaged(name, FILE)
    return torch.nn.functional.normalize(embeddings, dim=1)


@functools.lru_cache(maxsize=4)
def collection(name: str) -> Collection:
    """The gallery in the embedding of checkpoint `name`, searchable: the id of a scene is its number.

    Built at the first call, in about a second, and shared by all users: never add to it, delete from it or close it.
    Raises: CheckpointError.
    """
    embeddings = load(name)
    searchable = vector_store.private(name, embeddings.shape[1])
    shown = world(len(embeddings))
    searchable.add(embeddings, [attributes(scene) for scene in shown], ids=[str(i) for i in range(len(shown))])
    return searchable


def attributes(scene: Scene) -> dict:
    """What is true of a scene: its complete "caption", and for filters "things" (their number), "background" and "has".

    "has" holds every colour, shape, fill and size in the scene, and every "red circle" in it.
    """
    caption = scenes.say(scenes.complete(scene))
    words = {word for thing in scene.things for word in thing.kind}
    words |= {f"{thing.kind.colour} {thing.kind.shape}" for thing in scene.things}
    return {"caption": caption, "things": len(scene.things), "background": scene.background, "has": sorted(words)}

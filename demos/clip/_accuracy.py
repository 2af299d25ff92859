"""What is measured while one looks: labels and captions against what is true of the gallery."""

import functools

import torch
from torch import Tensor

from demos._ui import charts
from demos.clip import _models, _words
from genai_core.clip import explain, gallery
from genai_core.data import scenes

LOOKED = 2500  # the first scenes of the gallery, among which those are sought that a question fits
COUNTED = 400  # of them are counted, at most
FEWEST = 30  # below so many no share is told


@functools.lru_cache(maxsize=2)
def stored(name: str) -> Tensor:
    """The stored unit vectors [LOOKED, D] of a model of ours. Raises: CheckpointError."""
    return gallery.load(name)[:LOOKED]


@functools.lru_cache(maxsize=256)
def classes(name: str, labels: tuple[str, ...], templates: tuple[str, ...]) -> Tensor:
    """The unit vector of every label, the mean over the templates: [labels, D]."""
    return explain.ensemble(_models.load(name), list(labels), list(templates))


@functools.lru_cache(maxsize=64)
def answerable(queries: tuple[scenes.Query, ...]) -> tuple[list[int], Tensor]:
    """The first scenes of the gallery of which exactly one of the queries is true, and which of them: [COUNTED]."""
    found, answers = [], []
    for i, scene in enumerate(gallery.world(LOOKED)):
        true = [k for k, query in enumerate(queries) if scenes.holds(scene, query)]
        if len(true) == 1:
            found.append(i)
            answers += true
        if len(found) == COUNTED:
            break
    return found, torch.tensor(answers, dtype=torch.long)


@functools.lru_cache(maxsize=256)
def accuracy(name: str, labels: tuple[str, ...], templates: tuple[str, ...]) -> dict | None:
    """How often the likeliest label is the true one: {"n", "right", "chance", "alone"}; None where it cannot be known.

    Over scenes of which exactly one label is true; "alone": the share with the first template only.
    """
    queries = tuple(_words.meaning(label, templates) for label in labels)
    if name not in _models.MODELS or None in queries or len(labels) < 2:
        return None
    found, answers = answerable(queries)
    if len(found) < FEWEST:
        return None

    def share(some: tuple[str, ...]) -> float:
        nearest = (stored(name)[found] @ classes(name, labels, some).T).argmax(1)
        return float((nearest == answers).float().mean())

    alone = share(templates[:1]) if len(templates) > 1 else None
    return {"n": len(found), "right": share(templates), "chance": 1 / len(labels), "alone": alone}


def sentence(found: dict | None) -> str:
    """What was counted, and whether it is more than chance: by two standard errors of a share of n; "" of nothing."""
    if not found:
        return ""
    n, right, chance = (found[key] for key in ("n", "right", "chance"))
    said = (
        f"Over {n} pictures of the gallery of which exactly one of these labels is true, the likeliest label is right "
    )
    said += f"in {charts.share(right)}"
    if found["alone"] is not None:
        said += f" (with the first template alone {charts.share(found['alone'])})"
    said += f"; by chance {charts.share(chance)}. "
    margin = 2 * (chance * (1 - chance) / n) ** 0.5
    if abs(right - chance) <= margin:
        return said + "That is chance: in these words the model sees no difference between the pictures."
    if right < chance:
        return said + "That is worse than chance: the words draw it to the wrong pictures."
    return said.rstrip()

"""The numbers behind the map: which pictures, what is true of each, where it lies, who is near whom."""

import functools

import torch
from PIL import Image
from torch import Tensor

from demos._ui import images
from demos._ui.theme import CLASS_COLOURS
from demos.clip import _accuracy
from genai_core.clip import explain, gallery
from genai_core.data import scenes
from genai_core.data.scenes.drawing import GROUND, PAINT
from genai_core.data.scenes.queries import FIELDS
from genai_core.data.scenes.words import NUMBERS
from genai_core.data.scenes.world import BACKGROUNDS, MOST

WHICH = {"single": "of a single thing", "all": "of all kinds"}
POINTS = 400  # pictures in the map
NEAR = 5  # neighbours that are looked at
SEVERAL = "several"  # the class of a scene whose things differ
ATTRIBUTES = {  # attribute -> its classes
    **FIELDS,
    "background": BACKGROUNDS,
    "number of things": NUMBERS[1 : MOST + 1],
}
TILE = 40  # pixels of a side in the sheet


def _hex(rgb: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*rgb)


# A colour is shown by itself: "red" in any other ink would be a riddle.
COLOURS = {
    attribute: [_hex(PAINT.get(name) or GROUND[name]) for name in names]
    if attribute in ("colour", "background")
    else list(CLASS_COLOURS[: len(names)])
    for attribute, names in ATTRIBUTES.items()
}


@functools.lru_cache(maxsize=4)
def shown(which: str) -> tuple[int, ...]:
    """The numbers of the first POINTS scenes of the gallery, or of those of a single thing."""
    world = gallery.world(_accuracy.LOOKED)
    return tuple(i for i, scene in enumerate(world) if which == "all" or len(scene.things) == 1)[:POINTS]


@functools.lru_cache(maxsize=4)
def groups(which: str) -> dict[str, list[int]]:
    """The class of every picture in each attribute; one more than there are classes means SEVERAL."""
    world = gallery.world(_accuracy.LOOKED)
    return {
        attribute: [_class(attribute, names, world[i]) for i in shown(which)] for attribute, names in ATTRIBUTES.items()
    }


def _class(attribute: str, names: tuple[str, ...], scene: scenes.Scene) -> int:
    if attribute == "background":
        return names.index(scene.background)
    if attribute == "number of things":
        return len(scene.things) - 1
    found = {getattr(thing.kind, attribute) for thing in scene.things}
    return names.index(found.pop()) if len(found) == 1 else len(names)


def pictures(name: str, which: str) -> Tensor:
    """Unit vectors of the pictures shown, [N, D]."""
    return _accuracy.stored(name)[list(shown(which))]


def plane(x: Tensor, texts: Tensor, together: bool, axes: str) -> tuple[Tensor, Tensor, list[float]]:
    """`clip_explain.project` where all texts have the same weight as all pictures, or, for axes "texts", far more.

    Else a handful of texts among hundreds of pictures would have no say in where the axes go, and the gap between the
    two kinds would not show.
    """
    weight = len(x) / len(texts) * (1000 if axes == "texts" else 1)
    return explain.project(x, texts, together=together, weight=weight)


def alike(x: Tensor, classes: list[int]) -> float:
    """The share of the NEAR nearest (Euclidean) of every point that are of its class, in [0, 1]. x: [N, D]."""
    distance = torch.cdist(x.double(), x.double()).fill_diagonal_(torch.inf)
    near = distance.topk(NEAR, largest=False).indices  # [N, NEAR]
    label = torch.tensor(classes)
    return float((label[near] == label[:, None]).float().mean())


def chance(classes: list[int]) -> float:
    """`alike` of points that lie anyhow."""
    n = len(classes)
    counts = torch.tensor(classes).bincount().double()
    return float((counts * (counts - 1)).sum() / (n * (n - 1)))


def gap(x: Tensor, texts: Tensor) -> dict[str, float]:
    """How far the mean picture and the mean text are apart (Liang 2022), and the mean cosine within and between."""
    return {
        "apart": float((x.mean(0) - texts.mean(0)).norm()),
        "between": float((x @ texts.T).mean()),
        "pictures": float((x @ x.T).fill_diagonal_(0).sum() / (len(x) * (len(x) - 1))),
    }


@functools.lru_cache(maxsize=2)
def sheet(which: str) -> Image.Image:
    """All pictures shown, TILE pixels wide, 20 in a row."""
    small = torch.nn.functional.interpolate(gallery.pictures(shown(which)), TILE, mode="area")
    return images.tile(small, 20)

"""What Map and Cluster share: some hundred held-out scenes of one thing, their truth, and embeddings of them."""

import base64
import functools
import io
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from demos._ui import images
from demos._ui.settings import Setting, choice
from demos._ui.theme import CLASS_COLOURS
from demos.contrastive import _models
from genai_core.contrastive import augment, evaluation, simclr, singles
from genai_core.data.scenes import Scene
from genai_core.data.scenes.drawing import GROUND, PAINT

STREAM = "map"  # of which no training and no probe has seen a scene
POINTS = 400
PAIRS = 200  # of which two views are measured on the sphere
COLUMNS = 20  # of the sheet
EMBEDDINGS = {_models.PIXELS: "Pixels", _models.UNTRAINED: "Not trained", **_models.SCENES}
UNTRAINED = _models.UNTRAINED
PLAIN = (_models.PIXELS, UNTRAINED)  # what trainings are compared with
LAYERS = {"h": "h, the features", "z": "z, their projection"}
ATTRIBUTES = singles.ATTRIBUTES
FIRST = next(iter(_models.SCENES))  # whose shape the untrained network has


def _hex(rgb: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*rgb)


# A colour is shown by itself: "red" in any other ink would be a riddle.
INKS = {
    attribute: [_hex(PAINT.get(name) or GROUND[name]) for name in names]
    if attribute in ("colour", "background")
    else list(CLASS_COLOURS[: len(names)])
    for attribute, names in ATTRIBUTES.items()
}


@functools.cache
def scenes() -> tuple[Scene, ...]:
    return tuple(singles.draw(STREAM, 0, POINTS))


@functools.cache
def pictures() -> Tensor:
    """[POINTS, 3, SIZE, SIZE]."""
    return _models.render(scenes())


@functools.cache
def truth() -> dict[str, Tensor]:
    """The value of every attribute of each scene, as `singles.attributes`."""
    return singles.attributes(scenes())


def embed(name: str, layer: str, x: Tensor) -> Tensor:
    """Pictures [N, 3, SIZE, SIZE] -> [N, D]; pixels less the mean of their picture. Raises: CheckpointError."""
    if name == _models.PIXELS:
        return _models.embed(name, x)
    return (evaluation.features if layer == "h" else evaluation.projections)(_models.network(name), x)


@functools.cache
def embedding(name: str, layer: str) -> Tensor:
    """Unit vectors of the scenes, [POINTS, D]."""
    return F.normalize(embed(name, layer, pictures()), dim=1)


@functools.cache
def geometry(name: str, layer: str) -> dict[str, float]:
    """Alignment, uniformity and effective rank of two views, by all augmentations, of the first PAIRS scenes."""
    both = augment.views(pictures()[:PAIRS], simclr.augmentation(simclr.SCENES), torch.Generator().manual_seed(0))
    return evaluation.geometry(*embed(name, layer, both).chunk(2))


def one_layer(settings: dict[str, Any]) -> dict[str, Any]:
    """Pixels have no layers."""
    return settings | {"layer": "h"} if settings["embedding"] == _models.PIXELS else settings


def caption(i: int) -> str:
    """The truth of a scene."""
    return _models.words(scenes()[i])


@functools.cache
def board() -> Image.Image:
    """All scenes in their order, COLUMNS in a row."""
    return images.tile(pictures(), COLUMNS)


@functools.cache
def _sheet() -> dict[str, Any]:
    buffer = io.BytesIO()
    board().save(buffer, "JPEG", quality=88, subsampling=0)
    shown = base64.b64encode(buffer.getvalue()).decode()
    return {"shown": shown, "columns": COLUMNS, "captions": [caption(i) for i in range(POINTS)]}


def sheet(_request: dict) -> dict[str, Any]:
    """What never changes: all pictures as one JPEG in base64, and the caption of each."""
    return _sheet()


def warm() -> None:
    """Import what the first map and the first clusters need."""
    import sklearn.cluster  # noqa: F401
    import sklearn.manifold  # noqa: F401


def title(name: str, layer: str) -> str:
    """ "Pixels", "Not trained, h"."""
    return EMBEDDINGS[name] if name == _models.PIXELS else f"{EMBEDDINGS[name]}, {layer}"


def program(name: str, layer: str) -> str:
    """The lines that make the embedding `e` of the pictures `x` in a program of the page."""
    if name == _models.PIXELS:
        return "e = x.flatten(1) - x.flatten(1).mean(1, keepdim=True)"
    load = f'contrastive.load("{FIRST if name == UNTRAINED else name}")'
    model = f"simclr.untrained({load}.config)" if name == UNTRAINED else load
    return f"model = {model}\ne = evaluation.{'features' if layer == 'h' else 'projections'}(model, x)"


EMBEDDING = Setting("embedding", choice(EMBEDDINGS), FIRST, "Embedding")
LAYER = Setting("layer", choice(LAYERS), "h", "Layer")

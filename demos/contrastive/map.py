"""Map: embeddings of held-out scenes in two dimensions, coloured by what is true of them, and what neighbours share."""

import functools
from typing import Any

import numpy as np
from PIL import Image, ImageDraw
from torch import Tensor

from demos._ui import charts, images, letters
from demos._ui.settings import Setting, choice
from demos._ui.tab import Answer, Part, Preset
from demos.contrastive import _models, _samples
from genai_core.contrastive import structure

ATTRIBUTES = _samples.ATTRIBUTES
METHODS = {"pca": "PCA", "tsne": "t-SNE"}
EDGE = 10_000  # what 1 is as a whole number
SIDE = 420  # pixels of the map that is saved


@functools.cache
def plane(embedding: str, layer: str, method: str) -> Tensor:
    """Where the scenes lie, [POINTS, 2] within -1 and 1, about their mean."""
    at = structure.plane(_samples.embedding(embedding, layer), method)
    at = at - at.mean(0)
    return at / at.abs().max()


@functools.cache
def neighbours(embedding: str, layer: str, method: str, attribute: str) -> dict[str, float]:
    """How often the nearest name the attribute: in the whole space, in the plane, and who always says the commonest."""
    labels = _samples.truth()[attribute]
    return {
        "space": structure.leave_one_out(_samples.embedding(embedding, layer), labels),
        "plane": structure.leave_one_out(plane(embedding, layer, method), labels),
        "chance": structure.commonest(labels),
    }


@functools.cache
def shares(embedding: str, layer: str) -> tuple[float, float]:
    return structure.variance_shares(_samples.embedding(embedding, layer))


def sphere(layer: str) -> dict[str, dict[str, float]]:
    """Alignment and uniformity of every embedding."""
    found = {name: _samples.geometry(name, layer) for name in _samples.EMBEDDINGS}
    return {name: {key: one[key] for key in ("alignment", "uniformity")} for name, one in found.items()}


def show(embedding: str, layer: str, method: str, attribute: str) -> dict[str, Any]:
    at = (plane(embedding, layer, method) * EDGE).round().short().numpy()
    return {
        "points": images.base64_of(at),
        "classes": images.base64_of(_samples.truth()[attribute].numpy().astype(np.int8)),
        "names": list(ATTRIBUTES[attribute]),
        "inks": _samples.INKS[attribute],
        "neighbours": neighbours(embedding, layer, method, attribute),
        "dimension": _samples.embedding(embedding, layer).shape[1],
        "shares": shares(embedding, layer) if method == "pca" else None,
    }


def compare(request: dict) -> dict[str, Any]:
    """Settings -> alignment and uniformity of every embedding, which the map need not wait for."""
    layer = PART.parse(request)["layer"]
    return {"layer": layer, "sphere": sphere(layer)}


def _dots(embedding: str, layer: str, method: str, attribute: str) -> Image.Image:
    """The map, and the names of its inks below it."""
    paper = Image.new("RGB", (SIDE, SIDE), "white")
    pen, inks = ImageDraw.Draw(paper), _samples.INKS[attribute]
    half = SIDE / 2
    for (x, y), k in zip(plane(embedding, layer, method).tolist(), _samples.truth()[attribute].tolist(), strict=True):
        across, down = half + (half - 8) * x, half - (half - 8) * y
        pen.ellipse((across - 4, down - 4, across + 4, down + 4), fill=inks[k], outline=charts.SOFT)
    key = Image.new("RGB", (SIDE, 44), "white")
    pen, left, top = ImageDraw.Draw(key), 0, 0
    for name, ink in zip(ATTRIBUTES[attribute], inks, strict=True):
        wide = 24 + int(letters.length(name, 13))
        if left + wide > SIDE:
            left, top = 0, top + 22
        pen.ellipse((left, top + 4, left + 10, top + 14), fill=ink, outline=charts.SOFT)
        letters.write(pen, (left + 15, top), name, charts.INK, 13)
        left += wide
    return charts.below([paper, key], 6)


def picture(**settings: Any) -> Image.Image:
    """The map, its figures, and alignment and uniformity of every embedding."""
    layer = settings["layer"]
    rows = [
        (_samples.title(name, layer), f"{one['alignment']:.3f}", f"{one['uniformity']:.2f}".replace("-", "−"))
        for name, one in sphere(layer).items()
    ]
    table = charts.table([("two views of a scene", "alignment", "uniformity"), *rows])
    found = neighbours(**settings)
    words = (
        f"{_samples.title(settings['embedding'], layer)}, by {METHODS[settings['method']]}. The {structure.NEAR} "
        f"nearest name the {settings['attribute']} of {charts.percent(found['space'])} of the scenes in the whole "
        f"space, {charts.percent(found['plane'])} in the plane; the commonest alone {charts.percent(found['chance'])}."
    )
    right = charts.below([table, charts.sentence(words, table.width)])
    return charts.beside([_dots(**settings), right])


def says(embedding: str, layer: str, method: str, attribute: str) -> str:
    found, at = neighbours(embedding, layer, method, attribute), plane(embedding, layer, method)
    lines = [f"{attribute} by neighbours {found['space']:.3f}, by the commonest {found['chance']:.3f}"]
    if method == "pca":  # t-SNE comes out otherwise on another machine
        lines.append(f"in the plane {found['plane']:.3f}")
    return "\n".join([*lines, f"points {tuple(at.shape)}"])


def code(embedding: str, layer: str, method: str, attribute: str) -> str:
    in_plane = 'print(f"in the plane {structure.leave_one_out(at, labels):.3f}")\n' if method == "pca" else ""
    return f"""import torch.nn.functional as F

from genai_core import contrastive
from genai_core.contrastive import evaluation, simclr, singles, structure

scenes = singles.draw("{_samples.STREAM}", 0, {_samples.POINTS})
x, labels = singles.render(scenes, {_models.SIZE}), singles.attributes(scenes)["{attribute}"]
{_samples.program(embedding, layer)}
right, most = structure.leave_one_out(F.normalize(e, dim=1), labels), structure.commonest(labels)
print(f"{attribute} by neighbours {{right:.3f}}, by the commonest {{most:.3f}}")
at = structure.plane(e, "{method}")
{in_plane}print("points", tuple(at.shape))
"""


PART = Part(
    id="map",
    title="Map",
    lead="<b>Change the embedding or the attribute</b>: each dot is a scene that no training saw. What lies together, "
    "and what do figures say?",
    stage="contrastive/map",
    settings=(
        _samples.EMBEDDING,
        _samples.LAYER,
        Setting("attribute", choice(tuple(ATTRIBUTES)), "background", "Colour by"),
        Setting("method", choice(METHODS), "tsne", "Two dimensions by"),
    ),
    check=_samples.one_layer,
    form=True,
    functions=(_samples.sheet, compare),
    props={
        "titles": _samples.EMBEDDINGS,
        "plain": dict.fromkeys(_samples.PLAIN, True),
        "methods": METHODS,
        "near": structure.NEAR,
        "edge": EDGE,
    },
    presets=(
        Preset(
            "Before training",
            "These weights are random, no picture was ever shown to them. Do the neighbours of a scene share anything?",
            {"embedding": "untrained", "attribute": "background"},
            "Yes, the background, nearly always: it fills most of the picture, and random filters keep that. Colour by "
            "shape, and neighbours hardly beat the commonest value.",
            (
                Answer("No: what is random sorts nothing.", "Pictures that are alike stay alike under random filters."),
                Answer("Yes, the background."),
                Answer("Yes, the shape.", "Alike in pixels is not alike in shape: that must be learned."),
            ),
        ),
        Preset(
            "Sorted by colour?",
            "Of the three trainings, in which do neighbours share the colour of the thing most often?",
            {"embedding": "simclr-scenes-no-jitter", "attribute": "colour"},
            "In the one without colour jitter, which is shown. Its views kept their colours, so colour helped to find "
            "one by the other; the other two were trained to ignore it.",
            (
                Answer("With all augmentations.", "Its views differ in colour, so colour does not help."),
                Answer("Without colour jitter."),
                Answer("Without crops.", "It had the jitter, so it was told to ignore colour."),
            ),
        ),
        Preset(
            "h or z?",
            "All augmentations were on, colour jitter too. Is more of the thing’s colour left in h or in z?",
            {"embedding": "simclr-scenes", "layer": "z", "attribute": "colour"},
            "In h. The loss is of z, which has to give both views the same; h, one step before, keeps more of what "
            "differs. That is why z is thrown away. Switch the layer and compare the figures.",
            (
                Answer("In z: it comes last.", "The loss is applied there, and asks for colour to be ignored."),
                Answer("In both alike.", "The projection head is there to lose what the views do not share."),
                Answer("In h."),
            ),
        ),
        Preset(
            "What a plane hides",
            "Two principal components of pixels, coloured by place. Neighbours in the plane often differ. Do they in "
            "all pixels as well?",
            {"embedding": "pixels", "attribute": "place", "method": "pca"},
            "Far less: in the whole space neighbours mostly share the place. The two directions hold less than a "
            "third of the variance. t-SNE keeps neighbours instead, and gives up distances.",
            (
                Answer("Yes: PCA keeps distances.", "Only their part in two directions; the rest is lost."),
                Answer("No, far less."),
                Answer("More: pixels know no place.", "Place is what pixels know best: which of them are lit."),
            ),
        ),
        Preset(
            "Best aligned",
            "In which embedding do two views of one scene lie nearest to each other, and is it the best one?",
            {"embedding": "untrained", "layer": "z", "attribute": "shape"},
            "In the one that is not trained, since it gives all pictures nearly the same vector: it has the worst "
            "uniformity of all. Good alignment is worth something only together with uniformity.",
            (
                Answer(
                    "With all augmentations, and it is.", "It is trained for that, but also to keep pictures apart."
                ),
                Answer("Not trained, and it is not."),
                Answer("Pixels, and they are not.", "A crop moves all pixels, so the two views lie far apart."),
            ),
        ),
    ),
    show=show,
    picture=picture,
    code=code,
    says=says,
)

"""Forget: what each training kept of a thing, as linear probes read it, and two things that differ in one attribute."""

import functools
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from demos._ui import charts, images, validation
from demos._ui.settings import Setting, choice, choice_by
from demos._ui.tab import Answer, Part, Preset
from demos.contrastive import _models
from genai_core.common import checkpoints
from genai_core.contrastive import singles

ATTRIBUTES = singles.ATTRIBUTES
OTHERS = 40  # scenes that any thing is compared with


def values(attribute: str) -> tuple[str, ...]:
    return ATTRIBUTES[attribute]


def differ(settings: dict[str, Any]) -> dict[str, Any]:
    if settings["first"] == settings["second"]:
        raise validation.InputError(f"The two have the same {settings['attribute']}; choose two that differ.")
    return settings


def pair(scene: int, attribute: str, first: str, second: str) -> Tensor:
    """Two things that differ in this attribute alone, [2, 3, SIZE, SIZE]."""
    thing = _models.scene(scene)
    return _models.render([singles.altered(thing, attribute, value) for value in (first, second)])


def cosines(**settings: Any) -> dict[str, float]:
    """Of their z, by every training on scenes."""
    x = pair(**settings)
    return {name: _models.cosine(*_models.embed(name, x)) for name in _models.SCENES}


@functools.cache
def of_any_two(name: str) -> float:
    """Mean cosine of two scenes of one thing that have nothing to do with each other."""
    z = torch.nn.functional.normalize(_models.embed(name, _models.render(singles.draw("any", 0, OTHERS))), dim=1)
    return float(((z @ z.T).sum() - OTHERS) / (OTHERS * (OTHERS - 1)))


def table() -> dict[str, dict[str, float]]:
    """{training: {attribute: accuracy of a linear probe of h}}, from the cards, and of random weights."""
    figures = {name: checkpoints.read_json(name, "metrics.json") for name in _models.SCENES}
    try:
        found = {name: {one: float(figures[name][one]) for one in ATTRIBUTES} for name in figures}
        first = figures[next(iter(_models.SCENES))]
        return found | {_models.UNTRAINED: {one: float(first[f"{one}_random"]) for one in ATTRIBUTES}}
    except (KeyError, TypeError, ValueError):
        raise checkpoints.damaged(next(iter(_models.SCENES)), "metrics.json") from None


def show(**settings: Any) -> dict[str, Any]:
    return {
        "pair": images.png(images.tile(pair(**settings), 2)),
        "cosines": cosines(**settings),
        "any": {name: of_any_two(name) for name in _models.SCENES},
        "table": table(),
        "chance": {name: 1 / len(options) for name, options in ATTRIBUTES.items()},
    }


def picture(**settings: Any) -> Image.Image:
    """The two things, their cosines, and what the probes read."""
    named, probes = {**_models.SCENES, _models.UNTRAINED: "Not trained"}, table()
    things = charts.labelled(
        images.tile(pair(**settings), 2, gap=2, zoom=4), f"{settings['first']} and {settings['second']}"
    )
    rows = [(named[name], f"{v:.3f}", f"{of_any_two(name):.3f}") for name, v in cosines(**settings).items()]
    compared = charts.table([("cosine of z", "of these", "of any two"), *rows])
    head = ("linear probe of h", *named.values(), "chance")
    body = [
        (one, *(charts.percent(probes[name][one]) for name in named), charts.percent(1 / len(options)))
        for one, options in ATTRIBUTES.items()
    ]
    return charts.below([charts.beside([things, compared]), charts.table([head, *body])])


def says(**settings: Any) -> str:
    return "\n".join(f"{name}: cosine {value:.4f}" for name, value in cosines(**settings).items())


def code(scene: int, attribute: str, first: str, second: str) -> str:
    return f"""import torch

from genai_core import contrastive
from genai_core.contrastive import evaluation, singles

(thing,) = singles.draw("{_models.STREAM}", {scene}, 1)
two = [singles.altered(thing, "{attribute}", value) for value in ("{first}", "{second}")]
x = singles.render(two, {_models.SIZE})
for name in {tuple(_models.SCENES)}:
    z = evaluation.projections(contrastive.load(name), x)
    print(f"{{name}}: cosine {{float(torch.cosine_similarity(z[0], z[1], dim=0)):.4f}}")
"""


PART = Part(
    id="forget",
    title="Forget",
    lead="<b>Choose an attribute</b>: two things differ in it and in nothing else. Which training finds them nearly "
    "the same? The table says what linear probes read of each.",
    stage="contrastive/forget",
    settings=(
        _models.NUMBER,
        Setting("attribute", choice(tuple(ATTRIBUTES)), "colour", "Attribute"),
        Setting(
            "first", choice_by("attribute", tuple(ATTRIBUTES), values), lambda s: values(s["attribute"])[0], "One thing"
        ),
        Setting(
            "second",
            choice_by("attribute", tuple(ATTRIBUTES), values),
            lambda s: values(s["attribute"])[1],
            "The other",
        ),
    ),
    check=differ,
    presets=(
        Preset(
            "Red or orange?",
            "One thing is red, the other orange. Which training finds them least alike?",
            {"attribute": "colour", "first": "red", "second": "orange"},
            "The one without colour jitter. For the others a view in red and one in orange could be of one picture, "
            "so they were trained to give both the same z.",
            (
                Answer("All augmentations: it has seen most colours.", "And was told to make nothing of them."),
                Answer("Without crops.", "It had the colour jitter, and ignores the hue."),
                Answer("Without colour jitter."),
            ),
        ),
        Preset(
            "Top or bottom?",
            "A crop moves a thing in the picture. Has the training with all augmentations forgotten where it is?",
            {"attribute": "place", "first": "top left", "second": "bottom right"},
            "No. Its crops keep two fifths of the area at least, so they seldom move a thing from one corner to the "
            "other, and the two are about as unlike as any two things. The probe reads the place as well.",
            (
                Answer("No, the two are very unlike."),
                Answer("Yes: crops make place useless.", "They move a thing a little way, not from corner to corner."),
                Answer("Yes: convolutions do not see places.", "They do, by the border of the picture."),
            ),
        ),
        Preset(
            "Small or large?",
            "No augmentation is called size. Which training ignores least how large a thing is?",
            {"attribute": "size", "first": "small", "second": "large"},
            "The one without crops: a crop is enlarged to the whole picture, and with it the thing, so z of the others "
            "makes less of the size. h still has it, as the table says: what z forgets need not be lost.",
            (
                Answer("All alike: size is never changed.", "A crop is enlarged, and so is what is in it."),
                Answer("Without crops."),
                Answer("Without colour jitter.", "Jitter leaves shapes and sizes as they are; crops do not."),
            ),
        ),
    ),
    props={
        "names": {**_models.SCENES, _models.UNTRAINED: "Not trained"},
        "options": ATTRIBUTES,
        "scenes": _models.MOST,
    },
    show=show,
    picture=picture,
    code=code,
    says=says,
)

"""Views: two views of one picture by hand, how alike trained networks find them, and the loss of a batch row by row."""

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from demos._ui import charts, images, validation
from demos._ui.settings import Kind, Setting, checked, choice, number, seed
from demos._ui.tab import Answer, Part, Preset
from demos.contrastive import _models
from genai_core.contrastive import augment, losses, simclr, singles
from genai_core.contrastive.augment import Parameters

READERS = {_models.PIXELS: "Pixels"} | _models.SCENES
SLIDERS = {  # of a view: lowest, highest and unchanged
    "left": (0.0, 0.8, 0.0),
    "top": (0.0, 0.8, 0.0),
    "width": (0.2, 1.0, 1.0),
    "height": (0.2, 1.0, 1.0),
    "flip": (0, 1, 0),
    "brightness": (0.0, 2.0, 1.0),
    "contrast": (0.0, 2.0, 1.0),
    "saturation": (0.0, 2.0, 1.0),
    "hue": (-0.5, 0.5, 0.0),
    "grey": (0, 1, 0),
    "blur": (0.0, 2.0, 0.0),
}
SWITCHES = ("flip", "grey")
UNCHANGED = [float(same) for *_, same in SLIDERS.values()]
BATCH = 6  # pictures, the one that is chosen first


def changed(**values: float) -> list[float]:
    """A view with these sliders moved."""
    return [float(values.get(name, same)) for name, (*_, same) in SLIDERS.items()]


def _view(value: Any, _others: Mapping[str, Any]) -> list[float]:
    values = validation.parse_numbers(value, "A view")
    if not isinstance(values, list | tuple) or len(values) != len(SLIDERS):
        raise validation.InputError(f"A view is {len(SLIDERS)} numbers: {', '.join(SLIDERS)}.")
    found = [
        round(validation.number(v, f"The {name} of a view", low, high), 4)
        for v, (name, (low, high, _)) in zip(values, SLIDERS.items(), strict=True)
    ]
    left, top, width, height = found[:4]
    return [min(left, round(1 - width, 4)), min(top, round(1 - height, 4)), *found[2:]]


def view_kind() -> Kind:
    low_high = {"type": "array", "items": {"type": "number", "minimum": -0.5, "maximum": 2}}
    return checked(_view, lambda values: ",".join(f"{v:g}" for v in values), schema=low_high)


def parameters(*views: list[float]) -> Parameters:
    """Of so many views."""
    rows = torch.tensor(views)
    flip, brightness, contrast, saturation, hue, grey, sigma = rows[:, 4:].unbind(1)
    return Parameters(rows[:, :4], flip > 0.5, brightness, contrast, saturation, hue, grey > 0.5, sigma)


def pair(scene: int, picture: str, first: list[float], second: list[float], **_others: Any) -> Tensor:
    """Its two views, [2, 3, SIZE, SIZE]."""
    return augment.apply(_models.original(scene, picture).repeat(2, 1, 1, 1), parameters(first, second))


@functools.lru_cache(maxsize=64)
def others(scene: int, seed: int) -> Tensor:
    """Two views of each of the scenes after it, kept, since a slider asks for the same ones many times."""
    x = _models.render(singles.draw(_models.STREAM, scene + 1, BATCH - 1))
    return augment.views(x, simclr.augmentation(simclr.SCENES), torch.Generator().manual_seed(seed))


def batch(scene: int, seed: int, **more: Any) -> Tensor:
    """First views of a batch, then second ones, [2 BATCH, ...]: those of the picture, and of scenes after it."""
    mine, (one, two) = pair(scene, **more), others(scene, seed).chunk(2)
    return torch.cat([mine[:1], one, mine[1:], two])


def cosines(**settings: Any) -> dict[str, float]:
    """Of the two views, by every reader."""
    x = pair(**{name: settings[name] for name in ("scene", "picture", "first", "second")})
    return {name: _models.cosine(*_models.embed(name, x)) for name in READERS}


def matrix(model: str, **settings: Any) -> Tensor:
    """Cosines of all views of the batch, [2 BATCH, 2 BATCH]."""
    return losses.similarities(*_models.embed(model, batch(**settings)).chunk(2))


def of_rows(temperature: float, **settings: Any) -> Tensor:
    """The loss of each row of the matrix, [2 BATCH]."""
    z1, z2 = _models.embed(settings.pop("model"), batch(**settings)).chunk(2)
    return losses.rows(z1, z2, temperature)


def show(temperature: float, **settings: Any) -> dict[str, Any]:
    """The loss follows on the page, as the temperature is dragged."""
    model, rest = settings["model"], {name: value for name, value in settings.items() if name != "model"}
    views = batch(**rest)
    return {
        "whole": images.png(images.picture(_models.original(settings["scene"], settings["picture"]))),
        "views": images.png(images.tile(views, 2 * BATCH)),
        "cosines": cosines(**rest),
        "matrix": matrix(model, **rest).round(decimals=4).tolist(),
    }


def drawn(request: dict) -> dict[str, Any]:
    """{settings, "draw": a seed} -> settings with two views as a training on scenes draws them."""
    settings = PART.parse(request)
    generator = torch.Generator().manual_seed(validation.seed(request.get("draw")))
    p = augment.draw(simclr.augmentation(simclr.SCENES), 2, generator)
    columns = [p.flip, p.brightness, p.contrast, p.saturation, p.hue, p.grey, p.sigma]
    rows = torch.cat([p.box, torch.stack([column.float() for column in columns], 1)], 1).tolist()
    return PART.parse(settings | {"first": rows[0], "second": rows[1]})


def picture(temperature: float, **settings: Any) -> Image.Image:
    """The views and their cosines, and the matrix of the batch."""
    rest = {name: value for name, value in settings.items() if name != "model"}
    boards = torch.stack([_models.original(settings["scene"], settings["picture"]), *pair(**_without(rest, "seed"))])
    cells = np.abs(matrix(**settings).numpy())[..., None]
    signed = np.where(matrix(**settings).numpy()[..., None] > 0, _ink(charts.MADE), _ink(charts.REAL))
    names = [f"{'ab'[k // BATCH]}{k % BATCH + 1}" for k in range(2 * BATCH)]
    left = charts.below(
        [charts.labelled(images.tile(boards, 3, gap=2, zoom=4), "the picture, and its two views"), _table(rest)]
    )
    losses_ = of_rows(temperature, **settings)
    board = charts.matrix((255 + cells * (signed - 255)).round().astype(np.uint8), names, names, title="Cosines of z")
    words = f"{READERS[settings['model']]}: loss of the batch at τ = {temperature:g}: {float(losses_.mean()):.3f} nat"
    return charts.below([charts.beside([left, board]), charts.sentence(words)])


def _without(settings: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if key != name}


def _table(settings: dict[str, Any]) -> Image.Image:
    rows = [(READERS[name], f"{value:.3f}") for name, value in cosines(**settings).items()]
    return charts.table([("", "cosine"), *rows])


def _ink(ink: str) -> np.ndarray:
    return np.array([int(ink[k : k + 2], 16) for k in (1, 3, 5)])


def says(temperature: float, **settings: Any) -> str:
    loss = float(of_rows(temperature, **settings)[0])
    z1, z2 = _models.embed(settings["model"], pair(**_without(_without(settings, "seed"), "model")))
    return f"cosine {_models.cosine(z1, z2):.4f}; loss of the first row {loss:.3f} nat"


def code(
    scene: int, picture: str, first: list[float], second: list[float], model: str, temperature: float, seed: int
) -> str:
    x = f'singles.render(singles.draw("{_models.STREAM}", {scene}, 1), {_models.SIZE})'
    imports = "import torch\n"
    if picture:
        x = f"uploads.tensor(Image.open(io.BytesIO(base64.b64decode({picture!r}))), {_models.SIZE})[None]"
        imports = "import base64\nimport io\n\nimport torch\nfrom PIL import Image\n"
    z = f'evaluation.projections(contrastive.load("{model}"), torch.cat([mine[:1], one, mine[1:], two]))'
    if model == _models.PIXELS:
        z = "torch.cat([mine[:1], one, mine[1:], two]).flatten(1)\nz = z - z.mean(1, keepdim=True)"
    return f"""{imports}
from genai_core import contrastive
from genai_core.contrastive import augment, evaluation, losses, simclr, singles
{"from genai_core.data import uploads" if picture else ""}
# left, top, width, height of the crop; flip, brightness, contrast, saturation, hue, grey, sigma of a blur
views = torch.tensor([{first}, {second}])
box, (flip, brightness, contrast, saturation, hue, grey, sigma) = views[:, :4], views[:, 4:].unbind(1)
p = augment.Parameters(box, flip > 0.5, brightness, contrast, saturation, hue, grey > 0.5, sigma)
x = {x}
mine = augment.apply(x.repeat(2, 1, 1, 1), p)
others = singles.render(singles.draw("{_models.STREAM}", {scene + 1}, {BATCH - 1}), {_models.SIZE})
generator = torch.Generator().manual_seed({seed})
one, two = augment.views(others, simclr.augmentation(simclr.SCENES), generator).chunk(2)
z = {z}
z1, z2 = z.chunk(2)
cosine = float(torch.cosine_similarity(z1[0], z2[0], dim=0))
print(f"cosine {{cosine:.4f}}; loss of the first row {{float(losses.rows(z1, z2, {temperature!r})[0]):.3f}} nat")
"""


PART = Part(
    id="views",
    title="Views",
    lead="<b>Move the sliders</b> of two views of one picture: which training still finds them alike? Below, tap a row "
    "of the batch: to find one view by the other is its loss.",
    stage="contrastive/views",
    settings=(
        _models.NUMBER,
        _models.OWN,
        Setting("first", view_kind(), UNCHANGED, "The first view"),
        Setting("second", view_kind(), changed(left=0.2, top=0.2, width=0.7, height=0.7, hue=0.1), "The second view"),
        Setting("model", choice(READERS), "simclr-scenes", "Model"),
        Setting("temperature", number(0.05, 1, 0.05), 0.2, "Temperature"),
        Setting("seed", seed(), 0, "Seed of the batch"),
    ),
    presets=(
        Preset(
            "Another colour",
            "The second view has another hue, and nothing else. For which of the three trainings do the two "
            "differ most?",
            {"first": UNCHANGED, "second": changed(hue=0.1)},
            "For the one without colour jitter: its views always had the same colours, so that colour helps it to "
            "find the other. Where jitter changed them, the network has learned to ignore that.",
            (
                Answer("The one without colour jitter."),
                Answer("The one with all augmentations.", "It saw such pairs and was told that they are one picture."),
                Answer("The one without crops.", "It had the jitter, too, and ignores the colour."),
            ),
        ),
        Preset(
            "Another part",
            "The second view is an enlarged part of the picture. Which training finds the two least alike?",
            {"first": UNCHANGED, "second": changed(left=0.05, top=0.15, width=0.65, height=0.65)},
            "The one without crops: in its views each thing kept place and size, so it reads them to find the other "
            "view. After crops z makes less of both.",
            (
                Answer("The one without colour jitter.", "It had crops, and has learned to ignore place and size."),
                Answer("The one without crops."),
                Answer("None: all were trained to ignore it.", "Only what differs between two views is ignored."),
            ),
        ),
        Preset(
            "Temperature 1",
            "In the first row the other view is by far the most similar. What share does the softmax give it at a "
            "temperature of 1?",
            {"temperature": 1.0},
            "Less than a half: cosines lie between −1 and 1, so that no share is more than e², or 7.4, times another. "
            "Only a low temperature lets the loss come near 0. Drag it, and tap rows.",
            (
                Answer("Nearly all.", "At 0.2 it would: 1 is the temperature of a softmax that is left as it is."),
                Answer(
                    "One in eleven, as to all.", "It gets more than the others, but no more than 7.4 times as much."
                ),
                Answer("Less than a half."),
            ),
        ),
    ),
    props={"readers": READERS, "sliders": SLIDERS, "switches": SWITCHES, "batch": BATCH, "scenes": _models.MOST},
    functions=(drawn, _models.own),
    show=show,
    picture=picture,
    code=code,
    says=says,
)

"""Latent plane: two dimensions of the latent space, decoded everywhere at once; the pointer needs no round trip."""

import base64
import functools

import torch
from PIL import Image

from demos._ui import distributions, images, validation
from demos._ui.settings import Setting, integer
from demos._ui.tab import Answer, Part, Preset
from demos._ui.theme import CLASS_COLOURS
from demos.vae import _models
from demos.vae._models import LIMIT, MODEL, SEED, Z
from genai_core import data, vae
from genai_core.common import checkpoints
from genai_core.vae import means

TILES = 25  # a side; the page blends between neighbours
encoded = functools.lru_cache(maxsize=4)(means.load)


def points(name: str, a: int, b: int) -> dict:
    """Where test pictures lie in the plane, and their classes; none where the checkpoint's file of them is missing.

    xy: int16 in base64, 2 LIMIT as 32767; classes: bytes in base64.
    """
    try:
        mu, y = encoded(name)
    except checkpoints.CheckpointError:
        return {"xy": "", "classes": "", "names": []}
    xy = distributions.packed(mu[:, [a, b]].numpy(), 2 * LIMIT)
    classes = images.base64_of(y.byte().numpy())
    return {"xy": xy, "classes": classes, "names": list(data.CLASSES[vae.RECIPES[name].dataset])}


@functools.lru_cache(maxsize=16)
def sheet(model: str, z: tuple[float, ...], a: int, b: int) -> str:
    """TILES x TILES decoded pictures with z[a] across and z[b] upwards, PNG in base64."""
    grid = torch.tensor([z]).repeat(TILES * TILES, 1)
    axis = torch.linspace(-LIMIT, LIMIT, TILES)
    grid[:, a], grid[:, b] = axis.repeat(TILES), axis.flip(0).repeat_interleave(TILES)
    pictures = torch.cat([_models.decode(vae.load(model), part) for part in grid.split(125)])
    return images.png(images.tile(pictures, TILES))


def show(model: str, seed: int, z: list[float], a: int, b: int) -> dict:
    """The plane through z in the dimensions a and b."""
    return {
        "models": _models.NAMES,
        "dims": _models.dimensions(model),
        "sheet": sheet(model, tuple(z), a, b),
        "tiles": TILES,
        "limit": LIMIT,
        "points": points(model, a, b),
        "colours": CLASS_COLOURS,
    }


def picture(model: str, seed: int, z: list[float], a: int, b: int) -> Image.Image:
    """The sheet of all decoded pictures."""
    return validation.saved_png(base64.b64decode(sheet(model, tuple(z), a, b)))


def code(model: str, seed: int, z: list[float], a: int, b: int) -> str:
    return f'''import torch

from genai_core import vae
from genai_core.common.pictures import tile

model, tiles = vae.load("{model}"), {TILES}
z = torch.tensor([{z}]).repeat(tiles * tiles, 1)
axis = torch.linspace(-{LIMIT:g}, {LIMIT:g}, tiles)
z[:, {a}], z[:, {b}] = axis.repeat(tiles), axis.flip(0).repeat_interleave(tiles)
with torch.inference_mode():
    x = torch.cat([model.decode(part) for part in z.split(125)])  # [625, 1, 28, 28] in [0, 1]
image = tile(x, tiles)
image.save("picture.png")
'''


def different(settings: dict) -> dict:
    """A plane has two different dimensions, and those of the model. Raises: InputError."""
    last = _models.latents(settings["model"]) - 1
    for key in "ab":
        validation.integer(settings[key], f"Dimension {key}", 0, last)
    if settings["a"] == settings["b"]:
        raise validation.InputError("A plane needs two different dimensions.")
    return settings


def weakest() -> dict:
    """The plane of the two latents that tell the least."""
    *_, b, a = _models.dimensions("vae-mnist")
    return {"a": a["i"], "b": b["i"]}


def strongest(rank: int):
    return lambda others: _models.dimensions(others["model"])[rank]["i"]


PART = Part(
    id="plane",
    title="Plane",
    lead="<b>Move over the plane</b>: every point of it is a picture. Look for the borders where one kind of digit "
    "turns into another.",
    stage="vae/plane",
    settings=(
        MODEL,
        SEED,
        Z,
        Setting("a", integer(0, 999), strongest(0), "Dimension a"),
        Setting("b", integer(0, 999), strongest(1), "Dimension b"),
    ),
    check=different,
    presets=(
        Preset(
            "Two latents, ten digits",
            "This VAE has two latents, and the plane is all of them. Which digits does it tell apart worst?",
            {"model": "vae-mnist-2d"},
            "4, 7 and 9 lie among one another, and so do 3, 5 and 8. 0 and 1 are at opposite ends.",
            (
                Answer(
                    "0 and 1.", "They share the fewest pixels, so that the decoder gains most by keeping them apart."
                ),
                Answer("4, 7 and 9."),
                Answer(
                    "None: each has an island of its own.",
                    "KL pulls all codes towards one Gaussian, and two numbers are few: regions touch and overlap.",
                ),
            ),
        ),
        Preset(
            "Two of sixteen",
            "A plane through the middle of sixteen latents, along the two strongest. How many digits does it cross?",
            lambda: {"z": [0.0] * _models.latents("vae-mnist")},
            "A few. The other fourteen numbers stay as they are, and they say much of what the digit is.",
            (
                Answer("All ten.", "That takes more than two of the sixteen: it is a thin slice through the space."),
                Answer(
                    "One: two numbers of sixteen are style.",
                    "The strongest two carry enough to turn one digit into another.",
                ),
                Answer("A few of them."),
            ),
        ),
        Preset(
            "The two weakest",
            "The same digit, and the plane of the two latents that carry the fewest nats. What changes over it?",
            weakest,
            "Slant, weight and curves of one and the same digit: a few nats of style.",
            (
                Answer("How the digit is written."),
                Answer(
                    "Nothing at all.", "A latent that changes nothing costs 0 nats. These cost some, and do something."
                ),
                Answer(
                    "Which digit it is.",
                    "That moves many pixels, and is worth many nats: the strongest latents have it.",
                ),
            ),
        ),
    ),
    show=show,
    picture=picture,
    code=code,
)

"""Latent sliders: one point of the latent space, and the picture it decodes to, live."""

import torch
from PIL import Image

from demos._ui import images, validation
from demos._ui.tab import Answer, Part, Preset
from demos.vae import _models
from demos.vae._models import LIMIT, MODEL, SEED, Z
from genai_core import vae


def decode(request: dict) -> str:
    """The part's settings -> the decoded 28x28 picture, PNG in base64."""
    settings = PART.parse(request)
    return _models.png(_models.picture(settings["model"], settings["z"]))


def sweep(request: dict) -> list[str]:
    """The part's settings and "dimension" -> nine pictures, that dimension from -LIMIT to LIMIT, the others as in z."""
    settings = PART.parse(request)
    model = vae.load(settings["model"])
    z = torch.tensor([settings["z"]]).repeat(9, 1)
    last = model.config.latents - 1
    z[:, validation.integer(request.get("dimension"), "The dimension", 0, last)] = torch.linspace(-LIMIT, LIMIT, 9)
    return [_models.png(x[None]) for x in _models.decode(model, z)]


def show(model: str, seed: int, z: list[float]) -> dict:
    """A point of the latent space and its picture. seed: whose draw from the prior it is, or began as."""
    return {
        "dims": _models.dimensions(model),
        "picture": _models.png(_models.picture(model, z)),
        "limit": LIMIT,
        "heading": "Latents, strongest first",
        "unit": "KL in nat",
        "prior": _models.usual_norms(model),
        "models": _models.NAMES,
    }


def picture(model: str, seed: int, z: list[float]) -> Image.Image:
    """The decoded picture at 10x."""
    return images.tile(_models.picture(model, z), 1, zoom=10)


def code(model: str, seed: int, z: list[float]) -> str:
    return f'''import torch

from genai_core import vae
from genai_core.common.pictures import tile

model = vae.load("{model}")
z = torch.tensor([{z}])
with torch.inference_mode():
    x = model.decode(z)  # [1, 1, 28, 28] in [0, 1]
image = tile(x, 1, zoom=10)
image.save("picture.png")
'''


def far_outside() -> dict:
    """Twice a draw from the prior."""
    z = (2 * torch.tensor(_models.draw("vae-mnist", 7))).clamp(-2 * LIMIT, 2 * LIMIT)
    return {"seed": 7, "z": _models.rounded(z)}


def between() -> dict:
    """Half-way from a 4 to a 9."""
    return {"z": _models.rounded((_models.reading(4) + _models.reading(9)) / 2)}


PART = Part(
    id="sliders",
    title="Sliders",
    lead="<b>Drag a slider</b>: each is one of the few numbers a whole picture was squeezed into. Look for what each "
    "one changes.",
    stage="latents",
    settings=(MODEL, SEED, Z),
    presets=(
        Preset(
            "The average digit",
            "z = 0 is the middle of the prior. Which digit do you expect there?",
            lambda: {"z": [0.0] * _models.latents("vae-mnist")},
            "Something like an 8, and not a sure one: no digit lives at 0, where the decoder draws what many share.",
            (
                Answer(
                    "A clear 0, since z is 0.",
                    "A code of zeros says nothing of the digit 0: the VAE was never told the labels.",
                ),
                Answer("Something like an 8, and unsure."),
                Answer(
                    "Nothing: an empty picture.",
                    "z = 0 is where the prior is densest, and no training picture was empty.",
                ),
            ),
        ),
        Preset(
            "Between two digits",
            "Half-way between a 4 and a 9: one of them, both, or neither?",
            between,
            "One of them: with its loop half open it can still be read as a 9.",
            (
                Answer(
                    "Both, one drawn over the other.",
                    "That is the mean of two pictures. The mean of two codes is a code of its own, with one picture.",
                ),
                Answer("One of them, or nearly so."),
                Answer(
                    "Neither: noise, as no digit was encoded there.",
                    "KL pulls the codes of all digits towards one Gaussian, so that there are no gaps between them.",
                ),
            ),
        ),
        Preset(
            "Far outside",
            "Twice as far out as any draw from the prior. What breaks first?",
            far_outside,
            "Strokes saturate and tangle: training never asked the decoder about this region.",
            (
                Answer("The strokes: they saturate and tangle."),
                Answer(
                    "Nothing: each z has its digit.",
                    "The decoder was trained on codes near the prior, and here it extrapolates.",
                ),
                Answer(
                    "The picture turns into grey noise.",
                    "The decoder is a smooth function: it goes on drawing strokes, only too strongly.",
                ),
            ),
        ),
        Preset(
            "Garments",
            "The same idea on Fashion-MNIST: what is left of a garment in 16 numbers?",
            {"model": "vae-fashion", "seed": 4},
            "Its outline: a print or a seam would cost more nats than 16 latents carry.",
            (
                Answer("Its outline."),
                Answer(
                    "Its print and its seams.",
                    "Fine details cost many nats and move few pixels: they are given up first.",
                ),
                Answer(
                    "Only its class: all shirts are one shirt.",
                    "Length, width and shade also have their latents: draw some more samples.",
                ),
            ),
        ),
        Preset(
            "Two numbers only",
            "A picture from just two latents. What is lost?",
            {"model": "vae-mnist-2d", "seed": 3},
            "Two latents hold the kind of digit and little of its style.",
            (
                Answer("The kind of digit.", "That changes the most pixels, so it is what two numbers keep."),
                Answer("Its style: slant, width, loops."),
                Answer(
                    "Nothing: the decoder is as large as before.",
                    "The decoder can only draw what the code tells it, however large it is.",
                ),
            ),
        ),
    ),
    functions=(decode, sweep),
    show=show,
    picture=picture,
    code=code,
)

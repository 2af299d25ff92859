"""Noise a picture, all over or by brush, and see it cleaned; and the same in the plane, beside the exact score."""

import functools
from typing import Any

import numpy as np
import torch
from PIL import Image

from demos._ui import digits, distributions, images, validation
from demos._ui.settings import Setting, checked, choice, integer, number, seed
from demos._ui.tab import Answer, Part, Preset
from demos.autoencoder import _samples
from genai_core.autoencoders import denoising, noise, plane
from genai_core.common import checkpoints
from genai_core.data.plane import NAMES, distribution

NAME = "dae-mnist"
VIEWS = {"picture": "A picture", "plane": "Points in the plane"}
KINDS = {"gaussian": "Gaussian", "masking": "masking", "salt": "salt and pepper"}
SIGMAS = ("0.05", "0.1", "0.2", "0.4")
EVERYWHERE = "everywhere"  # in a link
ALL = images.base64_of(np.full(784, 255, np.uint8))  # the noise is everywhere
SIDE, REACH = 21, 1.5  # arrows along each side of the plane, which goes from -REACH to REACH
POINTS = 600  # of the data, shown below the arrows
TIMES = 8  # that r is applied to points, at most


def of_picture(settings: Any) -> bool:
    return settings["view"] == "picture"


def of_points(settings: Any) -> bool:
    return settings["view"] == "plane"


def _region(value: Any, _others: Any) -> str:
    if value == EVERYWHERE:
        return ALL
    return digits.packed((digits.drawing(value) > 0.5).float())


@torch.inference_mode()
def cleaned(kind: str, strength: float, pixels: str, region: str, seed: int) -> tuple[torch.Tensor, ...]:
    """The picture, the picture with noise where the region is white, and what the model makes of it: [1, 1, 28, 28]."""
    x = digits.drawing(pixels)
    noisy = noise.corrupt(x, kind, strength, generator=torch.Generator().manual_seed(seed))
    noisy = torch.where(digits.drawing(region) > 0.5, noisy, x)
    return x, noisy, denoising.load(NAME)(noisy.to(checkpoints.default_device())).cpu()


@functools.lru_cache(maxsize=32)
def trained(points: str, sigma: str) -> plane.PlaneDAE:
    """An autoencoder of points for this noise: trained once a server, in a second or a few."""
    return plane.train(distribution(points), float(sigma))


def middle() -> str:
    """The middle of a picture, 784 bytes in base64: where a preset puts its noise."""
    region = torch.zeros(28, 28)
    region[9:19, 9:19] = 1
    return digits.packed(region[None, None])


def clean(request: dict) -> dict:
    """The part's settings -> noisy and cleaned picture (784 bytes in base64), and PSNR in dB of both."""
    settings = PART.parse(request)
    x, noisy, made = cleaned(**{key: settings[key] for key in ("kind", "strength", "pixels", "region", "seed")})
    noisy = noisy.clamp(0, 1)  # as a screen shows it
    return {
        "noisy": digits.packed(noisy),
        "cleaned": digits.packed(made),
        "error": images.png(images.signed((made - x)[0, 0])),
        "before": float(noise.psnr(noisy, x)),
        "after": float(noise.psnr(made, x)),
    }


def example(request: dict) -> str:
    """{"seed"} -> a digit that our GAN draws, 784 bytes in base64."""
    seed = validation.seed(validation.json_object(request).get("seed"))
    return _samples.drawn(seed % _samples.CLASSES, seed)


def show(view: str, points: str, sigma: str, times: int, **settings: Any) -> dict:
    """The picture is cleaned by the page's first request; of points, data and both fields."""
    if view == "picture":
        return {}
    data, model = distribution(points), trained(points, sigma)
    cell = 2 * REACH / (SIDE - 1)  # what is longer is cut to it, or it would cover its neighbours
    learned, exact = (
        images.base64_of((plane.cut(field, cell) / cell * 127).round().astype(np.int8))
        for field in plane.arrows(model, data, SIDE, REACH)
    )
    return {
        "learned": learned,
        "exact": exact,
        "side": SIDE,
        "reach": REACH,
        "data": distributions.packed(data.draw(POINTS, torch.Generator().manual_seed(0)).numpy(), REACH),
        "walk": distributions.packed(plane.walk(model, TIMES, REACH), REACH),
        "error": plane.error(model, data),
    }


def picture(view: str, points: str, sigma: str, times: int, **settings: Any) -> Image.Image:
    """Picture, noisy and cleaned side by side; or both fields of arrows."""
    if view == "plane":
        return plane.picture(trained(points, sigma), distribution(points), SIDE, REACH, times)
    return images.tile(torch.cat(cleaned(**settings)), 3, gap=2, zoom=10)


def code(view: str, points: str, sigma: str, times: int, **settings: Any) -> str:
    if view == "plane":
        return f'''from genai_core.autoencoders import plane
from genai_core.data.plane import distribution

data = distribution("{points}")
model = plane.train(data, {sigma})
print(f"r(x) - x is off sigma^2 times the score by {{plane.error(model, data):.1%}}")
image = plane.picture(model, data, {SIDE}, {REACH}, {times})  # learned in orange over exact in grey
image.save("picture.png")
'''
    kind, strength, seed = (settings[key] for key in ("kind", "strength", "seed"))
    where = ""
    if settings["region"] != ALL:
        where = f'noisy = torch.where(read("{settings["region"]}") > 0.5, noisy, x)\n'
    return f'''import base64

import torch

from genai_core.autoencoders import denoising
from genai_core.autoencoders.noise import corrupt, psnr
from genai_core.common.pictures import tile


def read(text):
    return torch.tensor(list(base64.b64decode(text)), dtype=torch.float32).view(1, 1, 28, 28) / 255


x = read("{settings["pixels"]}")
noisy = corrupt(x, "{kind}", {strength:g}, generator=torch.Generator().manual_seed({seed}))
{where}with torch.inference_mode():
    cleaned = denoising.load("{NAME}")(noisy)
print("PSNR in dB:", [psnr(y.clamp(0, 1), x).item() for y in (noisy, cleaned)])
image = tile(torch.cat([x, noisy, cleaned]), 3, gap=2, zoom=10)
image.save("picture.png")
'''


PART = Part(
    id="denoise",
    title="Denoise",
    lead="<b>Drag the noise</b>, or rub it into the noisy picture. Look for what the network must guess: where nothing "
    "is left to see, it draws the mean of what could be there.",
    stage="autoencoder/denoise",
    settings=(
        Setting("view", choice(VIEWS), "picture", "View"),
        Setting("kind", choice(KINDS), "gaussian", "Noise", applies=of_picture),
        Setting("strength", number(0, 1, 0.01), 0.3, "Strength of the noise", applies=of_picture),
        Setting("pixels", digits.DRAWING, lambda others: _samples.drawn(3, 1), "The picture"),
        Setting(
            "region",
            checked(_region, lambda v: EVERYWHERE if v == ALL else v, from_file=digits.mask_from_file),
            ALL,
            "Where the noise is",
        ),
        Setting("seed", seed(), 0, "Seed", applies=of_picture),
        Setting("points", choice(NAMES), "moons", "Points", applies=of_points),
        Setting("sigma", choice(SIGMAS), "0.2", "σ of the noise on points", applies=of_points),
        Setting("times", integer(0, TIMES), 0, "Times that r is applied", applies=of_points),
    ),
    presets=(
        Preset(
            "Half is hidden",
            "Every second pixel or so is black. How much of the digit can the others tell?",
            {"kind": "masking", "strength": 0.5},
            "The strokes are closed again, and the error is small and at their edges.",
            (
                Answer(
                    "Half of it: what is gone is gone.",
                    "Neighbouring pixels say much the same, and the network has learned what strokes look like.",
                ),
                Answer("Nearly all of it."),
                Answer(
                    "All of it, to the last grey.",
                    "How far an edge reaches into a hidden pixel is told by no other.",
                ),
            ),
        ),
        Preset(
            "A hole",
            "A square is cut out of the middle, and nothing is told of what was there. What is drawn into it?",
            lambda: {"kind": "masking", "strength": 1.0, "region": middle()},
            "The upper stroke goes on for a few pixels and fades: a mean of what could join it. The noise of its "
            "training hid single pixels, never a whole region.",
            (
                Answer("The end of a stroke, soft, and little more."),
                Answer(
                    "The missing strokes, as sharp as the others.",
                    "Many could be there, and to the squared error a wrong one is worse than a faint mean.",
                ),
                Answer(
                    "An even grey: the mean of all digits.",
                    "The rest is there to be seen, and the mean is of what fits it.",
                ),
            ),
        ),
        Preset(
            "Too much",
            "Noise as strong as the strokes themselves. What comes back where hardly anything can be seen?",
            {"kind": "gaussian", "strength": 1.0},
            "The mean of all the digits that this could have been: no picture is closer to all of them.",
            (
                Answer(
                    "A sharp digit, if perhaps a wrong one.",
                    "A generative model would draw that; to the squared error a wrong guess is worse than a mean.",
                ),
                Answer(
                    "Noise, only weaker.",
                    "Noise cannot be guessed from the pixels around it, so that no part of it is drawn again.",
                ),
                Answer("A blur."),
            ),
        ),
        Preset(
            "No noise",
            "A clean digit goes in. Does the network leave it alone?",
            {"kind": "gaussian", "strength": 0.0},
            "A clean digit lies where the data does, and there r(x) is nearly x.",
            (
                Answer(
                    "No: it blurs it, as it does all digits.",
                    "It blurs what it cannot tell; here all can be seen.",
                ),
                Answer("Nearly."),
                Answer(
                    "Yes, exactly: there is nothing to remove.",
                    "It is not told so, and draws every pixel anew, with a small error.",
                ),
            ),
        ),
        Preset(
            "The score",
            "An autoencoder of points never saw a density. Do its steps go where the density rises?",
            {"view": "plane", "points": "moons", "sigma": "0.2"},
            "Near the data orange covers grey. Far away, where it saw no noisy point, it strays.",
            (
                Answer("Yes, wherever there is data."),
                Answer(
                    "Yes, everywhere in the plane.",
                    "It learned them from noisy points, and these do not reach everywhere.",
                ),
                Answer(
                    "No: each goes to the nearest point of the data.",
                    "A noisy point may have come from many, and the squared error asks for their mean.",
                ),
            ),
        ),
        Preset(
            "Again and again",
            "What if every point takes its step, and then another, eight times?",
            {"view": "plane", "points": "moons", "sigma": "0.4", "times": 8},
            "They gather on the means of what noise this wide cannot tell apart, and these lie between the moons.",
            (
                Answer(
                    "They gather on the moons.",
                    "With little noise they would; here one mean is taken over parts of both.",
                ),
                Answer(
                    "They stop after the first step: the noise is gone.",
                    "r takes any point for a noisy one, also one that it has made.",
                ),
                Answer("They gather, but not on the moons."),
            ),
        ),
    ),
    props={
        "options": {"kind": list(KINDS.items()), "points": [(p, p) for p in NAMES], "sigma": [(s, s) for s in SIGMAS]}
    },
    functions=(clean, example, digits.open_picture, digits.centre),
    show=show,
    picture=picture,
    code=code,
)

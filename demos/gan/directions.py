"""Latent sliders on SeFa's directions: the strongest ways to move a generator's picture, live."""

import torch
from PIL import Image

from demos._ui import images, validation
from demos._ui.settings import Setting, choice_by, integer, numbers
from demos._ui.tab import Answer, Part, Preset
from demos.gan import _models
from demos.gan._models import DIRECTIONS, LIMIT, MODEL, NAMES, SEED, TRUNCATED_BY, TRUNCATION
from genai_core import gan


def position(settings: dict) -> torch.Tensor:
    """The z [latents] that the coordinates are counted from."""
    return _models.point(*(settings[key] for key in ("model", "seed", "index", "truncation", "truncated_by")))


def moved(settings: dict, coordinates: torch.Tensor) -> torch.Tensor:
    return _models.moved(settings["model"], position(settings), coordinates)


def png(x: torch.Tensor) -> str:
    return images.png(images.tile(x, 1))


def decode(request: dict) -> str:
    """The part's settings -> the picture, PNG in base64."""
    return png(pictures(PART.parse(request)))


def pictures(settings: dict) -> torch.Tensor:
    """[1, 1, 28, 28]"""
    z = moved(settings, torch.tensor([settings["z"]]))
    return _models.decode(settings["model"], z, int(settings["label"]))


def sweep(request: dict) -> list[str]:
    """The part's settings and "dimension" -> nine pictures, that coordinate from -LIMIT to LIMIT."""
    settings = PART.parse(request)
    coordinates = torch.tensor([settings["z"]]).repeat(9, 1)
    dimension = validation.integer(request.get("dimension"), "The dimension", 0, DIRECTIONS - 1)
    coordinates[:, dimension] = torch.linspace(-LIMIT, LIMIT, 9)
    x = _models.decode(settings["model"], moved(settings, coordinates), int(settings["label"]))
    return [png(one[None]) for one in x]


def across(request: dict) -> list[str]:
    """The part's settings -> the point as every class of a conditional model, ten pictures."""
    settings = PART.parse(request)
    if _models.classes(settings["model"]) is None:
        raise validation.InputError("This model has no classes; choose a conditional one.")
    z = moved(settings, torch.tensor([settings["z"]]))
    return [png(one[None]) for one in gan.across_classes(gan.load(settings["model"]), z)[0].cpu()]


def show(model: str, **settings) -> dict:
    """A point of the latent space, by its coordinates along the directions, and its picture."""
    return {
        "dims": _models.dimensions(model),
        "picture": png(pictures({"model": model, **settings})),
        "limit": LIMIT,
        "heading": "Directions, strongest first",
        "unit": "how far each moves the first layer",
        "prior": None,
        "models": NAMES,
        "classes": _models.classes(model),
    }


def picture(**settings) -> Image.Image:
    """The picture at 10x."""
    return images.tile(pictures(settings), 1, zoom=10)


def code(model: str, seed: int, index: int, truncation: float, truncated_by: str, label: str, z: list[float]) -> str:
    return f'''import torch

from genai_core import gan
from genai_core.common.pictures import tile

model = gan.load("{model}")
z = ({_models.latents_code(seed, truncation, truncated_by)})[{index}]
directions = gan.directions(model, {DIRECTIONS})  # SeFa, strongest first: [{DIRECTIONS}, latents]
z = z + (torch.tensor([{z}]) - directions @ z) @ directions
x = gan.decode(model, z, torch.tensor([{label}]) if model.conditional else None)
image = tile(x.cpu(), 1, zoom=10)
image.save("picture.png")
'''


BASE = {"seed": 3, "label": "3"}


def coordinates(others: dict) -> list[float]:
    """Where the point of the sample sheet lies along the directions."""
    return _models.coordinates(others["model"], position(others))


def base_coordinates() -> list[float]:
    return PART.parse(BASE)["z"]


PART = Part(
    id="directions",
    title="Directions",
    lead="<b>Drag a slider</b>: each is a direction that the generator's first layer amplifies most, found from its "
    "weights alone (SeFa, Shen 2021). Look for what each one means.",
    stage="latents",
    settings=(
        MODEL,
        SEED,
        Setting("index", integer(0, _models.COUNT - 1), 0, "The index"),
        TRUNCATION,
        TRUNCATED_BY,
        Setting("label", choice_by("model", tuple(NAMES), _models.labels), "0", "Class"),
        Setting("z", numbers(DIRECTIONS, -2 * LIMIT, 2 * LIMIT), coordinates, "The coordinates"),
    ),
    presets=(
        Preset(
            "The strongest direction",
            "Only the first direction is at 2.5. Which trait of the digit will it be?",
            lambda: {**BASE, "z": [2.5, *base_coordinates()[1:]]},
            "The slant: drag d1 from end to end, and the digit leans over while its class stays.",
            (
                Answer("Which digit it is.", "The class is an input beside z, and no direction of z changes it."),
                Answer("The thickness of its strokes.", "That has a direction, too: it is d4."),
                Answer("Its slant."),
            ),
        ),
        Preset(
            "The middle",
            "All ten directions at 0. What is left of the 3?",
            lambda: {**BASE, "z": [0.0] * DIRECTIONS},
            "It is the 3 that the other 54 numbers say, with nothing added along the ten strongest directions.",
            (
                Answer("A 3, in another style."),
                Answer(
                    "The mean of all digits, close to an 8.",
                    "The class is still given, and only ten of 64 numbers are 0.",
                ),
                Answer(
                    "Nothing: an empty picture.",
                    "0 is the middle of what z was drawn from, and no empty picture was ever asked for there.",
                ),
            ),
        ),
        Preset(
            "Far outside",
            "Every direction at twice its value. What becomes of the 3?",
            lambda: {**BASE, "z": [max(-2 * LIMIT, min(2 * LIMIT, 2 * c)) for c in base_coordinates()]},
            "All is twice as far out as it was drawn, and the class holds on, since it is an input of its own beside "
            "z.",
            (
                Answer(
                    "It falls into pieces, as far out with a VAE.",
                    "These are ten of 64 numbers, so that z as a whole is hardly longer than others.",
                ),
                Answer("It stays a 3."),
                Answer(
                    "It becomes another digit.",
                    "To go on in the same direction is more of a style, and not another class.",
                ),
            ),
        ),
        Preset(
            "A garment",
            "The same sliders on Fashion-MNIST: which one makes these trousers wider?",
            {"model": "cgan-fashion", "seed": 2, "label": "1"},
            "d2, until it is no trousers any more: towards its right end they grow a jacket.",
            (
                Answer(
                    "d1, as it is the strongest.",
                    "It is strongest in the first layer, and what it changes here is the shade most of all.",
                ),
                Answer(
                    "None: width goes with the class.",
                    "The class says trousers; how wide they are is among what z says.",
                ),
                Answer("d2."),
            ),
        ),
        Preset(
            "The first GAN",
            "Goodfellow’s of 2014, with no classes and no convolutions. What does d1 change here?",
            {"model": "gan-mnist", "seed": 1},
            "With no class given, a direction changes it: d1 goes from a 0 to a 1.",
            (
                Answer("Which digit it is."),
                Answer(
                    "The slant, as with the conditional GAN.",
                    "There the class was fixed, and slant was the strongest that was left.",
                ),
                Answer(
                    "Nothing that has a name: it mixes pixels.",
                    "The later layers make strokes of whatever the first layer gives.",
                ),
            ),
        ),
    ),
    functions=(decode, sweep, across),
    first={"label": "3"},
    show=show,
    picture=picture,
    code=code,
)

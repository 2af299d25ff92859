"""Latent sliders on SeFa's directions: the strongest ways to move a generator's picture, live."""

import gradio as gr
import torch

from demos import _checks, _common, _keep
from demos.gan import _models
from demos.gan._models import DIRECTIONS, LIMIT, MODELS, NAMES
from genai_core import gan

PRESETS = {
    "The strongest way": "Only the first direction is left at 2.5. Which trait of the digit will it be?",
    "The middle": "All ten directions at 0: which parts of the style are gone?",
    "Far outside": "Every direction at twice its value. Does a GAN break more gently than a VAE?",
    "A garment": "The same sliders on Fashion-MNIST: which one makes it wider?",
    "The first GAN": "Goodfellow's of 2014, with no classes and no convolutions. What do its directions mix?",
}


def coords_of(request: dict) -> list[float]:
    z = _keep.listed(request.get("z", ""), "The coordinates")
    return _checks.numbers(z, "The coordinates", DIRECTIONS, -2 * LIMIT, 2 * LIMIT)


def point(request: dict) -> tuple[str, torch.Tensor, torch.Tensor, int]:
    """A request -> model's name, base z [latents], coordinates [1, DIRECTIONS], class."""
    name, z, _ = _models.base(_checks.record(request))
    return name, z, torch.tensor([coords_of(request)]), _models.label_of(request, name)


def decode(request: dict) -> str:
    """{"model", "seed", "index", "truncation", "label", "z": coordinates} -> the picture, PNG in base64."""
    name, z, coords, label = point(request)
    return _common.png(_common.tile(_models.decode(name, _models.moved(name, z, coords), label), 1))


def sweep(request: dict) -> list[str]:
    """The same and "dimension" -> nine pictures, that coordinate from -LIMIT to LIMIT."""
    name, z, coords, label = point(request)
    coords = coords.repeat(9, 1)
    coords[:, _checks.whole(request.get("dimension"), "The dimension", 0, DIRECTIONS - 1)] = torch.linspace(
        -LIMIT, LIMIT, 9
    )
    pictures = _models.decode(name, _models.moved(name, z, coords), label)
    return [_common.png(_common.tile(x[None], 1)) for x in pictures]


def across(request: dict) -> list[str]:
    """The point as every class of a conditional model -> ten pictures."""
    name, z, coords, _ = point(request)
    if _models.classes(name) is None:
        raise _checks.InputError("This model has no classes; choose a conditional one.")
    pictures = gan.across_classes(gan.load(name), _models.moved(name, z, coords))[0].cpu()
    return [_common.png(_common.tile(x[None], 1)) for x in pictures]


def draw(request: dict) -> dict:
    """{"model", "seed", "label"} -> the control's value for a new z."""
    request = _checks.record(request)
    return _models.state({"model": request.get("model"), "seed": request.get("seed"), "label": request.get("label", 0)})


def save(request: dict) -> str:
    """The point's picture at 10x, PNG in base64, its settings inside."""
    name, z, coords, label = point(request)
    image = _common.tile(_models.decode(name, _models.moved(name, z, coords), label), 1, zoom=10)
    kept = {key: request[key] for key in ("model", "seed", "index", "truncation", "label", "z") if key in request}
    return _keep.saved(image, {"tab": _models.TAB, "part": "directions", **kept})


def restored(settings: dict, note: str) -> dict:
    """Settings of a link or a saved picture -> the control's value."""
    return _models.state(settings, coords_of(settings), note)


def restore(request: dict) -> dict:
    """{"png"}: a picture that `save` made -> the control's value with its settings."""
    settings = _keep.opened(request, _models.TAB, "directions")
    return restored(settings, "Settings restored from the picture.")


@_checks.handler
def preset(event: gr.EventData):
    """The chosen preset -> the control's value and the model."""
    value = preset_value(event.preset)
    return value, value["model"]


def preset_value(label: str) -> dict:
    label = _checks.choice(label, "The preset", tuple(PRESETS))
    if label == "A garment":
        return _models.state({"model": "cgan-fashion", "seed": 2, "label": 1}, note="Cut and width come first.")
    if label == "The first GAN":
        return _models.state({"model": "gan-mnist", "seed": 1}, note="With no class given, a direction may change it.")
    start = {"model": "cgan-mnist", "seed": 3, "label": 3}
    coords = _models.state(start)["z"]
    if label == "The strongest way":
        return _models.state(start, [2.5, *coords[1:]], "Drag d1 from end to end: the class stays, the hand changes.")
    if label == "The middle":
        return _models.state(start, [0.0] * DIRECTIONS, "What is left is what the other 54 numbers say.")
    far = [max(-2 * LIMIT, min(2 * LIMIT, 2 * c)) for c in coords]
    return _models.state(start, far, "Twice as far as it was drawn: the class holds on, since it is told apart from z.")


@_checks.handler
def choose(name: str):
    """A model -> the control's value for its first draw."""
    return _models.state({"model": name, "seed": 0, "label": 3})


def start(_request: dict) -> dict:
    return _models.state({"model": MODELS[0], "seed": 0, "label": 3})


def build() -> tuple[gr.Dropdown, gr.HTML]:
    _common.lead(
        "<b>Drag a slider</b>: each is a direction that the generator's first layer amplifies most, found from its "
        "weights alone (SeFa, Shen 2021). Look for what each one means."
    )
    pills = _common.presets(PRESETS)
    model = gr.Dropdown([(NAMES[name], name) for name in MODELS], value=MODELS[0], label="Model", elem_classes="short")
    sliders = _common.control("latents", None, [start, decode, sweep, across, draw, save, restore])
    model.input(choose, model, sliders, **_common.LIGHT, **_common.QUIET)
    pills.click(preset, None, [sliders, model], **_common.LIGHT, **_common.QUIET)
    return model, sliders

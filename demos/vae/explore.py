"""Latent sliders: one point of the latent space, and the picture it decodes to, live."""

import gradio as gr
import torch

from demos import _checks, _common, _keep
from demos.vae import _models
from demos.vae._models import LIMIT, MODELS, NAMES
from genai_core import vae

PRESETS = {
    "The average digit": "z = 0 is the middle of the prior. Which digit do you expect there?",
    "Between two digits": "Half-way between a 4 and a 9: one of them, both, or neither?",
    "Far outside": "Twice as far out as any draw from the prior. What breaks first?",
    "Garments": "The same idea on Fashion-MNIST: which slider makes the sleeves?",
    "Two numbers only": "A picture from just two latents. What is lost?",
}


def decode(request: dict) -> str:
    """{"model", "z"} -> the decoded 28x28 picture, PNG in base64."""
    request = _checks.record(request)
    _, model = _models.model_of(request)
    return _common.png(_common.tile(_models.decode(model, _models.codes(request.get("z"), model)), 1))


def sweep(request: dict) -> list[str]:
    """{"model", "z", "dimension"} -> nine pictures, that dimension from -LIMIT to LIMIT, the others as in z."""
    request = _checks.record(request)
    _, model = _models.model_of(request)
    z = _models.codes(request.get("z"), model).repeat(9, 1)
    dimension = _checks.whole(request.get("dimension"), "The dimension", 0, model.config.latents - 1)
    z[:, dimension] = torch.linspace(-LIMIT, LIMIT, 9)
    return [_common.png(_common.tile(x[None], 1)) for x in _models.decode(model, z)]


def draw(request: dict) -> dict:
    """{"model", "seed"} -> the control's value for a draw from the prior."""
    request = _checks.record(request)
    name, _ = _models.model_of(request)
    seed = _checks.seed(request.get("seed"))
    return _models.state(name, _models.draw(name, seed), seed)


def save(request: dict) -> str:
    """{"model", "z", "seed"} -> the picture at 10x, PNG in base64, its settings inside."""
    name, z, seed = _models.settings_of(_checks.record(request))
    model = vae.load(name)
    image = _common.tile(_models.decode(model, _models.codes(z, model)), 1, zoom=10)
    return _keep.saved(image, {"tab": _models.TAB, "part": "sliders", "model": name, "z": z, "seed": seed})


def restore(request: dict) -> dict:
    """{"png"}: a picture that `save` made -> the control's value with its settings."""
    settings = _keep.opened(request, _models.TAB, "sliders")
    return _models.state(*_models.settings_of(settings), note="Settings restored from the picture.")


@_checks.handler
def preset(event: gr.EventData):
    """The chosen preset -> the control's value, the model, its card."""
    value = preset_value(event.preset)
    return value, value["model"], _common.card(value["model"])


def preset_value(label: str) -> dict:
    label = _checks.choice(label, "The preset", tuple(PRESETS))
    if label == "Two numbers only":
        name = "vae-mnist-2d"
        return _models.state(
            name, _models.draw(name, 3), 3, "Two latents hold the kind of digit and little of its style."
        )
    if label == "Garments":
        return _models.state(
            "vae-fashion",
            _models.draw("vae-fashion", 4),
            4,
            "Coarse shape first: texture costs more nats than 16 latents carry.",
        )
    name = "vae-mnist"
    n = vae.load(name).config.latents
    if label == "The average digit":
        return _models.state(
            name, [0.0] * n, 0, "No single digit lives at 0: the decoder answers with what is common to many."
        )
    if label == "Far outside":
        z = _models.rounded((2 * torch.tensor(_models.draw(name, 7))).clamp(-2 * LIMIT, 2 * LIMIT))
        return _models.state(
            name, z, 7, "Strokes saturate and tangle: training never asked the decoder about this place."
        )
    z = (_models.reading(4) + _models.reading(9)) / 2
    return _models.state(
        name, _models.rounded(z), 0, "Half-way from a 4 to a 9: the strokes they share stay, the top opens or closes."
    )


@_checks.handler
def choose(name: str):
    """A model -> the control's value for its first draw, and its card."""
    name = _checks.choice(name, "The model", MODELS)
    return _models.state(name, _models.draw(name, 0), 0), _common.card(name)


def start(_request: dict) -> dict:
    return _models.state(MODELS[0], _models.draw(MODELS[0], 0), 0)


def build() -> tuple[gr.Dropdown, gr.HTML, gr.HTML]:
    """The pills, the model and the sliders; returns them in another order: model, sliders, pills."""
    _common.lead(
        "<b>Drag a slider</b>: each is one of the few numbers a whole picture was squeezed into. Look for what each "
        "one changes, and for those that change nothing."
    )
    pills = _common.presets(PRESETS)
    model = gr.Dropdown([(NAMES[name], name) for name in MODELS], value=MODELS[0], label="Model", elem_classes="short")
    sliders = _common.control("latents", None, [start, decode, sweep, draw, save, restore])
    return model, sliders, pills

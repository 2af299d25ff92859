"""One digit, three classifiers: what each says, and what a temperature brings to light."""

import gradio as gr
import torch

from demos import _checks, _common, _keep, _pictures
from demos.distillation import _models
from demos.distillation._models import CLASSES, NAMES, SMALL, TAB
from genai_core import distillation

PRESETS = {
    "A seven like a one": "At T = 1 all say 7. Raise T: which of them knows that it could have been a 1?",
    "Between two classes": "The generated digit that the teacher is least sure of. Do all three doubt the same?",
    "A three without its top": "What else could it be? Ask the teacher at T = 8.",
    "An empty picture": "Nothing is drawn, and yet each must answer. What do they believe in?",
}
MOST = 20.0  # the highest temperature


def answers(request: dict) -> dict:
    """{"pixels": 784 bytes in base64} -> logits of each classifier, {name: [10]}."""
    x = _pictures.drawing(_checks.record(request).get("pixels"))
    names = [*NAMES, *(name for name in SMALL if _models.there(name))]
    return {name: [round(v, 4) for v in distillation.logits(distillation.load(name), x)[0].tolist()] for name in names}


def example(request: dict) -> str:
    """{"seed", "source"} -> a digit that our GAN made or a test digit, 784 bytes in base64."""
    request = _checks.record(request)
    x, _ = _models.digits(_models.source_of(request.get("source", _models.GENERATED)))
    return _pictures.packed(x[_checks.seed(request.get("seed")) % len(x)][None])


def state(pixels: str, temperature: float = 4.0, source: str = "example") -> dict:
    """The control's value: a picture, a temperature, what there is to choose from."""
    return {
        "pixels": pixels,
        "temperature": temperature,
        "from": source,
        "models": NAMES | {name: title for name, title in SMALL.items() if _models.there(name)},
        "sources": list(_models.sources()),
        "classes": list(CLASSES),
        "most": MOST,
    }


def digit(label: str) -> torch.Tensor:
    """The picture of a preset, [1, 1, 28, 28], found among generated digits by what the teacher says of them."""
    x, y = _models.digits(_models.GENERATED)
    p = (_models.logits(_models.TEACHER, _models.GENERATED) / 4).softmax(1)
    best = p.topk(2, dim=1).values
    right = p.argmax(1) == y
    if label == "A seven like a one":
        return x[torch.where(right & (y == 7), p[:, 1], -1.0).argmax()][None]
    if label == "Between two classes":
        return x[(best[:, 0] - best[:, 1]).argmin()][None]
    if label == "A three without its top":
        three = x[torch.where(right & (y == 3), best[:, 0], -1.0).argmax()][None].clone()
        three[..., :12, :] = 0
        return three
    return torch.zeros(1, 1, 28, 28)


def start(_request: dict) -> dict:
    return state(_pictures.packed(digit("A seven like a one")))


@_checks.handler
def preset(event: gr.EventData) -> dict:
    """The chosen preset -> the control's value."""
    return state(_pictures.packed(digit(_checks.choice(event.preset, "The preset", tuple(PRESETS)))))


def settings_of(request: dict) -> tuple[str, float]:
    """Pixels and temperature from a link or a saved picture."""
    given = _checks.record(request)
    t = _checks.number(_keep.from_link(given.get("temperature", 4.0), "The temperature"), "The temperature", 1, MOST)
    return _pictures.packed(_pictures.drawing(given.get("pixels"))), t


def save(request: dict) -> str:
    """{"pixels", "temperature"} -> the digit at 10x, PNG in base64 with the settings."""
    pixels, t = settings_of(request)
    picture = _common.tile(_pictures.drawing(pixels), 1, zoom=10)
    return _keep.saved(picture, {"tab": TAB, "part": "ask", "pixels": pixels, "temperature": t})


def restored(found: dict) -> dict:
    """Settings of a link or a saved picture -> the control's value."""
    return state(*settings_of(found), "hand")


def restore(request: dict) -> dict:
    """{"png"}: a picture that `save` made -> the control's value."""
    return restored(_keep.opened(request, TAB, "ask"))


def build():
    """Returns the control, which `restored` fills."""
    _common.lead(
        "<b>Draw a digit, raise the temperature</b>: the teacher's second thoughts come to light. Look for a student "
        "that shares them, and for a control that does not."
    )
    pills = _common.presets(PRESETS)
    functions = [start, answers, example, _pictures.open_picture, _pictures.centre, save, restore]
    control = _common.control("answers", None, functions)
    pills.click(preset, None, control, **_common.LIGHT, **_common.QUIET)
    return control

"""The forward process: any picture, noised to any step under each schedule, with no round trip while it is dragged."""

import torch

from demos import _checks, _common, _keep, _pictures
from demos.diffusion import _models
from demos.diffusion._models import TAB
from genai_core import diffusion
from genai_core.diffusion import schedules

STRIDE = 10  # of the T steps, every tenth is sent to the page
REACH = 4.0  # the noise's values are sent as bytes from -REACH to REACH


def example(request: dict) -> str:
    """{"seed"} -> a digit that the few-step student draws, 784 bytes in base64."""
    seed = _checks.seed(_checks.record(request).get("seed"))
    return _pictures.packed(_models.from_noise("ddpm-mnist-fewstep", _models.noise(seed, 1).flatten(1), seed % 10))


def noise(request: dict) -> str:
    """{"seed"} -> the noise of that seed, 784 bytes in base64, -REACH as 0 and REACH as 255."""
    seed = _checks.seed(_checks.record(request).get("seed"))
    return _models.packed(_models.noise(seed, 1), -REACH, REACH)


def settings_of(request: dict) -> dict:
    """Picture, step and seed from a link or a saved picture."""
    request = _checks.record(request)
    step = _keep.from_link(request.get("step", 0), "The step")
    return {
        "pixels": _pictures.packed(_pictures.drawing(request.get("pixels"))),
        "step": _checks.whole(step, "The step", 0, schedules.T - 1),
        "seed": _keep.seed(request.get("seed", 0)),
    }


def state(settings: dict, source: str = "hand") -> dict:
    """The control's value; source: "example" for a picture that a first stroke replaces, or "hand"."""
    tables = {name: schedules.schedule(name).t for name in schedules.NAMES}
    return {
        **settings,
        "from": source,
        "noise": noise(settings),
        "reach": REACH,
        "steps": schedules.T,
        "stride": STRIDE,
        "tables": {name: [round(float(t), 5) for t in table[::STRIDE]] for name, table in tables.items()},
    }


def save(request: dict) -> str:
    """The picture under each schedule side by side, PNG in base64, its settings inside."""
    clean = settings_of(request)
    x, eps = _pictures.drawing(clean["pixels"]), _models.noise(clean["seed"], 1)
    states = [schedules.noised(2 * x - 1, schedules.schedule(name).t[clean["step"]], eps) for name in schedules.NAMES]
    sheet = _common.tile(diffusion.picture(torch.cat(states)), 3, gap=2, zoom=10)
    return _keep.saved(sheet, {"tab": TAB, "part": "forward", **clean})


def restored(settings: dict) -> dict:
    """Settings of a link or a saved picture -> the control's value."""
    return state(settings_of(settings))


def restore(request: dict) -> dict:
    """{"png"}: a picture that `save` made -> the control's value with its settings."""
    return restored(_keep.opened(request, TAB, "forward"))


def start(_request: dict) -> dict:
    """A digit of our own, half noised."""
    return state({"pixels": example({"seed": 3}), "step": 350, "seed": 0}, "example")


def build():
    _common.lead(
        "<b>Drag the step</b>: a picture drowns in noise, along three schedules. Look for the step at which each one "
        "has lost the picture, and how long it then goes on for nothing."
    )
    functions = [_pictures.centre, _pictures.open_picture, example, noise, save, restore, start]
    return _common.control("forward", None, functions)

"""Training history: the same latents at twelve steps of each run, as pictures that the training made."""

import base64

import gradio as gr

from demos import _checks, _common, _keep
from demos.gan._models import MODELS, NAMES, TAB
from genai_core import checkpoints


def frames(request: dict) -> dict:
    """{"model", "frame"} -> the control's value: the strip of sheets, and the step of each."""
    request = _checks.record(request)
    name = _checks.choice(request.get("model"), "The model", MODELS)
    steps = checkpoints.read_json(name, "config.json")["history"]["steps"]
    frame = _keep.from_link(request.get("frame", len(steps) - 1), "The frame")
    return {
        "tab": TAB,
        "part": "history",
        "models": NAMES,
        "model": name,
        "frame": _checks.whole(frame, "The frame", 0, len(steps) - 1),
        "steps": steps,
        "strip": base64.b64encode(strip(name)).decode(),
    }


def strip(name: str) -> bytes:
    """The strip's file. Raises: CheckpointError."""
    try:
        return (checkpoints.ASSETS / name / "history.png").read_bytes()
    except OSError:
        raise checkpoints.CheckpointError(
            f"The training history of {name} is missing: restore assets/{name}."
        ) from None


def save(request: dict) -> str:
    """The sheet of one step at 4x, PNG in base64, its settings inside."""
    value = frames(request)
    image = _checks.picture(strip(value["model"])).convert("L")
    side = image.height
    sheet = image.crop((value["frame"] * side, 0, (value["frame"] + 1) * side, side)).resize((4 * side, 4 * side), 0)
    return _keep.saved(sheet, {"tab": TAB, "part": "history", "model": value["model"], "frame": value["frame"]})


def restore(request: dict) -> dict:
    """{"png"}: a picture that `save` made -> the control's value with its settings."""
    return frames(_keep.opened(request, TAB, "history"))


@_checks.handler
def opened(value: dict | None):
    """The sub-tab is opened: its first value, unless a link has filled it already."""
    return gr.skip() if isinstance(value, dict) and "strip" in value else frames({"model": MODELS[0], "frame": 5})


def build():
    """The control; empty until the sub-tab is opened, since the strips are large."""
    _common.lead(
        "<b>Drag the step</b> back to the beginning: the same 36 latents, as the generator drew them on its way. Look "
        "for when a digit decides what it is."
    )
    return _common.control("history", None, [frames, save, restore])

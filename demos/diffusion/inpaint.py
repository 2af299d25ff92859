"""Inpainting: paint over a part of a digit, and watch the network fill it so that it fits (RePaint, Lugmayr 2022)."""

import time
from collections.abc import Iterator

import gradio as gr
import torch

from demos import _checks, _common, _keep, _pictures
from demos._common import AGAIN, LIGHT, QUIET, STREAM
from demos.diffusion import _models, forward
from demos.diffusion._models import TAB
from genai_core import diffusion
from genai_core.diffusion.inpaint import inpaint, inpaint_steps

NAME = "ddpm-mnist"
SECONDS = 30.0
EVERY = 0.04  # seconds between two frames
TRIES = 4  # answers to the same question, from different noise
STEPS = 25
PRESETS = {
    "The lower half": "A 9 or a 4, of which only the top is left. What could stand below?",
    "The middle": "A hole in the middle: how many digits fit around it?",
    "All but the middle": "Only the centre is given. How much does the network dare?",
    "No resampling": "One pass only: the new part was drawn before it saw the seam.",
}
MASKS = {
    "The lower half": lambda mask: mask[14:].fill_(1),
    "The middle": lambda mask: mask[9:19, 9:19].fill_(1),
    "All but the middle": lambda mask: mask.fill_(1)[9:19, 9:19].fill_(0),
    "No resampling": lambda mask: mask[14:].fill_(1),
}


def covered(kind: str) -> str:
    """A preset's mask, 784 bytes in base64, 255 where the picture is to be filled in."""
    mask = torch.zeros(28, 28)
    MASKS[kind](mask)
    return _pictures.packed(mask[None, None])


def settings(view, chosen, resample, guidance, seed) -> dict:
    """The page's controls, checked, as a link and a saved picture hold them."""
    view = _checks.record(view, "The picture")
    _models.labels(NAME, chosen, 1)
    return {
        "pixels": _pictures.packed(_pictures.drawing(view.get("pixels"))),
        "mask": _pictures.packed((_pictures.drawing(view.get("mask")) > 0.5).float()),
        "class": chosen,
        "resample": _checks.whole(resample, "Resampling", 1, 10),
        "guidance": _checks.number(guidance, "Guidance", 0, 8),
        "seed": _checks.seed(seed),
    }


def values(found: dict) -> tuple:
    """Settings of a link or a saved picture -> values of the controls. Raises: InputError."""
    view = {"pixels": found.get("pixels"), "mask": found.get("mask"), "from": "hand"}
    numbers = (
        _keep.from_link(found.get(key, value), key.capitalize())
        for key, value in (("resample", 5), ("guidance", 1.0), ("seed", 0))
    )
    clean = settings(view, found.get("class", _models.NONE), *numbers)
    return view, *list(clean.values())[2:]


def question(clean: dict) -> tuple[torch.Tensor, torch.Tensor, dict]:
    """Settings -> x0 [TRIES, 1, 28, 28], known [1, 1, 28, 28], arguments of `inpaint_steps`."""
    known = _pictures.drawing(clean["mask"]) < 0.5
    if known.all():
        raise _checks.InputError("Paint over a part of the picture first: that part is then filled in.")
    options = {
        "generator": torch.Generator().manual_seed(clean["seed"]),
        "labels": _models.labels(NAME, clean["class"], TRIES),
        "steps": STEPS,
        "resample": clean["resample"],
        "guidance": clean["guidance"],
    }
    return _pictures.drawing(clean["pixels"]).repeat(TRIES, 1, 1, 1), known, options


@_checks.stream_handler
def fill(*controls) -> Iterator[dict]:
    """The page's controls -> the control's value, frame by frame."""
    clean = settings(*controls)
    x0, known, options = question(clean)
    model, begun, sent, total = diffusion.load(NAME), time.monotonic(), 0.0, (STEPS - 1) * clean["resample"] + 1
    for step in inpaint_steps(model, x0, known, **options):
        now, last = time.monotonic(), step.nfe == total
        if now - begun > SECONDS:
            raise _checks.InputError(f"This was ended after {SECONDS:.0f} seconds; resample less.")
        if last or now - sent > EVERY:
            sent, x = now, diffusion.picture(step.after).cpu()
            yield {
                "pixels": clean["pixels"],
                "mask": clean["mask"],
                "made": _models.packed(torch.where(known, x0, x) if last else x, 0, 1),
                "believed": _models.packed(diffusion.picture(step.x0), 0, 1),
                "done": step.nfe,
                "total": total,
            }


def fill_first(view, *controls) -> Iterator[dict]:
    """The same when the part is opened, unless there are answers already."""
    if not (isinstance(view, dict) and "made" in view):
        yield from fill(view or start({}), *controls)


def sheet(*controls):
    """The question and its answers as one picture."""
    x0, known, options = question(settings(*controls))
    made = inpaint(diffusion.load(NAME), x0, known, **options)
    asked = torch.where(known, x0[:1], torch.full_like(x0[:1], 0.35))
    return _common.tile(torch.cat([asked, made]), 1 + TRIES, gap=2, zoom=6)


@_checks.handler
def preset(event: gr.EventData):
    """The chosen preset -> the control's value and the number of passes."""
    kind = _checks.choice(event.preset, "The preset", tuple(PRESETS))
    pixels = forward.example({"seed": 8 if kind == "The middle" else 9})
    return {"pixels": pixels, "mask": covered(kind), "from": "example"}, 1 if kind == "No resampling" else 5


def start(_request: dict) -> dict:
    """A digit of our own, its lower half to be filled in."""
    return {"pixels": forward.example({"seed": 9}), "mask": covered("The lower half"), "from": "example"}


def build(tab: gr.Tab) -> list:
    """The part in its sub-tab; returns what `values` fills."""
    _common.lead(
        "<b>Paint over a part</b> of the digit and press Fill in. The network was never trained for this. Look for "
        "answers that differ, and for seams where passes are few."
    )
    pills = _common.presets(PRESETS)
    with gr.Row():
        with gr.Column(scale=4, min_width=280):
            with gr.Row():
                go = gr.Button("Fill in", variant="primary", min_width=80)
                stop = gr.Button("Stop", min_width=80)
            chosen = gr.Dropdown(
                [_models.NONE, *_models.classes(NAME)], value=_models.NONE, label="Class of the answer"
            )
            resample = gr.Slider(1, 10, value=5, step=1, label="Passes of each step (RePaint's resampling)")
            guidance = gr.Slider(0, 8, value=1, step=0.25, label="Guidance (1: none)")
            seed = gr.Number(0, label="Seed", precision=0, minimum=0, maximum=_checks.SEEDS)
        with gr.Column(scale=7, min_width=320):
            functions = [_pictures.centre, _pictures.open_picture, forward.example, start]
            view = _common.control("inpaint", None, functions)
            parts = [view, chosen, resample, guidance, seed]
            _keep.bar(TAB, "inpaint", parts, settings, sheet, values)
    quiet = {"show_progress": "hidden", "api_visibility": "private", **STREAM}
    runs = [tab.select(fill_first, parts, view, **quiet), go.click(fill, parts, view, **quiet)]
    chosen = pills.click(preset, None, [view, resample], **LIGHT, **QUIET)
    runs.append(chosen.success(fill, parts, view, **quiet, **AGAIN))
    _common.ended_by(runs, stop.click, pills.stop)
    return parts

"""Inpainting: paint over a part of a digit, and watch the network fill it so that it fits (RePaint, Lugmayr 2022)."""

import itertools
import time
from collections.abc import Iterator
from typing import Any

import torch
from PIL import Image

from demos._ui import digits, images, validation
from demos._ui.settings import Setting, checked, choice, integer
from demos._ui.tab import Action, Answer, Part, Preset
from demos.diffusion import _models, forward
from genai_core import diffusion
from genai_core.diffusion.inpaint import inpaint, inpaint_steps

NAME = "ddpm-mnist"
SECONDS = 30.0
EVERY = 0.04  # seconds between two frames
TRIES = 4  # answers to the same question, from different noise
AT_ONCE = 150  # passes of the network that a link waits for; the page streams a longer run
INPAINT_STEPS = 25
MASKS = {
    "lower half": lambda mask: mask[14:].fill_(1),
    "middle": lambda mask: mask[9:19, 9:19].fill_(1),
    "all but the middle": lambda mask: mask.fill_(1)[9:19, 9:19].fill_(0),
}


def mask_of(kind: str) -> str:
    """A preset's mask, 784 bytes in base64, 255 where the picture is to be filled in."""
    mask = torch.zeros(28, 28)
    MASKS[kind](mask)
    return digits.packed(mask[None, None])


def _mask(value: Any, _others: Any) -> str:
    return digits.packed((digits.drawing(value) > 0.5).float())


def question(
    pixels: str, mask: str, label: str, resample: int, guidance: float, seed: int
) -> tuple[torch.Tensor, torch.Tensor, dict]:
    """x0 [TRIES, 1, 28, 28], known [1, 1, 28, 28], arguments of `inpaint_steps`. Raises: InputError."""
    known = digits.drawing(mask) < 0.5
    if known.all():
        raise validation.InputError("Paint over a part of the picture first: that part is then filled in.")
    options = {
        "generator": torch.Generator().manual_seed(seed),
        "labels": _models.labels(NAME, label, TRIES),
        "steps": INPAINT_STEPS,
        "resample": resample,
        "guidance": guidance,
    }
    return digits.drawing(pixels).repeat(TRIES, 1, 1, 1), known, options


def fill(**settings: Any) -> Iterator[dict]:
    """The stage's value, frame by frame."""
    x0, known, options = question(**settings)
    model, begun, sent = diffusion.load(NAME), time.monotonic(), 0.0
    total = evaluations(settings["resample"])
    for step in inpaint_steps(model, x0, known, **options):
        now, last = time.monotonic(), step.nfe == total
        if now - begun > SECONDS:
            raise validation.InputError(f"This was ended after {SECONDS:.0f} seconds; resample less.")
        if last or now - sent > EVERY:
            sent, x = now, diffusion.picture(step.after).cpu()
            yield {
                "state": _models.packed(torch.where(known, x0, x) if last else x, 0, 1),
                "predicted": _models.packed(diffusion.picture(step.x0), 0, 1),
                "done": step.nfe,
                "total": total,
                "passes": _models.passes(settings),
            }


def show(**settings: Any) -> dict:
    """The question, and its answers where something is covered; of a long run the first frame, and the page runs it."""
    if not bool((digits.drawing(settings["mask"]) > 0.5).any()):
        return {}
    first, *others = itertools.islice(fill(**settings), 1 if passes(settings) > AT_ONCE else None)
    return others[-1] if others else first


def passes(settings: dict[str, Any]) -> int:
    """Passes of the network in a run."""
    return evaluations(settings["resample"]) * _models.passes(settings)


def evaluations(resample: int) -> int:
    """Evaluations in a run: the last step is not repeated."""
    return (INPAINT_STEPS - 1) * resample + 1


def picture(**settings: Any) -> Image.Image:
    """The question and its answers as one picture."""
    x0, known, options = question(**settings)
    answers = inpaint(diffusion.load(NAME), x0, known, **options)
    asked = torch.where(known, x0[:1], torch.full_like(x0[:1], 0.35))
    return images.tile(torch.cat([asked, answers]), 1 + TRIES, gap=2, zoom=6)


def code(pixels: str, mask: str, label: str, resample: int, guidance: float, seed: int) -> str:
    return f'''import base64

import torch

from genai_core import diffusion
from genai_core.common.pictures import tile
from genai_core.diffusion.inpaint import inpaint


def read(text):
    return torch.tensor(list(base64.b64decode(text)), dtype=torch.float32).view(1, 1, 28, 28) / 255


x0 = read("{pixels}").repeat({TRIES}, 1, 1, 1)
known = read("{mask}") < 0.5
labels = {_models.labels_code(NAME, label, TRIES)}
options = dict(labels=labels, steps={INPAINT_STEPS}, resample={resample}, guidance={guidance})
x = inpaint(diffusion.load("{NAME}"), x0, known, generator=torch.Generator().manual_seed({seed}), **options)
question = torch.where(known, x0[:1], torch.full_like(x0[:1], 0.35))
image = tile(torch.cat([question, x]), {1 + TRIES}, gap=2, zoom=6)
image.save("picture.png")
'''


def preset(kind: str, seed: int, **more: Any):
    return lambda: {"pixels": forward.generated(seed), "mask": mask_of(kind), **more}


PART = Part(
    id="inpaint",
    title="Inpaint",
    lead="<b>Paint over a part</b> of the digit and press Fill in. The network was never trained for this. Look for "
    "answers that differ, and for strokes that do not meet where passes are few.",
    stage="diffusion/inpaint",
    settings=(
        Setting("pixels", digits.DRAWING, lambda others: forward.generated(9), "The picture"),
        Setting(
            "mask", checked(_mask, from_file=digits.mask_from_file), lambda others: mask_of("lower half"), "The mask"
        ),
        Setting(
            "label",
            choice([_models.NONE, *_models.classes(NAME)]),
            _models.NONE,
            "Class of the answer",
            formerly="class",
        ),
        Setting("resample", integer(1, 10), 5, "Passes of each step (RePaint's resampling)"),
        _models.GUIDANCE,
        _models.SEED,
    ),
    presets=(
        Preset(
            "The lower half",
            "Only the top of a 9 is left. What else could stand below it?",
            preset("lower half", 9),
            "Mostly nines again, each with another stem, and one that closes like a 0: each of them joins the top.",
            (
                Answer("Always the same 9.", "The noise differs, and the top leaves more than one way to go on."),
                Answer("Mostly nines, each with another stem."),
                Answer(
                    "Any digit: the half is free.",
                    "It must join what is known: at every step the known half is put back.",
                ),
            ),
        ),
        Preset(
            "The middle",
            "A hole in the middle of an 8: how many digits fit around it?",
            preset("middle", 8),
            "What is left outside decides the digit: nearly every answer is an 8.",
            (
                Answer(
                    "Ten: the hole is free.", "The network sees the outside at every step, and fills what fits to it."
                ),
                Answer("Two or three in equal shares.", "The outside of this 8 leaves next to no choice."),
                Answer("One, nearly always."),
            ),
        ),
        Preset(
            "All but the middle",
            "Only the centre is given. How much does the network dare?",
            preset("all but the middle", 9),
            "With so little known, they need not be the same digit: nines, and fours.",
            (
                Answer("It draws various digits."),
                Answer("It leaves the rest black.", "No training picture is a stroke in the middle of black."),
                Answer("It draws one digit, four times.", "The centre says little, and each noise goes its own way."),
            ),
        ),
        Preset(
            "No resampling",
            "The middle of a 1, in one pass: no step may look again at what it fitted in. Do the strokes meet?",
            preset("middle", 1, resample=1),
            "Two of the four are no plain 1: both parts never met. With five passes all four are.",
            (
                Answer(
                    "Yes: every step sees the known part.",
                    "It does, but at each step what is new was drawn before it could agree with it.",
                ),
                Answer("No, in some of the four."),
                Answer("No, in none of them.", "Often the first guess fits by luck: the outside says much."),
            ),
        ),
    ),
    functions=(digits.centre, digits.open_picture, forward.example),
    form=True,
    actions=(Action("run", "Fill in", primary=True), Action("stop", "Stop")),
    run=fill,
    show=show,
    picture=picture,
    code=code,
)

"""The forward process: any picture, noised to any step under each schedule, with no round trip while it is dragged."""

import functools

import torch
from PIL import Image

from demos._ui import digits, images, validation
from demos._ui.settings import Setting, integer
from demos._ui.tab import Answer, Part, Preset
from demos.diffusion import _models
from genai_core import diffusion
from genai_core.diffusion import schedules

STRIDE = 10  # of the T steps, every tenth is sent to the page
REACH = 4.0  # the noise's values are sent as bytes from -REACH to REACH


@functools.lru_cache(maxsize=64)
def generated(seed: int) -> str:
    """A digit that the few-step student draws, 784 bytes in base64."""
    return digits.packed(_models.from_noise(_models.STUDENT, _models.noise(seed, 1).flatten(1), seed % 10))


def example(request: dict) -> str:
    """{"seed"} -> a digit that the few-step student draws, 784 bytes in base64."""
    return generated(validation.seed(validation.json_object(request).get("seed")))


def noise(request: dict) -> str:
    """{"seed"} -> the noise of that seed, 784 bytes in base64, -REACH as 0 and REACH as 255."""
    seed = validation.seed(validation.json_object(request).get("seed"))
    return _models.packed(_models.noise(seed, 1), -REACH, REACH)


def show(pixels: str, step: int, seed: int) -> dict:
    tables = {name: schedules.schedule(name).t for name in schedules.NAMES}
    return {
        "noise": noise({"seed": seed}),
        "reach": REACH,
        "steps": schedules.T,
        "stride": STRIDE,
        "tables": {name: [round(float(t), 5) for t in table[::STRIDE]] for name, table in tables.items()},
    }


def picture(pixels: str, step: int, seed: int) -> Image.Image:
    """The picture under each schedule side by side."""
    x, eps = digits.drawing(pixels), _models.noise(seed, 1)
    states = [schedules.noised(2 * x - 1, schedules.schedule(name).t[step], eps) for name in schedules.NAMES]
    return images.tile(diffusion.picture(torch.cat(states)), len(states), gap=2, zoom=10)


def code(pixels: str, step: int, seed: int) -> str:
    return f'''import base64

import torch

from genai_core import diffusion
from genai_core.common.pictures import tile

pixels = base64.b64decode(
    "{pixels}"
)
x0 = torch.tensor(list(pixels), dtype=torch.float32).view(1, 1, 28, 28) / 255
states = [
    diffusion.noised(x0, {step}, schedule, generator=torch.Generator().manual_seed({seed}))
    for schedule in {tuple(schedules.NAMES)}
]
image = tile(diffusion.picture(torch.cat(states)), {len(schedules.NAMES)}, gap=2, zoom=10)
image.save("picture.png")
'''


PART = Part(
    id="forward",
    title="Forward",
    lead="<b>Drag the step</b>: a picture drowns in noise, along three schedules. Look for the step at which each one "
    "has lost the picture, and how many more steps it then spends on noise alone.",
    stage="diffusion/forward",
    settings=(
        Setting("pixels", digits.DRAWING, lambda others: generated(3), "The drawing"),
        Setting("step", integer(0, schedules.T - 1), 350, "The step"),
        _models.SEED,
    ),
    presets=(
        Preset(
            "Half of the steps",
            "Step 500 of 1,000 under each schedule. Which one has the least of the picture left?",
            {"step": 500},
            "Linear: the digit has 28 % of its contrast there, and 70 % under the other two.",
            (
                Answer("Linear."),
                Answer("Cosine.", "It was made to lose the picture evenly, and is half-way here."),
                Answer("All the same: half is half.", "How much noise a step adds is what a schedule decides."),
            ),
        ),
        Preset(
            "Two hundred to go",
            "Step 800. What do the last 200 steps of the linear schedule do?",
            {"step": 800},
            "Hardly anything: 4 % of the contrast is left. That is why cosine replaced it (Nichol & Dhariwal 2021).",
            (
                Answer("They take the last fifth of the picture.", "It was lost long before: these steps noise noise."),
                Answer("Hardly anything."),
                Answer("The most: its steps get larger.", "They do, but of what they hide nearly nothing is left."),
            ),
        ),
        Preset(
            "The very last step",
            "Step 999. Is there anything left of the picture?",
            {"step": 999},
            "Under cosine and sigmoid nothing; under linear 0.6 % of the contrast, which no sampler is given.",
            (
                Answer("No, under none of them.", "Almost: the linear one never quite gets there."),
                Answer("Yes, a shadow that can be seen.", "0.6 % of the contrast is far below what an eye could see."),
                Answer("Under one of them, a trace."),
            ),
        ),
    ),
    functions=(digits.centre, digits.open_picture, example, noise),
    show=show,
    picture=picture,
    code=code,
)

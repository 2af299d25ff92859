"""Training history: the same latents at twelve steps of each run, as pictures that the training made."""

import base64
import functools

from PIL import Image

from demos._ui import validation
from demos._ui.settings import Setting, integer
from demos._ui.tab import Answer, Part, Preset
from demos.gan._models import MODEL, NAMES
from genai_core.common import checkpoints


@functools.cache
def steps(name: str) -> list[int]:
    return checkpoints.read_json(name, "config.json")["history"]["steps"]


def strip(name: str) -> bytes:
    """The strip's file: one square sheet a step. Raises: CheckpointError."""
    try:
        return (checkpoints.ASSETS / name / "history.png").read_bytes()
    except OSError:
        raise checkpoints.CheckpointError(
            f"The training history of {name} is missing: restore assets/{name}."
        ) from None


def within(settings: dict) -> dict:
    validation.integer(settings["frame"], "The frame", 0, len(steps(settings["model"])) - 1)
    return settings


def show(model: str, frame: int) -> dict:
    """All sheets of a run, and the step of each."""
    return {"models": NAMES, "steps": steps(model), "strip": base64.b64encode(strip(model)).decode()}


def picture(model: str, frame: int) -> Image.Image:
    """The sheet of one step at 4x."""
    image = validation.saved_png(strip(model)).convert("L")
    side = image.height
    return image.crop((frame * side, 0, (frame + 1) * side, side)).resize((4 * side, 4 * side), 0)


def code(model: str, frame: int) -> str:
    return f'''from PIL import Image

from genai_core.common import checkpoints

steps = checkpoints.read_json("{model}", "config.json")["history"]["steps"]
strip = Image.open(checkpoints.ASSETS / "{model}" / "history.png").convert("L")
side, k = strip.height, {frame}
print("step", steps[k], "of", steps[-1])
image = strip.crop((k * side, 0, (k + 1) * side, side)).resize((4 * side, 4 * side), Image.Resampling.NEAREST)
image.save("picture.png")
'''


PART = Part(
    id="history",
    title="History",
    lead="<b>Drag the step</b> back to the beginning: the same 36 latents, as the generator drew them on its way. Look "
    "for when a digit decides what it is.",
    stage="gan/history",
    settings=(MODEL, Setting("frame", integer(0, 99), 5, "The frame")),
    check=within,
    presets=(
        Preset(
            "The first pictures",
            "Step 46 of 12,000. What do 36 latents of ten classes give so early?",
            {"model": "cgan-mnist", "frame": 3},
            "It is nearly one blot, 36 times: where digits have ink is learned first, and only then what z and the "
            "class are good for.",
            (
                Answer(
                    "Noise, another one for each latent.",
                    "Noise all over the picture is the first thing that a discriminator learns to refuse.",
                ),
                Answer(
                    "Ten blurred digits, one for each class.",
                    "The class is given from the first step on, but the networks have yet to learn to use it.",
                ),
                Answer("The same blot for all of them."),
            ),
        ),
        Preset(
            "When it is a digit",
            "Step 750 of 12,000, a sixteenth of the training. How many of the 36 can be read as their class?",
            {"model": "cgan-mnist", "frame": 7},
            "Our LeNet reads all 36 as their class. Drag to the end: most stay what they are, and only their strokes "
            "change.",
            (
                Answer("All of them."),
                Answer(
                    "Hardly any: most of the training is to come.",
                    "A game moves fastest at its beginning, where the most is left to learn.",
                ),
                Answer(
                    "About half: some classes are learned before others.",
                    "Each batch has all classes, and here they come within the same few hundred steps.",
                ),
            ),
        ),
        Preset(
            "Whose digit is it?",
            "No classes here, and half of the training is done. How many of the 36 latents will change their digit?",
            {"model": "wgan-gp-mnist", "frame": 10},
            "Nearly half of them do, as our LeNet reads them: drag to the end. No loss says which z is which digit. "
            "The conditional model keeps all 36 over the same half.",
            (
                Answer(
                    "None: they have good digits by now.",
                    "A good digit may turn into another good one, and the critic is as content.",
                ),
                Answer("Almost half of them."),
                Answer(
                    "All: each sheet has noise of its own.",
                    "The 36 latents are the same in every sheet; what moves is the generator.",
                ),
            ),
        ),
    ),
    show=show,
    picture=picture,
    code=code,
)

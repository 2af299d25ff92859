"""Training history: the same latents at twelve steps of each run, as pictures that the training made."""

import base64
import functools

from PIL import Image

from demos._ui import validation
from demos._ui.settings import Setting, integer
from demos._ui.tab import Part
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
    show=show,
    picture=picture,
    code=code,
)

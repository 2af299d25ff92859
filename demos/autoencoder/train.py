"""Train an autoencoder with two codes, live: its error beside PCA's, the codes, and what their plane decodes to."""

from collections.abc import Callable, Iterator
from typing import Any

from PIL import Image

from demos._server import lanes
from demos._ui import images, live, sprite_data, validation
from demos._ui.settings import Setting, choice, seed, switch
from demos._ui.sprite_data import FACTORS
from demos._ui.tab import Action, Answer, Part, Preset
from genai_core.autoencoders.live import AEFrame
from genai_core.data import sprites

STEPS = 700
LOSSES = {"mse": "squared error", "bce": "cross-entropy"}


def show(factors: str, loss: str, linear: bool, seed: int) -> dict:
    """Before a training: sprites that vary in these factors."""
    return {"examples": images.png(sprite_data.sheet(factors))}


def frame_value(frame: AEFrame) -> dict:
    """An AEFrame of genai_core.autoencoders.live as the stage's value: numbers, and one small picture."""
    shade, column = sprite_data.shades(frame.factors)
    return {
        "step": frame.step,
        "steps": frame.steps,
        "timed_out": frame.timed_out,
        "mse": frame.mse,
        "pca": frame.mse_pca,
        "xy": images.base64_of(frame.scatter),
        "centre": frame.centre,
        "half": frame.half,
        "shade": shade,
        "by": sprites.FACTORS[column],
        "sheet": images.png(Image.fromarray(frame.decoded)),
    }


def frames(factors: str, loss: str, linear: bool, seed: int, shown: Callable[[AEFrame], Any]) -> Iterator:
    """Train for at most a minute; `shown` of each frame, and None where there is none yet. Raises: InputError."""
    settings = {"vary": FACTORS[factors], "loss": loss, "linear": linear, "steps": STEPS, "seed": seed}
    yield from live.frames("genai_core.autoencoders.live:train_ae", shown, **settings)


def train(factors: str, loss: str, linear: bool, seed: int) -> Iterator[dict | None]:
    """Train for at most a minute; streams frames."""
    yield from frames(factors, loss, linear, seed, frame_value)


def picture(factors: str, loss: str, linear: bool, seed: int, shown=None) -> Image.Image:
    """What is on the stage: the decoded plane ({"sheet": PNG in base64}), or before a training the data."""
    shown = validation.json_object(shown or {}, "The stage")
    if shown.get("sheet") is None:
        return sprite_data.sheet(factors, zoom=2)
    sheet = validation.saved_png(validation.decoded(shown["sheet"], "The stage's picture"))
    return sheet.resize((2 * sheet.width, 2 * sheet.height), Image.Resampling.NEAREST)


def code(factors: str, loss: str, linear: bool, seed: int) -> str:
    return f"""from PIL import Image

from genai_core.autoencoders.live import train_ae

options = dict(vary={FACTORS[factors]}, loss="{loss}", linear={linear}, seed={seed})
for frame in train_ae(**options, steps={STEPS}):
    print(frame.step, "mean squared error:", frame.mse, "PCA:", frame.mse_pca)
image = Image.fromarray(frame.decoded)  # the plane around the codes
image = image.resize((2 * image.width, 2 * image.height), Image.Resampling.NEAREST)
image.save("picture.png")
"""


PART = Part(
    id="train",
    title="Train",
    lead="<b>Press Train</b> and watch two numbers become a code for the shapes. Look for the error falling below "
    "PCA's, and for codes that spread where they like.",
    stage="autoencoder/train",
    settings=(
        Setting("factors", choice(sprite_data.TITLES), "position", "Data"),
        Setting("loss", choice(LOSSES), "mse", "Loss"),
        Setting("linear", switch(), False, "Linear: one matrix in, one out"),
        Setting("seed", seed(), 0, "Seed"),
    ),
    presets=(
        Preset(
            "A map of positions",
            "Two factors, two codes. How far below PCA's error will it come?",
            {"factors": "position"},
            "Far below: a sum of two fixed patterns cannot move a shape, a decoder can.",
            (
                Answer(
                    "Not at all: no two numbers beat PCA’s.",
                    "PCA is the best of the linear codes only.",
                ),
                Answer("To less than a tenth."),
                Answer(
                    "To about a half, as both have two numbers.",
                    "The numbers are as many, but the decoder makes far more of them.",
                ),
            ),
        ),
        Preset(
            "Linear",
            "Without its non-linearities, can the autoencoder still beat PCA?",
            {"linear": True},
            "It comes to PCA’s error and stays there, because it has found the same subspace.",
            (
                Answer(
                    "Yes: it has more weights, and learns longer.",
                    "Whatever its weights, the two matrices together are one linear map, and PCA’s is the best.",
                ),
                Answer(
                    "No, it stays far above: it only approximates.",
                    "This loss has no bad minima: steps downhill lead to the best there is.",
                ),
                Answer("No, but it comes as near as can be."),
            ),
        ),
        Preset(
            "Turned shapes",
            "One factor, the angle, and two codes. On which line will the codes lie?",
            {"factors": "rotation"},
            "After a whole turn the heart looks as it did, and its code is back where it began.",
            (
                Answer("A closed one."),
                Answer(
                    "A straight one: one factor, one number.",
                    "A straight line has two ends, and an angle has none.",
                ),
                Answer(
                    "None: without KL the codes are in disorder.",
                    "The encoder is continuous, so that like pictures have like codes.",
                ),
            ),
        ),
    ),
    form=True,
    actions=(Action("run", "Train", primary=True), Action("stop", "Stop")),
    run=train,
    lane=lanes.TRAIN,
    again=("factors",),
    long=True,
    show=show,
    picture=picture,
    code=code,
)

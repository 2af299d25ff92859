"""One class is normal: draw anything, and see what its autoencoder makes of it, its score, and a threshold's price."""

import functools
from typing import Any

import numpy as np
import torch
from PIL import Image

from demos._ui import digits, images, validation
from demos._ui.settings import Setting, choice, choice_by, number
from demos._ui.tab import Answer, Part, Preset
from demos.autoencoder import _samples
from genai_core import data
from genai_core.autoencoders import anomaly, roc
from genai_core.common import checkpoints

NAMES = {"anomaly-mnist": "digits", "anomaly-fashion": "garments"}
STEP = roc.TOP / roc.BINS  # of the threshold: a bin of the histograms
FLAGGED = 0.05  # of the normal pictures, by the threshold of a first visit
loaded = functools.lru_cache(maxsize=4)(roc.load)


def dataset(name: str) -> str:
    return anomaly.RECIPES[name].dataset


def classes(name: str) -> tuple[str, ...]:
    return data.CLASSES[dataset(name)]


def usual_threshold(others: dict[str, Any]) -> float:
    """Above which no more than FLAGGED of the normal test pictures lie."""
    k = classes(others["model"]).index(others["normal"])
    above = loaded(others["model"])[k, k].flip(0).cumsum(0).flip(0)  # from each bin on
    return round(int((above > FLAGGED * above[0]).sum()) * STEP, 2)


def judged(model: str, normal: str, pixels: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, float]:
    """The picture and what is put in its place, each [1, 1, 28, 28], the error map [28, 28], and the score."""
    x, detectors, k = digits.drawing(pixels), anomaly.load(model), classes(model).index(normal)
    on = x.to(checkpoints.default_device())
    rebuilt = anomaly.rebuild(detectors, on, k)  # [1, 1, 28, 28]: one class, one picture
    error = anomaly.error_map(detectors, on, rebuilt)[0, 0]
    return x, rebuilt.cpu(), error.cpu(), float(anomaly.score(detectors, on, k))


def judge(request: dict) -> dict:
    """The part's settings -> what the detector makes of the picture."""
    settings = PART.parse(request)
    _, rebuilt, error, score = judged(*(settings[key] for key in ("model", "normal", "pixels")))
    return {
        "rebuilt": images.png(images.tile(rebuilt, 1)),
        "error": images.png(images.signed(2 * error)),
        "score": score,
    }


def example(request: dict) -> str:
    """{"model", "seed"} -> a picture of some class that our GAN draws, 784 bytes in base64."""
    request = validation.json_object(request)
    model = validation.choice(request.get("model"), "The model", tuple(NAMES))
    seed = validation.seed(request.get("seed"))
    return _samples.drawn(seed * 7 % _samples.CLASSES, seed, dataset(model))


def show(model: str, normal: str, pixels: str, threshold: float) -> dict:
    """How many test pictures of each class have which score, and the figures on the card."""
    k = classes(model).index(normal)
    metrics = checkpoints.read_json(model, "metrics.json")
    return {
        "classes": list(classes(model)),
        "counts": images.base64_of(loaded(model)[k].numpy().astype(np.int16)),
        "top": roc.TOP,
        "auroc": metrics["auroc_per_class"][k],
        "mean": metrics["auroc"],
    }


def picture(model: str, normal: str, pixels: str, threshold: float) -> Image.Image:
    """The picture, what the detector puts in its place, and the error, side by side."""
    x, rebuilt, error, _ = judged(model, normal, pixels)
    sheet = Image.new("RGB", (3 * 280 + 2 * 20, 280), "white")
    for k, part in enumerate((images.tile(x, 1), images.tile(rebuilt, 1), images.signed(2 * error))):
        sheet.paste(part.convert("RGB").resize((280, 280), Image.Resampling.NEAREST), (k * 300, 0))
    return sheet


def code(model: str, normal: str, pixels: str, threshold: float) -> str:
    k = classes(model).index(normal)
    return f'''import base64

import torch
from PIL import Image

from genai_core.autoencoders import anomaly
from genai_core.common.pictures import signed, tile

pixels = base64.b64decode(
    "{pixels}"
)
x = torch.tensor(list(pixels), dtype=torch.float32).view(1, 1, 28, 28) / 255
model, normal = anomaly.load("{model}"), {k}  # {normal}
rebuilt = anomaly.rebuild(model, x, normal)
error = anomaly.error_map(model, x, rebuilt)[0, 0]
score = anomaly.score(model, x, normal).item()
print(f"score {{score:.2f}}:", "odd" if score >= {threshold:g} else "normal")
image = Image.new("RGB", (3 * 280 + 2 * 20, 280), "white")
for k, part in enumerate((tile(x, 1), tile(rebuilt, 1), signed(2 * error))):
    image.paste(part.convert("RGB").resize((280, 280), Image.Resampling.NEAREST), (k * 300, 0))
image.save("picture.png")
'''


PART = Part(
    id="anomaly",
    title="Anomaly",
    lead="<b>Choose what is normal</b> and draw anything. Its autoencoder never saw another class. Look for the "
    "strokes that it cannot guess, and for what a threshold costs.",
    stage="autoencoder/anomaly",
    settings=(
        Setting("model", choice(NAMES), "anomaly-mnist", "Pictures"),
        Setting(
            "normal", choice_by("model", tuple(NAMES), classes), lambda others: classes(others["model"])[7], "Normal"
        ),
        Setting(
            "pixels",
            digits.DRAWING,
            lambda others: _samples.drawn(2, 1, dataset(others["model"])),
            "The picture",
        ),
        Setting("threshold", number(0, roc.TOP, STEP), usual_threshold, "Threshold"),
    ),
    presets=(
        Preset(
            "One of its own",
            "A seven, where sevens are normal. How near to 1, the usual, is its score?",
            lambda: {"normal": "7", "pixels": _samples.drawn(7, 1)},
            "It is below the threshold: each block could be guessed from the others.",
            (
                Answer("Exactly 1.", "1 is the median of normal pictures: single ones lie around it."),
                Answer("Below the threshold."),
                Answer(
                    "Far above: each hand is different.",
                    "What hands differ in it has learned from thousands of sevens.",
                ),
            ),
        ),
        Preset(
            "A two among sevens",
            "What does an autoencoder of sevens put in the place of a two?",
            lambda: {"normal": "7", "pixels": _samples.drawn(2, 1)},
            "Hardly the lower stroke, which no seven has: there the error map is blue, and the score is far above.",
            (
                Answer("A seven.", "It is given all but one block at a time, and fills it with what fits to the rest."),
                Answer("The two: it copies what it sees.", "The block that it fills is hidden from it."),
                Answer("Strokes of a seven, and no lower one."),
            ),
        ),
        Preset(
            "The hardest",
            "Where eights are normal, which digits pass for one?",
            lambda: {"normal": "8", "pixels": _samples.drawn(3, 1)},
            "No class has a lower AUROC: an eight is put together from strokes that others have, too.",
            (
                Answer("Those with strokes of an 8."),
                Answer("Zeros alone: they are round as well.", "Also 3, 5 and others share strokes with an 8."),
                Answer("None: an 8 is easily told.", "Of all ten classes it is told the worst."),
            ),
        ),
        Preset(
            "A strict threshold",
            "Everything above the usual score is flagged. What does that cost?",
            lambda: {"normal": "7", "pixels": _samples.drawn(7, 1), "threshold": 1.0},
            "Hardly an anomaly is missed, and about half of the sevens are flagged with them.",
            (
                Answer("Nothing: it only finds more.", "A threshold trades one error for the other."),
                Answer("About half of the normal ones."),
                Answer("All of the normal ones.", "The usual score is the median: half of them lie below it."),
            ),
        ),
        Preset(
            "Garments",
            "Where ankle boots are normal, does a pair of trousers stand out more than a sandal?",
            lambda: {
                "model": "anomaly-fashion",
                "normal": "ankle boot",
                "pixels": _samples.drawn(1, 1, "fashion"),
            },
            "Far more: what is most often missed are the other shoes.",
            (
                Answer("No: both are no boots.", "How much a picture surprises depends on how much it shares."),
                Answer(
                    "The sandal: shoes are compared with shoes.", "It shares much with a boot, and so is guessed well."
                ),
                Answer("Far more."),
            ),
        ),
    ),
    functions=(judge, example, digits.open_picture, digits.centre),
    props={"models": NAMES},
    show=show,
    picture=picture,
    code=code,
)

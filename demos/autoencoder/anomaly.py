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
            "A seven, where sevens are normal. The usual score is 1: what is this one’s?",
            lambda: {"normal": "7", "pixels": _samples.drawn(7, 1)},
            "It is even below 1: each block could be guessed from the others.",
            (
                Answer(
                    "0: a seven is rebuilt exactly.",
                    "Each block is hidden and guessed from the others, and no guess hits every pixel.",
                ),
                Answer("About 1 or less, below the threshold."),
                Answer(
                    "Above the threshold: this very seven was never seen.",
                    "It learned what sevens have in common, and not the sevens of its training one by one.",
                ),
            ),
        ),
        Preset(
            "A two among sevens",
            "What does an autoencoder of sevens put in the place of a two?",
            lambda: {"normal": "7", "pixels": _samples.drawn(2, 1)},
            "No seven has a lower stroke like that, so there the error map is blue, and the score is far above the "
            "threshold.",
            (
                Answer(
                    "The same two: an autoencoder copies what it sees.",
                    "It never sees the block that it draws, only others, and there is nothing to copy.",
                ),
                Answer(
                    "A clean seven: it knows nothing else.",
                    "Each block has to fit the blocks around it, and those are of a two.",
                ),
                Answer("A haze with hardly any lower stroke."),
            ),
        ),
        Preset(
            "The hardest",
            "For one of the ten digits it is hardest to tell all others from it. For which?",
            lambda: {"normal": "8", "pixels": _samples.drawn(3, 1)},
            "A three passes nearly as an eight: it is put together from strokes that others have, too. No class has a "
            "lower AUROC.",
            (
                Answer("The 8."),
                Answer(
                    "The 1: a single stroke tells too little.",
                    "It has the highest AUROC: nearly all others have a stroke that no 1 has.",
                ),
                Answer(
                    "The 7: it is written in the most ways.",
                    "Ways to write it are what its autoencoder learns: what counts is whether others can be guessed "
                    "as well.",
                ),
            ),
        ),
        Preset(
            "A strict threshold",
            "Everything above the usual score is flagged. What does that cost?",
            lambda: {"normal": "7", "pixels": _samples.drawn(7, 1), "threshold": 1.0},
            "Hardly an anomaly is missed. But half of all sevens, or nearly so, are flagged with them.",
            (
                Answer(
                    "Nothing: all sevens lie below it.",
                    "It is no upper bound, but the median of the sevens.",
                ),
                Answer(
                    "Anomalies: more of them are missed.",
                    "A lower threshold flags more pictures, anomalies among them.",
                ),
                Answer("False alarms: about half of the sevens."),
            ),
        ),
        Preset(
            "Garments",
            "Where ankle boots are normal, which stands out more: a pair of trousers or a sandal?",
            lambda: {
                "model": "anomaly-fashion",
                "normal": "ankle boot",
                "pixels": _samples.drawn(1, 1, "fashion"),
            },
            "They have more than twice the sandal’s score. What is most often missed are the other shoes.",
            (
                Answer(
                    "Both alike: it was trained on neither.",
                    "Not whether a class was seen is what counts, but how well its blocks can be guessed.",
                ),
                Answer("The trousers."),
                Answer(
                    "The sandal: with shoes it knows every detail.",
                    "It knows boots, and from these much of a sandal can be guessed.",
                ),
            ),
        ),
    ),
    functions=(judge, example, digits.open_picture, digits.centre),
    props={"models": NAMES},
    show=show,
    picture=picture,
    code=code,
)

"""Train: SimCLR on things of three shapes and four colours, live; what it sorts them by, and what it forgets."""

import functools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageChops

from demos._server import lanes
from demos._ui import charts, images, live, validation
from demos._ui.settings import Setting, choice, number, seed, switch
from demos._ui.tab import Action, Answer, Part, Preset
from genai_core.contrastive import live as core
from genai_core.contrastive.live import ContrastiveFrame

STEPS = 200
OBJECTIVES = {"simclr": "SimCLR", "positives": "No negatives", "vicreg": "VICReg"}
COLLAPSED = 0.95  # mean cosine of two pictures from which on the stage says so
COLUMNS = 20  # of the sheet of held-out pictures
CHOSEN = {"objective": "simclr", "temperature": 0.2, "crop": True, "jitter": True, "grey": True}  # at first
PAIRS = 6  # pictures of which two views are shown
PLANE, HALF, THING = 320, 1.1, 20  # of a saved plane: pixels, what half of its side stands for, pixels of a picture


@functools.cache
def sheet() -> Image.Image:
    """The held-out pictures."""
    return images.tile(core.shown()[0], COLUMNS)


def views(**chosen: Any) -> Image.Image:
    """A row of pictures, and below them two views of each."""
    held = core.Held(core.config(**chosen))
    rows = [held.pictures[:PAIRS], *(half[:PAIRS] for half in held.views.chunk(2))]
    return images.tile(torch.cat(rows), PAIRS, gap=2)


def frame_value(frame: ContrastiveFrame) -> dict[str, Any]:
    """A ContrastiveFrame as the stage's value."""
    return {
        "step": frame.step,
        "steps": frame.steps,
        "timed_out": frame.timed_out,
        "loss": None if math.isnan(frame.loss) else frame.loss,
        "positives": images.base64_of(frame.positives),
        "negatives": images.base64_of(frame.negatives),
        "cosines": list(frame.cosines),
        "rank": frame.rank,
        "scatter": images.base64_of(frame.scatter),
        "shape": frame.shape,
        "colour": frame.colour,
        "collapsed": frame.cosines[1] > COLLAPSED,
    }


def show(seed: int, **chosen: Any) -> dict[str, Any]:
    """The held-out pictures where the untrained network puts them, and two views of a few."""
    pictures = {"sheet": images.png(sheet()), "columns": COLUMNS, "views": images.png(views(**chosen))}
    return pictures | frame_value(core.before(core.config(**chosen), seed)) | {"steps": STEPS}


def frames(shown: Callable[[ContrastiveFrame], Any], **settings: Any) -> Iterator:
    """Train for at most a minute; `shown` of each frame, and None where there is none yet. Raises: InputError."""
    yield from live.frames("genai_core.contrastive.live:train_simclr", shown, steps=STEPS, **settings)


def train(**settings: Any) -> Iterator[dict | None]:
    """Train for at most a minute; streams frames."""
    yield from frames(frame_value, **settings)


def read(shown: Any, settings: dict[str, Any]) -> dict[str, Any]:
    """What is on the stage, checked, or what is there before a training. Raises: InputError."""
    shown = validation.json_object(shown or show(**settings), "The stage")
    of_pairs = [_floats(shown.get(name), core.BINS) for name in ("positives", "negatives")]
    scatter = validation.decoded(shown.get("scatter"), "The scatter")
    if len(scatter) != 4 * core.SHOWN:
        raise validation.InputError("The scatter must have two numbers for each picture.")
    numbers = {
        name: validation.number(shown.get(name), f"The {name}", 0, high)
        for name, high in {"step": STEPS, "rank": 1e3, "shape": 1, "colour": 1}.items()
    }
    return numbers | {"scatter": np.frombuffer(scatter, np.int16).reshape(-1, 2) / core.EDGE, "of_pairs": of_pairs}


def _floats(text: Any, count: int) -> np.ndarray:
    data = validation.decoded(text, "The histogram")
    values = np.frombuffer(data, np.float32) if len(data) == 4 * count else np.array([np.nan])
    if not ((values >= 0) & (values <= 1)).all():
        raise validation.InputError("A histogram must be shares from 0 to 1.")
    return values


def plane(scatter: np.ndarray) -> Image.Image:
    """The held-out pictures at their places: where some overlap, the lightest is seen."""
    things = sheet()
    whole = Image.new("RGB", (PLANE, PLANE), things.getpixel((0, 0)))
    for k, (x, y) in enumerate(scatter):
        left, top = core.SIZE * (k % COLUMNS), core.SIZE * (k // COLUMNS)
        thing = things.crop((left, top, left + core.SIZE, top + core.SIZE)).resize((THING, THING))
        layer = Image.new("RGB", whole.size)
        at = (round((1 + x / HALF) * PLANE / 2 - THING / 2), round((1 - y / HALF) * PLANE / 2 - THING / 2))
        layer.paste(thing, at)
        whole = ImageChops.lighter(whole, layer)
    return whole


def picture(shown: Any = None, **settings: Any) -> Image.Image:
    """The plane, the views, and the cosines of pairs."""
    seen = read(shown, settings)
    centres = [(k + 0.5) * 2 / core.BINS - 1 for k in range(core.BINS)]
    histogram = charts.lines(
        [
            charts.Line(name, centres, [100 * v for v in values.tolist()], ink)
            for name, values, ink in zip(
                ("one picture", "two pictures"), seen["of_pairs"], (charts.REAL, charts.NOISE), strict=True
            )
        ],
        across="cosine of two views",
        up="share of the pairs, %",
        low=0,
        said=lambda _: "",
        size=(460, 240),
    )
    pairs = views(**{name: value for name, value in settings.items() if name != "seed"})
    pairs = charts.labelled(pairs.resize((2 * pairs.width, 2 * pairs.height), 0), "pictures, and two views of each")
    sheet_ = charts.beside([plane(seen["scatter"]), charts.below([pairs, histogram])])
    return charts.below([sheet_, charts.sentence(said(seen), sheet_.width)])


def said(seen: dict[str, Any]) -> str:
    """The figures of a frame in one sentence."""
    return (
        f"step {seen['step']:.0f}: of the {core.NEIGHBOURS} nearest to a picture {100 * seen['shape']:.1f} % have its "
        f"shape, {100 * seen['colour']:.1f} % its colour; effective rank {seen['rank']:.2f}"
    )


def says(shown: Any = None, **settings: Any) -> str:
    return said(read(shown, settings))


def code(**settings: Any) -> str:
    options = ", ".join(f"{name}={value!r}" for name, value in settings.items())
    return f"""from genai_core.contrastive.live import train_simclr

options = dict({options})
for frame in train_simclr(**options, steps={STEPS}):
    print(f"loss {{frame.loss:.3f}}, mean cosines {{frame.cosines[0]:.2f}} and {{frame.cosines[1]:.2f}}")
    print(
        f"step {{frame.step:.0f}}: of the {core.NEIGHBOURS} nearest to a picture {{100 * frame.shape:.1f}} % have its "
        f"shape, {{100 * frame.colour:.1f}} % its colour; effective rank {{frame.rank:.2f}}"
    )
"""


PART = Part(
    id="train",
    title="Train",
    lead="<b>Press Train</b>: a network without labels learns which two views show the same picture. Look at what it "
    "puts together, and at what it no longer tells apart.",
    stage="contrastive/train",
    settings=(
        Setting("objective", choice(OBJECTIVES), CHOSEN["objective"], "Objective"),
        Setting(
            "temperature", number(0.05, 1, 0.05), CHOSEN["temperature"], "Temperature", only=("objective", ("simclr",))
        ),
        Setting("crop", switch(), CHOSEN["crop"], "Crop, half of the area at least"),
        Setting("jitter", switch(), CHOSEN["jitter"], "Colour jitter"),
        Setting("grey", switch(), CHOSEN["grey"], "Grey, one view in five"),
        Setting("seed", seed(), 0, "Seed"),
    ),
    presets=(
        Preset(
            "No labels",
            "It is told neither shape nor colour, only which views are of one picture, and a view’s colours are "
            "changed at random. By what will it sort the pictures?",
            {},
            "By shape, in three clusters. Colour is no help in finding the other view, as it has another one there: "
            "red, orange, yellow and pink lie mixed.",
            (
                Answer("By shape and colour, in twelve clusters.", "Two views differ in colour: it cannot help."),
                Answer("By nothing: there are no labels.", "Which views belong together says a lot."),
                Answer("By shape alone, in three clusters."),
            ),
        ),
        Preset(
            "Without the jitter",
            "Now both views keep the picture’s colours. What will the nearest neighbours of a picture share with it?",
            {"jitter": False, "grey": False},
            "Shape and colour. Nothing was added but what is left out: the augmentations decide what an embedding "
            "forgets, and they are chosen by us.",
            (
                Answer("Both shape and colour."),
                Answer("Shape alone, as before.", "Now colour helps to find the other view."),
                Answer("Neither: without jitter, it learns nothing.", "Crops are still to be undone."),
            ),
        ),
        Preset(
            "No negatives",
            "Two views of one picture shall be near, and nothing else is asked for. What is the easiest way to a loss "
            "of 0?",
            {"objective": "positives"},
            "One vector for all: collapse. All cosines are 1, the effective rank is near 1, and the loss near 0 says "
            "nothing of it.",
            (
                Answer("To find each picture’s shape.", "It would do, but there is an easier way."),
                Answer("The same vector for every picture."),
                Answer("To copy the pixels.", "Pixels of two views differ."),
            ),
        ),
        Preset(
            "VICReg",
            "Again there are no negatives, but each number of z shall vary over the batch, and no two alike. Is that "
            "enough?",
            {"objective": "vicreg"},
            "Yes. In a single point nothing varies, so it cannot collapse to one. It finds the shapes, as SimCLR does.",
            (
                Answer("No: without negatives all must collapse.", "They are one remedy; variance is another."),
                Answer("It spreads out, but at random.", "Two views must still be near, and share their shape."),
                Answer("Yes, and it sorts by shape."),
            ),
        ),
        Preset(
            "Temperature 1",
            "The loss divides cosines by the temperature. At 0.2 the most similar negatives are pushed away most; at 1 "
            "all are, nearly alike. What becomes of two stars?",
            {"temperature": 1.0},
            "They come closer: views of one picture have a cosine of more than 0.9, and the effective rank is lower. A "
            "low temperature pushes even stars apart by what else differs, such as their place (Wang & Liu 2021).",
            (
                Answer("They come closer: three dense clusters."),
                Answer("They are pushed apart.", "A low temperature does that: they are the most similar negatives."),
                Answer("Nothing: it only scales the loss.", "It also weighs the negatives against each other."),
            ),
        ),
    ),
    form=True,
    actions=(Action("run", "Train", primary=True), Action("stop", "Stop")),
    run=train,
    lane=lanes.TRAIN,
    again=("objective", "crop", "jitter", "grey", "seed"),
    long=True,
    show=show,
    picture=picture,
    code=code,
    says=says,
)

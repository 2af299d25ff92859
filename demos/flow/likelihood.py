"""Exact bits per dimension of any picture, among those of test pictures: why a high likelihood does not mean "real"."""

import functools
from typing import Any

import numpy as np
import torch
from PIL import Image

from demos._server import lanes
from demos._ui import charts, digits, images, validation
from demos._ui.api import Value, endpoint
from demos._ui.settings import Setting, choice, seed
from demos._ui.tab import Answer, Part, Preset
from demos.flow import _pictures
from genai_core.common import checkpoints
from genai_core.flows import variants
from genai_core.flows.base import DIMENSIONS, bits
from genai_core.flows.evaluation import BINS

MODELS = {
    "realnvp-mnist": "RealNVP, digits",
    "glow-mnist": "Glow, digits",
    "realnvp-fashion": "RealNVP, garments",
}
KINDS = {"mnist": "digits", "fashion": "garments"}
BULK = (5, 95)  # percentiles of test pictures between which a likelihood is called typical
MEASURES = ("bits", "bits_train", "bits_histogram", "bits_quantiles")


def kind(model: str) -> str:
    """What a flow was trained on."""
    return KINDS[variants.RECIPES[model].dataset]


@functools.lru_cache(maxsize=8)
def metrics(model: str) -> dict[str, Any]:
    """What was measured of a flow on its test split. Raises: CheckpointError."""
    measured = checkpoints.read_json(model, "metrics.json")
    if not all(name in measured for name in MEASURES):
        raise checkpoints.damaged(model, "metrics.json", "lacks the likelihoods")
    return measured


def percentile(model: str, value: float) -> float:
    """The share of test pictures, in per cent, that take fewer bits."""
    return float(np.interp(value, metrics(model)["bits_quantiles"], range(101)))


def bulk(model: str) -> tuple[float, float]:
    """The bits between which the BULK of test pictures lies."""
    quantiles = metrics(model)["bits_quantiles"]
    return quantiles[BULK[0]], quantiles[BULK[1]]


def judged(model: str, pixels: str, seed: int) -> dict[str, Any]:
    """A picture's exact likelihood under one flow, and its place among those of test pictures."""
    generator = torch.Generator().manual_seed(seed)
    value = float(bits(variants.load(model), digits.drawing(pixels), generator=generator))
    low, high = bulk(model)
    return {
        "bits": value,
        "nats": (8 - value) * DIMENSIONS * float(np.log(2)),
        "percentile": percentile(model, value),
        "typical": low <= value <= high,
    }


def judge(request: dict) -> dict:
    """The part's settings -> the picture under the chosen flow, and under each other one that is there."""
    settings = PART.parse(request)
    chosen, given = settings["model"], {name: settings[name] for name in ("pixels", "seed")}
    rows = {chosen: judged(chosen, **given)}
    for name in MODELS:
        if name != chosen:
            try:
                rows[name] = judged(name, **given)
            except checkpoints.CheckpointError as error:
                rows[name] = {"error": str(error)}
    return {"rows": rows}


def source(request: dict) -> str:
    """{"kind", "seed", "model"} -> a picture that one of our models draws, 784 bytes in base64."""
    request = validation.json_object(request)
    kind = validation.choice(request.get("kind"), "The picture", tuple(_pictures.KINDS))
    model = validation.choice(request.get("model"), "The flow", tuple(MODELS))
    return _pictures.drawn(kind, validation.seed(request.get("seed")), model)


def show(model: str, **_settings: Any) -> dict:
    """The histograms and figures of the flow's test split; the judgement follows the drawing."""
    measured = metrics(model)
    names = ("bits", "bits_train", "bits_other", "other_above")
    return {
        "models": MODELS,
        "kind": kind(model),
        "kinds": _pictures.KINDS,
        "faint": _pictures.FAINT,
        "bins": BINS,
        "counts": measured["bits_histogram"],
        "others": measured.get("bits_other_histogram"),
        "bulk": bulk(model),
        "figures": {name: measured[name] for name in names if name in measured},
    }


def likelier(place: float) -> str:
    """A percentile as a share of test pictures that take more bits: "38 %", "all"."""
    return "all" if place <= 0 else "none" if place >= 100 else f"{100 - place:.0f} %"


def picture(model: str, pixels: str, seed: int) -> Image.Image:
    """The picture on the histogram of test pictures, and what each flow says of it."""
    measured, own = metrics(model), judged(model, pixels, seed)
    low, high, count = BINS
    width = (high - low) / count
    sets = [(f"test {kind(model)}", measured["bits_histogram"], charts.REAL)]
    if others := measured.get("bits_other_histogram"):
        sets.append(("test digits", others, charts.MADE))
    seen = max(k for _, counts, _ in sets for k in range(count) if counts[k]) + 2  # what has any pictures
    middles = [low + (k + 0.5) * width for k in range(min(seen, count))]
    lines = [
        charts.Line(name, middles, [n / sum(counts) for n in counts[: len(middles)]], ink) for name, counts, ink in sets
    ]
    plot = charts.lines(
        lines,
        across=f"bits per dimension under {MODELS[model]}",
        up=f"Share of pictures; marked: this one, {own['bits']:.2f} bits",
        at=own["bits"],
        said=charts.percent,
        mark=charts.exact_percent,
    )
    rows = [("Flow", "bits per dimension", "likelier than", "typical")]
    for name, title in MODELS.items():
        one = judge({"model": model, "pixels": pixels, "seed": seed})["rows"][name]
        if "error" not in one:
            typical = "yes" if one["typical"] else "no"
            rows.append((title, f"{one['bits']:.3f}", likelier(one["percentile"]), typical))
    return charts.below(
        [charts.beside([images.tile(digits.drawing(pixels), 1, zoom=6), plot], 24), charts.table(rows)], 16
    )


def says(model: str, pixels: str, seed: int) -> str:
    one = judged(model, pixels, seed)
    return (
        f"{one['bits']:.4f} bits per dimension, fewer than {100 - one['percentile']:.1f} % of test pictures\n"
        f"Typical: {one['typical']}"
    )


def code(model: str, pixels: str, seed: int) -> str:
    return f'''import base64

import numpy as np
import torch

from genai_core.common import checkpoints
from genai_core.flows import variants
from genai_core.flows.base import bits

pixels = base64.b64decode(
    "{pixels}"
)
x = torch.tensor(list(pixels), dtype=torch.float32).view(1, 1, 28, 28) / 255
value = float(bits(variants.load("{model}"), x, generator=torch.Generator().manual_seed({seed})))
percentiles = checkpoints.read_json("{model}", "metrics.json")["bits_quantiles"]  # 0 to 100, of test pictures
place = np.interp(value, percentiles, range(101))
print(f"{{value:.4f}} bits per dimension, fewer than {{100 - place:.1f}} % of test pictures")
print("Typical:", percentiles[{BULK[0]}] <= value <= percentiles[{BULK[1]}])
'''


PART = Part(
    id="likelihood",
    title="Likelihood",
    lead="<b>Draw, upload or take a picture</b>: a flow knows its exact likelihood. Look where it lies among test "
    "pictures, and for what is likely without being real.",
    stage="flow/likelihood",
    settings=(
        Setting("model", choice(MODELS), "realnvp-mnist", "Flow"),
        Setting("pixels", digits.DRAWING, lambda others: _pictures.own_digit(3), "The picture"),
        Setting("seed", seed(), 0, "Seed of the noise"),
    ),
    presets=(
        Preset(
            "The surprise",
            "This flow was trained on garments and has never seen a digit. Which does it find likelier?",
            lambda: {"model": "realnvp-fashion", "pixels": _pictures.own_digit(7)},
            "The digit, by far (Nalisnick 2018): it is mostly black, and nothing is likelier here than black. Only "
            "typicality objects: hardly a garment is so likely.",
            (
                Answer(
                    "Garments: they are what it was trained on.",
                    "Training raised their density, and asked nothing of any other picture’s.",
                ),
                Answer("The digit."),
                Answer(
                    "Garments, as what it never saw has density 0.",
                    "The map gives every picture some density, seen or not.",
                ),
            ),
        ),
        Preset(
            "Nothing at all",
            "No digit is black all over. How likely is such a picture?",
            lambda: {"model": "realnvp-mnist", "pixels": _pictures.constant(0)},
            "Likelier than every test digit. A density is highest at its peak, and in 784 dimensions hardly any of its "
            "mass lies there.",
            (
                Answer("Impossible: its density is 0.", "A flow’s density is above 0 everywhere."),
                Answer(
                    "Less likely than any test digit.",
                    "A density does not ask what is a digit, and black is what most pixels of digits are.",
                ),
                Answer("Likelier than every test digit."),
            ),
        ),
        Preset(
            "One level of grey",
            "Every pixel is 1 of 255, which no eye tells from black. Does the flow notice?",
            lambda: {"model": "realnvp-mnist", "pixels": _pictures.constant(1)},
            "It goes from a tenth of a bit to more than 8, worse than a density that has learned nothing: no digit "
            "that it saw had such a ground.",
            (
                Answer("It does: such a picture is all but impossible."),
                Answer(
                    "It does not: the noise that is added hides it.",
                    "That noise fills one level of grey exactly, and so keeps levels apart.",
                ),
                Answer(
                    "It does, a little: the picture costs some hundredths of a bit more.",
                    "What counts is not how far a level is from black, but how rare it is.",
                ),
            ),
        ),
        Preset(
            "A haze that nobody sees",
            "A diffusion model’s digit looks real. What does the flow say of it? Then remove its faint grey.",
            lambda: {"model": "realnvp-mnist", "pixels": _pictures.drawn("diffusion", 3, "realnvp-mnist")},
            "It takes more bits than any test digit, for greys so faint that they look black. Without them the same "
            "digit is typical. A likelihood judges every level of every pixel.",
            (
                Answer(
                    "It is typical, as it looks like a test digit.",
                    "What looks alike need not be near: the flow is given numbers, not looks.",
                ),
                Answer("It is too unlikely."),
                Answer("It is too likely, as models draw cleaner digits.", "This one is less clean than it looks."),
            ),
        ),
        Preset(
            "Its own",
            "The flow draws a picture itself. How likely does it find its own?",
            lambda: {"model": "realnvp-mnist", "pixels": _pictures.drawn("flow", 1, "realnvp-mnist")},
            "It is as likely as test digits are, and no more: samples come from where the mass is, not from the peak.",
            (
                Answer(
                    "Likelier than test digits: it draws what it likes best.",
                    "It does not choose: z is drawn at random.",
                ),
                Answer(
                    "Less likely than test digits, as they are real.",
                    "What is judged here is how well a picture fits the flow, and its samples do by definition.",
                ),
                Answer("About as likely as test digits."),
            ),
        ),
    ),
    functions=(judge, source, digits.open_picture, digits.centre),
    show=show,
    picture=picture,
    code=code,
    says=says,
)


@endpoint(
    PART.table,
    Value(
        "bits per dimension; nats: log p of the picture with noise; percentile of test pictures that take fewer bits; "
        f"typical: whether between percentiles {BULK[0]} and {BULK[1]}"
    ),
    names={"pixels": "picture"},
    lane=lanes.LIGHT,
)
def flow_likelihood(**settings: Any) -> dict:
    """The exact likelihood of a picture under a flow, and its place among test pictures."""
    return judged(**settings)

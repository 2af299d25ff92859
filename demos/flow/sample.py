"""Sample: a grid of a flow's digits at a temperature; a row may keep one scale's latents and draw the other's anew."""

import functools
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from demos._server import lanes
from demos._ui import images
from demos._ui.api import Picture, Value, endpoint
from demos._ui.settings import Setting, choice, choice_by, number, seed
from demos._ui.tab import Answer, Part, Preset
from genai_core import evaluation
from genai_core.flows import base, variants

MODELS = {"glow-mnist": "Glow", "realnvp-mnist": "RealNVP", "nice-mnist": "NICE"}
ALL, FINE, COARSE = "all", "fine", "coarse"
SCALES = {FINE: 0, COARSE: 1}  # of the models that have two
REDRAWN = {ALL: "all latents", FINE: "the fine ones", COARSE: "the coarse ones"}
ROWS, COLUMNS = 4, 6
COUNT = ROWS * COLUMNS


def redrawn(model: str) -> dict[str, str]:
    """The choices of what is drawn anew along a row. NICE has one scale."""
    return {ALL: REDRAWN[ALL]} if model == "nice-mnist" else REDRAWN


def latents(model: str, temperature: float, redraw: str, seed: int) -> list[Tensor]:
    """Those of the grid, row by row, one tensor [COUNT, C, H, W] a scale, finest first.

    With one scale to redraw, a row's first picture has latents of its own, and the others keep those of other scales.
    """
    flow, generator = variants.load(model), torch.Generator().manual_seed(seed)
    if redraw == ALL:
        return base.draw_latents(flow, COUNT, generator=generator, temperature=temperature)
    first, scale = base.draw_latents(flow, ROWS, generator=generator, temperature=temperature), SCALES[redraw]
    kept = [part.repeat_interleave(COLUMNS, 0) for part in first]
    z = base.redraw(flow, kept, scale, generator=generator, temperature=temperature)
    z[scale][::COLUMNS] = first[scale]
    return z


@functools.lru_cache(maxsize=64)  # a class asks for the same grids, and saves them
def pictures(model: str, temperature: float, redraw: str, seed: int) -> Tensor:
    """The grid's pictures [COUNT, 1, 28, 28] in [0, 1]."""
    return base.decode(variants.load(model), latents(model, temperature, redraw, seed)).cpu()


@functools.lru_cache(maxsize=64)
def bits(model: str, temperature: float, redraw: str, seed: int) -> list[float]:
    """Bits per dimension of each of them, as of any picture: with noise of its own (seed 0)."""
    x = pictures(model, temperature, redraw, seed)
    found = base.bits(variants.load(model), x, generator=torch.Generator().manual_seed(0))
    return [round(b, 3) for b in found.tolist()]


def read(x: Tensor) -> tuple[list[int], list[float]]:
    """The digit that the LeNet reads in each picture, and its probability."""
    p = evaluation.read(evaluation.evaluation_classifier("mnist"), x).max(1)
    return p.indices.tolist(), [round(v, 3) for v in p.values.tolist()]


def within(x: Tensor) -> float:
    """The share of the pixels' variance that is within rows, in [0, 1]; the rest is between them."""
    rows = x.view(ROWS, COLUMNS, -1)
    inside = rows.var(1, correction=0).mean(0).sum()
    return float(inside / rows.flatten(0, 1).var(0, correction=0).sum().clamp(min=1e-12))


def figures(redraw: str, x: Tensor, digits: list[int]) -> dict[str, Any]:
    """What a grid of rows says of its scales: the share of variance, and how many are read as their row's first."""
    if redraw == ALL:
        return {"within": None, "same": None}
    same = sum(digits[k] == digits[k - k % COLUMNS] for k in range(COUNT) if k % COLUMNS)
    return {"within": round(within(x), 3), "same": same}


def show(model: str, temperature: float, redraw: str, seed: int) -> dict:
    x = pictures(model, temperature, redraw, seed)
    digits, sure = read(x)
    return {
        "columns": COLUMNS,
        "pictures": images.base64_of(images.pixels(x)),
        "digits": digits,
        "sure": sure,
        "bits": bits(model, temperature, redraw, seed),
        "sizes": [part[0].numel() for part in latents(model, temperature, redraw, seed)],
        **figures(redraw, x, digits),
    }


def picture(**settings: Any) -> Image.Image:
    return images.tile(pictures(**settings), COLUMNS, gap=4, zoom=4)


def code(model: str, temperature: float, redraw: str, seed: int) -> str:
    if redraw == ALL:
        drawn = f"z = base.draw_latents(flow, {COUNT}, generator=generator, temperature=temperature)"
    else:
        drawn = f"""first = base.draw_latents(flow, {ROWS}, generator=generator, temperature=temperature)
z = [part.repeat_interleave({COLUMNS}, 0) for part in first]  # one tensor a scale, finest first
scale = {SCALES[redraw]}  # the {redraw} one
z = base.redraw(flow, z, scale, generator=generator, temperature=temperature)
z[scale][::{COLUMNS}] = first[scale]  # the first of a row has its own"""
    return f'''import torch

from genai_core.common.pictures import tile
from genai_core.flows import base, variants

flow = variants.load("{model}")
generator, temperature = torch.Generator().manual_seed({seed}), {temperature!r}
{drawn}
x = base.decode(flow, z)  # [{COUNT}, 1, 28, 28] in [0, 1]
print("bits per dimension:", base.bits(flow, x, generator=torch.Generator().manual_seed(0)).tolist())
tile(x.cpu(), {COLUMNS}, gap=4, zoom=4).save("picture.png")
'''


PART = Part(
    id="sample",
    title="Sample",
    lead="<b>Drag the temperature</b>, then keep one scale of the latents and <b>redraw the other</b>. Look for what "
    "each scale decides.",
    stage="flow/sample",
    settings=(
        Setting("model", choice(MODELS), "glow-mnist", "Model"),
        Setting("temperature", number(0, 1.2, 0.05), 0.7, "Temperature", "Times the latents that the prior draws."),
        Setting("redraw", choice_by("model", list(MODELS), redrawn), ALL, "Drawn anew along a row"),
        Setting("seed", seed(), 0, "Seed"),
    ),
    presets=(
        Preset(
            "Redraw the fine scale",
            "Half of the 784 latents leave after the first scale. What do they decide?",
            {"redraw": FINE},
            "Pixels of the strokes’ edges: within a row it stays one shape.",
            (
                Answer("How the edges of the strokes look."),
                Answer("Which digit it is.", "That is left to the half that goes on, and it is kept along a row."),
                Answer(
                    "Half of the picture, every other row.",
                    "They stood there, but the couplings draw those pixels from the coarse half as well.",
                ),
            ),
        ),
        Preset(
            "Redraw the coarse scale",
            "The other half goes on to 7 × 7 pixels. With the fine latents kept, what stays of the first picture?",
            {"redraw": COARSE},
            "Next to nothing: the coarse latents decide which shape is drawn.",
            (
                Answer(
                    "The style: slant and thickness.",
                    "Both belong to the shape as a whole, and change along the row, too.",
                ),
                Answer(
                    "Half of it, as half of the latents are kept.",
                    "Latents do not weigh the same: most of the pixels’ variance comes from the other half.",
                ),
                Answer("Next to nothing."),
            ),
        ),
        Preset(
            "Temperature 0",
            "All latents are 0, the prior’s most likely point. What do the pictures of the grid show?",
            {"temperature": 0.0},
            f"An 8, {COUNT} times, whatever the seed. The most likely point is one; draws from the prior lie in the "
            "shell around it, at a distance near 28, which is √784.",
            (
                Answer(
                    "Different digits, each a most typical one.",
                    "With all latents at 0 there is nothing left to differ: the flow is deterministic.",
                ),
                Answer("One digit, in every place."),
                Answer(
                    "A grey mean of all digits, in every place.",
                    "The mean of the latents does not decode to the mean of the pictures: the map bends.",
                ),
            ),
        ),
        Preset(
            "Temperature 1.2",
            "Latents farther out than the prior draws them. What breaks first?",
            {"temperature": 1.2, "model": "realnvp-mnist"},
            "Strokes come apart and specks appear; the flow itself finds such pictures less likely.",
            (
                Answer(
                    "The contrast: black and white turn grey.",
                    "The flow has learned how rare greys are, and draws few of them however far out it is.",
                ),
                Answer(
                    "Nothing: each z belongs to a digit.",
                    "Each z belongs to a picture, but hardly one so far out is a digit.",
                ),
                Answer("The strokes: they fall into pieces."),
            ),
        ),
        Preset(
            "NICE",
            "The first flow moves pixels and never stretches them. What does it draw?",
            {"model": "nice-mnist", "temperature": 0.7, "redraw": ALL},
            "Specks around what is hardly a digit, at more bits than Glow’s pictures take.",
            (
                Answer("Specks, and hardly a digit."),
                Answer(
                    "Glow’s digits, each shifted a little.",
                    "What it shifts are values, pixel by pixel, and not the digit in its picture.",
                ),
                Answer(
                    "Blurred digits, as a VAE does.",
                    "Blur is a mean, and a flow takes none: its noise goes into the pixels as it is.",
                ),
            ),
        ),
    ),
    form=True,
    show=show,
    picture=picture,
    code=code,
)


@endpoint(
    PART.table,
    Picture("The grid, four rows of six"),
    Value(
        "digits, as the LeNet reads each; bits, bits per dimension of each under the flow; within, the share of the "
        "pixels' variance within rows, and same, how many of 20 are read as their row's first, where "
        "a scale is redrawn"
    ),
    takes=("model", "seed", "temperature", "redraw"),
    lane=lanes.STREAM,
)
def flow_sample(**settings: Any) -> tuple[Image.Image, dict]:
    """Sample a flow at a temperature, each row with one scale's latents kept and the other's drawn anew."""
    x = pictures(**settings)
    digits, _ = read(x)
    said = {"digits": digits, "bits": bits(**settings), **figures(settings["redraw"], x, digits)}
    return picture(**settings), said


ENDPOINTS = (flow_sample,)

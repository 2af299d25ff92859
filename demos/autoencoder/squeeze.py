"""Draw a digit and squeeze it into a few numbers: the code, what comes back, and where that errs."""

import torch
from PIL import Image

from demos._ui import charts, digits, images, validation
from demos._ui.settings import Setting, choice
from demos._ui.tab import Answer, Part, Preset
from demos.autoencoder import _models
from demos.autoencoder._models import FAMILY, KINDS, OWN, SIZES

BARS = (2.5, 120)  # standard deviations that a bar of the saved picture spans to either side, and its height


def squeeze(request: dict) -> dict:
    """The part's settings -> the chosen member's code and error map, and what every member makes of the picture."""
    settings = PART.parse(request)
    x = digits.drawing(settings["pixels"])
    family = {name: _models.squeeze(name, x) for name in FAMILY}
    chosen = family[settings["model"]]
    return {
        "codes": [round(v, 2) for v in chosen.codes.tolist()],
        "standard": [round(v, 3) for v in chosen.standard.tolist()],
        "error": images.png(images.signed((chosen.rebuilt - x)[0, 0])),
        "family": {name: {"png": png(one.rebuilt), "mse": one.mse} for name, one in family.items()},
    }


def png(x: torch.Tensor) -> str:
    """One picture [1, 1, 28, 28] as PNG in base64."""
    return images.png(images.tile(x, 1))


def example(request: dict) -> str:
    """{"digit"} -> one of our own digits, 784 bytes in base64."""
    digit = validation.integer(validation.json_object(request).get("digit"), "The digit", 0, OWN - 1)
    return _models.own_digit(digit)


def show(model: str, pixels: str) -> dict:
    """What there is to choose from; the answers follow the drawing."""
    return {"kinds": KINDS, "sizes": SIZES, "titles": FAMILY, "own": [png(x[None]) for x in _models.own_digits()]}


def family_sheet(x: torch.Tensor) -> Image.Image:
    """What each member makes of a picture, with its error: a row for each kind, a column for each size."""
    rows = []
    for kind, title in KINDS.items():
        cells = []
        for size in SIZES:
            one = _models.squeeze(f"{kind}-{size}", x)
            picture = images.tile(one.rebuilt, 1, zoom=4)
            cells.append(charts.labelled(picture, f"{size} codes\n{one.mse:.4f}"))
        rows.append(charts.below([charts.sentence(title, 360), charts.beside(cells)], 2))
    return charts.below(rows)


def code_bars(standard: list[float]) -> Image.Image:
    """A code as bars from its mean, in standard deviations."""
    limit, height = BARS
    step = max(9, min(40, 288 // len(standard)))
    image = Image.new("RGB", (step * len(standard), height), "white")
    for k, value in enumerate(standard):
        end = round(height / 2 * (1 - max(-1.0, min(1.0, value / limit))))
        top, low = sorted((end, height // 2))
        image.paste(charts.REAL, (k * step + 1, top, (k + 1) * step - 1, max(low, top + 1)))
    return image


def picture(model: str, pixels: str) -> Image.Image:
    """The picture, its code, reconstruction and error, and the family below."""
    x = digits.drawing(pixels)
    one = _models.squeeze(model, x)
    strip = [
        charts.labelled(images.tile(x, 1, zoom=5), "x"),
        charts.labelled(code_bars(one.standard.tolist()), "code, −2.5 to 2.5 σ"),
        charts.labelled(images.tile(one.rebuilt, 1, zoom=5), f"rebuilt, error {one.mse:.4f}"),
        charts.labelled(
            images.signed((one.rebuilt - x)[0, 0]).resize((140, 140), Image.Resampling.NEAREST),
            "too bright, too dark",
        ),
    ]
    return charts.below([charts.beside(strip), family_sheet(x)], 20)


def program_of(member: str) -> str:
    """How a program of its own loads and calls a member."""
    if member.startswith("pca"):
        load, size = "principal.load", f", {_models.size(member)}"
    else:
        load, size = "ae.load", ""
    return f"""model = {load}("{_models.checkpoint(member)}")
    z = model.encode(x{size})
    x_hat = model.decode(z)"""


def code(model: str, pixels: str) -> str:
    module = "principal" if model.startswith("pca") else "ae"
    return f'''import base64

import torch

from genai_core.autoencoders import {module}
from genai_core.common.pictures import tile

pixels = base64.b64decode(
    "{pixels}"
)
x = torch.tensor(list(pixels), dtype=torch.float32).view(1, 1, 28, 28) / 255
with torch.inference_mode():
    {program_of(model)}
tile(torch.cat([x, x_hat]), 2, gap=2, zoom=5).save("reconstruction.png")
print("The code:", [round(v, 2) for v in z[0].tolist()])
print(f"Mean squared error of a pixel: {{(x_hat - x).square().mean():.5f}}")
'''


def says(model: str, pixels: str) -> str:
    one = _models.squeeze(model, digits.drawing(pixels))
    return f"The code: {[round(v, 2) for v in one.codes.tolist()]}\nMean squared error of a pixel: {one.mse:.5f}"


def crossed() -> dict:
    """A cross, which is no digit."""
    x = torch.zeros(1, 1, 28, 28)
    steps = torch.arange(6, 22)
    for shift in (-1, 0, 1):
        x[0, 0, steps, steps + shift] = x[0, 0, steps, 27 - steps + shift] = 1
    return {"model": "mse-32", "pixels": digits.packed(x)}


PART = Part(
    id="squeeze",
    title="Squeeze",
    lead="<b>Draw a digit</b>: an encoder keeps a few numbers of its 784 pixels, a decoder rebuilds it from them. Look "
    "for what is lost at 2, 8 and 32 codes, and for what PCA loses.",
    stage="autoencoder/squeeze",
    settings=(
        Setting("model", choice(FAMILY), "mse-8", "Bottleneck"),
        Setting("pixels", digits.DRAWING, lambda others: _models.own_digit(3), "The drawing"),
    ),
    presets=(
        Preset(
            "Two numbers only",
            "A two in two numbers: which of the three kinds still writes one?",
            lambda: {"model": "mse-2", "pixels": _models.own_digit(2)},
            "The autoencoders’ twos are blurred; PCA makes the haze of it that it makes of most digits, like an 8.",
            (
                Answer(
                    "All three: each has two numbers.",
                    "PCA can only add two fixed patterns to a mean, which is too stiff for a two.",
                ),
                Answer(
                    "PCA: it is the best code of its size.",
                    "It is the best of the linear ones, and the autoencoders are not linear.",
                ),
                Answer("Both autoencoders."),
            ),
        ),
        Preset(
            "Thirty-two numbers",
            "PCA has 32 numbers as well. Where is the error of each?",
            lambda: {"model": "pca-32", "pixels": _models.own_digit(4)},
            "PCA adds up fixed patterns, which leave ghosts; the autoencoders have less than a fifth of its error.",
            (
                Answer("PCA’s all around the stroke, theirs along its edges."),
                Answer(
                    "Along the edges of the stroke in both.",
                    "That needs a decoder that can keep what is far from the stroke black.",
                ),
                Answer(
                    "Hardly anywhere: 32 numbers are enough for both.",
                    "They are enough for curved strokes that move and bend, but not as a sum of fixed patterns.",
                ),
            ),
        ),
        Preset(
            "No digit at all",
            "A cross was never among the training pictures. Can 32 numbers say it?",
            crossed,
            "32 numbers leave room for strokes that no digit has. With 2 codes a digit comes out instead; choose them "
            "below and see which.",
            (
                Answer(
                    "No: a digit comes out, as always.",
                    "That depends on how narrow the bottleneck is.",
                ),
                Answer("Nearly."),
                Answer(
                    "No: the decoder draws noise.",
                    "It goes on drawing strokes, also for codes that no training picture had.",
                ),
            ),
        ),
    ),
    functions=(squeeze, example, digits.open_picture, digits.centre),
    show=show,
    picture=picture,
    code=code,
    says=says,
)

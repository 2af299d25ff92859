"""Sparse: which few of 1,024 features draw a picture, each shown, and how their sum builds it up."""

import functools

import torch
from PIL import Image

from demos._ui import digits, images, validation
from demos._ui.settings import Setting, integer
from demos._ui.tab import Answer, Part, Preset
from genai_core import vae
from genai_core.autoencoders import sparse
from genai_core.autoencoders.sparse import SparseAutoencoder

NAME = "sae-mnist"
MOST = sparse.RECIPES[NAME].config.k


@functools.cache
def generated(seed: int) -> str:
    """A digit that our VAE draws, 784 bytes in base64."""
    return digits.packed(vae.sample(vae.load("vae-mnist"), 1, generator=torch.Generator().manual_seed(seed)))


def example(request: dict) -> str:
    """{"seed"} -> a digit that our VAE draws, 784 bytes in base64."""
    return generated(validation.seed(validation.json_object(request).get("seed")))


@functools.cache
def squares() -> str:
    """A chequered square, as no digit is: 784 bytes in base64."""
    rows = torch.arange(28)[:, None].div(4, rounding_mode="floor")
    board = (rows + rows.T) % 2 * ((rows > 0) & (rows < 6) & (rows.T > 0) & (rows.T < 6))
    return digits.packed(board.float()[None, None])


@torch.inference_mode()
def built(model: SparseAutoencoder, x: torch.Tensor, k: int) -> tuple[list[int], list[float], torch.Tensor]:
    """The features that draw x [1, 1, 28, 28], the strongest first, their strengths, and their sum as it builds up.

    The sums are [1 + features, 1, 28, 28]: the mean picture, then with one more feature each time.
    """
    code = model.encode(x.flatten(1).to(model.scale.device), k)[0].cpu()
    order = code.argsort(descending=True)[: int((code > 0).sum())]
    parts = code[order, None] * model.scale.cpu() * model.decoder[order.to(model.decoder.device)].cpu()
    sums = torch.cat([model.pre_bias.cpu()[None], parts]).cumsum(0)
    return order.tolist(), code[order].tolist(), sums.unflatten(1, (1, 28, 28))


def columns(model: SparseAutoencoder, chosen: list[int]) -> Image.Image:
    """Features side by side, each scaled to its own largest value: blue takes away, orange adds."""
    rows = model.decoder[chosen].cpu()
    rows = (rows / rows.abs().amax(1, keepdim=True)).unflatten(1, (28, 28))
    return images.signed(torch.cat(list(rows), dim=1))


def drawn(k: int, pixels: str) -> dict:
    """What draws the picture: features with their strengths, the strongest first, and the error after each of them."""
    model, x = sparse.load(NAME), digits.drawing(pixels)
    chosen, strengths, sums = built(model, x, k)
    errors = (sums - x).square().mean((1, 2, 3)).tolist()
    return {"chosen": chosen, "strengths": strengths, "errors": errors, "sums": sums, "x": x}


def show(k: int, pixels: str) -> dict:
    """The features that draw the picture, and the sums of the first of them."""
    found, model = drawn(k, pixels), sparse.load(NAME)
    chosen, sums = found["chosen"], found["sums"]
    return {
        "chosen": chosen,
        "strengths": [round(v, 3) for v in found["strengths"]],
        "errors": found["errors"],
        "columns": images.png(columns(model, chosen)) if chosen else "",
        "sums": images.png(images.tile(sums, len(sums))),
        "left": images.png(images.signed((sums[-1] - found["x"])[0, 0])),
        "features": model.config.features,
        "most": MOST,
    }


def picture(k: int, pixels: str) -> Image.Image:
    """The picture, its reconstruction and the error, and below them the features that draw it."""
    found, model = drawn(k, pixels), sparse.load(NAME)
    x, sums, chosen = found["x"], found["sums"], found["chosen"]
    strip, wide = columns(model, chosen) if chosen else None, 15
    rows = -(-len(chosen) // wide)
    sheet = Image.new("RGB", (880, 300 + 60 * rows), "white")
    for place, part in enumerate((images.tile(x, 1), images.tile(sums[-1:], 1), images.signed((sums[-1] - x[0])[0]))):
        sheet.paste(part.convert("RGB").resize((280, 280), Image.Resampling.NEAREST), (place * 300, 0))
    for i in range(len(chosen)):
        feature = strip.crop((28 * i, 0, 28 * (i + 1), 28)).resize((56, 56), Image.Resampling.NEAREST)  # type: ignore[union-attr]
        sheet.paste(feature, (i % wide * 58, 300 + i // wide * 60))
    return sheet


def says(k: int, pixels: str) -> str:
    found = drawn(k, pixels)
    return "\n".join(f"feature {i}: {z:.2f}" for i, z in zip(found["chosen"], found["strengths"], strict=True))


def code(k: int, pixels: str) -> str:
    return f'''import base64

import torch
from torchvision.transforms.functional import to_pil_image

from genai_core.autoencoders import sparse

pixels = base64.b64decode(
    "{pixels}"
)
x = torch.tensor(list(pixels), dtype=torch.float32).view(1, 784) / 255
model = sparse.load("{NAME}")
with torch.inference_mode():
    z = model.encode(x, k={k})
    x_hat = model.decode(z)
to_pil_image((x_hat.view(28, 28).clamp(0, 1) * 255).round().byte()).save("reconstruction.png")
for i in z[0].argsort(descending=True)[: int((z > 0).sum())].tolist():
    print(f"feature {{i}}: {{float(z[0, i]):.2f}}")
'''


PART = Part(
    id="sparse",
    title="Sparse",
    lead="<b>Draw a digit</b>: of 1,024 features at most k may draw it again. Look for which they are, and for what "
    "each one adds.",
    stage="autoencoder/sparse",
    settings=(
        Setting("k", integer(1, MOST), 16, "k, active features"),
        Setting("pixels", digits.DRAWING, lambda others: generated(2), "The drawing"),
    ),
    functions=(example, digits.open_picture, digits.centre),
    presets=(
        Preset(
            "Four features",
            "Four of 1,024 may draw it. Is it still a nine?",
            lambda: {"k": 4, "pixels": generated(2)},
            "Four take more than half of the error of the mean picture away, and the LeNet reads a nine.",
            (
                Answer(
                    "No: four in 1,024 is too small a share.",
                    "They are not any four, but the strongest for this very picture.",
                ),
                Answer("Yes."),
                Answer(
                    "No: it is the mean of all digits still.",
                    "That is where the sum begins, before the first feature.",
                ),
            ),
        ),
        Preset(
            "Sixty-four",
            "Sixteen times as many features. How much do the last ones add?",
            lambda: {"k": MOST, "pixels": generated(2)},
            "The first half of them does nine tenths of what all do. Drag “Add up the first” to see it.",
            (
                Answer("Little."),
                Answer(
                    "As much as the first ones: they share the work.",
                    "They are added in the order of their strength, and the last ones are weak.",
                ),
                Answer(
                    "Most of it: details make the digit.",
                    "Details are few pixels: the first features already make it a nine.",
                ),
            ),
        ),
        Preset(
            "No digit",
            "Sixteen features of digits, and a chequered square. Can they draw it?",
            lambda: {"k": 16, "pixels": squares()},
            "They draw less than half of it, where the same number draws three quarters of the nine or more.",
            (
                Answer(
                    "Yes: 1,024 features draw any 784 pixels.",
                    "All together they might; sixteen draw well only what is made of strokes.",
                ),
                Answer(
                    "No: a digit comes out in its place.",
                    "A sum of features need not be a digit, and this one tries to be squares.",
                ),
                Answer("No, only in part."),
            ),
        ),
    ),
    show=show,
    picture=picture,
    code=code,
    says=says,
)

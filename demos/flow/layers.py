"""A digit's way through the layers of a flow and back: its states, the masks, and the ledger of its likelihood."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from demos._server import lanes
from demos._ui import charts, digits, images, validation
from demos._ui.api import Picture, Value, endpoint
from demos._ui.settings import Setting, choice, integer, seed
from demos._ui.tab import Answer, Part, Preset
from demos.flow import _pictures
from genai_core.flows import variants
from genai_core.flows.ledger import Entry, ledger, way_back

MODELS = {"nice-mnist": "NICE", "realnvp-mnist": "RealNVP", "glow-mnist": "Glow"}
PRECISIONS = {"float64": torch.float64, "float32": torch.float32, "bfloat16": torch.bfloat16}
LIMIT = 4.0  # a number that far from 0 has the full colour
LEVELS = 256  # of grey, in [0, 1]
ERROR = 8 / LEVELS  # a pixel's error of the full colour
MOST = 120  # places of the longest way
WIDE = 10  # states in a row of the saved picture


@dataclass(frozen=True, eq=False)
class Journey:
    """One picture's way there, in float64, and its round trips in each precision.

    back: the states on the way back, [layers, 1, 28, 28], the last layer undone first; the last one is what came back.
    """

    entries: list[Entry]
    back: dict[str, Tensor]

    @property
    def states(self) -> Tensor:
        """[layers + 1, 1, 28, 28]: the picture with its noise, and what it is after each layer."""
        return torch.stack([entry.state for entry in self.entries[:-1]])

    @property
    def layers(self) -> int:
        return len(self.entries) - 2

    def errors(self, precision: str) -> list[float]:
        """The largest difference of a number to the way there, after each step of the way back."""
        return (self.back[precision] - self.states[:-1].flip(0)).abs().flatten(1).amax(1).tolist()


def journey(model: str, pixels: str, seed: int, **_settings: Any) -> Journey:
    flow, x = variants.load(model), digits.drawing(pixels)[0]

    def noise() -> torch.Generator:
        return torch.Generator().manual_seed(seed)

    back = {name: way_back(flow, x, generator=noise(), dtype=dtype) for name, dtype in PRECISIONS.items()}
    return Journey(ledger(flow, x, generator=noise()), back)


def int8s(x: Tensor) -> str:
    """Numbers as bytes in base64: LIMIT is 127."""
    return images.base64_of((127 * x / LIMIT).clamp(-127, 127).round().numpy().astype(np.int8))


def bits_of(x: Tensor) -> str:
    """Masks [N, 1, 28, 28] of 0 and 1, a bit each, in base64."""
    return images.base64_of(np.packbits(x.flatten(1).numpy().astype(np.uint8), axis=1))


def reach(entries: list[Entry]) -> list[Tensor]:
    """For each line the numbers [1, 28, 28] that are not latent yet: those that some layer of its scale changes."""
    return [torch.stack([e.changed for e in entries if e.scale == entry.scale]).amax(0) for entry in entries]


def packed(x: Tensor) -> str:
    """Pictures in [0, 1] as bytes in base64."""
    return images.base64_of(images.pixels(x))


def travel(request: dict) -> dict:
    """The part's settings -> every state of the way, the masks, the ledger, and what came back."""
    settings = PART.parse(request)
    way = journey(**settings)
    states, turned = way.states, way.back[settings["precision"]]
    return {
        "layers": way.layers,
        "states": int8s(torch.cat([states, turned])),
        "ends": packed(torch.stack([states[0], *(back[-1].double() for back in way.back.values())])),
        "off": images.base64_of(
            np.concatenate([_error_bytes(back[-1] - states[0]) for back in way.back.values()]).astype(np.int8)
        ),
        "changed": bits_of(torch.stack([entry.changed for entry in way.entries])),
        "reach": bits_of(torch.stack(reach(way.entries))),
        "lines": [
            {"name": e.name, "scale": e.scale, "bits": e.bits, "nats": e.nats, "count": int(e.changed.sum())}
            for e in way.entries
        ],
        "about": [[float(state.mean()), float(state.std())] for state in torch.cat([states, turned])],
        "errors": {name: way.errors(name) for name in PRECISIONS},
    }


def _error_bytes(error: Tensor) -> np.ndarray:
    return (127 * error / ERROR).clamp(-127, 127).round().numpy()


def example(request: dict) -> str:
    """{"digit"} -> one of our own digits, 784 bytes in base64."""
    label = validation.integer(validation.json_object(request).get("digit"), "The digit", 0, _pictures.CLASSES - 1)
    return _pictures.own_digit(label)


def show(**settings: Any) -> dict:
    """What there is to choose from; the journey follows the drawing."""
    return {"models": MODELS, "limit": LIMIT, "own": packed(_pictures.own_digits())}


def grid(states: Tensor, lines: list[str]) -> Image.Image:
    """States as signed maps, WIDE in a row, each with its line."""
    pictures = [
        charts.labelled(images.signed(s[0] / LIMIT).resize((84, 84), Image.Resampling.NEAREST), line)
        for s, line in zip(states, lines, strict=True)
    ]
    return charts.grid(pictures, WIDE, 8)


SHORT = {"affine coupling": "affine", "additive coupling": "additive", "mixture coupling": "mixture"}
SHORT |= {"1 x 1 convolution": "1 x 1 conv."}  # names that a small picture is as wide as


def picture(model: str, pixels: str, precision: str, place: int, seed: int) -> Image.Image:
    """Every state with what its layer adds to the bits per dimension, the sum, and what came back."""
    way = journey(model, pixels, seed)
    lines = [f"{SHORT.get(e.name, e.name)}\n{signed_bits(e.bits)}" for e in way.entries[:-1]]
    prior, total = way.entries[-1], sum(e.bits for e in way.entries)
    said = charts.sentence(f"prior {signed_bits(prior.bits)}; together {total:.3f} bits per dimension", 900)
    ends = [charts.labelled(images.tile(way.states[:1], 1, zoom=4), "v, the picture with its noise")]
    for name, back in way.back.items():
        error = (back[-1] - way.states[0])[0]
        large = images.signed(error / ERROR).resize((112, 112), Image.Resampling.NEAREST)
        ends += [
            charts.labelled(images.tile(back[-1:], 1, zoom=4), f"back, {name}"),
            charts.labelled(large, f"off by {off(way.errors(name)[-1])}"),
        ]
    return charts.below([grid(way.states, lines), said, charts.beside(ends, 20)])


def signed_bits(bits: float) -> str:
    """-0.0312 -> "−0.031"; what rounds to nothing is "0"."""
    return "0" if abs(bits) < 5e-4 else f"{bits:+.3f}".replace("-", "−")


def off(error: float) -> str:
    """An error of a pixel in levels of grey: "6.7 levels", "0.0003 levels"."""
    return f"{LEVELS * error:.2g} levels"


def says(model: str, pixels: str, precision: str, place: int, seed: int) -> str:
    way = journey(model, pixels, seed)
    total = sum(entry.bits for entry in way.entries)
    errors = ", ".join(f"{LEVELS * way.errors(name)[-1]:.2g} in {name}" for name in PRECISIONS)
    return f"{total:.4f} bits per dimension\nLargest error in levels of grey: {errors}"


def code(model: str, pixels: str, precision: str, place: int, seed: int) -> str:
    return f'''import base64

import torch

from genai_core.flows import variants
from genai_core.flows.ledger import ledger, roundtrip

pixels = base64.b64decode(
    "{pixels}"
)
x = torch.tensor(list(pixels), dtype=torch.float32).view(1, 28, 28) / 255
model, total = variants.load("{model}"), 0.0
for entry in ledger(model, x, generator=torch.Generator().manual_seed({seed})):
    total += entry.bits  # entry.state is what the picture is after this layer
    print(f"{{entry.name:20}} {{int(entry.changed.sum()):3}} numbers {{entry.bits + 0:7.3f}} bits, sum {{total:7.3f}}")
errors = []
for dtype in (torch.float64, torch.float32, torch.bfloat16):
    v, back = roundtrip(model, x[None], generator=torch.Generator().manual_seed({seed}), dtype=dtype)
    errors.append(f"{{256 * float((back - v).abs().max()):.2g}} in {{str(dtype).removeprefix('torch.')}}")
print(f"{{total:.4f}} bits per dimension")
print("Largest error in levels of grey:", ", ".join(errors))
'''


PART = Part(
    id="layers",
    title="Layers",
    lead="<b>Move the slider</b>: a digit goes through every layer to noise, and back. Look for what each layer adds "
    "to its likelihood, and what rounding loses.",
    stage="flow/layers",
    settings=(
        Setting("model", choice(MODELS), "realnvp-mnist", "Flow"),
        Setting("pixels", digits.DRAWING, lambda others: _pictures.own_digit(3), "The digit"),
        Setting("precision", choice(tuple(PRECISIONS)), "float32", "Way back in", applies=lambda settings: False),
        Setting("place", integer(0, MOST), 3, "Place on the way", applies=lambda settings: False),  # all are saved
        Setting("seed", seed(), 0, "Seed of the noise"),
    ),
    presets=(
        Preset(
            "Only shifts",
            "NICE’s couplings shift and never stretch. Which lines of its ledger can be other than 0?",
            lambda: {"model": "nice-mnist", "pixels": _pictures.own_digit(3), "place": 2},
            "The histogram’s, the scale’s and the prior’s, besides the 8 bits that every picture begins with. Each "
            "coupling’s log |det J| is exactly 0, whatever it is given: it can only move numbers to where the prior "
            "is dense.",
            (
                Answer(
                    "All of them: every layer moves numbers.",
                    "The ledger counts how volumes change, not how far numbers move.",
                ),
                Answer("All but those of the couplings."),
                Answer(
                    "Only the prior’s.",
                    "Outside of the couplings each number is also stretched on its own, and that counts.",
                ),
            ),
        ),
        Preset(
            "Half leave early",
            "After the second squeeze half of the 784 numbers are latent already. Which ones stay as they are?",
            lambda: {"model": "realnvp-mnist", "pixels": _pictures.own_digit(5), "place": 20},
            "Those of every other row, grey in the mask: they left after the first scale, and no later layer touches "
            "them or is given them. In the states from here on those rows stay as they are.",
            (
                Answer(
                    "Those of the upper half of the picture.",
                    "What leaves are channels, and each has numbers from all over the picture.",
                ),
                Answer(
                    "Those of the empty ground around the digit.",
                    "They leave by their place in each block of 2 × 2, whatever is drawn there.",
                ),
                Answer("Those of every other row."),
            ),
        ),
        Preset(
            "Eight bits on the way",
            "Between two layers each number is rounded to bfloat16, 8 bits of precision. Does the digit come back?",
            lambda: {
                "model": "realnvp-mnist",
                "pixels": _pictures.own_digit(2),
                "precision": "bfloat16",
                "place": MOST,
            },
            "It does to the eye. But pixels are off by whole levels of grey, and in float32 by less than a hundredth "
            "of one: a flow is an inverse on paper only as far as its arithmetic is exact.",
            (
                Answer("It looks so, but pixels are off by levels of grey."),
                Answer(
                    "It does exactly: each layer has an inverse.",
                    "The inverse undoes the layer, and not the rounding after it.",
                ),
                Answer(
                    "It does not: after 27 layers only noise is left.",
                    "Errors do add up, but these layers stretch little and leave them small.",
                ),
            ),
        ),
        Preset(
            "Where the map is flat",
            "Glow bends space by mixtures of logistics. Does this 8, with this noise, come back in float32?",
            lambda: {"model": "glow-mnist", "pixels": _pictures.own_digit(8), "place": MOST, "seed": 106},
            "Less well than others: a pixel is off by tens of times the usual thousandth of a level. Between two "
            "narrow components the map is nearly flat, and going back from there multiplies what was rounded. float64 "
            "rounds half a billion times more finely, and brings it back.",
            (
                Answer(
                    "Yes, as exactly as every other digit.",
                    "How much an error grows depends on the slope of the map where the picture is.",
                ),
                Answer(
                    "Not at all: what is flat has no inverse.",
                    "Nearly flat is not flat: there is an inverse, and it is steep.",
                ),
                Answer("Yes, but less exactly than others."),
            ),
        ),
        Preset(
            "An empty picture",
            "Nothing is drawn, and the numbers are noise from the beginning. What does the ledger come to?",
            lambda: {"model": "realnvp-mnist", "pixels": _pictures.constant(0), "place": 1},
            "To about a tenth of a bit a pixel, less than for any test digit. See Likelihood for why that makes no "
            "digit of it.",
            (
                Answer(
                    "To many bits, as it is no digit.",
                    "Black is what this flow has seen most of, and what it codes for next to nothing.",
                ),
                Answer("To hardly any bits."),
                Answer(
                    "To exactly 0 bits, as nothing is told.",
                    "That a pixel is black is told as well, and costs a little as long as others are possible.",
                ),
            ),
        ),
    ),
    functions=(travel, example, digits.open_picture, digits.centre),
    show=show,
    picture=picture,
    code=code,
    says=says,
)


@endpoint(
    PART.table,
    Picture("Every state with its line of the ledger, and what came back in each precision"),
    Value(
        "bits per dimension; ledger: of each line name, bits, nats and changed, how many numbers it may change; "
        "errors: the largest of a pixel in [0, 1], of each precision"
    ),
    takes=("model", "pixels", "seed"),
    names={"pixels": "picture"},
    lane=lanes.STREAM,
)
def flow_layers(**settings: Any) -> tuple[Image.Image, dict]:
    """Send a digit through the layers of a flow and back, with the ledger of log |det J| of its likelihood."""
    way = journey(**settings)
    lines = [{"name": e.name, "bits": e.bits, "nats": e.nats, "changed": int(e.changed.sum())} for e in way.entries]
    return picture(**settings), {
        "bits": sum(line["bits"] for line in lines),
        "ledger": lines,
        "errors": {name: way.errors(name)[-1] for name in PRECISIONS},
    }

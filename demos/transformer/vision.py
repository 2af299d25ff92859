"""Vision: a garment as a sequence of patches, which are moved and taken away, read by a ViT and by a CNN beside it."""

import functools
from collections.abc import Callable
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from demos._ui import charts, digits, images, validation
from demos._ui.settings import Setting, choice, number, seed
from demos._ui.tab import Answer, Part, Preset
from genai_core import gan
from genai_core.common import checkpoints
from genai_core.transformer import vit

NETWORKS = {"vit-fashion": "ViT", "cnn-fashion": "CNN"}
NAMES = vit.GARMENTS
SHARES = {"moved": vit.MOVED, "taken": vit.TAKEN}
ROLLOUT = "rollout"
LAYERS, HEADS = vit.FASHION.n_layer, vit.FASHION.n_head
SIDE = vit.FASHION.size // vit.FASHION.patch  # patches in a row
SEEN = {ROLLOUT: "all layers (rollout)"} | {str(k): f"layer {k}" for k in range(1, LAYERS + 1)}


@functools.lru_cache(maxsize=64)
def garment(label: int, number: int = 0) -> str:
    """A garment of a class that our GAN draws, 784 bytes in base64."""
    generator = torch.Generator().manual_seed(100 * label + number)
    x = gan.sample(gan.load("cgan-fashion"), 1, generator=generator, labels=torch.tensor([label]), truncation=0.7)
    return digits.packed(x.cpu())


def example(request: dict) -> str:
    """{"label", "number"} -> such a garment."""
    request = validation.json_object(request)
    label = validation.integer(request.get("label"), "The class", 0, len(NAMES) - 1)
    return garment(label, validation.integer(request.get("number", 0), "The number", 0, 99))


def arrangement(moved: float, taken: float, seed: int) -> tuple[Tensor, Tensor]:
    """Which patch stands at each place, and which are left, [49] each. Shares in per cent."""
    order = vit.moved(SIDE * SIDE, moved / 100, torch.Generator().manual_seed(seed))
    return order, vit.left(SIDE * SIDE, taken / 100, torch.Generator().manual_seed(seed + 1))


def seen(pixels: str, moved: float, taken: float, seed: int) -> Tensor:
    """The picture as the networks get it, [1, 1, 28, 28]."""
    return vit.disturb(digits.drawing(pixels), vit.FASHION, *arrangement(moved, taken, seed))


@torch.inference_mode()
def read(pixels: str, moved: float, taken: float, seed: int) -> dict[str, list[float]]:
    """p of every class by each network."""
    order, kept = arrangement(moved, taken, seed)
    found = {name: vit.logits(vit.load(name), digits.drawing(pixels), order, kept) for name in NETWORKS}
    return {name: values.softmax(-1)[0].tolist() for name, values in found.items()}


def looks(pixels: str, moved: float, taken: float, seed: int, where: str) -> list[float | None]:
    """How much the class token looks at each place, None where nothing is left; of one layer the mean of its heads."""
    order, kept = arrangement(moved, taken, seed)
    model: Any = vit.load("vit-fashion")
    tokens = model.patches(vit.disturb(digits.drawing(pixels), vit.FASHION, order, kept))[:, kept]
    found = model.attentions_of(tokens)
    shares = vit.rollout(found)[0] if where == ROLLOUT else found[int(where) - 1].mean(1)[0, 0, 1:]
    placed = torch.full((SIDE * SIDE,), torch.nan)
    placed[kept] = shares.cpu()
    return [None if v != v else round(v, 4) for v in placed.tolist()]


def curves() -> dict[str, dict[str, list[float]]]:
    """The accuracies on test pictures that were measured of each network, with patches moved and taken away."""
    found = {name: checkpoints.read_json(name, "metrics.json") for name in NETWORKS}
    return {kind: {name: found[name][f"accuracy_{kind}"] for name in NETWORKS} for kind in SHARES}


def show(pixels: str, moved: float, taken: float, seed: int, where: str) -> dict[str, Any]:
    order, kept = arrangement(moved, taken, seed)
    return {
        "names": NAMES,
        "networks": NETWORKS,
        "side": SIDE,
        "seen": digits.packed(seen(pixels, moved, taken, seed)),
        "order": order.tolist(),
        "kept": kept.int().tolist(),
        "read": {name: [round(v, 4) for v in p] for name, p in read(pixels, moved, taken, seed).items()},
        "looks": looks(pixels, moved, taken, seed, where),
        "curves": curves(),
        "shares": SHARES,
    }


def attention_board(pixels: str, moved: float, taken: float, seed: int, where: str) -> Image.Image:
    """The picture as the networks get it, brighter where the class token looks."""
    x = seen(pixels, moved, taken, seed)[0, 0]
    shares = torch.tensor([v or 0.0 for v in looks(pixels, moved, taken, seed, where)]).view(SIDE, SIDE)
    light = (shares / shares.max()).repeat_interleave(vit.FASHION.patch, 0).repeat_interleave(vit.FASHION.patch, 1)
    return images.tile((x * (0.25 + 0.75 * light))[None, None], 1, zoom=8)


def picture(pixels: str, moved: float, taken: float, seed: int, where: str) -> Image.Image:
    """The picture as it was and as it is read, where the ViT looks, and what both say."""
    found = read(pixels, moved, taken, seed)
    boards = [
        charts.labelled(images.tile(digits.drawing(pixels), 1, zoom=8), "the picture"),
        charts.labelled(images.tile(seen(pixels, moved, taken, seed), 1, zoom=8), "what is read"),
        charts.labelled(attention_board(pixels, moved, taken, seed, where), f"the ViT: {SEEN[where]}"),
    ]
    inks = {"vit-fashion": charts.MADE, "cnn-fashion": charts.REAL}
    bars = [charts.bars(p, NAMES, inks[name], title=NETWORKS[name], width=330) for name, p in found.items()]
    return charts.below([charts.beside(boards), charts.beside(bars)])


def code(pixels: str, moved: float, taken: float, seed: int, where: str) -> str:
    return f"""import base64

import torch

from genai_core.transformer import vit

pixels = base64.b64decode("{pixels}")
x = torch.tensor(list(pixels), dtype=torch.float32).view(1, 1, 28, 28) / 255
order = vit.moved({SIDE * SIDE}, {moved / 100:g}, torch.Generator().manual_seed({seed}))
kept = vit.left({SIDE * SIDE}, {taken / 100:g}, torch.Generator().manual_seed({seed + 1}))
for name in {tuple(NETWORKS)}:
    p = vit.logits(vit.load(name), x, order, kept).softmax(-1)[0]
    print(f"{{name}}: {{vit.GARMENTS[int(p.argmax())]}} with {{float(p.max()):.1%}}")
"""


def says(pixels: str, moved: float, taken: float, seed: int, where: str) -> str:
    return "\n".join(
        f"{name}: {NAMES[p.index(max(p))]} with {max(p):.1%}" for name, p in read(pixels, moved, taken, seed).items()
    )


def of_class(name: str, **more: Any) -> Callable[[], dict[str, Any]]:
    """The settings of a preset with a garment of a class."""
    return lambda: {"pixels": garment(NAMES.index(name)), **more}


PART = Part(
    id="vision",
    title="Vision",
    lead="<b>Move patches, or take them away</b>: a ViT reads the picture as a sequence of 49 patches, and a CNN "
    "slides over it. See who gives up first, and where the ViT looks.",
    stage="transformer/vision",
    settings=(
        Setting("pixels", digits.DRAWING, lambda others: garment(9), "The picture"),
        Setting("moved", number(0, 100, 1), 0.0, "Patches moved, %"),
        Setting("taken", number(0, 100, 1), 0.0, "Patches taken away, %"),
        Setting("where", choice(SEEN), ROLLOUT, "Where the ViT looks"),
        Setting("seed", seed(), 0, "Seed"),
    ),
    presets=(
        Preset(
            "All patches moved",
            "All 49 patches of the boot change places: nothing is lost but their order. Attention is a sum over a set; "
            "does the ViT still see a boot?",
            of_class("Ankle boot", moved=100),
            "No, nor does the CNN. To each token the ViT adds a learned position, and each patch now has that of "
            "another. With its own position on it a patch could stand anywhere in the sequence.",
            (
                Answer("Yes: attention does not ask for the order.", "True of tokens; positions are part of them."),
                Answer("The ViT does, the CNN does not.", "Both have learned what lies where, each in its own way."),
                Answer("No, nor does the CNN."),
            ),
        ),
        Preset(
            "Half of the trousers",
            "24 of 49 patches are gone. The CNN sees grey there, and the ViT is not even given their tokens. What is "
            "left of the trousers?",
            of_class("Trousers", taken=50),
            "Trousers, for both. A picture says most things more than once, and a sequence may be shorter. Much of "
            "what a ViT is given can be left out: that is how masked autoencoders are trained (He 2021).",
            (
                Answer("Trousers, for both."),
                Answer("Nothing the ViT can read: it needs 49 tokens.", "It takes a sequence of any length."),
                Answer("About half as much certainty.", "Certainty does not fall in proportion; look at the curves."),
            ),
        ),
        Preset(
            "Who gives up first?",
            "Half of a boot's patches are gone. In training both saw pictures with one grey square, and the ViT always "
            "had all 49 tokens. Which of them still says boot?",
            of_class("Ankle boot", taken=50),
            "The CNN. Grey is what it knows from training; a sequence of 25 tokens is new to the ViT. Over the test "
            "pictures the CNN stays ahead as well, until very little is left.",
            (
                Answer("The ViT: it leaves out what is gone.", "It can, but it was never trained to."),
                Answer("The CNN."),
                Answer("Neither.", "Half of the patches show most of a boot."),
            ),
        ),
    ),
    props={"seen": SEEN, "classes": NAMES},
    functions=(digits.centre, digits.open_picture, example),
    show=show,
    picture=picture,
    code=code,
    says=says,
)

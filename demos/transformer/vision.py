"""Vision: a garment as a sequence of patches, which are moved and taken away, read by a ViT and by a CNN beside it."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from PIL import Image, ImageColor
from torch import Tensor

from demos._ui import charts, digits, images, validation
from demos._ui.settings import Setting, choice, choice_by, number, seed
from demos._ui.tab import Answer, Part, Preset
from demos.transformer import _pictures
from demos.transformer._pictures import CONFIGS, NETWORKS, TITLES
from genai_core.common import checkpoints
from genai_core.transformer import vit

SHARES = {"moved": vit.MOVED, "taken": vit.TAKEN}
ROLLOUT = "rollout"


def layers(dataset: str) -> dict[str, str]:
    """Where one can see the ViT of a data set look: {value of the setting: what the page says}."""
    return {ROLLOUT: "all layers (rollout)"} | {str(k): f"layer {k}" for k in range(1, CONFIGS[dataset].n_layer + 1)}


def example(request: dict) -> str:
    """{"dataset", "label", "number"} -> a picture of this class."""
    request = validation.json_object(request)
    dataset = validation.choice(request.get("dataset", "fashion"), "The data set", tuple(CONFIGS))
    label = validation.integer(request.get("label"), "The class", 0, vit.CLASSES - 1)
    return _pictures.example(dataset, label, validation.integer(request.get("number", 0), "The number", 0, 99))


def open_in_colour(request: dict) -> str:
    """{"png": any picture file in base64} -> its middle square, 32 x 32 in colour."""
    data = validation.decoded(validation.json_object(request).get("png"), "That file")
    return _pictures.from_file("cifar10", data)


def arrangement(dataset: str, moved: float, taken: float, seed: int) -> tuple[Tensor, Tensor]:
    """Which patch stands at each place, and which are left, [T] each. Shares in per cent."""
    t = _pictures.side(dataset) ** 2
    order = vit.moved(t, moved / 100, torch.Generator().manual_seed(seed))
    return order, vit.left(t, taken / 100, torch.Generator().manual_seed(seed + 1))


def seen(dataset: str, pixels: str, moved: float, taken: float, seed: int) -> Tensor:
    """The picture as the networks get it, [1, C, size, size]."""
    order, kept = arrangement(dataset, moved, taken, seed)
    return vit.disturb(_pictures.tensor(dataset, pixels), CONFIGS[dataset], order, kept)


@torch.inference_mode()
def read(dataset: str, pixels: str, moved: float, taken: float, seed: int) -> dict[str, list[float]]:
    """p of every class by each network."""
    order, kept = arrangement(dataset, moved, taken, seed)
    x = _pictures.tensor(dataset, pixels)
    found = {name: vit.logits(vit.load(name), x, order, kept) for name in NETWORKS[dataset]}
    return {name: values.softmax(-1)[0].tolist() for name, values in found.items()}


def looks(dataset: str, pixels: str, moved: float, taken: float, seed: int, where: str) -> list[float | None]:
    """How much the class token looks at each place, None where nothing is left; of one layer the mean of its heads."""
    _, kept = arrangement(dataset, moved, taken, seed)
    model: Any = vit.load(next(iter(NETWORKS[dataset])))
    tokens = model.patches(seen(dataset, pixels, moved, taken, seed))[:, kept]
    found = model.attentions_of(tokens)
    shares = vit.rollout(found)[0] if where == ROLLOUT else found[int(where) - 1].mean(1)[0, 0, 1:]
    placed = torch.full(kept.shape, torch.nan)
    placed[kept] = shares.cpu()
    return [None if v != v else round(v, 4) for v in placed.tolist()]


def curves(dataset: str) -> dict[str, dict[str, list[float]]]:
    """The accuracies on test pictures that were measured of each network, with patches moved and taken away."""
    found = {name: checkpoints.read_json(name, "metrics.json") for name in NETWORKS[dataset]}
    return {kind: {name: metrics[f"accuracy_{kind}"] for name, metrics in found.items()} for kind in SHARES}


def show(dataset: str, pixels: str, moved: float, taken: float, seed: int, where: str) -> dict[str, Any]:
    order, kept = arrangement(dataset, moved, taken, seed)
    found = read(dataset, pixels, moved, taken, seed)
    return {
        "networks": NETWORKS[dataset],
        "side": _pictures.side(dataset),
        "size": CONFIGS[dataset].size,
        "seen": digits.packed(seen(dataset, pixels, moved, taken, seed)),
        "order": order.tolist(),
        "kept": kept.int().tolist(),
        "read": {name: [round(v, 4) for v in p] for name, p in found.items()},
        "looks": looks(dataset, pixels, moved, taken, seed, where),
        "curves": curves(dataset),
        "shares": SHARES,
    }


def attention_board(dataset: str, pixels: str, moved: float, taken: float, seed: int, where: str) -> Tensor:
    """The picture as the networks get it, tinted where the class token looks, as on the stage: [1, 3, size, size]."""
    config, side = CONFIGS[dataset], _pictures.side(dataset)
    shares = torch.tensor([v or 0.0 for v in looks(dataset, pixels, moved, taken, seed, where)]).view(side, side)
    light = (shares / shares.max()).repeat_interleave(config.patch, 0).repeat_interleave(config.patch, 1)
    tint = torch.tensor(ImageColor.getrgb(charts.ACCENT))[:, None, None] / 255
    return 0.55 * light * tint + (0.2 + 0.45 * light) * seen(dataset, pixels, moved, taken, seed)


def picture(dataset: str, pixels: str, moved: float, taken: float, seed: int, where: str) -> Image.Image:
    """The picture as it was and as it is read, where the ViT looks, and what both say."""
    found = read(dataset, pixels, moved, taken, seed)
    boards = {
        "the picture": _pictures.tensor(dataset, pixels),
        "what is read": seen(dataset, pixels, moved, taken, seed),
        f"the ViT: {layers(dataset)[where]}": attention_board(dataset, pixels, moved, taken, seed, where),
    }
    drawn = [charts.labelled(images.tile(x, 1, zoom=7), title) for title, x in boards.items()]
    bars = [
        charts.bars(p, vit.NAMES[dataset], ink, title=title, width=330)
        for p, ink, title in zip(found.values(), (charts.MADE, charts.REAL), NETWORKS[dataset].values(), strict=True)
    ]
    return charts.below([charts.beside(drawn), charts.beside(bars)])


def code(dataset: str, pixels: str, moved: float, taken: float, seed: int, where: str) -> str:
    config, t = CONFIGS[dataset], _pictures.side(dataset) ** 2
    return f"""import base64

import torch

from genai_core.transformer import vit

pixels = base64.b64decode("{pixels}")
x = torch.tensor(list(pixels), dtype=torch.float32).view(1, {config.size}, {config.size}, {config.channels}) / 255
order = vit.moved({t}, {moved / 100:g}, torch.Generator().manual_seed({seed}))
kept = vit.left({t}, {taken / 100:g}, torch.Generator().manual_seed({seed + 1}))
for name in {tuple(NETWORKS[dataset])}:
    p = vit.logits(vit.load(name), x.movedim(-1, 1), order, kept).softmax(-1)[0]
    print(f"{{name}}: {{vit.NAMES['{dataset}'][int(p.argmax())]}} with {{float(p.max()):.1%}}")
"""


def says(dataset: str, pixels: str, moved: float, taken: float, seed: int, where: str) -> str:
    return "\n".join(
        f"{name}: {vit.NAMES[dataset][p.index(max(p))]} with {max(p):.1%}"
        for name, p in read(dataset, pixels, moved, taken, seed).items()
    )


def first(others: Mapping[str, Any]) -> str:
    """What stands there before one has chosen a picture: a boot, or a ship."""
    return _pictures.example(others["dataset"], {"fashion": 9, "cifar10": 8}[others["dataset"]])


def of_class(name: str, **more: Any) -> Callable[[], dict[str, Any]]:
    """The settings of a preset with a garment or a thing of a class."""
    dataset = next(dataset for dataset, names in vit.NAMES.items() if name in names)
    return lambda: {
        "dataset": dataset,
        "pixels": _pictures.example(dataset, vit.NAMES[dataset].index(name)),
        **more,
    }


PART = Part(
    id="vision",
    title="Vision",
    lead="<b>Move patches, or take them away</b>: a ViT reads the picture as a sequence of patches, and a CNN slides "
    "over it. See who gives up first, and where the ViT looks.",
    stage="transformer/vision",
    settings=(
        Setting("dataset", choice(TITLES), "fashion", "Pictures"),
        Setting("pixels", _pictures.PIXELS, first, "The picture"),
        Setting("moved", number(0, 100, 1), 0.0, "Patches moved, %"),
        Setting("taken", number(0, 100, 1), 0.0, "Patches taken away, %", "One stays at least."),
        Setting("where", choice_by("dataset", tuple(CONFIGS), layers), ROLLOUT, "Where the ViT looks"),
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
            "Trousers, for both. A picture says most things more than once, and a sequence may be shorter. Not every "
            "garment is as easy: over the test pictures the ViT, never trained so, is right in half (see the curves).",
            (
                Answer("Trousers, for both."),
                Answer("Nothing the ViT can read: it needs 49 tokens.", "It takes a sequence of any length."),
                Answer("A dress: one leg looks like one.", "What is left between the legs tells them apart."),
            ),
        ),
        Preset(
            "Who gives up first?",
            "Half of a boot's patches are gone. In training both saw pictures with one grey square, and the ViT always "
            "had all 49 tokens. Which of them still says boot?",
            of_class("Ankle boot", taken=50),
            "The CNN. Grey is what it knows from training; a sequence of 25 tokens is new to the ViT. Press Other "
            "patches: the ViT says boot in about half of the draws, and the CNN in nearly all.",
            (
                Answer("The ViT: it leaves out what is gone.", "It can, but it was never trained to."),
                Answer("The CNN."),
                Answer("Neither.", "Half of the patches show most of a boot."),
            ),
        ),
        Preset(
            "A drawing of a ship",
            "Both networks of things in colour were trained on photographs, 5,000 of each class. Do they know a ship "
            "that is a handful of shapes?",
            of_class("Ship"),
            "Both say ship. At 32 × 32 pixels a drawing and a photograph are not far apart: the sky above, the sea "
            "below, something long and dark between. Photograph or upload your own to find where that ends.",
            (
                Answer("Neither: they have seen photographs alone.", "What they look for is in the drawing, too."),
                Answer("Both do."),
                Answer("The CNN, which sees shapes.", "It has no notion of shapes that a ViT lacks; try both."),
            ),
        ),
        Preset(
            "The sea without the ship",
            "The ship is gone: sky, sea and nothing else. What do they say of an empty sea?",
            lambda: {"dataset": "cifar10", "pixels": _pictures.sea()},
            "Ship, and surely so. In the photographs the sea goes with ships, and the loss asks for the label, not "
            "for the reason: a shortcut (Geirhos 2020). There is no class for “nothing”, either.",
            (
                Answer("About 10 % for each class.", "They would say so only had they been trained to."),
                Answer("Ship."),
                Answer("Airplane, for the sky.", "The sky alone might do that; the horizon and the sea do not."),
            ),
        ),
        Preset(
            "An airplane in 64 pieces",
            "All patches have moved, as in the first question, but this time in colour. Is anything left of the "
            "airplane?",
            of_class("Airplane", moved=100),
            "Both still say airplane: most patches are clear sky, and say so wherever they lie. Of the test pictures "
            "both read few that are in pieces, but more than the 10 % of guessing. The ship is no ship any more: try "
            "it.",
            (
                Answer("No: of the boot nothing was left, either.", "A garment is its outline, and has no colour."),
                Answer("Yes, for both."),
                Answer("Yes, for the CNN, which needs no positions.", "It does; and the ViT says airplane, too."),
            ),
        ),
    ),
    props={
        "datasets": {
            dataset: {"title": title, "names": vit.NAMES[dataset], "seen": list(layers(dataset).items())}
            for dataset, title in TITLES.items()
        }
    },
    functions=(digits.centre, digits.open_picture, open_in_colour, example),
    show=show,
    picture=picture,
    code=code,
    says=says,
)

"""Model: a few pictures and their captions on their way through CLIP to its loss, every value of it."""

import functools
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from demos._ui import charts, graph, images
from demos._ui.graph import Graph, Node
from demos._ui.settings import Setting, choice, integer, seed
from demos._ui.tab import Answer, Part, Preset
from demos.clip import _models
from demos.clip._models import MODELS, NAMES
from genai_core import clip
from genai_core.clip import evaluation
from genai_core.data import scenes

MOST = 8  # pairs
LEARNED = "learned"
SCALES = {LEARNED: "learned", "1": "1", "10": "10", "100": "100"}
PAIRS = {
    "different": "all different",
    "alike": "1 and 2 alike",
    "exchanged": "1 and 2 with colours exchanged",
}

GRAPH = Graph(
    (
        Node(
            "pictures",
            "pictures",
            "picture",
            (0, 0),
            "N pictures, line by line; picture i belongs to caption i.",
            "x₁ … x_N",
            ink="real",
        ),
        Node(
            "captions",
            "captions",
            "tokens",
            (0, 2),
            "N captions: whole words are the tokens of this model.",
            "t₁ … t_N",
            ink="made",
        ),
        Node(
            "image_tower",
            "f (images)",
            "narrows",
            (1, 0),
            "The image tower, learned: a ResNet with attention pooling, from 12,288 values to a unit vector.",
            "I = f(x) / ||f(x)||",
            clip.CLIP.image_features,
            "real",
        ),
        Node(
            "text_tower",
            "g (texts)",
            "narrows",
            (1, 2),
            "The text tower, learned: a transformer over the words, read at the last token, to a unit vector.",
            "T = g(t) / ||g(t)||",
            clip.CLIP.text_features,
            "made",
        ),
        Node(
            "images",
            "I",
            "matrix",
            (2, 0),
            "The embeddings of the pictures: row i is the unit vector of picture i.",
            "||Iᵢ|| = 1",
            clip.CLIP.image_features,
            "real",
            line="F.normalize",
        ),
        Node(
            "texts",
            "T",
            "matrix",
            (2, 2),
            "The embeddings of the captions, in the same space: row j is the unit vector of caption j.",
            "||Tⱼ|| = 1",
            clip.CLIP.text_features,
            "made",
            line="F.normalize",
        ),
        Node(
            "cosines",
            "I Tᵀ",
            "matrix",
            (3, 1),
            "The cosine of every picture with every caption: row i is picture i, column j caption j. Training wants "
            "the diagonal, the true pairs, to be the brightest.",
            "Iᵢ · Tⱼ",
            clip.loss,
            "accent",
            line="ClipLoss()",
        ),
        Node(
            "scale",
            "s",
            "number",
            (3, 2),
            "The scale of the logits, one over the temperature, learned with the towers: cosines alone lie too close "
            "together for a softmax.",
            "s = exp(logit_scale) ≤ 100",
            clip.CLIP.scale.fget,
            "accent",
            line="exp()",
        ),
        Node(
            "logits",
            "logits",
            "matrix",
            (4, 1),
            "The cosines times s: row i is picture i, column j caption j.",
            "s Iᵢ · Tⱼ",
            clip.loss,
            "accent",
            line="ClipLoss()",
        ),
        Node(
            "rows",
            "p(text|image)",
            "matrix",
            (5, 0),
            "A softmax of each row: which caption does picture i belong to? Each row sums to 1.",
            "softmaxⱼ(s Iᵢ · Tⱼ)",
            clip.loss,
            "real",
            line="ClipLoss()",
        ),
        Node(
            "columns",
            "p(image|text)",
            "matrix",
            (5, 2),
            "A softmax of each column: which picture does caption j belong to? Each column sums to 1.",
            "softmaxᵢ(s Iᵢ · Tⱼ)",
            clip.loss,
            "made",
            line="ClipLoss()",
        ),
        Node(
            "rows_loss",
            "−log p",
            "number",
            (6, 0),
            "The mean of −log p over the diagonal: the cross-entropy of the rows, where caption i is the right answer.",
            "−(1/N) Σ log p(tᵢ|xᵢ)",
            clip.loss,
            "real",
            "nat",
            line="ClipLoss()",
        ),
        Node(
            "columns_loss",
            "−log p",
            "number",
            (6, 2),
            "The same of the columns, where picture j is the right answer.",
            "−(1/N) Σ log p(xⱼ|tⱼ)",
            clip.loss,
            "made",
            "nat",
            line="ClipLoss()",
        ),
        Node(
            "loss",
            "loss",
            "number",
            (7, 1),
            "The mean of both: what training makes small. Guessing among N pairs costs log N.",
            "½ (rows + columns)",
            clip.loss,
            "accent",
            "nat",
            line="ClipLoss()",
        ),
    ),
    (
        ("pictures", "image_tower"),
        ("captions", "text_tower"),
        ("image_tower", "images"),
        ("text_tower", "texts"),
        ("images", "cosines"),
        ("texts", "cosines"),
        ("cosines", "logits"),
        ("scale", "logits"),
        ("logits", "rows"),
        ("logits", "columns"),
        ("rows", "rows_loss"),
        ("columns", "columns_loss"),
        ("rows_loss", "loss"),
        ("columns_loss", "loss"),
    ),
)


@functools.lru_cache(maxsize=32)  # the scale changes nothing of it
def encoded(model: str, pairs: str, n: int, seed: int) -> tuple[tuple[str, ...], Tensor, Tensor, Tensor]:
    """Captions, their pictures [N, 3, 64, 64], and the unit vectors [N, D] of both, on the CPU."""
    captions, shown = zip(*evaluation.pairs(pairs, n, seed), strict=True)
    own, x = clip.load(model), scenes.render(shown)
    return captions, x, own.encode_image(x), own.encode_text(captions)


def computed(model: str, images: Tensor, texts: Tensor, scale: str) -> dict[str, Tensor]:
    """All that the loss is computed from, for unit vectors [N, D] of pictures and of captions."""
    s = torch.tensor(_models.scale(clip.load(model)) if scale == LEARNED else float(scale))
    s.requires_grad_(torch.is_grad_enabled())
    cosines = images @ texts.T
    logits, right = s * cosines, torch.arange(len(images))
    rows_loss, columns_loss = F.cross_entropy(logits, right), F.cross_entropy(logits.T, right)
    numbers = {"rows_loss": rows_loss, "columns_loss": columns_loss, "loss": (rows_loss + columns_loss) / 2}
    return {"images": images, "texts": texts, "cosines": cosines, "scale": s, "logits": logits, **numbers}


@torch.inference_mode()
def values(model: str, pairs: str, n: int, scale: str, seed: int) -> dict[str, Any]:
    """Every value of the graph, on the CPU."""
    captions, x, images, texts = encoded(model, pairs, n, seed)
    found = computed(model, images, texts, scale)
    rows, columns = (found["logits"].softmax(axis) for axis in (1, 0))
    return {"pictures": x, "captions": captions, "rows": rows, "columns": columns, **found}


def path(model: str, pairs: str, n: int, scale: str, seed: int) -> tuple[Tensor, dict[str, Tensor | None]]:
    """The loss, and what it depends on by each box, from the unit vectors on."""
    images, texts = (vectors.clone().requires_grad_() for vectors in encoded(model, pairs, n, seed)[2:])
    found = computed(model, images, texts, scale)
    return found["loss"], {**found, "rows": None, "columns": None}


def show(**settings: Any) -> dict[str, Any]:
    found = values(**settings)
    return {"values": graph.values(GRAPH, found), "note": f"Captions: {numbered(found['captions'])}."}


def numbered(captions: tuple[str, ...]) -> str:
    return "; ".join(f"{k}. {caption}" for k, caption in enumerate(captions, 1))


def picture(**settings: Any) -> Image.Image:
    """The pictures, the cosines with the captions, and the captions and the loss below them."""
    found = values(**settings)
    cosines, names = found["cosines"], [str(k) for k in range(1, len(found["captions"]) + 1)]
    cells = np.asarray(images.signed(cosines / cosines.abs().max()))
    title = "Cosines: a row for each picture, a column for each caption"
    heat = charts.matrix(cells, names, names, title="", side=44)
    loss = f"s = {float(found['scale']):.1f}, loss {float(found['loss']):.3f} nat."
    said = f"Captions: {numbered(found['captions'])}. {loss}"
    sheet = images.tile(found["pictures"], 4, gap=4, zoom=2, between=255)
    return charts.below([charts.sentence(title), charts.beside([sheet, heat]), charts.sentence(said)])


def says(**settings: Any) -> str:
    found = values(**settings)
    cosines = [[round(v, 2) for v in row] for row in found["cosines"].tolist()]
    return f"cosines {cosines}\ns = {float(found['scale']):.2f}, loss {float(found['loss']):.4f} nat"


def code(model: str, pairs: str, n: int, scale: str, seed: int) -> str:
    s = "float(model.scale)" if scale == LEARNED else scale
    return f"""import torch
import torch.nn.functional as F

from genai_core import clip
from genai_core.clip import evaluation
from genai_core.data import scenes

captions, drawn = zip(*evaluation.pairs("{pairs}", {n}, {seed}))
model = clip.load("{model}")
images, texts = model.encode_image(scenes.render(drawn)), model.encode_text(captions)
cosines = images @ texts.T
s = {s}
logits, right = s * cosines, torch.arange({n})
loss = (F.cross_entropy(logits, right) + F.cross_entropy(logits.T, right)) / 2
print("cosines", [[round(v, 2) for v in row] for row in cosines.tolist()])
print(f"s = {{s:.2f}}, loss {{loss:.4f}} nat")
"""


PART = Part(
    id="model",
    title="Model",
    lead="<b>Change the pairs</b> and follow them to the matrix in the middle: its diagonal holds the true pairs. "
    "<b>Click a box</b> for its equation and its source.",
    stage="model",
    settings=(
        Setting("model", choice(NAMES), MODELS[0], "Model"),
        Setting("pairs", choice(PAIRS), "different", "Captions"),
        Setting("n", integer(2, MOST), 4, "Pairs N"),
        Setting("scale", choice(SCALES), LEARNED, "Scale s"),
        Setting("seed", seed(), 0, "Seed"),
    ),
    presets=(
        Preset(
            "Eight pairs",
            "Each picture has seven wrong captions to choose from. Does the loss go up?",
            {"n": MOST},
            "Hardly: the diagonal is still the brightest of each row and column. In training it was one of 256.",
            (
                Answer(
                    "It doubles: twice as many captions.",
                    "A guess would go from log 4 to log 8; but this model does not guess.",
                ),
                Answer("Hardly."),
                Answer(
                    "It falls: there is more to compare with.",
                    "More wrong captions can only take probability away from the right one.",
                ),
            ),
        ),
        Preset(
            "Temperature 1",
            "The cosines are not scaled any more. How sure is the softmax?",
            {"scale": "1"},
            "Not at all: the loss is above 1 nat, and log 4 = 1.39 would be a guess, although each picture is still "
            "nearest to its own caption. That is why s is learned.",
            (
                Answer(
                    "As sure as before: the order is the same.",
                    "The order is, but the softmax sees differences, and those of cosines are below 2.",
                ),
                Answer("Hardly surer than a guess."),
                Answer("Surer: nothing is watered down.", "s multiplies the differences; without it they are small."),
            ),
        ),
        Preset(
            "Two captions alike",
            "Two pictures have the same caption. How small can the loss become?",
            {"pairs": "alike"},
            "No smaller than 2/4 log 2 = 0.35 nat: columns 1 and 2 are equal, and neither can have more than half. "
            "Training does not know that both are right.",
            (
                Answer(
                    "0: both captions are right.",
                    "The loss wants each picture to choose one caption, and these two cannot be told apart.",
                ),
                Answer("A guess among four, log 4.", "Pictures 3 and 4 are as clear as before; only 1 and 2 share."),
                Answer("About a third of a nat."),
            ),
        ),
        Preset(
            "The same words",
            "Captions 1 and 2 exchange their colours. Can CLIP as published tell them apart?",
            {"model": MODELS[1], "pairs": "exchanged"},
            "No: the four cosines of these two are nearly equal, as of a bag of words, and the loss is that of two "
            "captions alike.",
            (
                Answer("Hardly at all."),
                Answer(
                    "Yes: the words are in another order.",
                    "The text encoder sees the order, but nothing in training made it matter.",
                ),
                Answer(
                    "Yes: the pictures differ.",
                    "The pictures do. What is compared are embeddings, and they name the same things and colours.",
                ),
            ),
        ),
        Preset(
            "With hard negatives",
            "The same pairs, and the model that was trained on such. What has changed?",
            {"model": MODELS[0], "pairs": "exchanged"},
            "The diagonal stands out of the four, by a tenth or so, which the scale makes much of: the loss is small.",
            (
                Answer("The cosines are all lower.", "What counts is the difference within a row."),
                Answer("The diagonal stands out, if not by much."),
                Answer(
                    "Nothing: the network is the same.",
                    "The network is; it was trained with captions of exchanged words among the wrong ones.",
                ),
            ),
        ),
    ),
    form=True,
    wide=True,
    functions=(graph.description(GRAPH), graph.backward(GRAPH, path, lambda request: PART.parse(request))),
    show=show,
    picture=picture,
    code=code,
    says=says,
)

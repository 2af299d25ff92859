"""What programs can ask of the transformer tab."""

from collections.abc import Iterator
from typing import Any

from demos._server import lanes
from demos._ui.api import Value, endpoint
from demos._ui.settings import Table
from demos.transformer import _models, attention, block, examples, fill, positions, train, translate, vision
from genai_core.transformer import vit


@endpoint(
    Table(attention.PART.settings, attention.PART.check),
    Value(
        "tokens that the one that looks can see, of a GPT those up to it; weights: what it gives each of them, a "
        "share; scores: q · k of these"
    ),
)
def transformer_attention(**settings: Any) -> dict[str, Any]:
    """Where one token of a text looks, in one head of a GPT or a BERT."""
    names = {name: settings[name] for name in ("model", "text", "layer", "head", "scale", "temperature")}
    _, steps = attention.steps_of(**names)
    query = settings["query"]
    end = attention.seen(settings["model"], query, len(steps.weights))
    return {
        "tokens": _models.names(settings["model"], settings["text"])[:end],
        "weights": [round(w, 4) for w in steps.weights[query, :end].tolist()],
        "scores": [round(s, 3) for s in steps.scores[query, :end].tolist()],
    }


@endpoint(
    Table(block.PART.settings, block.PART.check),
    Value(
        "tokens; next: the likeliest tokens with their probabilities; lens: what each layer would say, the embedding "
        "first; loss: nats per token of the text; loss_whole: the same with nothing off"
    ),
)
def transformer_block(model: str, text: str, token: int, off: str) -> dict[str, Any]:
    """What a GPT says after a token, layer by layer, with heads and MLPs switched off."""
    return {
        "tokens": _models.names(model, text),
        "next": {name: p for name, p, _ in block.ranked(model, text, token, off)},
        "lens": [row[token] for row in block.lens_of(model, text, off)],
        "loss": round(block.mean(block.losses(model, text, off)), 4),
        "loss_whole": round(block.mean(block.losses(model, text, "")), 4),
    }


@endpoint(
    Table(train.PART.settings, train.PART.check),
    Value("step, steps, loss in nat per symbol; exact: the share of other inputs that are right; output, wanted"),
    lane=lanes.TRAIN,
)
def transformer_train(task: str, digits: str, sum: str, seed: int) -> Iterator[dict | None]:
    """Train an encoder and a decoder on digits for less than a minute; streams the answer to one input."""
    for frame in train.train(task, digits, sum, seed):
        names = ("step", "steps", "loss", "exact", "output", "wanted")
        yield frame and {name: frame[name] for name in names}


@endpoint(
    Table(translate.PART.settings[:-1], translate.PART.check),  # without the token that the page shades
    Value(
        "translation; log_p of it, in nat, and its score; source, target: the tokens; alignment: how much the decoder "
        "looks at each of the source before it writes each of the target, shares; bleu, chrf: against the reference, "
        "null without one"
    ),
)
def transformer_translate(text: str, reference: str, width: int, alpha: float, layer: int, head: int) -> dict[str, Any]:
    """Translate an English sentence into French by beam search."""
    shown = translate.show(text, reference, width, alpha, layer, head, 0)
    weights = translate.alignment(text, width, alpha, layer, head)[: len(shown["target"])]
    return {
        **{name: shown[name] for name in ("translation", "source", "target")},
        "log_p": round(shown["finals"][0]["log_p"], 4),
        "score": round(shown["finals"][0]["score"], 4),
        "alignment": [[round(w, 4) for w in row] for row in weights.tolist()],
        **(shown["scores"] or {"bleu": None, "chrf": None}),
    }


@endpoint(
    Table(tuple(setting for setting in vision.PART.settings if setting.name != "where")),  # the page alone shows that
    Value(
        "Of each network the probability of each class",
        {"type": "object", "additionalProperties": {"type": "object", "additionalProperties": {"type": "number"}}},
    ),
    takes=("pixels", "moved", "taken", "seed", "dataset"),
    names={"pixels": "picture"},
)
def transformer_vision(dataset: str, pixels: str, moved: float, taken: float, seed: int) -> dict[str, dict[str, float]]:
    """Ask a ViT and a CNN what a picture shows, with patches of it moved or taken away."""
    found = vision.read(dataset, pixels, moved, taken, seed)
    return {name: dict(zip(vit.NAMES[dataset], p, strict=True)) for name, p in found.items()}


ENDPOINTS = (
    transformer_attention,
    positions.transformer_positions,
    transformer_block,
    fill.transformer_fill,
    examples.transformer_examples,
    transformer_train,
    transformer_translate,
    transformer_vision,
)

"""Block: the residual stream of a GPT, what each layer would say next (the logit lens), and parts switched off."""

import functools
from collections.abc import Mapping
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from demos._ui import charts, text_image, tokens, validation
from demos._ui.settings import Setting, checked
from demos._ui.tab import Answer, Part, Preset
from demos.transformer import _models
from demos.transformer._models import HEADS, LAYERS
from genai_core.language import gpt
from genai_core.language.text_stream import TextStream
from genai_core.transformer import lens

HAT = "Mia had a red hat. The wind took her"
SUN = "The sun was hot. Ben was very thirsty. He wanted to drink some"
ONCE = "Once upon a time, there was a little girl named"
NAME = 'Mia saw a witch named Kalmora. Mia said, "Hi, Kal'
RANKED = 6  # tokens of a list
EVERY = {f"{layer}.{head or 'mlp'}": (layer, head) for layer in range(1, LAYERS + 1) for head in range(HEADS + 1)}


def switched_off(value: Any, _others: Mapping[str, Any]) -> str:
    """ "3.2,4.mlp": head 2 of layer 3 and the MLP of layer 4, each once and in order."""
    value = validation.text(value, "What is switched off", 400)
    named = {name.strip() for name in value.split(",")} - {""}
    if unknown := sorted(named - EVERY.keys()):
        raise validation.InputError(f"“{unknown[0]}” is no part of this model: name heads as 3.2, MLPs as 3.mlp.")
    return ",".join(name for name in EVERY if name in named)


def parts_of(off: str) -> tuple[tuple[int, int], ...]:
    return tuple(EVERY[name] for name in off.split(",") if name)


def check(settings: dict[str, Any]) -> dict[str, Any]:
    return _models.last_where_none(_models.readable(settings), "token")


def streams(model: str, text: str, off: str = "") -> list[Tensor]:
    """The residual stream before the first layer and after each, [T, width] each."""
    layers = _models.trace(model, text, parts_of(off))
    return [layers[0].before, *(layer.after for layer in layers)]


def stems(model: str, text: str) -> list[TextStream]:
    """The text up to each token, to which a next one is added."""
    own, ids = gpt.load(model), _models.ids(model, text)
    return [TextStream(own.tokenizer, ids[: k + 1]) for k in range(len(ids))]


@functools.lru_cache(maxsize=32)
def lens_of(model: str, text: str, off: str = "") -> list[list[list]]:
    """[what it would say next, its probability] at each layer, 0 the embedding, and each token."""
    probabilities = lens.logits(gpt.load(model), torch.stack(streams(model, text, off))).softmax(-1).cpu()
    value, best = probabilities.max(-1)
    named = stems(model, text)
    return [
        [
            [tokens.candidate(stem, k), round(v, 3)]
            for stem, k, v in zip(named, row.tolist(), shares.tolist(), strict=True)
        ]
        for row, shares in zip(best, value, strict=True)
    ]


def ranked(model: str, text: str, token: int, off: str) -> list[list]:
    """The likeliest tokens after one token: [name, probability with what is off, probability of the whole model]."""
    own = gpt.load(model)
    now, whole = (lens.logits(own, streams(model, text, parts)[-1][token]).softmax(-1).cpu() for parts in (off, ""))
    stem = stems(model, text)[token]
    order = now.argsort(descending=True, stable=True)[:RANKED].tolist()
    first = int(whole.argmax())
    order = order if first in order else [*order[:-1], first]
    return [[tokens.candidate(stem, k), round(float(now[k]), 4), round(float(whole[k]), 4)] for k in order]


def added(model: str, text: str, token: int, off: str) -> list[list[float]]:
    """For each layer the lengths of what its attention and its MLP add at a token, and of the stream after it."""
    layers = _models.trace(model, text, parts_of(off))
    return [[round(float(x[token].norm()), 2) for x in (one.attended, one.mlp, one.after)] for one in layers]


def losses(model: str, text: str, off: str) -> list[float]:
    """-log p of each token but the first, in nats."""
    ids = torch.tensor(_models.ids(model, text))
    return [round(v, 4) for v in lens.token_nll(gpt.load(model), ids, parts_of(off)).tolist()]


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def cache_size(model: str) -> int:
    """Numbers that the KV cache keeps of each token: a key and a value in every layer."""
    config = gpt.load(model).config
    return 2 * config.n_layer * config.n_embd


def show(model: str, text: str, token: int, off: str) -> dict[str, Any]:
    return {
        "names": _models.names(model, text),
        "note": _models.note(model, text),
        "lens": lens_of(model, text, off),
        "next": ranked(model, text, token, off),
        "added": added(model, text, token, off),
        "nll": losses(model, text, off),
        "whole": losses(model, text, ""),
        "cached": cache_size(model),
    }


def importance(request: dict) -> dict[str, Any]:
    """{"model", "text"} -> by how much the loss rises where one part alone is off, {part: nats}."""
    settings = PART.parse(request)
    return {"rises": rises(settings["model"], settings["text"])}


@functools.lru_cache(maxsize=32)
def rises(model: str, text: str) -> dict[str, float]:
    found = lens.importance(gpt.load(model), torch.tensor(_models.ids(model, text)))
    return {name: round(float(found[layer - 1, head]), 4) for name, (layer, head) in EVERY.items()}


def picture(model: str, text: str, token: int, off: str) -> Image.Image:
    """The text shaded by surprise, the lens at the chosen token, and what comes next with its shares."""
    names, nll = _models.names(model, text), losses(model, text, off)
    loss = f"loss {mean(nll):.2f} nat" + (f", {mean(losses(model, text, '')):.2f} with nothing off" if off else "")
    head = (f"{_models.NAMES[model]}: {loss}{f'; off: {off}' if off else ''}\n", charts.ACCENT)
    shaded = text_image.shaded((f" {name} ", v / 6) for name, v in zip(names, [0.0, *nll], strict=True))
    rows = [row[token] for row in lens_of(model, text, off)]
    titles = ["embedding", *(f"layer {k}" for k in range(1, LAYERS + 1))]
    listed = [f"{title}: {name}" for title, (name, _) in zip(titles, rows, strict=True)]
    lens_chart = charts.bars([p for _, p in rows], listed, charts.ACCENT, title="What each layer would say", width=440)
    found = ranked(model, text, token, off)
    title = f"What comes after “{names[token]}”"
    next_chart = charts.bars([p for _, p, _ in found], [n for n, _, _ in found], charts.MADE, title=title, width=400)
    return charts.below([text_image.of_text([head, *shaded]), charts.beside([lens_chart, next_chart])])


def said(model: str, text: str, token: int, off: str) -> str:
    """The loss, and what each layer would say."""
    own = gpt.load(model)
    best = lens.logits(own, torch.stack(streams(model, text, off))[:, token]).argmax(-1).tolist()
    rows = [f"layer {k}: {own.tokenizer.decode([i])!r}" for k, i in enumerate(best)]
    return "\n".join([f"loss {mean(losses(model, text, off)):.2f} nat", *rows])


def code(model: str, text: str, token: int, off: str) -> str:
    return f"""import torch

from genai_core.language import gpt
from genai_core.transformer import lens

{_models.code_head(model, text)}off = {list(parts_of(off))}  # (layer, head), or (layer, lens.MLP)
layers = lens.trace(model, ids, off)
print(f"loss {{float(lens.token_nll(model, ids, off).mean()):.2f}} nat")
streams = [layers[0].before, *(layer.after for layer in layers)]
for k, stream in enumerate(streams):
    print(f"layer {{k}}: {{model.tokenizer.decode([int(lens.logits(model, stream[{token}]).argmax())])!r}}")
"""


PART = Part(
    id="block",
    title="Block",
    lead="<b>Read down a column</b>: what each layer would say next, if it were the last. Then switch heads and MLPs "
    "off, and see whether the prediction holds, and which tokens become a surprise.",
    stage="transformer/block",
    settings=(
        _models.MODEL,
        _models.text_setting(HAT),
        _models.token_setting("token", "The token that is followed"),
        Setting("off", checked(switched_off), "", "What is switched off"),
    ),
    check=check,
    presets=(
        Preset(
            "Something to drink",
            "Ben is thirsty and wants “to drink some”. What would the first layers say next?",
            {"model": "gpt-stories", "text": SUN},
            "“fun”, “more”, then “of”: what follows “some” in any story. “water” takes the heat and the thirst, and is "
            "first from layer 5 on.",
            (
                Answer(
                    "Already “water”, less surely.", "That needs the words before “some”, which later layers bring in."
                ),
                Answer("What follows “some” in any story."),
                Answer("Nothing: only the last layer has a head.", "The head can read any stream: the logit lens."),
            ),
        ),
        Preset(
            "Without one MLP",
            "One of six MLPs is off, that of layer 3. How much does the loss of this beginning rise?",
            {"model": "gpt-stories", "text": ONCE, "off": "3.mlp"},
            "It nearly triples. No other head or MLP costs as much here: this beginning is known by heart, and much of "
            "what is known by heart is in MLPs (Geva 2021).",
            (
                Answer("By about a sixth.", "Layers do not share the work evenly; press the others to compare."),
                Answer("Hardly: the others fill in.", "They do for many heads, and for this MLP least of all."),
                Answer("It nearly triples."),
            ),
        ),
        Preset(
            "One layer fewer",
            "All of layer 2 is off, its four heads and its MLP. What becomes of the girl's name?",
            {"model": "gpt-stories", "text": ONCE, "off": "2.1,2.2,2.3,2.4,2.mlp"},
            "It stays, and the loss hardly moves: the residual stream carries past a layer what the others have "
            "written into it.",
            (
                Answer("The output is noise: the chain is broken.", "A layer adds to the stream and replaces nothing."),
                Answer("It stays."),
                Answer("It becomes a boy's.", "“girl” is still in the stream, and later heads still find it."),
            ),
        ),
        Preset(
            "Without the head that saw the hat",
            "In Attention, head 2 of layer 6 looks from “her” to “hat”. Without it, what does the wind take?",
            {"model": "gpt-stories", "text": HAT, "off": "6.2"},
            "Still the hat, less surely: other heads find it as well. Switch off head 4 of layer 6 too, and it is less "
            "than half as sure again. Few things that a network knows are in one place.",
            (
                Answer("Her mom: that is what follows “her” most often.", "The other heads outvote it, by far."),
                Answer("Still the hat, less surely."),
                Answer("Anything: that was the only one that knew.", "Switch off more heads, and it takes several."),
            ),
        ),
        Preset(
            "Without the induction head",
            "“Kalmora” was said once, and “Hi, Kal” wants its end. In Attention, head 3 of layer 5 looks at what "
            "followed. One head of 24 is off: does the model still find it?",
            {"model": "gpt-stories", "text": NAME, "off": "5.3"},
            "No: it makes up another end. The whole model says “m” with more than two thirds, and without this head "
            "with a hundredth. What was read only once, in this text, is in no weight: it must be looked up.",
            (
                Answer("Yes, less surely, as with the hat.", "Hats are in many stories; this name is in this one."),
                Answer("No, it makes up another end."),
                Answer("Yes: names are in the MLPs.", "Names of the training are; this one is not among them."),
            ),
        ),
    ),
    functions=(importance,),
    form=True,
    wide=True,
    show=show,
    picture=picture,
    code=code,
    says=said,
)

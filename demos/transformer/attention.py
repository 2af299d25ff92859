"""Attention: one head of a GPT or a BERT on a text of one's own, step by step, and all the others as thumbnails."""

import functools
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from demos._ui import charts, images, text_image
from demos._ui.settings import Setting, number
from demos._ui.tab import Answer, Part, Preset
from demos.transformer import _models
from genai_core.transformer.attention import Steps, attention, causal_mask

HAT = "Mia had a red hat. The wind took her"
TWO = "Lily had a doll. Ben had a truck. Ben played with his"
BOOK = "Sue gave the book to Ben because she"
CAKE = "Mom made a very good cake for Ben."
NAME = 'Mia saw a witch named Kalmora. Mia said, "Hi, Kal'
SIDE = 24  # pixels of a cell in a saved picture


def packed(x: Tensor) -> str:
    """Numbers as their bytes in base64."""
    return images.base64_of(x.cpu().contiguous().numpy())


def check(settings: dict[str, Any]) -> dict[str, Any]:
    return _models.last_where_none(_models.readable(settings), "query")


def steps_of(
    model: str, text: str, layer: int, head: int, scale: float, temperature: float
) -> tuple[dict[str, Tensor], Steps]:
    """q, k and v of a head, [T, d] each, and every step of its attention. scale: in 1 / sqrt(d)."""
    found = _models.trace(model, text)[layer - 1]
    q, k, v = (part[head - 1] for part in (found.q, found.k, found.v))
    mask = causal_mask(len(q)).to(q.device) if _models.causal(model) else None
    return {"q": q, "k": k, "v": v}, attention(
        q, k, v, mask, scale=scale * q.shape[-1] ** -0.5, temperature=temperature
    )


def difference(given: dict[str, Tensor], steps: Steps, causal: bool, scale: float, temperature: float) -> float:
    """The largest one between these steps and PyTorch's fused attention, on the same input."""
    q, k, v = (given[name][None] for name in "qkv")
    q = q * (scale * q.shape[-1] ** -0.5 / temperature)  # not as `scale`: the kernel multiplies -inf by it, NaN at 0
    fused = F.scaled_dot_product_attention(q, k, v, is_causal=causal, scale=1.0)
    return float((fused[0] - steps.out).abs().max())


def seen(model: str, query: int, count: int) -> int:
    """How many of the tokens one of them sees, from the first on."""
    return query + 1 if _models.causal(model) else count


def show(model: str, text: str, layer: int, head: int, query: int, scale: float, temperature: float) -> dict[str, Any]:
    given, steps = steps_of(model, text, layer, head, scale, temperature)
    matrices = given | {"out": steps.out, "scores": steps.scores, "weights": steps.weights}
    return {
        "names": _models.names(model, text),
        "note": _models.note(model, text),
        "causal": _models.causal(model),
        "d": given["q"].shape[-1],
        **{name: packed(matrix) for name, matrix in matrices.items()},
        "same": difference(given, steps, _models.causal(model), scale, temperature),
    }


def heads(request: dict) -> dict[str, Any]:
    """{"model", "text"} -> the weights of every head, bytes, [layers x heads x T x T], each of 255."""
    settings = PART.parse(request)
    return {
        "weights": all_weights(settings["model"], settings["text"]),
        "layers": _models.LAYERS,
        "heads": _models.HEADS,
    }


@functools.lru_cache(maxsize=32)
def all_weights(model: str, text: str) -> str:
    weights = torch.stack([layer.steps.weights for layer in _models.trace(model, text)])
    return packed((255 * weights).round().byte())


def picture(model: str, text: str, layer: int, head: int, query: int, scale: float, temperature: float) -> Image.Image:
    """The text shaded by where the chosen token looks, and the head's weights as a matrix."""
    _, steps = steps_of(model, text, layer, head, scale, temperature)
    names, weights = _models.names(model, text), steps.weights.cpu()
    title = f"{_models.BOTH[model]}: layer {layer}, head {head}; “{names[query]}” looks at\n"
    end = seen(model, query, len(names))
    shaded = text_image.shaded((f" {name} ", float(w)) for name, w in zip(names[:end], weights[query], strict=False))
    after = [(f" {name} ", text_image.SOFT) for name in names[end:]]
    ink = np.array([int(charts.ACCENT[k : k + 2], 16) for k in (1, 3, 5)])
    cells = 255 + weights.numpy()[..., None] * (ink - 255)
    numbered = [f"{name} {k}" for k, name in enumerate(names)]
    board = charts.matrix(
        cells.round().astype(np.uint8),
        numbered,
        list(map(str, range(len(names)))),
        title="who looks at whom",
        side=SIDE,
    )
    return charts.below([text_image.of_text([(title, charts.ACCENT), *shaded, *after]), board])


def weights_of(
    model: str, text: str, layer: int, head: int, query: int, scale: float, temperature: float
) -> list[float]:
    """Where one token looks, a share for each token that it sees."""
    _, steps = steps_of(model, text, layer, head, scale, temperature)
    return [round(w, 3) for w in steps.weights[query, : seen(model, query, len(steps.weights))].tolist()]


def code(model: str, text: str, layer: int, head: int, query: int, scale: float, temperature: float) -> str:
    causal = _models.causal(model)
    mask = "causal_mask(len(q)).to(q.device)" if causal else "None"  # a BERT has none
    end = seen(model, query, len(_models.ids(model, text)))
    return f"""import torch
import torch.nn.functional as F

from genai_core.{"language" if causal else "transformer"} import {_models.module(model)}
from genai_core.transformer import lens
from genai_core.transformer.attention import attention{", causal_mask" if causal else ""}

{_models.code_head(model, text)}
trace = lens.trace(model, ids)[{layer - 1}]  # layer {layer}
q, k, v = (part[{head - 1}] for part in (trace.q, trace.k, trace.v))  # head {head}: [T, d]
scale, temperature = {scale:g} * q.shape[-1] ** -0.5, {temperature:g}
steps = attention(q, k, v, {mask}, scale=scale, temperature=temperature)
print([round(w, 3) for w in steps.weights[{query}, :{end}].tolist()])

q = q * scale / temperature  # not as an argument: a scale of 0 times the mask's -inf is NaN
fused = F.scaled_dot_product_attention(q[None], k[None], v[None], is_causal={causal}, scale=1.0)
assert torch.allclose(fused[0], steps.out, atol=1e-4)
"""


def says(**settings: Any) -> str:
    return str(weights_of(**settings))


PART = Part(
    id="attention",
    title="Attention",
    lead="<b>Press a token</b> to see from where it draws in this head, and a thumbnail for another head. Look for "
    "heads that always look at the token before, at the first one, or at a word that matters.",
    stage="transformer/attention",
    settings=(
        _models.GPT_OR_BERT,
        _models.text_setting(HAT),
        _models.LAYER,
        _models.HEAD,
        _models.token_setting("query", "The token that looks"),
        Setting("scale", number(0, 8, 0.05), 1.0, "Scale × 1/√d"),
        Setting("temperature", number(0.1, 5, 0.1), 1.0, "Temperature"),
    ),
    check=check,
    presets=(
        Preset(
            "Whose toy?",
            "Lily has a doll, Ben has a truck, and “Ben played with his”. From which words does “his” draw, in layer "
            "6, head 2?",
            {"model": "gpt-stories", "text": TWO, "layer": 6, "head": 2},
            "From both toys, more from “truck”, and a third from “doll”, which is Lily's. Nobody told this head to "
            "look for things; whose they are, it hardly asks. Yet the model says “truck”, nearly surely: see Block.",
            (
                Answer("From “truck” alone: it is Ben's.", "“doll” gets more than a third of the weight."),
                Answer("From both toys."),
                Answer("From “Ben”, the noun of the pronoun.", "Other heads find names; this one finds things."),
            ),
        ),
        Preset(
            "A made-up name",
            "No story of the training has a Kalmora. It was said once, and now “Kal” again. Where does the last token "
            "look, in layer 5, head 3?",
            {"model": "gpt-stories", "text": NAME, "layer": 5, "head": 3},
            "At “m”, which followed “al” the first time: an induction head (Olsson 2022), which says again what it has "
            "seen once. It needs an earlier head that tells “m” which token came before it: layer 4, head 3 does.",
            (
                Answer("At the first “al”: the same token.", "That says where it was, and not what comes next."),
                Answer("At what followed the first “al”."),
                Answer("At “witch”, who has the name.", "This head does not ask for meaning: it works for any name."),
            ),
        ),
        Preset(
            "Looking ahead",
            "A BERT reads a whole sentence at once. From which word do “made”, “a”, “very” and “good” draw, in its "
            "layer 5, head 3?",
            {"model": "bert-english", "text": CAKE, "layer": 5, "head": 3, "query": 3},
            "From “cake”, each with more than 90 %: a verb looks ahead to its object, and article, adverb and "
            "adjective to their noun. Nobody told it grammar; Clark 2019 found such heads in the large BERT. A GPT "
            "has no cake to look at yet.",
            (
                Answer("From “made”: what comes later is masked.", "A GPT has that mask. A BERT has none."),
                Answer("From “cake”."),
                Answer("Each from the word after it.", "Layer 3, head 3 does that. This one goes on to the noun."),
            ),
        ),
        Preset(
            "Nothing to look for",
            "Each row must sum to 1, even when a head finds nothing. Where does layer 2, head 3 put its weight?",
            {"model": "gpt-stories", "text": BOOK, "layer": 2, "head": 3},
            "Nearly all on the first token, which begins every text and says nothing of this one: an attention sink "
            "(Xiao 2023). What it adds is the same for every text, so that looking there is a way of saying nothing.",
            (
                Answer("Evenly on all tokens.", "That would add the mean of all values: not nothing."),
                Answer("On the token itself.", "That would add its own value a second time."),
                Answer("On the first token."),
            ),
        ),
        Preset(
            "Without the square root",
            "A head that was trained with it, but now nothing divides Q Kᵀ by √d. What does the softmax make of it?",
            {"model": "gpt-stories", "text": HAT, "layer": 5, "head": 3, "scale": 7.5},
            "Each row has become one token, nearly alone. A softmax that is this sure has next to no gradient, which "
            "is why Vaswani 2017 scales.",
            (
                Answer(
                    "Nothing: it is normalised anyway.",
                    "Differences of scores count, and they are seven times as large.",
                ),
                Answer("Each row becomes one token, nearly alone."),
                Answer("Each row becomes more even.", "That is what smaller scores do: try a scale of 0.2."),
            ),
        ),
        Preset(
            "A scale of 0",
            "All scores are 0. What is the output of the head for each token?",
            {"model": "gpt-stories", "text": HAT, "layer": 6, "head": 2, "scale": 0},
            "The mean of the values of the tokens so far: row i has i + 1 weights of 1 / (i + 1). Queries and keys "
            "have no say any more.",
            (
                Answer("0: nothing is attended to.", "The softmax of equal scores is even, and its weights sum to 1."),
                Answer("Its own value.", "For the first token alone, as it sees no other."),
                Answer("The mean of the values so far."),
            ),
        ),
    ),
    functions=(heads,),
    form=True,
    wide=True,
    show=show,
    picture=picture,
    code=code,
    says=says,
)

"""How one token came about: the distribution before, between and after the filters, and the draw that decided."""

import functools
from typing import Any

import torch

from demos._ui.tokens import candidate
from demos.text import _models
from demos.text._models import KNOBS
from genai_core.language.sampling import FILTERS, Filter, TokenStep, bar, entropy, step_of
from genai_core.language.text_stream import TextStream

CANDIDATES = 12  # tokens that are listed of a distribution, beside the one that was drawn
PIECES = 40  # tokens that have a piece of the bar of their own, beside the one that was drawn


def title_of(filter: Filter) -> str:
    return KNOBS[next(name for name, kind in FILTERS.items() if type(filter) is kind)][0]


@functools.lru_cache(maxsize=64)
def _read(name: str, prompt: str, chat: bool, kept: tuple[int, ...]) -> tuple[torch.Tensor, TextStream]:
    """The logits after the tokens kept, and their text; cached, so that a knob can be dragged without reading again."""
    model = _models.load(name)
    logits = model.next_logits(_models.encoded(model, prompt, chat)[0] + list(kept))
    return logits, _models.text_stream(model, prompt, kept, chat)


def _after(settings: dict, kept: list[int]) -> tuple[torch.Tensor, TextStream]:
    return _read(settings["model"], settings["prompt"], settings.get("chat", False), tuple(kept))


def token_step(settings: dict, kept: list[int]) -> TokenStep:
    """How the token after the prompt and those kept comes about."""
    model, chat = _models.load(settings["model"]), settings.get("chat", False)
    ids = _models.encoded(model, settings["prompt"], chat)[0] + kept
    draw = float(torch.rand((), generator=_models.generator_at(settings["seed"], len(kept)), dtype=torch.float64))
    return step_of(_after(settings, kept)[0], ids, _models.filters(settings["filters"]), draw=draw, index=len(kept))


def inspect(request: dict) -> dict:
    """{Write's settings, "kept": ids before the token} -> its distribution before and after the filters, the draw."""
    from demos.text import write

    return explained(write.PART.parse(request), request.get("kept", []))


def pieces(probabilities: torch.Tensor, token: int) -> list[tuple[int | None, float]]:
    """The cumulative bar of probabilities [V] for the page: (token, where its interval ends), to the end of the bar.

    The likeliest, and the one that was drawn; those between and after them share a piece without a token.
    """
    order, ends = bar(probabilities)
    at = int((order == token).nonzero()[0, 0])
    alone = sorted({*range(min(PIECES, len(order))), at})
    made: list[tuple[int | None, float]] = []
    for k in alone:
        if k and k - 1 not in alone:
            made.append((None, float(ends[k - 1])))
        made.append((int(order[k]), float(ends[k])))
    return [*made, (None, float(ends[-1]))]


def explained(settings: dict, kept: Any) -> dict:
    """`inspect`, of settings that have been checked; kept: from the page."""
    kept = _models.token_ids(kept, _models.load(settings["model"]))
    step, stream = token_step(settings, kept), _after(settings, kept)[1]

    def named(token: int) -> str:
        return candidate(stream, token)

    before = step.logits.double().softmax(0)
    order = step.probabilities.argsort(descending=True, stable=True)
    listed = before.argsort(descending=True, stable=True)[:CANDIDATES].tolist()
    listed += [i for i in order[: CANDIDATES // 2].tolist() if i not in listed and step.probabilities[i] > 0]
    listed += [step.token] if step.token not in listed else []  # what was drawn, however far down
    listed.sort(key=lambda i: (-float(step.probabilities[i]), -float(before[i])))
    effects, p = [], before
    for effect in step.effects:
        effects.append(
            {
                "title": title_of(effect.filter),
                "removed": len(effect.removed),
                "mass": round(float(p[effect.removed].sum()), 4),
                "tokens": [named(i) for i in effect.removed[:8].tolist()],
                "held": effect.held,
                "entropy": round(entropy(effect.probabilities.double()), 3),
                "p": round(float(effect.probabilities[step.token]), 5),
            }
        )
        p = effect.probabilities.double()
    gone = {i: k for k, effect in reversed(list(enumerate(step.effects))) for i in effect.removed.tolist()}
    return {
        "candidates": [
            {
                "id": i,
                "text": named(i),
                "before": round(float(before[i]), 5),
                "after": round(float(step.probabilities[i]), 5),
                "by": effects[gone[i]]["title"] if i in gone else None,
            }
            for i in listed
        ],
        "bar": [
            [named(i) if i is not None else "", round(end, 5)] for i, end in pieces(step.probabilities, step.token)
        ],
        "draw": round(step.draw, 5),
        "token": step.token,
        "p": round(float(before[step.token]), 5),
        "effects": effects,
        "entropy": round(step.entropy, 3),
        "after": round(step.entropy_after, 3),
        "vocab": len(before),
        "left": int((step.probabilities > 0).sum()),
    }

"""How one token came about: the distribution before, between and after the filters, and the draw that decided."""

import functools

import torch

from demos.text import _models
from demos.text._models import KNOBS
from genai_core.text_sampling import FILTERS, Filter, TokenStep, bar, step_of

CANDIDATES = 12  # tokens that are listed of a distribution, beside the one that was drawn


def title_of(filter: Filter) -> str:
    return KNOBS[next(name for name, kind in FILTERS.items() if type(filter) is kind)][0]


@functools.lru_cache(maxsize=64)
def _logits(model: str, prompt: str, kept: tuple[int, ...]) -> torch.Tensor:
    """Kept, so that a knob can be dragged without reading the text again."""
    found = _models.load(model)
    return found.next_logits(_models.encoded(found, prompt)[0] + list(kept))


def token_step(clean: dict, kept: list[int]) -> TokenStep:
    """How the token after the prompt and those kept comes about."""
    ids = _models.encoded(_models.load(clean["model"]), clean["prompt"])[0] + kept
    draw = float(torch.rand((), generator=_models.generator_at(clean["seed"], len(kept)), dtype=torch.float64))
    logits = _logits(clean["model"], clean["prompt"], tuple(kept))
    return step_of(logits, ids, _models.filters(clean["filters"]), draw=draw, index=len(kept))


def inspect(request: dict) -> dict:
    """{settings, "kept": ids before the token} -> its distribution before and after the filters, and the draw."""
    clean = _models.settings_of(request)
    name = clean["model"]

    def named(token: int) -> str:
        return _models.legible(_models.piece(name, token))

    step = token_step(clean, _models.token_ids(request.get("kept", []), _models.load(name)))
    before = step.logits.double().softmax(0)
    order, ends = bar(step.probabilities)
    listed = before.argsort(descending=True, stable=True)[:CANDIDATES].tolist()
    listed += [i for i in order[: CANDIDATES // 2].tolist() if i not in listed and step.probabilities[i] > 0]
    listed += [step.token] if step.token not in listed else []  # what was drawn, however far down
    effects, p = [], before
    for effect in step.effects:
        effects.append(
            {
                "title": title_of(effect.filter),
                "removed": len(effect.removed),
                "mass": round(float(p[effect.removed].sum()), 4),
                "tokens": [named(i) for i in effect.removed[:8].tolist()],
                "held": effect.held,
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
            [named(i), round(float(end), 5)] for i, end in zip(order[:40].tolist(), ends[:40].tolist(), strict=True)
        ],
        "draw": round(step.draw, 5),
        "token": step.token,
        "effects": effects,
        "entropy": round(step.entropy, 3),
        "after": round(step.entropy_after, 3),
        "vocab": len(before),
        "left": int((step.probabilities > 0).sum()),
    }

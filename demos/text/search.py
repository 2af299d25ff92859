"""Beam search as a tree with its pruned branches, and contrastive search token by token."""

import gradio as gr

from demos import _checks, _common, _keep, _pictures
from demos._common import LIGHT, QUIET
from demos.text import _models
from demos.text._models import MODELS, NAMES, TAB
from genai_core.text_search import beam_search, contrastive_search

SHOWN = 6  # candidates of each beam that are looked at, at least
LONGEST = 200  # characters of a prompt
PRESETS = {
    "Four beams": "Four texts at a time. Is the best of them the one that was ahead at first?",
    "One beam: greedy": "With one beam it is the likeliest token each time. What is its score against four beams?",
    "Eight beams": "More beams find a likelier text. Is it a better one?",
    "Contrastive": "Likely, but unlike what was there. Does it still go round in circles?",
}
STATES = {
    "Four beams": {},
    "One beam: greedy": {"width": 1},
    "Eight beams": {"width": 8},
    "Contrastive": {"way": "contrastive", "tokens": 60},
}
FIRST = {
    "model": MODELS[0],
    "prompt": "My lord, ",
    "way": "beam",
    "width": 4,
    "tokens": 14,
    "penalty": 0.0,
    "k": 5,
    "alpha": 0.6,
}


def settings_of(request: dict) -> dict:
    """What the page, a link or a saved picture asks for, checked."""
    given = FIRST | _checks.record(request)
    numbers = {key: _keep.from_link(given[key], key) for key in ("width", "tokens", "penalty", "k", "alpha")}
    _models.load(given["model"])
    way = _checks.choice(given["way"], "The search", ("beam", "contrastive"))
    return {
        "model": given["model"],
        "prompt": _models.prompt(given["prompt"], LONGEST),
        "way": way,
        "width": _checks.whole(numbers["width"], "The number of beams", 1, 8),
        "tokens": _checks.whole(numbers["tokens"], "The number of tokens", 1, 24 if way == "beam" else 120),
        "penalty": _checks.number(numbers["penalty"], "The length penalty", 0, 2),
        "k": _checks.whole(numbers["k"], "k", 1, 20),
        "alpha": _checks.number(numbers["alpha"], "Alpha", 0, 1),
    }


def search(request: dict) -> dict:
    """Settings -> the control's value: the tree of a beam search, or the tokens of a contrastive one."""
    clean = settings_of(request)
    model, name = _models.load(clean["model"]), clean["model"]
    ids, told = _models.encoded(model, clean["prompt"])
    stop = getattr(model, "stop", ())
    value = {"settings": clean, "told": told, "models": NAMES}
    if clean["way"] == "contrastive":
        steps = contrastive_search(
            model, ids, k=clean["k"], alpha=clean["alpha"], max_tokens=clean["tokens"], stop=stop
        )
        try:
            return value | {"tokens": [contrasted(step, name) for step in steps]}
        except ValueError as error:  # an n-gram model has no states to compare
            raise _checks.InputError(str(error)) from None
    steps = list(
        beam_search(
            model,
            ids,
            width=clean["width"],
            max_tokens=clean["tokens"],
            length_penalty=clean["penalty"],
            stop=stop,
            shown=SHOWN if clean["width"] < SHOWN else None,
        )
    )
    best = steps[-1].best
    levels = [
        [
            {
                "parent": c.parent,
                "text": _models.legible(_models.piece(name, c.token)),
                "score": round(c.score, 3),
                "kept": c.kept,
                "ended": c.ended,
                "best": c.tokens == best.tokens[: len(c.tokens)],
            }
            for c in listed(step, clean["width"])
        ]
        for step in steps
    ]
    finals = [{"text": model.tokenizer.decode(c.tokens), "score": round(c.score, 3)} for c in steps[-1].kept]
    return value | {
        "levels": levels,
        "finals": finals or [{"text": model.tokenizer.decode(best.tokens), "score": round(best.score, 3)}],
        "looked": sum(len(step.candidates) for step in steps),
    }


def listed(step, width: int) -> list:
    """What is drawn of a step: the kept beams, in the order of parents, then as many of the pruned, best first."""
    pruned = [c for c in step.candidates if not c.kept]
    return [*step.kept, *pruned[: max(2, width)]]


def contrasted(step, name: str) -> dict:
    """One token of a contrastive search for the page."""
    rows = zip(step.candidates, step.probabilities, step.likeness, step.scores, strict=True)
    return {
        "text": _models.piece(name, step.token),
        "candidates": [
            {
                "text": _models.legible(_models.piece(name, token)),
                "p": round(p, 4),
                "likeness": round(likeness, 3),
                "score": round(score, 3),
                "taken": token == step.token,
            }
            for token, p, likeness, score in rows
        ],
        "likeliest": step.candidates[0] == step.token,
    }


def found_text(value: dict) -> str:
    if "tokens" in value:
        return "".join(token["text"] for token in value["tokens"])
    return value["finals"][0]["text"]


def save(request: dict) -> str:
    """Settings -> what was found as PNG in base64, its settings inside."""
    value = search(request)
    clean = value["settings"]
    parts = [(clean["prompt"], "#64748b"), (found_text(value), "#0f172a")]
    return _keep.saved(_pictures.of_text(parts), {"tab": TAB, "part": "search", **clean})


def restore(request: dict) -> dict:
    """{"png"}: a picture that `save` made -> the control's value."""
    return search(_keep.opened(request, TAB, "search"))


def start(_request: dict) -> dict:
    return search({})


@_checks.handler
def preset(event: gr.EventData) -> dict:
    """The chosen preset -> the control's value."""
    return search(STATES[_checks.choice(event.preset, "The preset", tuple(PRESETS))])


def build() -> gr.HTML:
    """Returns the control, which `search` fills."""
    _common.lead(
        "<b>Press Search</b>: no dice, but several texts at a time. Look for a beam that was behind and wins, and for "
        "what was pruned."
    )
    pills = _common.presets(PRESETS)
    control = _common.control("beam", None, [start, search, save, restore])
    pills.click(preset, None, control, **LIGHT, **QUIET)
    return control

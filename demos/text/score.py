"""How surprising is a text? -log p of every token under each model, perplexity, and bits per character."""

import functools
import math

import gradio as gr

from demos import _checks, _common, _keep, _pictures
from demos._common import LIGHT, QUIET
from demos.text import _models
from demos.text._models import NAMES, TAB

LONGEST = 1500
PRESETS = {
    "In Shakespeare's manner": "Which letters does no model see coming?",
    "Modern": "Plain words of today. Which of them are strange to these models?",
    "A word in another place": "The same words, shuffled. Which model notices, and where?",
    "Keys at random": "No language at all. How many bits does a letter cost?",
}
TEXTS = {
    "In Shakespeare's manner": "What sayest thou, my lord? I'll not believe\nThat ever he did speak so of the king.",
    "Modern": "Please switch the phone off before the train leaves, and keep the ticket until the end.",
    "A word in another place": "Thou lord my sayest, what? Believe not I'll\nKing the of so speak did he ever that.",
    "Keys at random": "qzx vwkj, fhgt pmz;\nbdwq ytrx jjk lmn zzv.",
}


def settings_of(request: dict) -> dict:
    """What the page, a link or a saved picture asks for, checked."""
    string = _models.prompt(_checks.record(request).get("text", TEXTS["In Shakespeare's manner"]), LONGEST)
    if not string.strip():
        raise _checks.InputError("There is nothing to score: type a text first.")
    return {"text": string}


@functools.lru_cache(maxsize=32)
def scored(name: str, string: str) -> dict:
    """One model's view of a text: its tokens with -log p of each in nats, and their means."""
    model = _models.load(name)
    clean, unknown = model.tokenizer.known(string)
    ids, nats = model.tokenizer.encode(clean), model.score(clean).tolist()
    total, characters = sum(nats), max(1, len(clean))
    return {
        "model": name,
        "title": NAMES[name],
        "tokens": [[_models.piece(name, i), round(v, 3)] for i, v in zip(ids, nats, strict=True)],
        "perplexity": math.exp(min(700, total / max(1, len(ids)))),
        "bits": total / characters / math.log(2),
        "unknown": unknown[:12],
    }


def score(request: dict) -> dict:
    """{"text"} -> the control's value: what each model makes of it, the least surprised first."""
    clean = settings_of(request)
    rows = [scored(name, clean["text"]) for name in NAMES]
    return {**clean, "rows": sorted(rows, key=lambda row: row["bits"])}


def save(request: dict) -> str:
    """{"text"} -> the text and the figures as PNG in base64, the text inside."""
    value = score(request)
    lines = "".join(f"\n{r['title']}: {r['bits']:.2f} bits per character" for r in value["rows"])
    parts = [(value["text"] + "\n", "#0f172a"), (lines, "#4f46e5")]
    return _keep.saved(_pictures.of_text(parts), {"tab": TAB, "part": "score", "text": value["text"]})


def restore(request: dict) -> dict:
    """{"png"}: a picture that `save` made -> the control's value."""
    return score(_keep.opened(request, TAB, "score"))


def start(_request: dict) -> dict:
    return score({})


@_checks.handler
def preset(event: gr.EventData) -> dict:
    """The chosen preset -> the control's value."""
    return score({"text": TEXTS[_checks.choice(event.preset, "The preset", tuple(PRESETS))]})


def build() -> gr.HTML:
    """Returns the control, which `score` fills."""
    _common.lead(
        "<b>Type a text</b>: each model shades what surprises it. Look for the same letter being a surprise to one and "
        "no surprise to another."
    )
    pills = _common.presets(PRESETS)
    control = _common.control("score", None, [start, score, save, restore])
    pills.click(preset, None, control, **LIGHT, **QUIET)
    return control

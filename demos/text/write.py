"""Writing: tokens stream, each can be asked how it came about, and any other candidate can be taken instead."""

import time
from collections.abc import Iterator

import gradio as gr

from demos import _checks, _common, _keep, _pictures
from demos._common import AGAIN, QUIET, STREAM
from demos.text import _explain, _models
from demos.text._explain import inspect
from demos.text._models import FIRST, KNOBS, NAMES, TAB, as_link, generator_at, settings_of
from genai_core.text_sampling import TokenStep, generate_steps

SECONDS = 60.0  # a run's own end, whatever the machine
EVERY = 0.04  # seconds between two messages
INK, SOFT = "#0f172a", "#64748b"
PRESETS = {
    "Greedy": "Always the likeliest token. How long until it repeats itself?",
    "Balanced": "A little sharper, without the tail. Does it still surprise?",
    "Creative": "Flatter, and only cut where tokens are hopeless. Which words are its own?",
    "Neutral: all off": "The model's own probabilities, nothing in between. What does the tail do to spelling?",
    "Once upon a time": "Tokens of several letters, another corpus. What is a token here?",
}
STATES = {
    "Greedy": {"filters": "temperature=0"},
    "Balanced": {"filters": "temperature=0.8,top_p=0.95"},
    "Creative": {"filters": "temperature=1.2,min_p=0.08"},
    "Neutral: all off": {"filters": ""},
    "Once upon a time": {"model": "gpt-stories", "prompt": "Once upon a time", "filters": "temperature=0.7,top_p=0.95"},
}


def shown(step: TokenStep, model: str, index: int) -> dict:
    """One token for the page: id, text, the model's own probability and entropy, and how many were left."""
    return {
        "id": step.token,
        "text": _models.piece(model, step.token),
        "p": round(step.probability, 4),
        "entropy": round(step.entropy, 3),
        "left": int((step.probabilities > 0).sum()),
        "held": [_explain.title_of(e.filter) for e in step.effects if e.held],
        "at": index,
    }


def steps_of(clean: dict, kept: list[int]) -> tuple[Iterator[TokenStep], str]:
    """The tokens after the prompt and those kept, and a sentence about the prompt."""
    model = _models.load(clean["model"])
    ids, told = _models.encoded(model, clean["prompt"])
    steps = generate_steps(
        model,
        ids + kept,
        chain=_models.filters(clean["filters"]),
        max_tokens=max(0, clean["tokens"] - len(kept)),
        generator=generator_at(clean["seed"], len(kept)),
        stop=getattr(model, "stop", ()),
    )
    return steps, told


def messages(clean: dict, kept: list[int], last: bool) -> Iterator[dict]:
    """The control's value, message by message: what is new since the last one.

    last: show the last of the kept tokens, too (it was chosen by hand).
    """
    begun = sent = time.monotonic()
    steps, told = steps_of(clean, kept)
    plan = {"run": f"{begun:.6f}", "settings": clean, "kept": len(kept) - last, "chosen": last, "told": told}
    waiting = [by_hand(clean, kept)] if last else []
    made, first = 0, None
    for step in steps:
        now = time.monotonic()
        made, first = made + 1, first or now - begun
        waiting.append(shown(step, clean["model"], len(kept) + step.index))
        if now - sent > EVERY or made == 1:
            yield plan | {"new": waiting, "done": False, "made": made, "seconds": now - begun, "first": first}
            waiting, sent = [], now
        if now - begun > SECONDS:
            plan["told"] = f"Ended after {SECONDS:.0f} seconds."
            break
    yield plan | {"new": waiting, "done": True, "made": made, "seconds": time.monotonic() - begun, "first": first or 0}


def by_hand(clean: dict, kept: list[int]) -> dict:
    """The last of the kept tokens as `shown` gives it, as if it had been drawn."""
    step = _explain.token_step(clean, kept[:-1])
    p = step.logits.double().softmax(0)
    chosen = shown(step, clean["model"], len(kept) - 1)
    return chosen | {"id": kept[-1], "text": _models.piece(clean["model"], kept[-1]), "p": round(float(p[kept[-1]]), 4)}


@_checks.stream_handler
def write(view: dict) -> Iterator[dict]:
    """The control's value {"ask": {settings, "kept": ids, "chosen": id or none}} -> its value, token by token."""
    request = _checks.record(_checks.record(view, "The stage").get("ask"), "The request")
    clean = settings_of(request)
    model = _models.load(clean["model"])
    kept = _models.token_ids(request.get("kept", []), model)
    chosen = request.get("chosen")
    if chosen is not None:
        kept += _models.token_ids([chosen], model)
    yield from messages(clean, kept, chosen is not None)


def save(request: dict) -> str:
    """{settings, "made": ids} -> the page as PNG in base64, its settings inside."""
    clean = settings_of(request)
    model = _models.load(clean["model"])
    made = _models.token_ids(request.get("made", []), model)
    parts = [(clean["prompt"], SOFT), (model.tokenizer.decode(made), INK)]
    return _keep.saved(_pictures.of_text(parts), as_link(clean))


def restore(request: dict) -> dict:
    """{"png"}: a picture that `save` made -> the control's value: its text, written again."""
    return whole(_keep.opened(request, TAB, "write"))


def whole(found: dict) -> dict:
    """Settings -> the control's value with the whole text in it."""
    *_, last = all_messages = list(messages(settings_of(found), [], False))
    return last | {"new": [token for message in all_messages for token in message["new"]]} | choices(NAMES)


def choices(models: dict[str, str]) -> dict:
    """What the control's menus offer."""
    return {"models": models, "knobs": {name: list(knob) for name, knob in KNOBS.items()}}


def start(_request: dict) -> dict:
    """The stage at first: a text that has been written."""
    return whole({})


@_checks.stream_handler
def preset(event: gr.EventData) -> Iterator[dict]:
    """The chosen preset -> the control's value, token by token."""
    state = STATES[_checks.choice(event.preset, "The preset", tuple(PRESETS))]
    yield from messages(settings_of(FIRST | state), [], False)


def control(**arguments) -> tuple:
    """The control, in which a press writes, and that run."""
    made = _common.control("write", None, [start, inspect, save, restore], **arguments)
    return made, made.submit(write, made, made, **QUIET, **STREAM)


def build() -> gr.HTML:
    """Returns the control, which `whole` fills."""
    _common.lead(
        "<b>Press Write</b>, then <b>click a letter</b>: see what the model expected, what each filter took away, and "
        "the draw that decided. Click another candidate to go on from it."
    )
    pills = _common.presets(PRESETS)
    made, run = control()
    other = pills.click(preset, None, made, **QUIET, **STREAM, **AGAIN)
    _common.ended_by([run, other], made.stop, pills.stop)
    return made

"""Writing: tokens stream, each can be asked how it came about, and any other candidate can be taken instead."""

import functools
import time
from collections.abc import Iterator

import gradio as gr
import torch

from demos import _checks, _common, _keep
from demos._common import QUIET, STREAM
from demos.text import _models
from demos.text._models import KNOBS, MODELS, MOST, NAMES, TAB
from genai_core.text_sampling import FILTERS, TokenStep, bar, generate_steps, step_of

SECONDS = 60.0  # a run's own end, whatever the machine
EVERY = 0.04  # seconds between two messages
CANDIDATES = 12  # tokens that are listed of a distribution
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
FIRST = {"model": MODELS[0], "prompt": "ROMEO:\n", "filters": "temperature=0.8,top_p=0.95", "seed": 1, "tokens": 300}


def settings_of(request: dict) -> dict:
    """What the page or a link asks for, checked; filters as a list of pairs."""
    given = FIRST | _checks.record(request)
    _models.load(given["model"])
    return {
        "model": given["model"],
        "prompt": _models.prompt(given["prompt"]),
        "filters": _models.chain(given["filters"]),
        "seed": _keep.seed(given["seed"]),
        "tokens": _checks.whole(
            _keep.from_link(given["tokens"], "The number of tokens"), "The number of tokens", 1, MOST
        ),
    }


def as_link(clean: dict, part: str = "write") -> dict:
    """Settings as a link and a saved picture hold them: texts and numbers."""
    return {"tab": TAB, "part": part, **clean, "filters": _models.written(clean["filters"])}


def generator_at(seed: int, index: int) -> torch.Generator:
    """The generator of a seed after the draws of `index` tokens: so a branch has the luck that its stem had."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(index):
        torch.rand((), generator=generator, dtype=torch.float64)
    return generator


def shown(step: TokenStep, model: str, index: int) -> dict:
    """One token for the page: id, text, the model's own probability and entropy, and how many were left."""
    return {
        "id": step.token,
        "text": _models.piece(model, step.token),
        "p": round(step.probability, 4),
        "entropy": round(step.entropy, 3),
        "left": int((step.probabilities > 0).sum()),
        "held": [KNOBS[name_of(e.filter)][0] for e in step.effects if e.held],
        "at": index,
    }


def name_of(filter) -> str:
    return next(name for name, kind in FILTERS.items() if type(filter) is kind)


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
    step = _step(clean, kept[:-1])
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


@functools.lru_cache(maxsize=64)
def _logits(model: str, prompt: str, kept: tuple[int, ...]) -> torch.Tensor:
    """Kept, so that a knob can be dragged without reading the text again."""
    found = _models.load(model)
    return found.next_logits(_models.encoded(found, prompt)[0] + list(kept))


def _step(clean: dict, kept: list[int]) -> TokenStep:
    """How the token after the prompt and those kept comes about."""
    ids = _models.encoded(_models.load(clean["model"]), clean["prompt"])[0] + kept
    draw = float(torch.rand((), generator=generator_at(clean["seed"], len(kept)), dtype=torch.float64))
    logits = _logits(clean["model"], clean["prompt"], tuple(kept))
    return step_of(logits, ids, _models.filters(clean["filters"]), draw=draw, index=len(kept))


def inspect(request: dict) -> dict:
    """{settings, "kept": ids before the token} -> its distribution before and after the filters, and the draw."""
    clean = settings_of(request)
    name = clean["model"]
    step = _step(clean, _models.token_ids(request.get("kept", []), _models.load(name)))
    before = step.logits.double().softmax(0)
    order, ends = bar(step.probabilities)
    listed = before.argsort(descending=True, stable=True)[:CANDIDATES].tolist()
    listed += [i for i in order[: CANDIDATES // 2].tolist() if i not in listed and step.probabilities[i] > 0]
    effects, p = [], before
    for effect in step.effects:
        effects.append(
            {
                "title": KNOBS[name_of(effect.filter)][0],
                "removed": len(effect.removed),
                "mass": round(float(p[effect.removed].sum()), 4),
                "tokens": [_models.legible(_models.piece(name, i)) for i in effect.removed[:8].tolist()],
                "held": effect.held,
            }
        )
        p = effect.probabilities.double()
    gone = {i: k for k, effect in reversed(list(enumerate(step.effects))) for i in effect.removed.tolist()}
    return {
        "candidates": [
            {
                "id": i,
                "text": _models.legible(_models.piece(name, i)),
                "before": round(float(before[i]), 5),
                "after": round(float(step.probabilities[i]), 5),
                "by": effects[gone[i]]["title"] if i in gone else None,
            }
            for i in listed
        ],
        "bar": [
            [_models.legible(_models.piece(name, i)), round(float(end), 5)]
            for i, end in zip(order[:40].tolist(), ends[:40].tolist(), strict=True)
        ],
        "draw": round(step.draw, 5),
        "token": step.token,
        "effects": effects,
        "entropy": round(step.entropy, 3),
        "after": round(step.entropy_after, 3),
        "vocab": len(before),
        "left": int((step.probabilities > 0).sum()),
    }


def save(request: dict) -> str:
    """{settings, "made": ids} -> the page as PNG in base64, its settings inside."""
    clean = settings_of(request)
    model = _models.load(clean["model"])
    made = _models.token_ids(request.get("made", []), model)
    parts = [(clean["prompt"], SOFT), (model.tokenizer.decode(made), INK)]
    return _keep.saved(_models.as_picture(parts), as_link(clean))


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


def control(**arguments) -> gr.HTML:
    """The control, wired: a press writes, Stop ends that."""
    made = _common.control("write", None, [start, inspect, save, restore], **arguments)
    run = made.submit(write, made, made, **QUIET, **STREAM)
    made.stop(None, None, None, cancels=[run], api_visibility="private")
    return made


def build() -> gr.HTML:
    """Returns the control, which `whole` fills."""
    _common.lead(
        "<b>Press Write</b>, then <b>click a letter</b>: see what the model expected, what each filter took away, and "
        "the draw that decided. Click another candidate to go on from it."
    )
    pills = _common.presets(PRESETS)
    made = control()
    run = pills.click(preset, None, made, **QUIET, **STREAM)
    made.stop(None, None, None, cancels=[run], api_visibility="private")
    return made

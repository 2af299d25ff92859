"""The same prompt and the same dice through an n-gram model, an LSTM and a GPT, side by side."""

import math
import time
from collections.abc import Iterator

import gradio as gr

from demos import _checks, _common, _keep, _pictures
from demos._common import AGAIN, QUIET, STREAM
from demos.text import _models, write
from demos.text._models import TAB
from genai_core import checkpoints
from genai_core.text_sampling import generate_steps

RACERS = {"ngram-shakespeare": "n-gram", "lstm-shakespeare": "LSTM", "gpt-shakespeare": "GPT"}
PRESETS = {
    "Three characters of memory": "A 3-gram sees two letters back. Which words come out whole?",
    "Eight against all": "An 8-gram copies well. How does its loss compare with the GPT's?",
    "No dice": "Temperature 0, the likeliest each time. Which of the three goes round in circles first?",
}
STATES = {
    "Three characters of memory": {"order": 3},
    "Eight against all": {"order": 8},
    "No dice": {"temperature": 0.0, "order": 8},
}
FIRST = {"prompt": "KING HENRY:\n", "order": 5, "temperature": 0.8, "tokens": 240, "seed": 1}


def settings_of(request: dict) -> dict:
    """What the page, a link or a saved picture asks for, checked."""
    given = FIRST | _checks.record(request)
    numbers = {key: _keep.from_link(given[key], f"The {key}") for key in ("order", "temperature", "tokens")}
    return {
        "prompt": _models.prompt(given["prompt"], 500),
        "order": _checks.whole(numbers["order"], "The order of the n-gram", 1, 8),
        "temperature": _checks.number(numbers["temperature"], "The temperature", 0, 3),
        "tokens": _checks.whole(numbers["tokens"], "The number of tokens", 1, 400),
        "seed": _keep.seed(given["seed"]),
    }


def racer(name: str, order: int):
    """The model; of the n-gram, one with no more than `order` of its orders."""
    model = _models.load(name)
    return model.at(order) if name.startswith("ngram") else model


def measured(name: str, order: int) -> float | None:
    """Nats per character on the last 10 % of the corpus, as the card has it; None where it was not evaluated."""
    try:
        found = checkpoints.read_json(name, "metrics.json")
    except checkpoints.CheckpointError:
        return None
    if name.startswith("ngram"):
        losses = found.get("nats_per_character_by_order")
        return losses[order - 1] if losses else None
    return found.get("nats_per_character")


def messages(clean: dict) -> Iterator[dict]:
    """The control's value, message by message, one model after the other so that each has the machine to itself."""
    run = f"{time.monotonic():.6f}"
    for name, title in RACERS.items():
        model = racer(name, clean["order"])
        ids, told = _models.encoded(model, clean["prompt"])
        title = f"{clean['order']}-gram" if name.startswith("ngram") else title
        chain = _models.filters([["temperature", clean["temperature"]]])
        steps = generate_steps(
            model, ids, chain=chain, max_tokens=clean["tokens"], generator=write.generator_at(clean["seed"], 0)
        )
        plan = {"run": run, "settings": clean, "model": name, "title": title, "told": told}
        plan["loss"] = measured(name, clean["order"])
        waiting, nats, made, spent = [], 0.0, 0, 0.0
        sent = begun = time.monotonic()
        for step in steps:
            now = time.monotonic()
            made, spent = made + 1, now - begun
            nats -= math.log(max(step.probability, 1e-12))
            waiting.append([_models.piece(name, step.token), round(step.probability, 4)])
            if now - sent > write.EVERY:
                yield plan | {"new": waiting, "made": made, "ms": 1000 * spent / made, "nats": nats / made}
                waiting, sent = [], time.monotonic()
        yield plan | {"new": waiting, "made": made, "ms": 1000 * spent / max(1, made), "nats": nats / max(1, made)}


@_checks.stream_handler
def compare(view: dict) -> Iterator[dict]:
    """The control's value {"ask": settings} -> its value, model by model, token by token."""
    yield from messages(settings_of(_checks.record(view, "The stage").get("ask")))


def whole(found: dict) -> dict:
    """Settings -> the control's value with all three texts in it, under "all"."""
    parts: dict[str, dict] = {}
    for message in messages(settings_of(found)):
        before = parts.get(message["model"], {"new": []})
        parts[message["model"]] = message | {"new": before["new"] + message["new"]}
    return {"all": list(parts.values())}


def start(_request: dict) -> dict:
    """The stage at first: short texts of each."""
    return whole({"tokens": 120})


def save(request: dict) -> str:
    """Settings -> the three texts as PNG in base64, their settings inside."""
    clean = settings_of(request)
    parts = []
    for value in whole(clean)["all"]:
        parts += [(f"{value['title']}\n", "#4f46e5"), (clean["prompt"], write.SOFT)]
        parts += [("".join(text for text, _ in value["new"]) + "\n\n", write.INK)]
    return _keep.saved(_pictures.of_text(parts), {"tab": TAB, "part": "compare", **clean})


def restore(request: dict) -> dict:
    """{"png"}: a picture that `save` made -> the control's value."""
    return whole(_keep.opened(request, TAB, "compare"))


@_checks.stream_handler
def preset(event: gr.EventData) -> Iterator[dict]:
    """The chosen preset -> the control's value, token by token."""
    yield from messages(settings_of(STATES[_checks.choice(event.preset, "The preset", tuple(PRESETS))]))


def build() -> gr.HTML:
    """Returns the control, which `whole` fills."""
    _common.lead(
        "<b>Press Compare</b>: one prompt, the same dice, three models. Look for what each remembers: letters, words, "
        "or who is speaking."
    )
    pills = _common.presets(PRESETS)
    control = _common.control("compare", None, [start, save, restore])
    run = control.submit(compare, control, control, **QUIET, **STREAM)
    other = pills.click(preset, None, control, **QUIET, **STREAM, **AGAIN)
    _common.ended_by([run, other], control.stop, pills.stop)
    return control

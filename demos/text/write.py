"""Writing: tokens stream, each can be asked how it came about, and any other candidate can be taken instead."""

import math
import time
from collections.abc import Iterator, Mapping
from typing import Any

from PIL import Image

from demos._ui import text_image, validation
from demos._ui.settings import Setting, checked, integer, seed, text
from demos._ui.tab import Answer, Part, Preset
from demos.text import _explain, _models
from demos.text._explain import inspect
from demos.text._models import KNOBS, MOST, NAMES, generator_at
from genai_core.language.sampling import TokenStep, generate_steps

SECONDS = 60.0  # a run's own end, whatever the machine
EVERY = 0.04  # seconds between two messages
LONGEST = 12 * MOST  # characters of all choices
INK, SOFT = "#0f172a", "#64748b"


def choices_text(value: Any, others: Mapping[str, Any]) -> str:
    """Tokens that were chosen by hand, as "index:token,index:token" in rising order. Raises: InputError."""
    choices = choices_of(value, others["model"])
    return ",".join(f"{index}:{token}" for index, token in choices.items() if index < others["tokens"])


def choices_of(value: Any, model: str) -> dict[int, int]:
    """{index of the token: its id}, in rising order. Raises: InputError."""
    if not isinstance(value, str) or len(value) > LONGEST:
        raise validation.InputError("The choices must be pairs such as 12:45, with commas between them.")
    pairs = {}
    for pair in value.split(",") if value else ():
        index, _, token = pair.partition(":")
        if not (index.isascii() and index.isdigit() and token.isascii() and token.isdigit()):
            raise validation.InputError("The choices must be pairs such as 12:45, with commas between them.")
        index = validation.integer(int(index[:9]), "The index of a choice", 0, MOST - 1)
        pairs[index] = _models.token_ids([int(token[:9])], _models.load(model))[0]
    return dict(sorted(pairs.items()))


def chip(step: TokenStep, text: str, index: int) -> dict:
    """One token for the page: id, text, the model's own probability and entropy, and how many were left.

    text: what it adds, "" for a part of a character that the next tokens complete.
    """
    return {
        "id": step.token,
        "text": text,
        "p": round(step.probability, 4),
        "entropy": round(step.entropy, 3),
        "left": int((step.probabilities > 0).sum()),
        "held": [_explain.title_of(e.filter) for e in step.effects if e.held],
        "at": index,
    }


def chosen_chip(settings: Mapping[str, Any], kept: list[int], token: int, text: str) -> dict:
    """A token that was chosen by hand, as `chip` gives those that were drawn."""
    step = _explain.token_step(dict(settings), kept)
    p = step.logits.double().softmax(0)
    return chip(step, text, len(kept)) | {"id": token, "p": round(float(p[token]), 4), "hand": True}


def prompted(model, settings: Mapping[str, Any]) -> tuple[list[int], str]:
    """The prompt as `_models.encoded` gives it; only the settings of the part Hub have "chat"."""
    return _models.encoded(model, settings["prompt"], settings.get("chat", False))


def chips_of(settings: Mapping[str, Any], kept: list[int]) -> Iterator[dict]:
    """The tokens after those kept: drawn, or chosen by hand where the settings say so. Only a drawn one ends a text."""
    model, kept = _models.load(settings["model"]), list(kept)
    ids, _ = prompted(model, settings)
    stream = _models.text_stream(model, settings["prompt"], kept, settings.get("chat", False))
    stop = model.tokenizer.stop
    choices = choices_of(settings["choices"], settings["model"])
    if kept and kept[-1] in stop and len(kept) - 1 not in choices:
        return
    while len(kept) < settings["tokens"]:
        at = len(kept)
        if at in choices:
            yield chosen_chip(settings, kept, choices[at], stream.add(choices[at]))
            kept.append(choices[at])
            continue
        until = min((index for index in choices if index > at), default=settings["tokens"])
        steps = generate_steps(
            model,
            ids + kept,
            chain=_models.filters(settings["filters"]),
            max_tokens=min(until, settings["tokens"]) - at,
            generator=generator_at(settings["seed"], at),
            stop=stop,
        )
        for step in steps:
            yield chip(step, stream.add(step.token), at + step.index)
            kept.append(step.token)
            if step.token in stop:
                return


def write(request: dict | None = None, **settings: Any) -> Iterator[dict]:
    """The stage's value, message by message: what is new since the last one.

    request: {"kept": ids of the first tokens, where the page has them already}. settings in a message: those that
    write the text as far as it is, where the time limit was reached.
    """
    begun = sent = time.monotonic()
    model = _models.load(settings["model"])
    kept = _models.token_ids((request or {}).get("kept") or [], model)
    note = prompted(model, settings)[1]
    value = {"settings": settings, "kept": len(kept), "note": note}
    waiting, count, first = [], 0, 0.0
    for token in chips_of(settings, kept):
        now = time.monotonic()
        waiting.append(token)
        count, first = count + 1, first or now - begun
        begins = count == 1
        if begins or now - sent > EVERY:
            timing = {"count": count, "seconds": now - begun, "first": first}
            yield value | {"new": waiting, "begins": begins, "done": False, **timing}
            waiting, sent = [], now
        if now - begun > SECONDS:
            value["note"] = f"Time limit reached: {SECONDS:.0f} seconds."
            value["settings"] = settings | {"tokens": len(kept) + count}
            break
    timing = {"count": count, "seconds": time.monotonic() - begun, "first": first}
    yield value | {"new": waiting, "begins": count == 0, "done": True, **timing}


def show(**settings: Any) -> dict:
    """The whole text, and what the menus offer."""
    *_, last = messages = list(write(**settings))
    new = [token for message in messages for token in message["new"]]
    return last | {"new": new, "begins": True, **menus()}


def menus(_request: dict | None = None) -> dict:
    """The models there are, fetched ones among them, and the filters."""
    fetched = {name: name for name in _models.FETCHED}
    return {"models": NAMES | fetched, "knobs": {name: list(knob) for name, knob in KNOBS.items()}}


def written(settings: Mapping[str, Any]) -> str:
    """The text after the prompt."""
    return "".join(token["text"] for token in chips_of(settings, []))


def depth(p: float) -> float:
    """The shade of a token, in [0, 1]: its surprise; a probability of e^-6 has the deepest."""
    return -math.log(max(p, 1e-4)) / 6


def picture(**settings: Any) -> Image.Image:
    """The prompt, and what was written after it, shaded by surprise."""
    tokens = [(token["text"], depth(token["p"])) for token in chips_of(settings, [])]
    return text_image.of_text([(settings["prompt"], SOFT), *text_image.shaded(tokens)])


def code(model: str, prompt: str, filters: str, seed: int, tokens: int, choices: str, chat: bool = False) -> str:
    by_hand = choices_of(choices, model)
    first, last, lines = _models.model_code(model, prompt, chat)
    stop, ended = "", ""
    if _models.load(model).tokenizer.stop:
        stop = ", stop=model.tokenizer.stop"
        ended = "    if n > 0 and tokens[-1] in model.tokenizer.stop:\n        break\n"
    head = f"""import torch

{first}from genai_core.language.sampling import generate{_models.chain_import(filters)}
{last}
{lines}
chain = {_models.chain_code(filters)}
"""
    if not by_hand:
        return f"""{head}generator = torch.Generator().manual_seed({seed})
tokens = generate(model, ids, chain=chain, max_tokens={tokens}, generator=generator{stop})
print(text_after(model.tokenizer, prompt, tokens))
"""
    return f"""{head}by_hand, tokens = {by_hand}, []  # index -> the token that was chosen instead of the one drawn
for until in [*by_hand, {tokens}]:
    generator = torch.Generator().manual_seed({seed})
    for _ in tokens:  # the same draw for the same index
        torch.rand((), generator=generator, dtype=torch.float64)
    n = until - len(tokens)
    tokens += generate(model, ids + tokens, chain=chain, max_tokens=n, generator=generator{stop}) if n > 0 else []
{ended}    tokens += [by_hand[until]] if until in by_hand else []
print(text_after(model.tokenizer, prompt, tokens))
"""


def says(**settings: Any) -> str:
    return written(settings)


PART = Part(
    id="write",
    title="Write",
    lead="<b>Press Write</b>, then <b>click a letter</b>: see what the model expected, what each filter took away, and "
    "the draw that decided. Click another candidate to go on from it.",
    stage="text/write",
    settings=(
        _models.MODEL,
        Setting("prompt", text(_models.LONGEST, lines=3), "ROMEO:\n", "The prompt"),
        _models.FILTERS_SETTING,
        Setting("seed", seed(), 1, "Seed"),
        Setting("tokens", integer(1, MOST), 300, "The number of tokens"),
        Setting("choices", checked(choices_text), "", "The choices"),
    ),
    presets=(
        Preset(
            "Greedy",
            "Always the likeliest token. How long until it repeats itself?",
            {"filters": "temperature=0"},
            "Not long: the same phrases come round again.",
            (
                Answer(
                    "Never: the text before differs.",
                    "A phrase that is likely once is as likely the second time, or more.",
                ),
                Answer("A few lines."),
                Answer(
                    "Only at its context of 256.",
                    "It need not forget: it repeats what it just wrote, since that is what is likeliest.",
                ),
            ),
        ),
        Preset(
            "Balanced",
            "A little sharper, without the tail. Is it still surprising?",
            {"filters": "temperature=0.8,top_p=0.95"},
            "Words are spelt well, and no line is like the one before.",
            (
                Answer("No: it is nearly greedy.", "At 0.8 most of the choice is left, only the tail is cut."),
                Answer("Yes, and it is full of misspelt words.", "Those come from the tail, which top-p has removed."),
                Answer("Yes, and well spelt."),
            ),
        ),
        Preset(
            "Creative",
            "Flatter, but without the unlikely tokens. Do its words still hold together?",
            {"filters": "temperature=1.2,min_p=0.08"},
            "They do: min-p cuts the tail, so that the temperature costs sense rather than spelling.",
            (
                Answer("Yes: the tail is cut."),
                Answer(
                    "No: a temperature above 1 spoils spelling.",
                    "It would, alone: min-p removes what is far less likely than the likeliest.",
                ),
                Answer(
                    "Yes, and it makes more sense, too.", "A flatter distribution follows the sense of the text less."
                ),
            ),
        ),
        Preset(
            "Neutral: all off",
            "The model's own probabilities, nothing in between. What does the tail do to spelling?",
            {"filters": ""},
            "Now and then an unlikely letter is drawn, and the word is lost.",
            (
                Answer(
                    "Nothing: a good model has no tail.",
                    "Every softmax has one: dozens of letters with a little probability each.",
                ),
                Answer("Now and then a word is lost."),
                Answer(
                    "Every other word is lost.", "The tail is small at most letters; it is drawn from once in a while."
                ),
            ),
        ),
        Preset(
            "Once upon a time",
            "Tokens of several letters, another corpus. What is a token here?",
            {"model": "gpt-stories", "prompt": "Once upon a time", "filters": "temperature=0.7,top_p=0.95"},
            "Frequent words are one token with their space; rare ones are put together from pieces.",
            (
                Answer("A letter.", "That is so for the models of Shakespeare here."),
                Answer("A word.", "Rare words have no token of their own."),
                Answer("A word or a piece of one."),
            ),
        ),
    ),
    functions=(inspect, menus),
    run=write,
    show=show,
    picture=picture,
    code=code,
    says=says,
)

"""Speculative decoding: an n-gram model drafts, the GPT checks several tokens in one pass, and writes the same text."""

import itertools
import time
from collections.abc import Iterator

import gradio as gr

from demos import _checks, _common, _keep, _pictures
from demos._common import AGAIN, QUIET, STREAM
from demos.text import _models, write
from demos.text._models import TAB
from genai_core import speculative, text

MODEL, DRAFT = "gpt-shakespeare", "ngram-shakespeare"  # both read characters
SECONDS = 60.0  # a run's own end, whatever the machine
KEPT, OWN = "#047857", "#c2410c"  # the inks of a saved picture
PRESETS = {
    "No dice": "The likeliest token each time. Are drafts kept more often than with dice?",
    "Hot": "Temperature 1.5: both models draw from many tokens. How many drafts are still kept?",
    "A poor draft": "A 2-gram knows one letter. Does the text get worse, or only slower?",
    "Long drafts": "Twelve tokens at a time. Does reading more of them at once pay?",
    "No drafts": "Plain decoding: one token a pass. Compare the passes.",
}
STATES = {
    "No dice": {"temperature": 0.0},
    "Hot": {"temperature": 1.5},
    "A poor draft": {"order": 2},
    "Long drafts": {"k": 12},
    "No drafts": {"k": 0},
}
FIRST = {"prompt": "ROMEO:\n", "k": speculative.K, "order": 6, "temperature": 0.8, "tokens": 240, "seed": 1}


def settings_of(request: dict) -> dict:
    """What the page, a link or a saved picture asks for, checked."""
    given = FIRST | _checks.record(request)
    numbers = {key: _keep.from_link(given[key], f"The {key}") for key in ("k", "order", "temperature", "tokens")}
    return {
        "prompt": _models.prompt(given["prompt"], 500),
        "k": _checks.whole(numbers["k"], "The length of a draft", 0, 16),
        "order": _checks.whole(numbers["order"], "The order of the n-gram", 1, 8),
        "temperature": _checks.number(numbers["temperature"], "The temperature", 0, 3),
        "tokens": _checks.whole(numbers["tokens"], "The number of tokens", 1, 400),
        "seed": _keep.seed(given["seed"]),
    }


def shown(step: speculative.Pass, number: int) -> list[list]:
    """The tokens of one pass for the page, in the order in which they stand there: [text, kind, pass].

    "kept" and "refused" were drafted, the rest is the GPT's: "own" instead of what was refused, a "bonus" if nothing
    was, "alone" if nothing had been drafted. (A list of lists of one length: Gradio 6.31 loses its count in others.)
    """
    last = "own" if step.accepted < len(step.drafted) else "bonus" if step.drafted else "alone"
    kinds = [("kept", step.drafted[: step.accepted]), ("refused", step.drafted[step.accepted :])]
    kinds.append((last, step.tokens[step.accepted :]))
    return [[_models.piece(MODEL, token), kind, number] for kind, tokens in kinds for token in tokens]


def messages(clean: dict) -> Iterator[dict]:
    """The control's value, message by message: the passes that are new; last, how plain decoding compares."""
    model, drafter = _models.load(MODEL), _models.load(DRAFT).at(clean["order"])
    ids, told = _models.encoded(model, clean["prompt"])
    chain = _models.filters([["temperature", clean["temperature"]]])

    def written(k: int, tokens: int = clean["tokens"]) -> Iterator[speculative.Pass]:
        generator = _models.generator_at(clean["seed"], 0)
        return speculative.passes(model, drafter, ids, k=k, chain=chain, max_tokens=tokens, generator=generator)

    list(written(clean["k"], tokens=3))  # what is made once is not timed
    begun = sent = time.monotonic()
    plan = {"run": f"{begun:.6f}", "settings": clean, "told": told, "plain": None}
    runs, texts, spent, waiting = (written(clean["k"]), written(0)), ([], []), [0.0, 0.0], []

    def go_on(which: int) -> speculative.Pass | None:
        """The next pass of one of the two, timed without what the page takes."""
        before = time.monotonic()
        step = next(runs[which], None)
        spent[which] += time.monotonic() - before
        texts[which].extend(step.tokens if step else ())
        return step

    for number in itertools.count(1):
        if not (step := go_on(0)):
            break
        waiting += shown(step, number)
        while len(texts[1]) < len(texts[0]) and go_on(1):  # in turns, so that a busy machine slows both alike
            pass
        now = time.monotonic()
        if now - begun > SECONDS:
            raise _checks.InputError(f"This text was ended after {SECONDS:.0f} seconds; choose fewer tokens.")
        if now - sent > write.EVERY:
            yield plan | {"new": waiting, "seconds": spent[0]}
            waiting, sent = [], time.monotonic()
    made, plain = texts
    compared = {"seconds": spent[1], "alike": text.shared(made, plain), "tokens": len(plain)}
    yield plan | {"new": waiting, "seconds": spent[0], "plain": compared}


@_checks.stream_handler
def draft(view: dict) -> Iterator[dict]:
    """The control's value {"ask": settings} -> its value, some passes at a time."""
    yield from messages(settings_of(_checks.record(view, "The stage").get("ask")))


def whole(found: dict) -> dict:
    """Settings -> the control's value with the whole text in it."""
    *_, last = all_messages = list(messages(settings_of(found)))
    return last | {"new": [token for message in all_messages for token in message["new"]]}


def start(_request: dict) -> dict:
    """The stage at first: a text that has been written."""
    return whole({})


def save(request: dict) -> str:
    """Settings -> the text as PNG in base64, who made each token in its ink, the settings inside."""
    clean = settings_of(request)
    inks = {"kept": KEPT, "own": OWN, "bonus": OWN, "alone": OWN}
    made = [(piece, inks[kind]) for piece, kind, _ in whole(clean)["new"] if kind in inks]
    parts = [(clean["prompt"], write.SOFT), *made]
    return _keep.saved(_pictures.of_text(parts), {"tab": TAB, "part": "draft", **clean})


def restore(request: dict) -> dict:
    """{"png"}: a picture that `save` made -> the control's value."""
    return whole(_keep.opened(request, TAB, "draft"))


@_checks.stream_handler
def preset(event: gr.EventData) -> Iterator[dict]:
    """The chosen preset -> the control's value, some passes at a time."""
    yield from messages(settings_of(STATES[_checks.choice(event.preset, "The preset", tuple(PRESETS))]))


def build() -> gr.HTML:
    """Returns the control, which `whole` fills."""
    _common.lead(
        "<b>Press Write</b>: an n-gram guesses a few tokens, the GPT checks all of them at once. Look for what it "
        "keeps, what it strikes out, and how many passes that saves."
    )
    pills = _common.presets(PRESETS)
    control = _common.control("draft", None, [start, save, restore])
    run = control.submit(draft, control, control, **QUIET, **STREAM)
    other = pills.click(preset, None, control, **QUIET, **STREAM, **AGAIN)
    _common.ended_by([run, other], control.stop, pills.stop)
    return control

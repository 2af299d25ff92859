"""A tiny GPT trained while you watch, on a text of your own: loss, and what it writes, from noise to words."""

import time
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import torch
from PIL import Image

from demos import _checks, _common, _keep, _live, _pictures
from demos._common import AGAIN, LIGHT, QUIET, TRAIN
from demos.text import _models
from demos.text._models import TAB
from genai_core import live_text

STEPS = 900
SOURCES = ("this app's own source", "sums", "roman numbers", "my text")
PRESETS = {
    "Our own source": "The Python of this project. After how many steps does it indent?",
    "Sums": "Lines such as 17+25=42. Does it learn to add, or only how a sum looks?",
    "Roman numbers": "XIV=14: a small grammar. How low can the loss go, and what is left?",
}
STATES = {"Our own source": SOURCES[0], "Sums": SOURCES[1], "Roman numbers": SOURCES[2]}
ROMAN = ((100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))


def own_source() -> str:
    """The Python of this project's core, as much of it as a training takes."""
    files = sorted(Path(live_text.__file__).parent.rglob("*.py"))
    return "\n\n".join(file.read_text() for file in files)[: live_text.LONGEST]


def sums(lines: int = 6000) -> str:
    """Lines such as 17+25=42, drawn with seed 0."""
    pairs = torch.randint(0, 100, (lines, 2), generator=torch.Generator().manual_seed(0)).tolist()
    return "".join(f"{a}+{b}={a + b}\n" for a, b in pairs)


def roman(number: int) -> str:
    """1 to 399 in Roman digits."""
    made = ""
    for value, digits in ROMAN:
        made += digits * (number // value)
        number %= value
    return made


def romans(lines: int = 8000) -> str:
    """Lines such as XIV=14, drawn with seed 0."""
    numbers = torch.randint(1, 400, (lines,), generator=torch.Generator().manual_seed(0)).tolist()
    return "".join(f"{roman(n)}={n}\n" for n in numbers)


def text_of(source: str, own: str) -> str:
    """The text that is trained on. Raises: InputError."""
    source = _checks.choice(source, "The text", SOURCES)
    if source != "my text":
        return {SOURCES[0]: own_source, SOURCES[1]: sums, SOURCES[2]: romans}[source]()
    string = _models.prompt(own or "", live_text.LONGEST)
    try:
        live_text.check(string)
    except ValueError as error:
        raise _checks.InputError(str(error)) from None
    return string


def settings_of(source, own, seed, _view=None) -> dict:
    """The page's controls, checked. A text of one's own is too long for a link, and stays out of it."""
    return {"source": _checks.choice(source, "The text", SOURCES), "seed": _checks.seed(seed)}


def values(found: dict) -> tuple:
    """Settings of a link or a saved picture -> source, own text, seed, the view before a training."""
    clean = settings_of(found.get("source", SOURCES[0]), "", _keep.seed(found.get("seed", 0)))
    return clean["source"], gr.skip(), clean["seed"], before(clean["source"], "")


def before(source, own) -> dict:
    """The control's value before a training: how the text begins."""
    source = _checks.choice(source, "The text", SOURCES)
    if source == "my text":
        own = _models.prompt(own or "", live_text.LONGEST)
        return {"run": "", "example": own[:400] or "Paste a text of at least 1,000 characters on the left."}
    whole = text_of(source, "")
    return {"run": "", "example": whole[:400], "length": len(whole), "kinds": len(set(whole))}


@_checks.stream_handler
def train(source, own, seed, _view) -> Iterator[dict]:
    """The page's controls -> the control's value, frame by frame, for at most a minute and a half."""
    clean = settings_of(source, own, seed)
    run = f"{time.monotonic():.6f}"
    string = text_of(source, own)
    kinds = len(set(string))
    yield from _live.frames(
        "genai_core.live_text:train_gpt",
        lambda frame: {"run": run, **vars(frame), "kinds": kinds},
        string=string,
        seed=clean["seed"],
        steps=STEPS,
    )


def picture(_source, _own, _seed, view) -> Image.Image:
    """What it wrote last, or how its text begins."""
    view = _checks.record(view, "The view")
    string = _models.prompt(view.get("sample") or view.get("example") or " ", 5000)
    return _pictures.of_text([(string, "#0f172a")])


@_checks.handler
def look(source, own) -> dict:
    """Another text -> the control's value before a training."""
    return before(source, own)


@_checks.handler
def preset(event: gr.EventData) -> tuple:
    """The chosen preset -> the source, the view."""
    source = STATES[_checks.choice(event.preset, "The preset", tuple(PRESETS))]
    return source, before(source, "")


def build() -> list:
    """Returns what `values` fills."""
    _common.lead(
        "<b>Press Train</b>: a small GPT begins with noise. Look for what comes first: letters, "
        "words, or the shape of a line."
    )
    pills = _common.presets(PRESETS)
    with gr.Row():
        with gr.Column(scale=4, min_width=280):
            with gr.Row():
                go = gr.Button("Train", variant="primary", min_width=80)
                stop = gr.Button("Stop", min_width=80)
            source = gr.Radio(list(SOURCES), value=SOURCES[0], label="Text")
            own = gr.Textbox(
                label="My text",
                info=f"{live_text.SHORTEST:,} to {live_text.LONGEST:,} characters; nothing of it is kept",
                lines=6,
                max_lines=12,
                max_length=live_text.LONGEST,
            )
            seed = gr.Number(0, label="Seed", precision=0, minimum=0, maximum=_checks.SEEDS)
        with gr.Column(scale=7, min_width=320):
            view = _common.control("learn", before(SOURCES[0], ""))
            kept = [source, own, seed, view]
            _keep.bar(TAB, "train", kept, settings_of, picture, values)
    quiet = {"show_progress": "hidden", "api_visibility": "private", **TRAIN}
    run = go.click(train, kept, view, **quiet)
    chosen = pills.click(preset, None, [source, view], **LIGHT, **QUIET)
    runs = [run, chosen.success(train, kept, view, **quiet, **AGAIN)]
    _common.ended_by(runs, stop.click, pills.stop)
    source.input(look, [source, own], view, cancels=runs, **LIGHT, **QUIET)
    own.input(lambda: SOURCES[3], None, source, **LIGHT, **QUIET)
    return kept

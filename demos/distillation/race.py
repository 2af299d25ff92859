"""Distil live: a student and its control race on pictures that our own VAE makes, labelled by the teacher."""

import time
from collections.abc import Iterator

import gradio as gr
from PIL import Image

from demos import _checks, _common, _keep, _live, _pictures
from demos._common import AGAIN, LIGHT, QUIET, TRAIN
from demos.distillation._models import TAB
from genai_core import distillation
from genai_core.distillation import play, synthetic

STEPS = 600
SHOWN = 10  # of the pictures
SECOND_THOUGHTS = 4.0  # the temperature at which they are written under a picture
PRESETS = {
    "Few pictures": "300 for both. How far ahead is the one that was told all the teacher thinks?",
    "Many pictures": "3,000 for both. Does the teacher still help?",
    "A tiny student": "Eight units a layer. Is there room for what the teacher knows?",
    "T = 1": "The teacher's answers, without its second thoughts. What is left of the lead?",
}
STATES = {
    "Few pictures": (48, 4.0, 0.9, 300),
    "Many pictures": (48, 4.0, 0.9, 3000),
    "A tiny student": (8, 4.0, 0.9, 300),
    "T = 1": (48, 1.0, 0.9, 300),
}


def settings_of(hidden, temperature, alpha, examples, seed, _view=None) -> dict:
    """The page's controls, checked."""
    return {
        "hidden": _checks.whole(hidden, "The units of a layer", *play.HIDDEN),
        "temperature": _checks.number(temperature, "The temperature", 1, 20),
        "alpha": _checks.number(alpha, "Alpha", 0, 1),
        "examples": _checks.whole(examples, "The number of pictures", *play.EXAMPLES),
        "seed": _checks.seed(seed),
    }


def values(found: dict) -> tuple:
    """Settings of a link or a saved picture -> values of the controls, and the view before a race."""
    defaults = dict(zip(("hidden", "temperature", "alpha", "examples"), STATES["Few pictures"], strict=True))
    given = [_keep.from_link(found.get(name, value), name) for name, value in defaults.items()]
    settings = settings_of(*given, _keep.seed(found.get("seed", 0)))
    return *settings.values(), before(settings["seed"])


def before(seed: int) -> dict:
    """The control's value before a race: some of the pictures, each with the teacher's two first thoughts."""
    x = synthetic.between(SHOWN, seed=seed)
    p = distillation.probabilities(distillation.load(play.TEACHER), x, SECOND_THOUGHTS)
    likely, classes = p.topk(2, dim=1)
    thoughts = [
        [{"digit": k, "p": round(v, 4)} for k, v in zip(*pair, strict=True)]
        for pair in zip(classes.tolist(), likely.tolist(), strict=True)
    ]
    shown = [{"pixels": _pictures.packed(one[None]), "thoughts": two} for one, two in zip(x, thoughts, strict=True)]
    return {"run": "", "shown": shown}


def start(_request: dict) -> dict:
    return before(0)


@_checks.handler
def look(seed) -> dict:
    """A new seed -> the pictures that it gives."""
    return before(_checks.seed(seed))


@_checks.stream_handler
def race(hidden, temperature, alpha, examples, seed, _view) -> Iterator[dict]:
    """The page's controls -> the control's value, frame by frame, for at most a minute."""
    settings = settings_of(hidden, temperature, alpha, examples, seed)
    run = f"{time.monotonic():.6f}"
    job = "genai_core.distillation.play:race"
    yield from _live.frames(job, lambda frame: {"run": run, **vars(frame)}, steps=STEPS, **settings)


def picture(_hidden, _temperature, _alpha, examples, seed, _view) -> Image.Image:
    """Pictures that the two learn from."""
    count = min(60, _checks.whole(examples, "The number of pictures", *play.EXAMPLES))
    return _common.tile(synthetic.between(count, seed=_checks.seed(seed)), 12, gap=2, zoom=3)


@_checks.handler
def preset(event: gr.EventData) -> tuple:
    """The chosen preset -> units, temperature, alpha, digits."""
    return STATES[_checks.choice(event.preset, "The preset", tuple(PRESETS))]


def build() -> list:
    """Returns what `values` fills."""
    _common.lead(
        "<b>Press Race</b>: two nets, the same weights at first, the same pictures that our VAE drew. One hears which "
        "digit the teacher sees in each, the other all that the teacher thinks. Look for when they part."
    )
    pills = _common.presets(PRESETS)
    units, temperature, alpha, examples = STATES["Few pictures"]
    with gr.Row():
        with gr.Column(scale=4, min_width=280):
            with gr.Row():
                go = gr.Button("Race", variant="primary", min_width=80)
                stop = gr.Button("Stop", min_width=80)
            hidden = gr.Slider(*play.HIDDEN, value=units, step=4, label="Units a layer")
            temperature = gr.Slider(1, 20, value=temperature, step=0.5, label="Temperature T")
            alpha = gr.Slider(0, 1, value=alpha, step=0.05, label="α, weight of its thoughts against the label")
            examples = gr.Slider(*play.EXAMPLES, value=examples, step=50, label="Pictures to learn from")
            seed = gr.Number(0, label="Seed", precision=0, minimum=0, maximum=_checks.SEEDS)
        with gr.Column(scale=7, min_width=320):
            view = _common.control("race", None, [start])
            kept = [hidden, temperature, alpha, examples, seed, view]
            _keep.bar(TAB, "race", kept, settings_of, picture, values)
    quiet = {"show_progress": "hidden", "api_visibility": "private", **TRAIN}
    chosen = pills.click(preset, None, kept[:4], **LIGHT, **QUIET)
    runs = [go.click(race, kept, view, **quiet), chosen.success(race, kept, view, **quiet, **AGAIN)]
    seed.input(look, seed, view, cancels=runs, **LIGHT, **QUIET)
    _common.ended_by(runs, stop.click, pills.stop)
    return kept

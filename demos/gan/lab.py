"""The game in two dimensions, where generator and discriminator are seen playing."""

import dataclasses
import time
from collections.abc import Iterator

import gradio as gr
import numpy as np
from PIL import Image

from demos import _checks, _common, _keep, _live, _points
from demos._common import LIGHT, QUIET
from demos.gan import _plane
from genai_core.gan.lab import PRESETS as RECIPES
from genai_core.gan.lab import LabConfig

LOSSES = {
    "minimax": "minimax",
    "non-saturating": "non_saturating",
    "least squares": "least_squares",
    "hinge": "hinge",
    "Wasserstein, gradient penalty": "wasserstein",
}
SPEEDS = {"slow motion": (1, 0.25), "normal": (10, 0.0), "fast": (50, 0.0)}  # steps a frame, seconds of rest after it
PRESETS = {
    "Mode collapse": "Minimax on 25 modes. How many will the generator ever find, and does it stay with them?",
    "All 25 modes": "Wasserstein, coins among the latents, annealed and averaged: guess when the last mode is found.",
    "Ring, non-saturating": "Eight modes. Watch the generator hop until it holds them all.",
    "Moons, Wasserstein": "A critic kept to slope 1: look at the heat map, which has no cliffs.",
}
STATES = {
    "Mode collapse": ("grid of 25", RECIPES["collapse"].config),
    "All 25 modes": ("grid of 25", RECIPES["all modes"].config),
    "Ring, non-saturating": ("ring of 8", LabConfig()),
    "Moons, Wasserstein": ("two moons", LabConfig(loss="wasserstein", penalty=1.0, d_steps=3)),
}


def settings_of(loss, lr_g, lr_d, d_steps, latents, penalty) -> dict:
    """The page's controls as checked fields of LabConfig."""
    return {
        "loss": LOSSES[_checks.choice(loss, "The loss", tuple(LOSSES))],
        "lr_g": 10 ** _checks.number(lr_g, "The generator's learning rate (power of ten)", -5, -1),
        "lr_d": 10 ** _checks.number(lr_d, "The discriminator's learning rate (power of ten)", -5, -1),
        "d_steps": _checks.whole(d_steps, "k", 1, 10),
        "latents": _checks.whole(latents, "The latent size", 1, 16),
        "penalty": _checks.number(penalty, "The penalty", 0, 20),
    }


def frames(who: str, per_frame: int, pause: float, n: int, number: int, state, data, settings: dict, seed: int):
    """The control's value and the state to go on from, (game's number, bytes), frame by frame. Raises: InputError.

    The number tells a late frame of a game that was reset meanwhile from one of the game that is played now.
    """
    total = {"ring": 8, "grid": 25}.get(data) if isinstance(data, str) else None
    drawing = None if isinstance(data, str) else data
    return _live.frames(
        "genai_core.gan.play:play",
        lambda value: (_plane.shown(value[0], number, total, drawing), (number, value[1])),
        settings=settings,
        data=data,
        seed=seed,
        state=state[1] if state and state[0] == number else None,
        per_frame=per_frame,
        frames=n,
        who=who,
        pause=pause,
    )


@_checks.stream_handler
def play(number, state, view, preset, speed, data, seed, *controls) -> Iterator:
    """Go on with the game (or begin one), for at most two minutes; a preset's further settings come with its name."""
    per_frame, pause = SPEEDS[_checks.choice(speed, "The speed", tuple(SPEEDS))]
    settings = with_preset(preset, settings_of(*controls))
    yield from frames(
        "both", per_frame, pause, 10_000, number, state, _points.data_of(data, view), settings, _checks.seed(seed)
    )


def one_step(who: str):
    """The handler that lets one side take a single step."""

    @_checks.stream_handler
    def step(number, state, view, preset, data, seed, *controls) -> Iterator:
        settings = with_preset(preset, settings_of(*controls))
        yield from frames(who, 1, 0.0, 1, number, state, _points.data_of(data, view), settings, _checks.seed(seed))

    return step


def with_preset(preset: str, settings: dict) -> dict:
    """A preset's fields that have no control on the page, under those of the controls."""
    if preset not in STATES:
        return settings
    return {**dataclasses.asdict(STATES[preset][1]), **settings}


@_checks.handler
def choose(number: int, event: gr.EventData):
    """A preset -> distribution, loss, rates, k, latent size, penalty, speed, its name, a new game's number, plane."""
    label = _checks.choice(event.preset, "The preset", tuple(PRESETS))
    data, config = STATES[label]
    loss = next(name for name, value in LOSSES.items() if value == config.loss)
    rates = [round(float(np.log10(rate)), 2) for rate in (config.lr_g, config.lr_d)]
    return (
        data,
        loss,
        *rates,
        config.d_steps,
        config.latents,
        config.penalty,
        "fast",
        label,
        number + 1,
        _plane.plane(data, number + 1),
    )


@_checks.handler
def reset(number: int, data: str):
    """Leave the game: the next one's number, no preset, and the plane with the data alone."""
    return number + 1, "", _plane.plane(data, number + 1)


def kept(number, view, preset, speed, data, seed, *controls) -> dict:
    """The page's controls as settings for a link or a saved picture; a drawing goes with them."""
    names = ("loss", "lr_g", "lr_d", "d_steps", "latents", "penalty")
    settings_of(*controls)
    settings = {
        "preset": _checks.choice(preset, "The preset", ("", *PRESETS)),
        "speed": _checks.choice(speed, "The speed", tuple(SPEEDS)),
        "data": _checks.choice(data, "The distribution", tuple(_points.DATA)),
        "seed": _checks.seed(seed),
        **dict(zip(names, controls, strict=True)),
    }
    points = _points.data_of(data, view)
    if isinstance(points, list):
        settings["drawn"] = _points.kept(points)
    return settings


def values(settings: dict) -> tuple:
    """Settings of a link or a saved picture -> a new game's number, plane, and the page's controls, as `kept` has them.

    Raises: InputError.
    """
    defaults = {"loss": "non-saturating", "lr_g": -3, "lr_d": -3, "d_steps": 1, "latents": 2, "penalty": 0}
    controls = [settings.get("loss", defaults.pop("loss"))]
    controls += [_keep.from_link(settings.get(name, value), name) for name, value in defaults.items()]
    settings_of(*controls)
    preset = _checks.choice(settings.get("preset", ""), "The preset", ("", *PRESETS))
    speed = _checks.choice(settings.get("speed", "normal"), "The speed", tuple(SPEEDS))
    data = _checks.choice(settings.get("data", "ring of 8"), "The distribution", tuple(_points.DATA))
    number = time.time_ns() // 1_000_000  # newer than any game of this page, whose late frames are then ignored
    view = _plane.plane(data, number)
    if "drawing" in view:
        view["drawn"] = _points.restored(data, settings.get("drawn", ""))
    return number, view, preset, speed, data, _keep.seed(settings.get("seed", 0)), *controls


def picture(_number, view, *_others) -> Image.Image:
    return _plane.picture(_checks.record(view, "The plane"))


def build() -> list:
    """Layout and wiring; returns the components that `values` fills."""
    _common.lead(
        "<b>Press Play</b>: the orange points are the generator's, the blue ones real, and the colour of the plane is "
        "what the discriminator believes. Look for modes that are never found."
    )
    pills = _common.presets(PRESETS)
    number, state, preset = gr.State(0), gr.State(), gr.State("")
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=280):
            with gr.Row():
                start = gr.Button("Play", variant="primary", min_width=80)
                pause = gr.Button("Pause", min_width=80)
                again = gr.Button("Reset", min_width=80)
            with gr.Row():
                step_d = gr.Button("One step of D", size="sm", min_width=100)
                step_g = gr.Button("One step of G", size="sm", min_width=100)
            data = gr.Dropdown(list(_points.DATA), value="ring of 8", label="Real points")
            loss = gr.Dropdown(list(LOSSES), value="non-saturating", label="Loss")
            speed = gr.Radio(list(SPEEDS), value="normal", label="Speed")
            with gr.Accordion("More", open=False):
                lr_g = gr.Slider(-5, -1, value=-3, step=0.1, label="Learning rate of G, power of ten")
                lr_d = gr.Slider(-5, -1, value=-3, step=0.1, label="Learning rate of D, power of ten")
                d_steps = gr.Slider(1, 10, value=1, step=1, label="k, steps of D per step of G")
                latents = gr.Slider(1, 16, value=2, step=1, label="Latent size (from the next reset)")
                penalty = gr.Slider(0, 20, value=0, step=0.1, label="Penalty on D's gradient")
                seed = gr.Number(0, label="Seed (from the next reset)", precision=0, minimum=0, maximum=_checks.SEEDS)
        with gr.Column(scale=7, min_width=320) as place:
            view = _common.control("lab", _plane.plane("ring of 8"))
    controls = [loss, lr_g, lr_d, d_steps, latents, penalty]
    train = {"show_progress": "hidden", "api_visibility": "private", **_common.TRAIN}
    given = [number, state, view, preset, speed, data, seed, *controls]
    runs = [start.click(play, given, [view, state], **train)]
    for button, who in ((step_d, "discriminator"), (step_g, "generator")):
        button.click(one_step(who), [number, state, view, preset, data, seed, *controls], [view, state], **train)
    everything = [data, *controls, speed, preset, number, view]
    chosen = pills.click(choose, number, everything, **LIGHT, **QUIET)
    runs.append(chosen.then(play, given, [view, state], **train, **_common.AGAIN))
    _common.ended_by(runs, pause.click, pills.stop)
    for event in (again.click, data.input):
        event(reset, [number, data], [number, preset, view], cancels=runs, **LIGHT, **QUIET)
    kept_parts = [number, view, preset, speed, data, seed, *controls]
    with place:
        _keep.bar("gan", "lab", kept_parts, kept, picture, values)
    return kept_parts

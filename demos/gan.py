"""The GAN tab: the game in two dimensions, where generator and discriminator are seen playing."""

import base64
import dataclasses
from collections.abc import Iterator

import gradio as gr
import numpy as np
import torch

from demos import _checks, _common, _jobs
from demos._common import LIGHT, QUIET
from genai_core.gan import game, lab, losses
from genai_core.gan.lab import PRESETS as RECIPES
from genai_core.gan.lab import Frame, LabConfig

TITLE = "GAN"
DATA = {"ring of 8": "ring", "grid of 25": "grid", "spiral": "spiral", "two moons": "moons", "my drawing": "drawn"}
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

HOW = r"""
In a **generative adversarial network** (Goodfellow 2014, [arXiv 1406.2661](https://arxiv.org/abs/1406.2661)) two
networks play against one another. The generator turns noise $z$ into a sample; the discriminator says how real a sample
looks; each is trained against the other:

$$\min_G \max_D \; \mathbb{E}_{x} \log D(x) + \mathbb{E}_{z} \log (1 - D(G(z)))$$

Where $D$ is sure, this **minimax** loss gives the generator almost no slope, and it falls in love with a few modes. The
**non-saturating** loss asks it to raise $\log D(G(z))$ instead. **Least squares** (Mao 2017), **hinge** (Lim 2017) and
**Wasserstein** with gradient penalty (Gulrajani 2017) change what is measured between the two clouds. A few
**coins** among the latents (values −1 or 1) spare the generator from drawing bridges between modes.
A mode counts as covered when a sample of high quality, within 3σ, lies nearest to it (Srivastava 2017).
"""


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


def data_of(name, view) -> str | list:
    """A distribution's name, or the points that the user drew (they come with the control's value)."""
    kind = DATA[_checks.choice(name, "The distribution", tuple(DATA))]
    if kind != "drawn":
        return kind
    points = view.get("drawn") if isinstance(view, dict) else None
    if not isinstance(points, list) or not points:
        raise _checks.InputError("Draw some points in the plane first, with the pointer.")
    if len(points) > 2000:
        raise _checks.InputError("A drawing may have at most 2,000 points.")
    return [_checks.numbers(point, "A drawn point", 2, -lab.WINDOW, lab.WINDOW) for point in points]


def shown(frame: Frame, game_number: int, total: int | None, drawing: list | None = None) -> dict:
    """A frame as the control's value: small integers, one byte a cell of the heat map; NaN as null."""

    def whole(array: np.ndarray, factor: float, limit: float) -> list[int]:
        return np.nan_to_num(np.clip(array * factor, -limit, limit)).round().astype(int).ravel().tolist()

    longest = float(np.linalg.norm(frame.pull, axis=1).max())
    return {
        "game": game_number,
        "step": frame.step,
        "real": whole(frame.real, 1000, 9999),
        "made": whole(frame.made, 1000, 9999),
        "pull": whole(frame.pull[::4] / (longest + 1e-12), 100, 100),
        "heat": base64.b64encode((frame.heat * 255).astype(np.uint8).tobytes()).decode(),
        "window": lab.WINDOW,
        "d_loss": None if np.isnan(frame.d_loss) else frame.d_loss,
        "g_loss": None if np.isnan(frame.g_loss) else frame.g_loss,
        "slope": None if np.isnan(frame.slope) else frame.slope,
        "modes": frame.modes,
        "total": total,
        "quality": frame.quality,
        "drawn": drawing,
    }


def frames(who: str, per_frame: int, pause: float, n: int, number: int, state, data, settings: dict, seed: int):
    """The control's value and the state to go on from, (game's number, bytes), frame by frame. Raises: InputError.

    The number tells a late frame of a game that was reset meanwhile from one of the game that is played now.
    """
    total = {"ring": 8, "grid": 25}.get(data) if isinstance(data, str) else None
    drawing = None if isinstance(data, str) else data
    try:
        for frame, game in _jobs.run(
            "genai_core.gan.play:play",
            settings=settings,
            data=data,
            seed=seed,
            state=state[1] if state and state[0] == number else None,
            per_frame=per_frame,
            frames=n,
            who=who,
            pause=pause,
        ):
            yield shown(frame, number, total, drawing), (number, game)
    except _jobs.JobError as error:
        raise _checks.InputError(str(error)) from None


@_checks.stream_handler
def play(number, state, view, preset, speed, data, seed, *controls) -> Iterator:
    """Go on with the game (or begin one), for at most two minutes; a preset's further settings come with its name."""
    per_frame, pause = SPEEDS[_checks.choice(speed, "The speed", tuple(SPEEDS))]
    settings = with_preset(preset, settings_of(*controls))
    yield from frames(
        "both", per_frame, pause, 10_000, number, state, data_of(data, view), settings, _checks.seed(seed)
    )


def one_step(who: str):
    """The handler that lets one side take a single step."""

    @_checks.stream_handler
    def step(number, state, view, preset, data, seed, *controls) -> Iterator:
        settings = with_preset(preset, settings_of(*controls))
        yield from frames(who, 1, 0.0, 1, number, state, data_of(data, view), settings, _checks.seed(seed))

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
        plane(data, number + 1),
    )


def plane(data: str, number: int = 0) -> dict:
    """What is seen before a game: the data alone."""
    kind = DATA[_checks.choice(data, "The distribution", tuple(DATA))]
    if kind == "drawn":
        return {"game": number, "real": [], "window": lab.WINDOW, "drawn": [], "drawing": True}
    x = lab.distribution(kind).draw(lab.SHOWN, torch.Generator().manual_seed(0))
    return {"game": number, "real": (x * 1000).round().int().flatten().tolist(), "window": lab.WINDOW}


@_checks.handler
def reset(number: int, data: str):
    """Leave the game: the next one's number, no preset, and the plane with the data alone."""
    return number + 1, "", plane(data, number + 1)


def restore(query: dict) -> tuple:
    """Settings of a link -> distribution, loss and seed. Raises: InputError."""
    data = _checks.choice(query.get("data", "ring of 8"), "The distribution", tuple(DATA))
    loss = _checks.choice(query.get("loss", "non-saturating"), "The loss", tuple(LOSSES))
    text = str(query.get("seed", "0"))
    return data, loss, _checks.seed(int(text) if text.isascii() and text.isdigit() and len(text) < 12 else -1)


def build_tab() -> list:
    """Layout and wiring; returns the components that `restore` fills."""
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
            data = gr.Dropdown(list(DATA), value="ring of 8", label="Real points")
            loss = gr.Dropdown(list(LOSSES), value="non-saturating", label="Loss")
            speed = gr.Radio(list(SPEEDS), value="normal", label="Speed")
            with gr.Accordion("More", open=False):
                lr_g = gr.Slider(-5, -1, value=-3, step=0.1, label="Learning rate of G, power of ten")
                lr_d = gr.Slider(-5, -1, value=-3, step=0.1, label="Learning rate of D, power of ten")
                d_steps = gr.Slider(1, 10, value=1, step=1, label="k, steps of D per step of G")
                latents = gr.Slider(1, 16, value=2, step=1, label="Latent size (from the next reset)")
                penalty = gr.Slider(0, 20, value=0, step=0.1, label="Penalty on D's gradient")
                seed = gr.Number(0, label="Seed (from the next reset)", precision=0, minimum=0, maximum=_checks.SEEDS)
        with gr.Column(scale=7, min_width=320):
            view = _common.control("lab", plane("ring of 8"))
    _common.how_it_works(HOW, losses.discriminator_loss, losses.generator_loss, lab.Lab, game.train)

    controls = [loss, lr_g, lr_d, d_steps, latents, penalty]
    train = {"show_progress": "hidden", "api_visibility": "private", **_common.TRAIN}
    runs = [start.click(play, [number, state, view, preset, speed, data, seed, *controls], [view, state], **train)]
    for button, who in ((step_d, "discriminator"), (step_g, "generator")):
        button.click(one_step(who), [number, state, view, preset, data, seed, *controls], [view, state], **train)
    pause.click(None, None, None, cancels=runs, api_visibility="private")
    for event in (again.click, data.input):
        event(reset, [number, data], [number, preset, view], cancels=runs, **LIGHT, **QUIET)
    everything = [data, *controls, speed, preset, number, view]
    pills.click(choose, number, everything, cancels=runs, **LIGHT, **QUIET).then(
        play, [number, state, view, preset, speed, data, seed, *controls], [view, state], **train
    )
    return [data, loss, seed]

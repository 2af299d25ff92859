"""Train a VAE with two latents on sprites, live: loss terms, the latent scatter and the decoded plane as they form."""

from collections.abc import Iterator

import gradio as gr
import numpy as np
import torch
from PIL import Image

from demos import _checks, _common, _keep, _live
from genai_core import sprites

FACTORS = {
    "position": ("x", "y"),
    "size and position across": ("scale", "x"),
    "turn": ("orientation",),
    "everything": sprites.FACTORS,
}
STEPS = 700


def examples(factors: str) -> dict:
    """The control's value before a training: 24 sprites as the network will see them."""
    vary = FACTORS[_checks.choice(factors, "What varies", tuple(FACTORS))]
    x, _ = sprites.sprites(24, generator=torch.Generator().manual_seed(0), vary=vary)
    return {"examples": _common.png(_common.tile(x, 8, gap=2))}


def drawn(frame) -> dict:
    """A VAEFrame of genai_core.live as the control's value: numbers, and one small picture."""
    varied = [k for k in range(len(sprites.FACTORS)) if np.ptp(frame.factors[:, k]) > 1e-3]
    shade = frame.factors[:, varied[0]]
    low, high = float(shade.min()), float(shade.max())
    return {
        "step": frame.step,
        "steps": frame.steps,
        "late": frame.late,
        "losses": frame.losses,
        "xy": frame.scatter.flatten().tolist(),
        "shade": ((shade - low) / (high - low + 1e-9) * 255).astype(int).tolist(),
        "by": sprites.FACTORS[varied[0]],
        "sheet": _common.png(Image.fromarray(frame.decoded)),
    }


def settings_of(factors, beta, seed, _view=None) -> dict:
    """The page's controls, checked."""
    return {
        "factors": _checks.choice(factors, "What varies", tuple(FACTORS)),
        "beta": _checks.number(beta, "Beta", 0, 16),
        "seed": _checks.seed(seed),
    }


def values(settings: dict) -> tuple:
    """Settings of a link or a saved picture -> what varies, beta, seed, the view before a training."""
    beta = _keep.from_link(settings.get("beta"), "Beta")
    clean = settings_of(settings.get("factors"), beta, _keep.seed(settings.get("seed")))
    return *clean.values(), examples(clean["factors"])


def picture(_factors, _beta, _seed, view) -> Image.Image:
    """The decoded plane as it stands, or the examples before a training."""
    view = _checks.record(view, "The view")
    sheet = _checks.picture(_checks.decoded(view.get("sheet") or view.get("examples"), "The view's picture"))
    return sheet.resize((2 * sheet.width, 2 * sheet.height), Image.Resampling.NEAREST)


@_checks.stream_handler
def train(factors: str, beta: float, seed: float) -> Iterator[dict]:
    """What varies, beta in [0, 16], seed -> the control's value, frame by frame, for at most a minute."""
    settings = settings_of(factors, beta, seed)
    vary = FACTORS[settings.pop("factors")]
    yield from _live.frames("genai_core.live:train_vae", drawn, vary=vary, steps=STEPS, **settings)


def vae_train(factors: str = "position", beta: float = 1.0, seed: int = 0) -> Iterator[dict]:
    """Train a 2-D VAE on sprites of which `factors` (a choice of the page) varies; streams frames, as on the page."""
    yield from (frame for frame in train(factors, beta, seed) if "sheet" in frame)  # without "nothing new"


def build() -> list:
    """Returns what `values` fills."""
    _common.lead(
        "<b>Press Train</b> and watch two networks agree on a code: first a cloud, then a map. Look for how the "
        "shapes' factors spread over the plane."
    )
    with gr.Row():
        with gr.Column(scale=4, min_width=280):
            factors = gr.Radio(list(FACTORS), value="position", label="What varies from sprite to sprite")
            beta = gr.Slider(0, 16, value=1, step=0.25, label="β, the weight of the KL term")
            seed = gr.Number(0, label="Seed", precision=0, minimum=0, maximum=_checks.SEEDS)
            with gr.Row():
                start = gr.Button("Train", variant="primary")
                stop = gr.Button("Stop")
            gr.Markdown(
                "Two latents can hold two factors: with *position*, the scatter unfolds into a square sheet. With "
                "*everything*, five factors compete for two numbers. With β = 16, guess how many survive.",
                elem_classes="prose-narrow",
            )
        with gr.Column(scale=7, min_width=320):
            view = _common.control("training", examples("position"))
            _keep.bar("vae", "train", [factors, beta, seed, view], settings_of, picture, values)
    run = start.click(train, [factors, beta, seed], view, **_common.QUIET, **_common.TRAIN)
    gr.api(vae_train, api_name="vae_train", **_common.TRAIN)
    factors.input(_checks.handler(examples), factors, view, **_common.LIGHT, **_common.QUIET)
    _common.ended_by([run], stop.click)
    return [factors, beta, seed, view]

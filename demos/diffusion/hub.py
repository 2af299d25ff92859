"""A pretrained model of the Hugging Face Hub, or a local diffusers folder, under the same samplers. An option."""

import html
from collections.abc import Iterator

import gradio as gr
import numpy as np
from PIL import Image

from demos import _checks, _common, _keep, _live
from demos.diffusion._models import SAMPLERS

KNOWN = ("google/ddpm-cifar10-32", "google/ddpm-celebahq-256", "google/ddpm-cat-256")


def settings(name, sampler, steps, seed) -> dict:
    """The page's controls, checked."""
    return {
        "source": _checks.hub_name(name, KNOWN[0]),
        "sampler": _checks.choice(sampler, "The sampler", tuple(SAMPLERS)),
        "steps": _checks.whole(steps, "The number of steps", 1, 100),
        "seed": _checks.seed(seed),
    }


def values(found: dict) -> tuple:
    """Settings of a link -> values of the controls. Raises: InputError."""
    steps = _keep.from_link(found.get("steps", 20), "The number of steps")
    clean = settings(
        found.get("source", KNOWN[0]), found.get("sampler", "DDIM"), steps, _keep.seed(found.get("seed", 0))
    )
    return tuple(clean.values())


def page(said: str, x: np.ndarray | None) -> str:
    """What is done, and the predicted pictures, as HTML."""
    images = [] if x is None else [Image.fromarray(p[..., 0] if p.shape[-1] == 1 else p) for p in x]
    pictures = "".join(
        f'<img class="pixels" width="320" src="{_common.data_uri(image)}" alt="the predicted picture">'
        for image in images
    )
    return f'<div class="card stage">{pictures}<p class="caption num">{html.escape(said)}</p></div>'


@_checks.stream_handler
def draw(name, sampler, steps, seed) -> Iterator[str]:
    """The page's controls -> progress, then the predicted picture step by step, as HTML."""
    clean = settings(name, sampler, steps, seed)
    clean["sampler"] = SAMPLERS[clean["sampler"]]
    yield from _live.frames("genai_core.diffusion.hub:play", lambda value: page(*value), **clean)


def failed() -> str:
    return '<p class="said">That did not work, as the message in the corner says. No other part needs a network.</p>'


def build() -> list:
    """Returns what `values` fills."""
    _common.lead(
        "<b>Name a model</b> of the Hugging Face Hub: it is fetched once, and drawn from by our samplers. This needs a "
        "network the first time, and patience: these are hundreds of times larger than ours."
    )
    with gr.Row():
        with gr.Column(scale=4, min_width=280):
            with gr.Row():
                start = gr.Button("Draw", variant="primary", min_width=80)
                stop = gr.Button("Stop", min_width=80)
            name = gr.Dropdown(
                list(KNOWN), value=KNOWN[0], allow_custom_value=True, label="Model, or a diffusers folder"
            )
            sampler = gr.Dropdown(list(SAMPLERS), value="DPM-Solver++ 2M", label="Sampler")
            steps = gr.Slider(1, 100, value=15, step=1, label="Steps")
            seed = gr.Number(0, label="Seed", precision=0, minimum=0, maximum=_checks.SEEDS)
        with gr.Column(scale=7, min_width=320):
            out = gr.HTML('<div class="card empty">Nothing is fetched until you press Draw.</div>')
            said = gr.HTML()
    parts = [name, sampler, steps, seed]
    run = start.click(draw, parts, out, show_progress="hidden", api_visibility="private", **_common.TRAIN)
    run.failure(failed, None, said, **_common.LIGHT, **_common.QUIET)
    _common.ended_by([run], stop.click)
    return parts

"""The way between two codes, straight and along the sphere, and an animated picture of it to keep."""

import base64
import io

import gradio as gr
import torch
from PIL import Image

from demos import _checks, _common
from demos.vae import _models
from demos.vae._models import MODELS, NAMES
from genai_core import vae

PATHS = {"straight": vae.lerp, "spherical": vae.slerp}
SHOWN = 10


def frames(name: str, seed_a: int, seed_b: int, path: str, n: int) -> torch.Tensor:
    """n pictures [n, 1, 28, 28] from the code of seed_a to that of seed_b."""
    model = vae.load(name)
    a, b = (torch.tensor(_models.draw(name, seed)) for seed in (seed_a, seed_b))
    return _models.decode(model, PATHS[path](a, b, torch.linspace(0, 1, n)))


def strips(name: str, seed_a: int, seed_b: int) -> str:
    """Both ways, one above the other, as HTML."""
    model = vae.load(name)
    a, b = (torch.tensor(_models.draw(name, seed)) for seed in (seed_a, seed_b))
    parts = []
    for title, path in PATHS.items():
        z = path(a, b, torch.linspace(0, 1, SHOWN))
        pictures = [_common.tile(x[None], 1) for x in _models.decode(model, z)]
        row = _common.thumbs(pictures, [f"{norm:.1f}" for norm in z.norm(dim=1)], f"{title} way, norm of z")
        parts.append(f"<h3>{title.capitalize()}, with ‖z‖ below each picture</h3>{row}")
    return f'<div class="card stage">{"<br>".join(parts)}</div>'


def animation(name: str, seed_a: int, seed_b: int, path: str) -> bytes:
    """There and back as an animated GIF at 8x."""
    x = frames(name, seed_a, seed_b, path, 32)
    images = [Image.fromarray(p.repeat(8, 0).repeat(8, 1)) for p in _common.pixels(torch.cat([x, x.flip(0)[1:-1]]))]
    buffer = io.BytesIO()
    images[0].save(buffer, "GIF", save_all=True, append_images=images[1:], duration=50, loop=0)
    return buffer.getvalue()


def moving(gif: bytes, file: str) -> str:
    """An animated picture and a link that saves it, as HTML."""
    source = f"data:image/gif;base64,{base64.b64encode(gif).decode()}"
    return (
        f'<div class="card"><img class="pixels" src="{source}" alt="animation of the way" width="224" height="224">'
        f'<div class="tools"><a class="tool" href="{source}" download="{file}">Save GIF</a></div></div>'
    )


@_checks.handler
def interpolate(name: str, seed_a: float, seed_b: float, path: str):
    """Model, two seeds, "straight" or "spherical" -> both strips, and the animated picture, as HTML."""
    name = _checks.choice(name, "The model", MODELS)
    path = _checks.choice(path, "The way", tuple(PATHS))
    a, b = _checks.seed(seed_a), _checks.seed(seed_b)
    return strips(name, a, b), moving(animation(name, a, b, path), f"{name}-{a}-{b}-{path}.gif")


def build() -> tuple[list, list]:
    """Returns the inputs and outputs, for the first picture when the sub-tab is opened."""
    _common.lead(
        "<b>Choose two seeds</b>: two pictures, and the way between their codes. Look at the middle, where the two "
        "ways differ most."
    )
    with gr.Row():
        with gr.Column(scale=4, min_width=280):
            model = gr.Dropdown([(NAMES[name], name) for name in MODELS], value=MODELS[0], label="Model")
            with gr.Row():
                a = gr.Number(1, label="From seed", precision=0, minimum=0, maximum=_checks.SEEDS)
                b = gr.Number(5, label="To seed", precision=0, minimum=0, maximum=_checks.SEEDS)
            path = gr.Radio(list(PATHS), value="spherical", label="Way of the animation")
            animated = gr.HTML()
        with gr.Column(scale=7, min_width=320):
            both = gr.HTML('<div class="card empty">Both ways appear here.</div>')
            gr.Markdown(
                "A draw from a Gaussian in *d* dimensions lies close to the sphere of radius √*d*. The straight way "
                "cuts through the inside, where few training pictures were encoded; the spherical way (Shoemake "
                "1985) keeps the radius. Look at the middle of each strip, and at ‖z‖.",
                elem_classes="prose-narrow",
            )
    inputs, outputs = [model, a, b, path], [both, animated]
    for part in inputs:
        part.change(interpolate, inputs, outputs, trigger_mode="always_last", **_common.STREAM, **_common.QUIET)
    return inputs, outputs

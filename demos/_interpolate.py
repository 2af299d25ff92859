"""The way between two latent codes, straight and along the sphere, and an animated picture of it to keep."""

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass

import gradio as gr
import torch
from PIL import Image

from demos import _checks, _common, _keep
from genai_core.interpolation import lerp, slerp

PATHS = {"straight": lerp, "spherical": slerp}
SHOWN = 10


@dataclass(frozen=True)
class Space:
    """A tab's latent spaces. code: (model's name, seed) -> z; decode: (name, z [N, d], class) -> [N, 1, 28, 28]."""

    tab: str
    names: dict[str, str]  # of the models, with what the page calls them
    code: Callable[[str, int], torch.Tensor]
    decode: Callable[[str, torch.Tensor, int], torch.Tensor]
    classes: Callable[[str], tuple[str, ...] | None] = lambda name: None  # of a conditional model

    def way(self, settings: dict, path: str, n: int) -> tuple[torch.Tensor, torch.Tensor]:
        """n codes [n, d] from one seed's to the other's, and their pictures [n, 1, 28, 28]."""
        a, b = (self.code(settings["model"], settings[seed]) for seed in ("from", "to"))
        z = PATHS[path](a, b, torch.linspace(0, 1, n))
        return z, self.decode(settings["model"], z, settings["label"])

    def settings(self, model, label, seed_a, seed_b, path) -> dict:
        """The page's controls, checked."""
        return {
            "model": _checks.choice(model, "The model", tuple(self.names)),
            "label": _checks.whole(label, "The class", 0, 9),
            "from": _checks.seed(seed_a),
            "to": _checks.seed(seed_b),
            "path": _checks.choice(path, "The way", tuple(PATHS)),
        }

    def values(self, settings: dict) -> tuple:
        """Settings of a link or a saved picture -> values of the page's controls. Raises: InputError."""
        seeds = (_keep.seed(settings.get(key)) for key in ("from", "to"))
        label = _keep.from_link(settings.get("label", 0), "The class")
        found = self.settings(settings.get("model"), label, *seeds, settings.get("path"))
        return (
            found["model"],
            gr.Dropdown(value=found["label"], **self.choices(found["model"])),
            *list(found.values())[2:],
        )

    def choices(self, name: str) -> dict:
        """Choices of the class, and whether there are any."""
        classes = self.classes(name)
        return {"choices": [(c, k) for k, c in enumerate(classes or "0123456789")], "visible": classes is not None}

    def strips(self, settings: dict) -> str:
        """Both ways, one above the other, as HTML."""
        parts = []
        for path in PATHS:
            z, x = self.way(settings, path, SHOWN)
            pictures = [_common.tile(picture[None], 1) for picture in x]
            row = _common.thumbs(pictures, [f"{norm:.1f}" for norm in z.norm(dim=1)], f"{path} way, norm of z")
            parts.append(f"<h3>{path.capitalize()}, with ‖z‖ below each picture</h3>{row}")
        return f'<div class="card stage">{"<br>".join(parts)}</div>'

    def animation(self, settings: dict) -> bytes:
        """There and back as an animated GIF at 8x."""
        _, x = self.way(settings, settings["path"], 32)
        frames = _common.pixels(torch.cat([x, x.flip(0)[1:-1]])).repeat(8, 1).repeat(8, 2)
        images = [Image.fromarray(frame) for frame in frames]
        buffer = io.BytesIO()
        images[0].save(buffer, "GIF", save_all=True, append_images=images[1:], duration=50, loop=0)
        return buffer.getvalue()

    def sheet(self, *controls) -> Image.Image:
        """Both strips as one picture."""
        settings = self.settings(*controls)
        return _common.tile(torch.cat([self.way(settings, path, SHOWN)[1] for path in PATHS]), SHOWN, gap=4, zoom=3)

    def show(self, *controls) -> tuple[str, str]:
        """The page's controls -> both strips, and the animated picture, as HTML."""
        settings = self.settings(*controls)
        file = "-".join(str(settings[key]) for key in ("model", "from", "to", "path"))
        return self.strips(settings), moving(self.animation(settings), f"{file}.gif")


def moving(gif: bytes, file: str) -> str:
    """An animated picture and a link that saves it, as HTML."""
    source = f"data:image/gif;base64,{base64.b64encode(gif).decode()}"
    return (
        f'<div class="card"><img class="pixels" src="{source}" alt="animation of the way" width="224" height="224">'
        f'<div class="tools"><a class="tool" href="{source}" download="{file}">Save GIF</a></div></div>'
    )


def build(space: Space) -> tuple[list, list, Callable]:
    """Returns the inputs, the outputs and the handler between them, for the first picture of the sub-tab."""
    _common.lead(
        "<b>Choose two seeds</b>: two pictures, and the way between their codes. Look at the middle, where the two "
        "ways differ most."
    )
    first = next(iter(space.names))
    with gr.Row():
        with gr.Column(scale=4, min_width=280):
            model = gr.Dropdown([(title, name) for name, title in space.names.items()], value=first, label="Model")
            label = gr.Dropdown(**space.choices(first), value=0, label="Class")
            with gr.Row():
                a = gr.Number(1, label="From seed", precision=0, minimum=0, maximum=_checks.SEEDS)
                b = gr.Number(5, label="To seed", precision=0, minimum=0, maximum=_checks.SEEDS)
            path = gr.Radio(list(PATHS), value="spherical", label="Way of the animation")
            animated = gr.HTML()
        with gr.Column(scale=7, min_width=320):
            both = gr.HTML('<div class="card empty">Both ways appear here.</div>')
            gr.Markdown(
                "A draw from a Gaussian in *d* dimensions lies close to the sphere of radius √*d*. The straight way "
                "cuts through the inside, which is seldom drawn; the spherical way (Shoemake 1985) keeps the radius. "
                "Look at the middle of each strip, and at ‖z‖.",
                elem_classes="prose-narrow",
            )
            inputs, outputs = [model, label, a, b, path], [both, animated]
            _keep.bar(space.tab, "interpolate", inputs, space.settings, space.sheet, space.values)
    handler = _checks.handler(space.show)
    for part in inputs:
        part.change(handler, inputs, outputs, trigger_mode="always_last", **_common.STREAM, **_common.QUIET)
    if any(space.classes(name) for name in space.names):
        choose = _checks.handler(lambda name: gr.Dropdown(**space.choices(name)))
        model.input(choose, model, label, **_common.LIGHT, **_common.QUIET)
    return inputs, outputs, handler

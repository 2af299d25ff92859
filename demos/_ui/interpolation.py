"""Interpolation between two latent codes, linear and spherical, and an animation of it: a part of several tabs."""

import base64
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image

from demos._server import lanes
from demos._ui import api, images
from demos._ui.settings import Setting, Table, choice, choice_by, seed
from demos._ui.tab import Answer, Part, Preset
from genai_core.common.interpolation import lerp, slerp

PATHS = {"straight": lerp, "spherical": slerp}
SHOWN = 10
NOTE = (
    "A draw from a Gaussian in *d* dimensions lies close to the sphere of radius √*d* when *d* is large. The straight "
    "path cuts through the inside, which is seldom drawn; the spherical one (Shoemake 1985) keeps the radius. Look "
    "at the middle of each strip, and at ‖z‖."
)


@dataclass(frozen=True)
class Space:
    """A tab's latent spaces. code: (model's name, seed) -> z; decode: (name, z [N, d], class) -> [N, 1, 28, 28].

    program: code that defines `a`, `b` (two codes) and, after them, `decode(z)`; with {model}, {label}, {from_seed} and
    {to_seed} to be filled in.
    """

    names: Mapping[str, str]  # of the models, with what the page calls them
    code: Callable[[str, int], torch.Tensor]
    decode: Callable[[str, torch.Tensor, int], torch.Tensor]
    program: str
    classes: Callable[[str], tuple[str, ...] | None] = lambda name: None  # of a conditional model

    def path(
        self, model: str, label: str, seeds: tuple[int, int], path: str, n: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """n codes [n, d] from one seed's to the other's, and their pictures [n, 1, 28, 28]."""
        a, b = (self.code(model, one) for one in seeds)
        z = PATHS[path](a, b, torch.linspace(0, 1, n))
        return z, self.decode(model, z, int(label))


def labels(space: Space, name: str) -> dict[str, str]:
    """{class as text: its name}; of a model without classes, one that is not shown."""
    classes = space.classes(name)
    return {str(k): title for k, title in enumerate(classes)} if classes else {"0": "–"}


def strips(space: Space, model: str, label: str, from_seed: int, to_seed: int, path: str) -> str:
    """Both paths, one above the other, and the animation, as HTML."""
    seeds, parts = (from_seed, to_seed), []
    for name in PATHS:
        z, x = space.path(model, label, seeds, name, SHOWN)
        pictures = [images.tile(picture[None], 1) for picture in x]
        row = images.thumbs(pictures, [f"{norm:.1f}" for norm in z.norm(dim=1)], f"{name} path, norm of z")
        parts.append(f"<h3>{name.capitalize()}, with ‖z‖ below each picture</h3>{row}")
    gif = base64.b64encode(animation(space, model, label, seeds, path)).decode()
    source, file = f"data:image/gif;base64,{gif}", f"{model}-{from_seed}-{to_seed}-{path}.gif"
    return (
        f'<div class="card stage">{"<br>".join(parts)}<div class="animated">'
        f'<img class="pixels" src="{source}" alt="animation of the path" width="168" height="168">'
        f'<div class="tools"><a class="tool" href="{source}" download="{file}">Save GIF</a></div></div></div>'
    )


def animation(space: Space, model: str, label: str, seeds: tuple[int, int], path: str) -> bytes:
    """There and back as an animated GIF at 8x."""
    _, x = space.path(model, label, seeds, path, 32)
    frames = images.pixels(torch.cat([x, x.flip(0)[1:-1]])).repeat(8, 1).repeat(8, 2)
    first, *others = [Image.fromarray(frame) for frame in frames]
    buffer = io.BytesIO()
    first.save(buffer, "GIF", save_all=True, append_images=others, duration=50, loop=0)
    return buffer.getvalue()


def settings_of(space: Space) -> tuple[Setting, ...]:
    return (
        Setting("model", choice(space.names), next(iter(space.names)), "Model"),
        Setting("label", choice_by("model", tuple(space.names), lambda name: labels(space, name)), "0", "Class"),
        Setting("from_seed", seed(), 1, "From seed", formerly="from"),
        Setting("to_seed", seed(), 5, "To seed", formerly="to"),
        Setting("path", choice(tuple(PATHS)), "spherical", "Path of the animation"),
    )


def endpoint(name: str, space: Space, lane: Mapping[str, Any] = lanes.LIGHT) -> api.Endpoint:
    """The endpoint of a tab that interpolates in its latent spaces."""

    def interpolate(model: str, label: str, from_seed: int, to_seed: int, path: str) -> Image.Image:
        """Interpolate between the latent codes of two seeds, in ten pictures."""
        return images.tile(space.path(model, label, (from_seed, to_seed), path, SHOWN)[1], SHOWN)

    interpolate.__name__ = name
    strip = api.Picture(f"{SHOWN} pictures in a row, 28 x 28 each")
    takes = ("from_seed", "to_seed", "model", "label", "path")
    return api.endpoint(Table(settings_of(space)), strip, takes=takes, lane=lane)(interpolate)


PRESETS = (
    Preset(
        "Half-way",
        "Two pictures, and a path from one to the other. What is in its middle?",
        {"from_seed": 2, "to_seed": 7, "path": "spherical"},
        "A picture with strokes of its own: it is the codes that are mixed, and not the pixels.",
        (
            Answer("Both pictures, one over the other.", "That is the mean of their pixels, a cross-fade."),
            Answer("A picture of its own."),
            Answer("The first one, up to where it jumps.", "The decoder is continuous: near codes, near pictures."),
        ),
    ),
    Preset(
        "Through the inside",
        "Both ends are draws from the prior. How far from 0 is the middle of the straight path?",
        {"from_seed": 8, "to_seed": 2, "path": "straight"},
        "Nearer than both ends, where draws from the prior are rare. The spherical path keeps its distance.",
        (
            Answer("As far as its ends.", "That is so on the spherical path. A chord lies inside of its circle."),
            Answer("Farther.", "A mean of two vectors is no longer than the longer of them."),
            Answer("Nearer than its ends."),
        ),
    ),
    Preset(
        "Where the paths part",
        "Both paths have the same two ends. Where do their pictures differ most?",
        {"from_seed": 3, "to_seed": 4},
        "Around the middle, where the norms of their codes differ most.",
        (
            Answer("Around the middle."),
            Answer("Near the ends.", "There both paths have nearly the same code, and so the same picture."),
            Answer("Everywhere alike.", "They begin and end with the same pictures, so they must part and meet."),
        ),
    ),
)


def part(space: Space) -> Part:
    """The part of a tab that interpolates in its latent spaces."""

    def show(model: str, label: str, from_seed: int, to_seed: int, path: str) -> str:
        return strips(space, model, label, from_seed, to_seed, path)

    def picture(model: str, label: str, from_seed: int, to_seed: int, path: str) -> Image.Image:
        """Both strips as one picture."""
        rows = [space.path(model, label, (from_seed, to_seed), name, SHOWN)[1] for name in PATHS]
        return images.tile(torch.cat(rows), SHOWN, gap=4, zoom=3)

    def code(model: str, label: str, from_seed: int, to_seed: int, path: str) -> str:
        begin = space.program.format(model=model, label=label, from_seed=from_seed, to_seed=to_seed)
        return f"""{begin}
from genai_core.common.interpolation import lerp, slerp
from genai_core.common.pictures import tile

t = torch.linspace(0, 1, {SHOWN})
with torch.inference_mode():
    x = torch.cat([decode(path(a, b, t)) for path in (lerp, slerp)])
image = tile(x, {SHOWN}, gap=4, zoom=3)
image.save("picture.png")
"""

    return Part(
        id="interpolate",
        title="Interpolate",
        lead="<b>Choose two seeds</b>: two pictures, and two paths between their codes. Look at the middle, where the "
        "paths differ most.",
        settings=settings_of(space),
        presets=PRESETS,
        form=True,
        note=NOTE,
        show=show,
        picture=picture,
        code=code,
    )

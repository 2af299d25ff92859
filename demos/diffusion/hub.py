"""A pretrained model of the Hugging Face Hub, or a local diffusers folder, under the same samplers. An option."""

import html
from collections.abc import Iterator

import numpy as np
from PIL import Image

from demos._server import lanes
from demos._ui import images, live, validation
from demos._ui.settings import Setting, checked, choice, integer, seed
from demos._ui.tab import Action, Part
from demos.diffusion._models import SAMPLERS

KNOWN = ("google/ddpm-cifar10-32", "google/ddpm-celebahq-256", "google/ddpm-cat-256")
EMPTY = '<div class="card stage empty">Nothing is fetched until you press Draw.</div>'


def render(progress: str, x: np.ndarray | None) -> str:
    """What is done, and the predicted pictures, as HTML."""
    pictures = [] if x is None else [Image.fromarray(p[..., 0] if p.shape[-1] == 1 else p) for p in x]
    cells = "".join(
        f'<img class="pixels" width="320" src="{images.data_uri(image)}" alt="the predicted picture">'
        for image in pictures
    )
    return f'<div class="card stage">{cells}<p class="caption num">{html.escape(progress)}</p></div>'


def draw(source: str, sampler: str, steps: int, seed: int) -> Iterator[dict | None]:
    """Progress, then the predicted picture step by step, as HTML."""
    yield from live.frames(
        "genai_core.diffusion.hub:draw",
        lambda value: {"html": render(*value)},
        source=source,
        sampler=SAMPLERS[sampler],
        steps=steps,
        seed=seed,
    )


def show(source: str, sampler: str, steps: int, seed: int) -> str:
    return EMPTY


def code(source: str, sampler: str, steps: int, seed: int) -> str:
    return f'''import torch

from genai_core.common.pictures import picture
from genai_core.diffusion import hub

model = hub.load("{source}")
generator = torch.Generator().manual_seed({seed})
for step in hub.sample_steps(model, 1, generator=generator, sampler="{SAMPLERS[sampler]}", steps={steps}):
    print(step.step, step.nfe)
image = picture((step.x0[0] + 1) / 2)
image.save("picture.png")
'''


PART = Part(
    id="hub",
    title="Hub",
    lead="<b>Name a model</b> of the Hugging Face Hub: it is fetched once, and drawn from by our samplers. This needs "
    "a network the first time, and patience: these are hundreds of times larger than ours.",
    settings=(
        Setting(
            "source",
            checked(lambda value, _others: validation.hub_name(value, KNOWN[0]), suggestions=KNOWN),
            KNOWN[0],
            "Model, or a diffusers folder",
        ),
        Setting("sampler", choice(tuple(SAMPLERS)), "DPM-Solver++ 2M", "Sampler"),
        Setting("steps", integer(1, 100), 15, "Steps"),
        Setting("seed", seed(), 0, "Seed"),
    ),
    form=True,
    actions=(Action("run", "Draw", primary=True), Action("stop", "Stop")),
    run=draw,
    lane=lanes.TRAIN,
    long=True,
    online=True,
    show=show,
    code=code,
)

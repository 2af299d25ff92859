"""Four samples for a seed."""

import torch
from PIL import Image

from demos._ui import images
from demos._ui.settings import Setting, choice
from demos._ui.settings import seed as any_seed
from demos._ui.tab import Part, Preset
from genai_core import brightness


def picture(model: str, seed: int) -> Image.Image:
    x = brightness.sample(brightness.load(model), 4, generator=torch.Generator().manual_seed(seed))
    return images.tile(x, 4, gap=2)


def show(model: str, seed: int) -> str:
    return f'<img class="pixels" src="{images.data_uri(picture(model, seed))}" alt="four samples, seed {seed}">'


def code(model: str, seed: int) -> str:
    return f"""import torch

from genai_core import brightness
from genai_core.common.pictures import tile

model = brightness.load("{model}")
x = brightness.sample(model, 4, generator=torch.Generator().manual_seed({seed}))
tile(x, 4, gap=2).save("picture.png")
"""


PART = Part(
    id="samples",
    title="Samples",
    lead="<b>Change the seed</b>: only the noise is another.",
    settings=(
        Setting("model", choice(tuple(brightness.RECIPES)), "brightness-sprites"),
        Setting("seed", any_seed(), 0),
    ),
    presets=(Preset("Seed 1", "What will be the same?", {"seed": 1}, "The brightness."),),
    form=True,
    show=show,
    picture=picture,
    code=code,
)

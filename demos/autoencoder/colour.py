"""In colour: a scene through an autoencoder with ordered codes, of which the first k channels are kept."""

import torch
from PIL import Image

from demos._ui import charts, images
from demos._ui.api import Picture, Value, endpoint
from demos._ui.settings import Setting, integer
from demos._ui.tab import Answer, Part, Preset
from demos.autoencoder import _scenes
from demos.autoencoder._scenes import open_picture, original
from genai_core.autoencoders import nested, noise
from genai_core.autoencoders.nested import GRID
from genai_core.common import checkpoints
from genai_core.data import scenes

NAME = "ae-scenes"
CODES = nested.RECIPES[NAME].config.codes
NUMBERS = GRID * GRID  # of a channel


@torch.inference_mode()
def squeezed(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A picture [1, 3, 64, 64] -> its code [16, 8, 8], and what 1 to 16 channels rebuild of it, ours and PCA's.

    Both [16, 3, 64, 64].
    """
    model, x = nested.load(NAME), x.to(checkpoints.default_device())
    z = model.encode(x)
    kept = nested.keep(z.expand(CODES, -1, -1, -1), torch.arange(1, CODES + 1, device=z.device))
    pca = torch.cat([model.pca(x, k) for k in range(1, CODES + 1)])
    return z[0].cpu(), model.decode(kept).cpu(), pca.cpu()


def heat_map(channel: torch.Tensor) -> Image.Image:
    """A channel of the code [8, 8], its largest number in full colour."""
    return images.signed(channel / channel.abs().max().clamp(min=1e-6))


def show(seed: int, caption: str, pixels: str, k: int) -> dict:
    """The picture, its code, what k channels rebuild, the error, PCA's, and the PSNR of every k."""
    x = original(seed, caption, pixels)
    code, rebuilt, pca = squeezed(x)
    truth = None if pixels else _scenes.scene(seed, caption)
    return {
        "original": images.png(images.picture(x[0])),
        "rebuilt": images.png(images.picture(rebuilt[k - 1])),
        "difference": images.png(images.signed((rebuilt[k - 1] - x[0]).mean(0))),
        "pca": images.png(images.picture(pca[k - 1])),
        "maps": [images.png(heat_map(channel)) for channel in code],
        "psnr": [round(v, 3) for v in noise.psnr(rebuilt, x).tolist()],
        "psnr_pca": [round(v, 3) for v in noise.psnr(pca, x).tolist()],
        "caption": "" if truth is None else scenes.say(scenes.complete(truth)),
        "read": _scenes.read(rebuilt[k - 1][None], truth),
    }


def says(seed: int, caption: str, pixels: str, k: int) -> str:
    x = original(seed, caption, pixels)
    ours, pca = (float(noise.psnr(made[k - 1][None], x)) for made in squeezed(x)[1:])
    return f"{NUMBERS * k} numbers: {ours:.2f} dB, PCA of patches {pca:.2f} dB"


def picture(seed: int, caption: str, pixels: str, k: int) -> Image.Image:
    """The picture, what k channels rebuild, the error, PCA's, the code, and the PSNR of every k."""
    x = original(seed, caption, pixels)
    code, rebuilt, pca = squeezed(x)

    def big(image: Image.Image) -> Image.Image:
        return image.resize((192, 192), Image.Resampling.NEAREST)

    ours, theirs = noise.psnr(rebuilt, x).tolist(), noise.psnr(pca, x).tolist()
    row = charts.beside(
        [
            charts.labelled(big(images.picture(x[0])), "x"),
            charts.labelled(big(images.picture(rebuilt[k - 1])), f"from {NUMBERS * k} numbers\n{ours[k - 1]:.2f} dB"),
            charts.labelled(big(images.signed((rebuilt[k - 1] - x[0]).mean(0))), "too bright, too dark"),
            charts.labelled(big(images.picture(pca[k - 1])), f"PCA of patches\n{theirs[k - 1]:.2f} dB"),
        ]
    )
    maps = [heat_map(channel).resize((40, 40), Image.Resampling.NEAREST) for channel in code[:k]]
    numbers = [float(NUMBERS * (i + 1)) for i in range(CODES)]
    plot = charts.lines(
        [
            charts.Line("autoencoder", numbers, ours, charts.MADE),
            charts.Line("PCA of patches", numbers, theirs, charts.REAL),
        ],
        across="numbers of the code",
        up="PSNR (dB)",
        said="{:.1f} dB".format,
    )
    return charts.below([row, charts.labelled(charts.beside(maps, 8), f"the code: {k} channels"), plot])


def code(seed: int, caption: str, pixels: str, k: int) -> str:
    first, module, lines = _scenes.program(seed, caption, pixels)
    return f'''import {first}

import torch

from genai_core.autoencoders import nested, noise
from genai_core.common.pictures import tile
from genai_core.data import {module}

{lines}  # [1, 3, 64, 64]
model = nested.load("{NAME}")
with torch.inference_mode():
    z = model.encode(x, {k})  # [1, {k}, 8, 8]
    rebuilt, pca = model.decode(z), model.pca(x, {k})
tile(torch.cat([x, rebuilt, pca]), 3, gap=6, zoom=5).save("reconstruction.png")
ours, theirs = (float(noise.psnr(made, x)) for made in (rebuilt, pca))
print(f"{{z.numel()}} numbers: {{ours:.2f}} dB, PCA of patches {{theirs:.2f}} dB")
'''


PRESETS = (
    Preset(
        "One channel",
        "64 numbers for 12,288: what is left of two blue hearts?",
        {"caption": "two large solid blue hearts on a white background", "seed": 3, "k": 1},
        "What is left is where they are and how dark. A place says one number, and to the error of the pixels "
        "brightness matters most.",
        (
            Answer(
                "Two blue blots: colour comes before shape.",
                "The loss does not know what an eye sees first.",
            ),
            Answer("Two dark blots: their colour is gone."),
            Answer(
                "One sharp heart: there is no room for two.",
                "A channel is a map of 8 × 8 places, and each has its number, whatever is there.",
            ),
        ),
    ),
    Preset(
        "Four channels",
        "Which comes back first, the colours or the patterns?",
        {"caption": "a large striped orange triangle above a small blue circle", "seed": 2, "k": 4},
        "The reader gets colours and shapes of both things right, but not the stripes.",
        (
            Answer("The colours."),
            Answer(
                "The patterns: light and dark come before hue.",
                "Over a whole thing they do; stripes are finer than a place of the code, and their mean costs little "
                "error.",
            ),
            Answer(
                "Both together: each channel adds a little of all.",
                "The first channels were trained to do without the others, so they take what matters most.",
            ),
        ),
    ),
    Preset(
        "Beside PCA",
        "Both keep 192 numbers. What does a linear code of patches get wrong?",
        {"caption": "a large solid purple circle on a white background", "seed": 5, "k": 3},
        "It cannot draw an edge inside a patch, so things turn into pale blocks; the autoencoder is more than 6 dB "
        "better here.",
        (
            Answer(
                "Nothing: PCA is the best code of its size.",
                "It is the best of the linear ones, in the squared error.",
            ),
            Answer(
                "The background: shading turns into steps.",
                "Shading is linear, or nearly so: the first components of a patch draw it.",
            ),
            Answer("The edges of things."),
        ),
    ),
    Preset(
        "All sixteen",
        "With 1,024 numbers each, what becomes of the lead over PCA?",
        {"caption": "a large solid purple circle on a white background", "seed": 5, "k": 16},
        "PCA nearly catches up: 16 numbers a patch are enough for most edges.",
        (
            Answer(
                "It lasts: the better model is better at any size.",
                "Its lead is in what it knows of scenes, which helps most where little is told.",
            ),
            Answer(
                "It grows: every number is put to better use.",
                "After the first few, its channels have hardly anything left to add.",
            ),
            Answer("It shrinks, to less than 2 dB."),
        ),
    ),
)

PART = Part(
    id="colour",
    title="In colour",
    lead="<b>Drag the channels</b>: a picture of 12,288 numbers through 64 to 1,024. The channels are ordered, as "
    "PCA's components are; look for what the first ones keep, and which details come last.",
    stage="autoencoder/colour",
    settings=(*_scenes.scene_settings(7), Setting("k", integer(1, CODES), 4, "Channels that are kept")),
    presets=PRESETS,
    functions=(open_picture,),
    show=show,
    picture=picture,
    code=code,
    says=says,
)


@endpoint(
    PART.table,
    Picture("What is rebuilt, 64 x 64"),
    Picture("What PCA of patches rebuilds from as many numbers"),
    Value("psnr and psnr_pca, in dB, for 1 to 16 channels"),
    takes=("pixels", "seed", "caption", "k"),
    names={"pixels": "picture"},
)
def autoencoder_colour(seed: int, caption: str, pixels: str, k: int) -> tuple[Image.Image, Image.Image, dict]:
    """Squeeze a picture, or a scene of ours by seed and caption, into k channels of 64 numbers, and rebuild it."""
    x = original(seed, caption, pixels)
    _, rebuilt, pca = squeezed(x)
    figures = {"psnr": noise.psnr(rebuilt, x).tolist(), "psnr_pca": noise.psnr(pca, x).tolist()}
    return images.picture(rebuilt[k - 1]), images.picture(pca[k - 1]), figures


ENDPOINTS = (autoencoder_colour,)

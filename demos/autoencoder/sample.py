"""Can it be sampled? Two codes of an autoencoder and two latents of a VAE, each in its plane, and draws from both."""

import functools
from dataclasses import dataclass

import torch
from PIL import Image, ImageDraw

from demos._ui import charts, distributions, images
from demos._ui.settings import Setting, choice, integer, numbers, seed, switch
from demos._ui.tab import Answer, Part, Preset
from demos._ui.theme import CLASS_COLOURS
from demos.autoencoder._models import NAMES
from genai_core import data, evaluation, vae
from genai_core.autoencoders import ae, codes
from genai_core.common import checkpoints
from genai_core.common.pictures import square_grid
from genai_core.vae import means

VAE = "vae-mnist-2d"
MODELS = {name: NAMES[name] for name in codes.SHIPPED}
TITLES = NAMES | {VAE: "VAE, 2 latents", "vae-mnist": "VAE, 16 latents"}
LARGE = {**{name: name.replace("-2", "-32") for name in MODELS}, VAE: "vae-mnist"}  # with more codes, of the same kind
LOSSES = {name: title.split(", ")[1] for name, title in MODELS.items()}
SOURCES = {"plane": "2 codes", "large": "32 codes"}
TILES = 25  # a side; the page blends between neighbours
SURE = 0.7  # a picture counts as a digit where the LeNet, which was trained with smoothed labels, is so sure of a class
MANY = 250  # draws over which the share of digits is measured
COLUMNS = 10  # of draws in a saved picture


@dataclass(frozen=True)
class Plane:
    """The square around the codes of 98 in 100 test digits. Places in it are from -1 to 1, the second one upwards."""

    centre: torch.Tensor  # [2]
    half: float
    places: torch.Tensor  # [N, 2], of the test digits
    classes: torch.Tensor  # [N]

    def code(self, place: torch.Tensor) -> torch.Tensor:
        return self.centre + self.half * place

    def place(self, code: torch.Tensor) -> torch.Tensor:
        return (code - self.centre) / self.half


@functools.cache
def plane(name: str) -> Plane:
    """Raises: CheckpointError where the checkpoint or its file of codes is missing."""
    z, classes = means.load(name) if name == VAE else codes.load(name)
    low, high = z.quantile(torch.tensor([0.01, 0.99]), dim=0)
    centre, half = (low + high) / 2, 0.55 * float((high - low).max())
    return Plane(centre, half, (z - centre) / half, classes)


def load(name: str) -> ae.AE | vae.VAE:
    return vae.load(name) if name in vae.RECIPES else ae.load(name)


@torch.inference_mode()
def decode(name: str, z: torch.Tensor) -> torch.Tensor:
    """Codes [N, codes] on the CPU -> pictures [N, 1, 28, 28] on the CPU."""
    model = load(name)
    return torch.cat([model.decode(part.to(checkpoints.default_device())).cpu() for part in z.split(125)])


def draw(name: str, n: int, seed: int) -> torch.Tensor:
    """Codes [n, codes]: from a VAE's prior, or from the Gaussian fitted to an autoencoder's training codes."""
    model, generator = load(name), torch.Generator().manual_seed(seed)
    if isinstance(model, vae.VAE):
        return torch.randn((n, model.config.latents), generator=generator)
    return model.mean.cpu() + torch.randn((n, model.config.codes), generator=generator) @ model.scale.cpu().T


def surest(x: torch.Tensor) -> torch.Tensor:
    """The LeNet's highest class probability of each picture, [N]."""
    return evaluation.read(evaluation.evaluation_classifier("mnist"), x).amax(1)


@functools.cache
def tiles(name: str) -> tuple[Image.Image, torch.Tensor]:
    """TILES x TILES decoded pictures as one, and in which of them the LeNet sees no digit surely, [TILES * TILES]."""
    x = decode(name, plane(name).code(square_grid(TILES)))
    return images.tile(x, TILES), surest(x) < SURE


@functools.cache
def share(name: str) -> float:
    """The share of MANY draws that are digits to the LeNet."""
    return float((surest(decode(name, draw(name, MANY, 0))) >= SURE).float().mean())


def drawn(name: str, source: str, n: int, seed: int) -> tuple[str, torch.Tensor, torch.Tensor, list[bool]]:
    """Draws: from which checkpoint, codes, pictures [n, 1, 28, 28], and whether each is a digit to the LeNet."""
    name = LARGE[name] if source == "large" else name
    z = draw(name, n, seed)
    x = decode(name, z)
    return name, z, x, (surest(x) >= SURE).tolist()


def shown_plane(name: str, source: str, n: int, seed: int) -> dict:
    """A plane as the page draws it. Places are int16 in base64, 2 as 32767; a draw may lie outside the plane."""
    square, (sheet, holes) = plane(name), tiles(name)
    other, z, x, sure = drawn(name, source, n, seed)
    places = square.place(z) if other == name else torch.zeros(0, 2)
    return {
        "title": TITLES[name],
        "sheet": images.png(sheet),
        "holes": images.base64_of(holes.byte().numpy()),
        "centre": square.centre.tolist(),
        "half": square.half,
        "xy": distributions.packed(square.places.numpy(), 2),
        "classes": images.base64_of(square.classes.byte().numpy()),
        "draws": [images.png(images.tile(one[None], 1)) for one in x],
        "drawn": distributions.packed(places.numpy(), 2),
        "sure": sure,
        "from": TITLES[other],
        "share": share(other),
        "ratio": checkpoints.read_json(other, "metrics.json")["frechet_ratio"],
    }


def show(model: str, source: str, n: int, seed: int, holes: bool, at: list[float]) -> dict:
    """Both planes, with their draws."""
    return {
        "planes": [shown_plane(name, source, n, seed) for name in (model, VAE)],
        "tiles": TILES,
        "names": list(data.CLASSES["mnist"]),
        "colours": CLASS_COLOURS,
        "many": MANY,
        "sure": SURE,
    }


def plane_picture(name: str, holes: bool, at: list[float]) -> Image.Image:
    """The plane with its digits and the place under the pointer."""
    sheet, empty = tiles(name)
    side = 420
    image = Image.blend(sheet.resize((side, side)), Image.new("L", (side, side)), 0.45).convert("RGB")
    pen, step = ImageDraw.Draw(image), side / TILES

    def pixel(place: list[float]) -> tuple[float, float]:
        x, y = (((1 + v) * (TILES - 1) / 2 + 0.5) * step for v in (place[0], -place[1]))
        return x, y

    if holes:
        for k in empty.nonzero()[:, 0].tolist():
            x, y = k % TILES * step, k // TILES * step
            pen.line((x, y + step, x + step, y), fill=charts.MADE)
    square = plane(name)
    for place, c in zip(square.places.tolist(), square.classes.tolist(), strict=True):
        if max(map(abs, place)) > 1:
            continue
        x, y = pixel(place)
        pen.ellipse((x - 3, y - 3, x + 3, y + 3), fill=CLASS_COLOURS[c])
    x, y = pixel(at)
    pen.rectangle((x - step / 2, y - step / 2, x + step / 2, y + step / 2), outline="white", width=2)
    return image


def picture(model: str, source: str, n: int, seed: int, holes: bool, at: list[float]) -> Image.Image:
    """Both planes, what is decoded under the pointer, and the draws."""
    columns = []
    for name in (model, VAE):
        other, _, x, sure = drawn(name, source, n, seed)
        under = images.tile(decode(name, plane(name).code(torch.tensor([at]))), 1, zoom=4)
        said = charts.sentence(f"Draws, {TITLES[other]}: {sum(sure)} of {n} are a digit to the LeNet", 420)
        title = charts.sentence(TITLES[name], 420)
        parts = [title, plane_picture(name, holes, at), under, said, images.tile(x, COLUMNS, gap=2)]
        columns.append(charts.below(parts))
    return charts.beside(columns, 24)


def code(model: str, source: str, n: int, seed: int, holes: bool, at: list[float]) -> str:
    own, other = (LARGE[name] if source == "large" else name for name in (model, VAE))
    return f'''import torch

from genai_core import evaluation, vae
from genai_core.autoencoders import ae
from genai_core.common.pictures import tile

lenet = evaluation.evaluation_classifier("mnist")
for name, technique in (("{own}", ae), ("{other}", vae)):
    # The autoencoder's codes come from a Gaussian fitted to those of the training pictures, the VAE's from its prior.
    x = technique.sample(technique.load(name), {n}, generator=torch.Generator().manual_seed({seed})).cpu()
    tile(x, {COLUMNS}, gap=2).save(f"{{name}}.png")
    sure = (evaluation.read(lenet, x).amax(1) >= {SURE}).sum()
    print(f"{{name}}: {{sure}} of {n} draws are a digit to the LeNet")
'''


def says(model: str, source: str, n: int, seed: int, holes: bool, at: list[float]) -> str:
    both = [drawn(name, source, n, seed) for name in (model, VAE)]
    return "\n".join(f"{name}: {sum(sure)} of {n} draws are a digit to the LeNet" for name, _, _, sure in both)


PART = Part(
    id="sample",
    title="Sample?",
    lead="<b>Move over either plane</b>: every point is a code, and each model decodes its own. Look for what lies "
    "between the colours, and at what is drawn.",
    stage="autoencoder/sample",
    settings=(
        Setting("model", choice(LOSSES), "ae-mnist-mse-2", "Loss"),
        Setting("source", choice(SOURCES), "plane", "Draw from"),
        Setting("n", integer(1, 60), 20, "Draws"),
        Setting("seed", seed(), 0, "Seed"),
        Setting("holes", switch(), False, "Hatch what is no digit"),
        Setting("at", numbers(2, -1, 1), [0.0, 0.0], "The place of the pointer"),
    ),
    presets=(
        Preset(
            "Holes",
            "Hatched are places whose picture is no digit to the LeNet. Which plane has more of them?",
            {"holes": True},
            "Somewhat more of the autoencoder’s is hatched. With two numbers both must blur one digit into the next; "
            "what differs more is where the digits lie: around the middle in the VAE, in arms with empty land between "
            "them in the autoencoder.",
            (
                Answer(
                    "The VAE’s: its noise blurs its pictures.",
                    "It blurs a little, but it leaves less room between the codes of digits.",
                ),
                Answer("The autoencoder’s."),
                Answer(
                    "Neither: every code decodes to some digit.",
                    "Something is drawn at any place, and half-way between two digits it may be neither.",
                ),
            ),
        ),
        Preset(
            "Thirty-two codes",
            "With 32 codes the autoencoder rebuilds far better. Does it draw better as well?",
            {"source": "large"},
            "Of its draws about a third are digits, of the VAE’s about three in four. Nearly all of a Gaussian in 32 "
            "dimensions lies where no digit was ever encoded.",
            (
                Answer(
                    "Yes: a better decoder draws better.",
                    "It draws well what was encoded, and a draw was not.",
                ),
                Answer(
                    "It draws as well as the VAE: both from a Gaussian.",
                    "KL makes the VAE’s codes fill theirs; this one is fitted afterwards, to codes that are not "
                    "Gaussian.",
                ),
                Answer("No, far worse."),
            ),
        ),
        Preset(
            "Cross-entropy",
            "Another loss, another plane of codes. Can one draw from N(0, I), as from the VAE?",
            {"model": "ae-mnist-bce-2"},
            "These codes reach four times as far as the VAE’s, around another middle, because nothing in the loss "
            "holds them anywhere. Those of the VAE keep to N(0, I), which is known beforehand.",
            (
                Answer("No: first one has to look where the codes are."),
                Answer(
                    "Yes: it is the loss of the VAE.",
                    "It is one of its two terms; the other one, KL, is missing.",
                ),
                Answer(
                    "Yes: codes come out with mean 0 and variance 1.",
                    "That needs a layer or a term that makes them so, and there is none here.",
                ),
            ),
        ),
    ),
    form=True,
    wide=True,
    show=show,
    picture=picture,
    code=code,
    says=says,
)

"""A sheet of samples with the discriminator's score of each, truncation, and the nearest training pictures."""

import functools

import torch
from PIL import Image

from demos._ui import datasets, images, validation
from demos._ui.settings import Setting, integer
from demos._ui.tab import Answer, Part, Preset
from demos.gan import _models
from demos.gan._models import BY, COUNT, MODEL, NAMES, SEED, SIDE, TRUNCATED_BY, TRUNCATION
from genai_core import data, gan

MIXED = -1  # the class of a sheet that has some of each
NEAREST = 5
OWN = 1000  # generated pictures that stand in for a training set which is not on this machine
OWN_SEED = 2**31  # of their z: one that no sheet can have


def labels_of(model: str, label: int) -> torch.Tensor | None:
    """[COUNT], or None for a model without classes."""
    if _models.classes(model) is None:
        return None
    return torch.arange(COUNT) % 10 if label == MIXED else torch.full((COUNT,), label)


def pictures(model: str, seed: int, truncation: float, truncated_by: str, label: int) -> torch.Tensor:
    """The sheet's pictures [COUNT, 1, 28, 28]."""
    z = _models.latents(model, seed, truncation, truncated_by)
    return gan.decode(gan.load(model), z, labels_of(model, label)).cpu()


def scores(model: str, x: torch.Tensor, labels: torch.Tensor | None) -> list[float]:
    """What the discriminator says of each picture."""
    return [round(float(s), 2) for s in gan.discriminate(gan.load(model), x, labels).cpu()]


def show(model: str, seed: int, truncation: float, truncated_by: str, label: int) -> dict:
    """COUNT pictures and their scores."""
    x, labels = pictures(model, seed, truncation, truncated_by, label), labels_of(model, label)
    return {
        "sheet": images.png(images.tile(x, SIDE)),
        "side": SIDE,
        "scores": scores(model, x, labels),
        "labels": None if labels is None else labels.tolist(),
        "models": NAMES,
        "measured": _models.measured(model),
        "ways": BY,
        "classes": _models.classes(model),
    }


@functools.lru_cache(maxsize=2)
def training_set(dataset: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Training pictures as bytes [N, 784], their squared norms [N], their labels. Raises: DataError."""
    x, y = data.load(dataset, "train")
    return *packed(x), y


@functools.lru_cache(maxsize=2)
def own(model: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
    """The same of OWN pictures that the model draws, some of each class where it has classes."""
    generator = torch.Generator().manual_seed(OWN_SEED)
    labels = torch.arange(OWN) % 10 if _models.classes(model) else None
    return *packed(gan.sample(gan.load(model), OWN, generator=generator, labels=labels).cpu()), labels


def packed(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures [N, 1, 28, 28] as bytes [N, 784], and their squared norms [N]."""
    flat = x.flatten(1)
    return (flat * 255).round().byte(), flat.square().sum(1)


def distances(x: torch.Tensor, flat: torch.Tensor, norms: torch.Tensor) -> torch.Tensor:
    """Euclidean distances in pixels of pictures [M, 1, 28, 28] to all that `packed` gave [N]: [M, N]."""
    x = x.flatten(1)
    dots = torch.cat([part.float() @ x.T for part in flat.split(5000)]).T / 255
    return (x.square().sum(1)[:, None] + norms - 2 * dots).clamp(min=0).sqrt()


@functools.lru_cache(maxsize=2)
def usual(dataset: str) -> float:
    """The median distance of 100 test pictures to their nearest training picture: how near a picture is by nature."""
    flat, norms, _ = training_set(dataset)
    return float(distances(data.load(dataset, "test")[0][:100], flat, norms).amin(1).median())


def nearest(request: dict) -> dict:
    """The part's settings and "index" -> the nearest training pictures, their distances, and what is usual.

    Where the training set is not on this machine: the nearest of the model's own pictures; "missing" says why, and
    "fetch" what can be fetched (see `datasets.absent`).
    """
    settings = PART.parse(request)
    index = validation.integer(request.get("index"), "The index", 0, COUNT - 1)
    dataset = _models.dataset(settings["model"])
    missing = None
    try:
        flat, norms, y = training_set(dataset)
    except data.DataError as error:
        missing, (flat, norms, y) = str(error), own(settings["model"])
    near = distances(pictures(**settings)[index : index + 1], flat, norms)[0].topk(NEAREST, largest=False)
    return {
        "pictures": [images.png(images.tile(flat[i].view(1, 1, 28, 28) / 255, 1)) for i in near.indices],
        "distances": [round(float(d), 2) for d in near.values],
        "names": ["no class" if y is None else data.CLASSES[dataset][y[i]] for i in near.indices],
        "usual": None if missing else round(usual(dataset), 2),
        "missing": missing,
        "fetch": datasets.absent(dataset) if missing else None,
    }


def picture(**settings) -> Image.Image:
    """The sheet at 4x."""
    return images.tile(pictures(**settings), SIDE, gap=4, zoom=4)


def code(model: str, seed: int, truncation: float, truncated_by: str, label: int) -> str:
    labels = "torch.arange(36) % 10" if label == MIXED else f"torch.full((36,), {label})"
    return f'''import torch

from genai_core import gan
from genai_core.common.pictures import tile

model = gan.load("{model}")
z = {_models.latents_code(seed, truncation, truncated_by)}
labels = {labels} if model.conditional else None
x = gan.decode(model, z, labels)  # [36, 1, 28, 28] in [0, 1]
print("scores of the discriminator:", gan.discriminate(model, x, labels).tolist())
image = tile(x.cpu(), 6, gap=4, zoom=4)
image.save("picture.png")
'''


PART = Part(
    id="samples",
    title="Samples",
    lead="<b>Draw samples</b> and read the discriminator's score under each, best first. Lower the truncation: look "
    "for what gets better, and for what is lost.",
    stage="gan/samples",
    settings=(
        MODEL,
        SEED,
        TRUNCATION,
        TRUNCATED_BY,
        Setting("label", integer(MIXED, 9), MIXED, "The class (-1 for some of each)"),
    ),
    presets=(
        Preset(
            "Truncated",
            "ψ = 0.4 scales z towards 0. What happens to the sheet?",
            {"truncation": 0.4},
            "Cleaner on the whole, and more alike: variety was traded.",
            (
                Answer(
                    "Its digits get smaller and fainter.",
                    "z is a code, not the picture: a shorter one draws another style, as bright as before.",
                ),
                Answer("It has fewer classes.", "The class is an input of its own, which ψ leaves alone."),
                Answer("Its digits get cleaner, and more alike."),
            ),
        ),
        Preset(
            "Wilder",
            "ψ = 1.5, further out than training ever went. Does the score find the digits that break?",
            {"truncation": 1.5},
            "Broken strokes stand in the first row as well as in the last. Such pictures are new to the "
            "discriminator, too.",
            (
                Answer(
                    "Yes: they have the lowest scores.",
                    "It was trained to tell what is generated, not what nobody can read.",
                ),
                Answer("No: it gives them any score."),
                Answer(
                    "No digit breaks: any z has its digit.",
                    "The generator was trained on shorter z, and is guessing here.",
                ),
            ),
        ),
        Preset(
            "Only sevens",
            "One class, 36 latents. What is not the same in all of the sevens?",
            {"label": 7},
            "Thin and thick, steep and flat, with a hook and without: style is in z.",
            (
                Answer("Their style."),
                Answer(
                    "Nothing: one class is one picture.",
                    "The generator is given z beside the class, and it is another one each time.",
                ),
                Answer(
                    "Their class: some are read as another digit.",
                    "The discriminator knows the class that was asked for, and refuses others.",
                ),
            ),
        ),
        Preset(
            "The first GAN",
            "Goodfellow's networks of 2014 on the same digits. What do its failures look like?",
            {"model": "gan-mnist"},
            "It has no convolutions: single specks, and strokes that do not add up to a digit.",
            (
                Answer(
                    "Blurred, as those of a VAE.",
                    "Blur comes of a mean over pictures, and a discriminator refuses it at sight.",
                ),
                Answer("All the same digit, without a flaw.", "That is mode collapse, and this sheet has many digits."),
                Answer("Specks, and strokes in pieces."),
            ),
        ),
        Preset(
            "Garments",
            "The same recipe on Fashion-MNIST: what does it draw well?",
            {"model": "cgan-fashion"},
            "Outlines are sure, prints are guessed: texture is the hard part.",
            (
                Answer(
                    "Prints and textures.",
                    "A print is another one on each garment, so that there is little to learn from the others.",
                ),
                Answer("Outlines."),
                Answer(
                    "All of it, as with digits.",
                    "Digits are black and white; garments have greys and patterns besides.",
                ),
            ),
        ),
    ),
    functions=(nearest, datasets.fetch),
    show=show,
    picture=picture,
    code=code,
)

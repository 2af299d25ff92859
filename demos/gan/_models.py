"""What the parts of the GAN tab share: its checkpoints, their latent directions, a point in latent space."""

import functools

import torch

from demos import _checks, _common, _interpolate, _keep
from genai_core import data, gan

TAB = "gan"
NAMES = {
    "cgan-mnist": "digits, conditional",
    "dcgan-mnist": "digits, DCGAN",
    "wgan-gp-mnist": "digits, Wasserstein",
    "gan-mnist": "digits, the first GAN (2014)",
    "cgan-fashion": "garments, conditional",
    "dcgan-fashion": "garments, DCGAN",
}
MODELS = tuple(NAMES)
SIDE = 6  # pictures along a side of the sample sheet
COUNT = SIDE * SIDE
DIRECTIONS = 10
LIMIT = 3.0  # standard deviations that a slider spans; settings may go to twice that


def model_of(request: dict) -> tuple[str, gan.GAN]:
    name = _checks.choice(request.get("model"), "The model", MODELS)
    return name, gan.load(name)


def dataset(name: str) -> str:
    return gan.RECIPES[name].dataset


def classes(name: str) -> tuple[str, ...] | None:
    """The class names of a conditional model, else None."""
    return data.CLASSES[dataset(name)] if name.startswith("cgan") else None


def latents(name: str, seed: int, truncation: float = 1.0) -> torch.Tensor:
    """The z of a sample sheet: [COUNT, latents]."""
    return truncation * gan.latents(gan.load(name), COUNT, generator=torch.Generator().manual_seed(seed))


def decode(name: str, z: torch.Tensor, label: int) -> torch.Tensor:
    """z [N, latents], all of one class where the model is conditional -> pictures [N, 1, 28, 28] on the CPU."""
    model = gan.load(name)
    labels = torch.full((len(z),), label) if model.conditional else None
    return gan.decode(model, z, labels).cpu()


@functools.cache
def directions(name: str) -> tuple[torch.Tensor, list[float]]:
    """SeFa's directions [DIRECTIONS, latents], strongest first, and how far the first layer moves along each."""
    model = gan.load(name)
    found = gan.directions(model, DIRECTIONS)
    return found, (model.generator.first.weight.cpu() @ found.T).norm(dim=0).tolist()


def dimensions(name: str) -> list[dict]:
    """The rows of the sliders, strongest first."""
    return [
        {
            "i": i,
            "name": f"d{i + 1}",
            "weight": strength,
            "off": False,
            "title": f"one step along it moves the generator's first layer by {strength:.2f}",
        }
        for i, strength in enumerate(directions(name)[1])
    ]


def base(request: dict) -> tuple[str, torch.Tensor, dict]:
    """The sheet's z that a point starts from: model's name, z [latents], and {"seed", "index", "truncation"}."""
    name, _ = model_of(request)
    seed = _keep.seed(request.get("seed", 0))
    index = _checks.whole(_keep.from_link(request.get("index", 0), "The index"), "The index", 0, COUNT - 1)
    psi = _checks.number(_keep.from_link(request.get("truncation", 1.0), "Truncation"), "Truncation", 0, 1.5)
    return name, latents(name, seed, psi)[index], {"seed": seed, "index": index, "truncation": psi}


def label_of(request: dict, name: str) -> int:
    """The class in a request, 0 for a model without classes."""
    if classes(name) is None:
        return 0
    return _checks.whole(_keep.from_link(request.get("label", 0), "The class"), "The class", 0, 9)


def coordinates(name: str, z: torch.Tensor) -> list[float]:
    """Where z [latents] lies along the directions."""
    return [round(v, 2) for v in (directions(name)[0] @ z).clamp(-2 * LIMIT, 2 * LIMIT).tolist()]


def moved(name: str, z: torch.Tensor, coordinates: torch.Tensor) -> torch.Tensor:
    """z [latents] set to coordinates [N, DIRECTIONS] along the directions, unchanged across them: [N, latents]."""
    along, _ = directions(name)
    return z + (coordinates - along @ z) @ along


def state(request: dict, coords: list[float] | None = None, note: str = "") -> dict:
    """The value of the sliders' control: the point that a request names, at `coords` along the directions."""
    name, z, start = base(request)
    label = label_of(request, name)
    coords = coordinates(name, z) if coords is None else coords
    picture = decode(name, moved(name, z, torch.tensor([coords])), label)
    return {
        "tab": TAB,
        "part": "directions",
        "model": name,
        "z": coords,
        "seed": start["seed"],
        "more": {"index": start["index"], "truncation": start["truncation"]},
        "label": label,
        "classes": classes(name),
        "dims": dimensions(name),
        "src": _common.data_uri(_common.tile(picture, 1)),
        "note": note,
        "limit": LIMIT,
        "heading": "Directions of latent space, strongest first",
        "unit": "how far each moves the first layer",
        "prior": False,
    }


SPACE = _interpolate.Space(TAB, NAMES, lambda name, seed: latents(name, seed)[0], decode, classes)

"""What the parts of the GAN tab share: its checkpoints, their latent directions, a point in latent space."""

import functools

import torch

from demos._ui import charts, interpolation
from demos._ui.settings import Setting, choice, number, seed
from genai_core import data, gan
from genai_core.common import checkpoints

NAMES = {
    "cgan-mnist": "digits, conditional",
    "dcgan-mnist": "digits, DCGAN",
    "wgan-gp-mnist": "digits, Wasserstein",
    "gan-mnist": "digits, the first GAN (2014)",
    "cgan-fashion": "garments, conditional",
    "dcgan-fashion": "garments, DCGAN",
}
SIDE = 6  # pictures along a side of the sample sheet
COUNT = SIDE * SIDE
DIRECTIONS = 10
WEAK = 2.0  # times the Fréchet distance of the best model of the same data: from there on a model is called weak
LIMIT = 3.0  # standard deviations that a slider spans; settings may go to twice that


def dataset(name: str) -> str:
    return gan.RECIPES[name].dataset


def classes(name: str) -> tuple[str, ...] | None:
    """The class names of a conditional model, else None."""
    return data.CLASSES[dataset(name)] if name.startswith("cgan") else None


def measured(name: str) -> dict:
    """How far a model is from real pictures, out of its card: {"said", "weak"}; weak: much farther than its like."""
    figures = {one: checkpoints.read_json(one, "metrics.json") for one in NAMES if one in checkpoints.names()}
    alike = {one: m for one, m in figures.items() if dataset(one) == dataset(name)}
    own, best = alike[name], min(alike, key=lambda one: alike[one]["frechet_ratio"])
    weak = own["frechet_ratio"] > WEAK * alike[best]["frechet_ratio"]
    said = "A weak one: " if weak else ""
    said += f"its Fréchet distance to real pictures is {times(own['frechet_ratio'])} that of other real ones"
    said += f" ({NAMES[best]}: {times(alike[best]['frechet_ratio'])})" if weak else ""
    return {"said": f"{said[0].upper()}{said[1:]}; it covers {charts.percent(own['coverage'])} of them.", "weak": weak}


def times(ratio: float) -> str:
    return f"{ratio:.1f} times" if ratio < 10 else f"{ratio:,.0f} times"


def latents(name: str, seed: int, truncation: float = 1.0, truncated_by: str = "scaling") -> torch.Tensor:
    """The z of a sample sheet: [COUNT, latents]."""
    z = gan.latents(gan.load(name), COUNT, generator=torch.Generator().manual_seed(seed))
    return gan.truncated(z, truncation) if truncated_by == "resampling" else truncation * z


def latents_code(seed: int, truncation: float, truncated_by: str) -> str:
    """The same as the code of a program that has a `model`."""
    z = f"gan.latents(model, {COUNT}, generator=torch.Generator().manual_seed({seed}))"
    return f"gan.truncated({z}, {truncation:g})" if truncated_by == "resampling" else f"{truncation:g} * {z}"


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


def point(model: str, seed: int, index: int, truncation: float, truncated_by: str) -> torch.Tensor:
    """The z of one picture of a sample sheet, [latents]."""
    return latents(model, seed, truncation, truncated_by)[index]


def coordinates(name: str, z: torch.Tensor) -> list[float]:
    """Where z [latents] lies along the directions."""
    return [round(v, 2) for v in (directions(name)[0] @ z).clamp(-2 * LIMIT, 2 * LIMIT).tolist()]


def moved(name: str, z: torch.Tensor, coordinates: torch.Tensor) -> torch.Tensor:
    """z [latents] set to coordinates [N, DIRECTIONS] along the directions, unchanged across them: [N, latents]."""
    along, _ = directions(name)
    return z + (coordinates - along @ z) @ along


PROGRAM = """import torch

from genai_core import gan

model, label = gan.load("{model}"), {label}
a, b = (gan.latents(model, 36, generator=torch.Generator().manual_seed(s))[0] for s in ({from_seed}, {to_seed}))


def decode(z):
    return gan.decode(model, z, torch.full((len(z),), label) if model.conditional else None)
"""
SPACE = interpolation.Space(
    names=NAMES, code=lambda name, seed: latents(name, seed)[0], decode=decode, program=PROGRAM, classes=classes
)


def labels(name: str) -> dict[str, str]:
    """{class as text: its name}; of a model without classes, one alone."""
    return {str(k): title for k, title in enumerate(classes(name) or ("none",))}


MODEL = Setting("model", choice(NAMES), "cgan-mnist", "Model")
SEED = Setting("seed", seed(), 0, "Seed")
TRUNCATION = Setting("truncation", number(0, 1.5), 1.0, "Truncation ψ")
BY = {"scaling": "scaling z by ψ", "resampling": "resampling beyond ±ψ"}
TRUNCATED_BY = Setting("truncated_by", choice(BY), "scaling", "How z is truncated")

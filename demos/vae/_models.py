"""What the parts of the VAE tab share: its checkpoints, their latent dimensions, codes and their pictures."""

import functools

import torch

from demos._ui import images, interpolation
from demos._ui.settings import Setting, choice, numbers, seed
from genai_core import evaluation, vae
from genai_core.common import checkpoints

NAMES = {"vae-mnist": "digits, 16 latents", "vae-fashion": "garments, 16 latents", "vae-mnist-2d": "digits, 2 latents"}
LIMIT = 3.0  # standard deviations of the prior that a slider spans; settings may go to twice that


def latents(name: str) -> int:
    return vae.RECIPES[name].config.latents


def rounded(z: torch.Tensor) -> list[float]:
    """A code [latents] as numbers with two decimals, as the sliders and links hold it."""
    return [round(v, 2) for v in z.tolist()]


@functools.cache
def usual_norms(name: str) -> list[float]:
    """Between which norms nine in ten draws from the prior lie, of 20,000: near the root of the number of latents only
    where there are many.
    """
    norm = torch.randn((20_000, latents(name)), generator=torch.Generator().manual_seed(0)).norm(dim=1)
    return norm.quantile(torch.tensor([0.05, 0.95])).tolist()


def draw(name: str, seed: int) -> list[float]:
    """A code from the prior, within what a slider spans."""
    z = torch.randn(latents(name), generator=torch.Generator().manual_seed(seed))
    return rounded(z.clamp(-LIMIT, LIMIT))


MODEL = Setting("model", choice(NAMES), "vae-mnist", "Model")
SEED = Setting("seed", seed(), 0, "Seed")
Z = Setting(
    "z",
    numbers(lambda others: latents(others["model"]), -2 * LIMIT, 2 * LIMIT),
    lambda others: draw(others["model"], others.get("seed", 0)),
    "z",
)


@torch.inference_mode()
def decode(model: vae.VAE, z: torch.Tensor) -> torch.Tensor:
    """Codes [N, latents] on the CPU -> pictures [N, 1, 28, 28] on the CPU."""
    return model.decode(z.to(checkpoints.default_device())).cpu()


def picture(model: str, z: list[float]) -> torch.Tensor:
    """One code -> its picture [1, 1, 28, 28]."""
    return decode(vae.load(model), torch.tensor([z]))


def dimensions(name: str) -> list[dict]:
    """The latent dimensions, strongest first: index, name, mean KL in nat over the test split, whether it collapsed."""
    kl = checkpoints.read_json(name, "metrics.json")["kl_per_dimension"]
    order = sorted(range(len(kl)), key=lambda i: -kl[i])
    return [
        {
            "i": i,
            "name": f"z{i + 1}",
            "weight": kl[i],
            "off": kl[i] < vae.ACTIVE,
            "title": "Collapsed: the encoder ignores it and the decoder has learned not to listen"
            if kl[i] < vae.ACTIVE
            else f"carries {kl[i]:.2f} nat on average",
        }
        for i in order
    ]


@functools.cache
def reading(digit: int) -> torch.Tensor:
    """Of 400 draws from the prior of `vae-mnist`, the code whose picture the LeNet reads most surely as `digit`."""
    model = vae.load("vae-mnist")
    z = torch.randn((400, model.config.latents), generator=torch.Generator().manual_seed(0)).clamp(-LIMIT, LIMIT)
    return z[evaluation.read(evaluation.evaluation_classifier("mnist"), decode(model, z))[:, digit].argmax()]


PROGRAM = """import torch

from genai_core import vae

model = vae.load("{model}")


def draw(seed):  # a code from the prior, within 3 standard deviations, with two decimals as the page has it
    z = torch.randn(model.config.latents, generator=torch.Generator().manual_seed(seed)).clamp(-3, 3)
    return torch.tensor([round(v, 2) for v in z.tolist()])


a, b, decode = draw({from_seed}), draw({to_seed}), model.decode
"""
SPACE = interpolation.Space(
    names=NAMES,
    code=lambda name, seed: torch.tensor(draw(name, seed)),
    decode=lambda name, z, _label: decode(vae.load(name), z),
    program=PROGRAM,
)


def png(x: torch.Tensor) -> str:
    """One picture [1, 1, 28, 28] as PNG in base64."""
    return images.png(images.tile(x, 1))

"""Pictures for the pads of Layers and Likelihood that need no data set: our own models draw them, or a rule does."""

import functools

import torch
from torch import Tensor

from demos._ui import digits
from genai_core import diffusion, distillation, gan
from genai_core.flows import base, variants

FAINT = 30  # of 255: no more than 2 % of a test digit's pixels are ink and fainter, but a GAN's strokes fade out so
CLASSES = 10
KINDS = {
    "digit": "Digit",
    "garment": "Garment",
    "flow": "This flow’s own",
    "diffusion": "Diffusion’s digit",
    "noise": "Noise",
}


def without_faint(x: Tensor, level: int = FAINT) -> Tensor:
    """Pictures in [0, 1] with all that is fainter than a level of 255 black."""
    return torch.where((255 * x).round() < level, 0.0, x)


@functools.cache
def own_digits() -> Tensor:
    """Ten digits, one of each class, that our GAN draws, without what is faint: [10, 1, 28, 28] in [0, 1]."""
    return without_faint(distillation.digits(CLASSES, seed=4, truncation=0.7)[0])


def own_digit(label: int) -> str:
    """One of them, 784 bytes in base64."""
    return digits.packed(own_digits()[label : label + 1])


def constant(level: int) -> str:
    """A picture of one grey, 0 to 255, 784 bytes in base64."""
    return digits.packed(torch.full((1, 1, 28, 28), level / 255))


@functools.lru_cache(maxsize=128)
def drawn(kind: str, seed: int, model: str) -> str:
    """A picture of one of KINDS, 784 bytes in base64; model: the flow whose own it is."""
    generator, labels = torch.Generator().manual_seed(seed), torch.tensor([seed % CLASSES])
    if kind == "flow":
        x = base.sample(variants.load(model), 1, generator=generator)
    elif kind == "diffusion":
        x = diffusion.sample(diffusion.load("ddpm-mnist"), 1, generator=generator, labels=labels, steps=20)
    elif kind == "noise":
        x = torch.rand(1, 1, 28, 28, generator=generator)
    else:
        dataset = "fashion" if kind == "garment" else "mnist"
        x = gan.sample(gan.load(f"cgan-{dataset}"), 1, generator=generator, labels=labels, truncation=0.7)
        x = without_faint(x) if kind == "digit" else x
    return digits.packed(x.cpu())

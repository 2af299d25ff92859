"""What the parts of the autoencoder tab share: its checkpoints, and PCA beside them as one more family of codes."""

import functools
from dataclasses import dataclass

import torch

from demos._ui import digits
from genai_core import distillation
from genai_core.autoencoders import ae, principal
from genai_core.common import checkpoints

SIZES = (2, 8, 32)
KINDS = {"pca": "PCA", "mse": "autoencoder, squared error", "bce": "autoencoder, cross-entropy"}
FAMILY = {  # every member: what the page calls it
    f"{kind}-{size}": f"{title}, {size} codes" for kind, title in KINDS.items() for size in SIZES
}
PCA = "pca-mnist"
NAMES = {
    **{f"ae-mnist-{kind}-{size}": FAMILY[f"{kind}-{size}"] for kind in ae.LOSSES for size in SIZES},
    PCA: "principal components",
}
CARDS = NAMES | {
    "dae-mnist": "denoising",
    "sae-mnist": "sparse, digits",
    "anomaly-mnist": "anomalies, digits",
    "anomaly-fashion": "anomalies, garments",
    "ae-scenes": "ordered, scenes in colour",
    "codec-scenes": "codec of scenes",
    "vqvae-scenes": "VQ-VAE, scenes",
    "reader-scenes": "scene reader, the judge",
    "reader-scenes-small": "scene reader, for losses",
    "sae-gpt": "sparse, inside gpt-shakespeare",
}
OWN = 10  # digits to choose from, one of each class, drawn by our GAN


@dataclass(frozen=True)
class Squeezed:
    """A picture through a bottleneck."""

    codes: torch.Tensor  # [codes], as they are
    standard: torch.Tensor  # [codes], in standard deviations of the training pictures' codes, 0 their mean
    rebuilt: torch.Tensor  # [1, 1, 28, 28] in [0, 1]
    mse: float  # mean squared error of a pixel


def checkpoint(member: str) -> str:
    return PCA if member.startswith("pca") else f"ae-mnist-{member}"


def size(member: str) -> int:
    return int(member.split("-")[1])


@torch.inference_mode()
def squeeze(member: str, x: torch.Tensor) -> Squeezed:
    """One picture [1, 1, 28, 28] through a member of the FAMILY."""
    x = x.to(checkpoints.default_device())
    if member.startswith("pca"):
        model = principal.load(PCA)
        z = model.encode(x, size(member))
        mean, deviation = torch.zeros_like(z[0]), model.variances[: size(member)].sqrt()
        rebuilt = model.decode(z)
    else:
        coder = ae.load(checkpoint(member))
        z = coder.encode(x)
        mean, deviation = coder.mean, coder.scale.norm(dim=1)
        rebuilt = coder.decode(z)
    mse = float((rebuilt - x).square().mean())
    return Squeezed(z[0].cpu(), ((z[0] - mean) / deviation).cpu(), rebuilt.cpu(), mse)


@functools.cache
def own_digits() -> torch.Tensor:
    """Ten digits that our class-conditional GAN draws, one of each class: [10, 1, 28, 28] in [0, 1]."""
    return distillation.digits(OWN, seed=4, truncation=0.7)[0]


def own_digit(label: int) -> str:
    """One of them, as the drawing of a setting."""
    return digits.packed(own_digits()[label : label + 1])

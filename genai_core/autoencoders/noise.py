"""Three ways to spoil a picture (Vincent 2010), how far it is then from what it was, and the best linear way back."""

import torch
from torch import Tensor

from genai_core.common import checks

# kind of noise -> the strongest that is trained: standard deviation, share of pixels hidden, share replaced
KINDS = {"gaussian": 1.0, "masking": 0.9, "salt": 0.8}


def corrupt(x: Tensor, kind: str, strength: float | Tensor, *, generator: torch.Generator) -> Tensor:
    """Pictures x [N, C, H, W] in [0, 1], spoiled. strength: one for all, or [N, 1, 1, 1].

    "gaussian": noise of that standard deviation is added, and values may leave [0, 1]. "masking": that share of the
    pixels is set to 0. "salt" (and pepper): that share of the pixels is set to 0 or to 1, at even odds.
    Raises: ValueError for another kind, or a strength that is negative or a share above 1.
    """
    if kind not in KINDS:
        raise ValueError(f"There is no noise '{kind}'; there are {', '.join(KINDS)}.")
    if not isinstance(strength, Tensor):
        checks.number("The strength of the noise", strength, 0, *([] if kind == "gaussian" else [1]))
    if kind == "gaussian":
        return x + strength * torch.randn(x.shape, generator=generator).to(x)
    spoiled = torch.rand(x.shape, generator=generator).to(x) < strength
    value = torch.zeros(x.shape) if kind == "masking" else (torch.rand(x.shape, generator=generator) < 0.5).float()
    return torch.where(spoiled, value.to(x), x)


def corrupt_any(x: Tensor, *, generator: torch.Generator) -> Tensor:
    """Each picture of x [N, C, H, W] with a kind of noise and a strength of its own, drawn evenly."""
    which = torch.randint(len(KINDS), (len(x), 1, 1, 1), generator=generator)
    share = torch.rand((len(x), 1, 1, 1), generator=generator)
    for i, (kind, strongest) in enumerate(KINDS.items()):
        x = torch.where(which.to(x) == i, corrupt(x, kind, strongest * share.to(x), generator=generator), x)
    return x


def psnr(x: Tensor, reference: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each picture, 10 log10(1 / mean squared error) in dB: [N, C, H, W] -> [N]."""
    return -10 * (x - reference).square().mean((1, 2, 3)).clamp(min=1e-10).log10()


@torch.inference_mode()
def linear(x: Tensor, clean: Tensor, sigma: float) -> Tensor:
    """Pictures x with Gaussian noise, cleaned by the best affine map: m + C (C + sigma^2)^-1 (x - m) (Wiener 1949).

    m, C: mean and covariance of the pictures `clean` [M, C, H, W]. It is the optimum of a linear autoencoder.
    """
    flat = clean.flatten(1)
    mean = flat.mean(0)
    variances, directions = torch.linalg.eigh((flat - mean).T.cov(correction=0))
    z = (x.flatten(1) - mean) @ directions * (variances / (variances + sigma**2))
    return (mean + z @ directions.T).view_as(x)

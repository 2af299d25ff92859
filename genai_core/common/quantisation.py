"""Weights in eight bits, symmetric, with one scale per output channel (Krishnamoorthi 2018, section 3.1; Jacob 2018,
eq. 1 with zero point 0): q = round(w / s) from -127 to 127 with s = max |w| / 127, so that the error is at most s / 2.
"""

import torch
from torch import Tensor

LEVELS = 127


def quantise(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Weights [out, ...] -> int8 of the same shape and a scale for each output [out], with weight ~ scale * int8."""
    largest = weight.flatten(1).abs().amax(1)
    scale = torch.where(largest > 0, largest, 1.0) / LEVELS  # a channel of zeros stays zero
    q = (weight / per_output(scale, weight)).round().clamp(-LEVELS, LEVELS)
    return q.to(torch.int8), scale


def dequantise(q: Tensor, scale: Tensor) -> Tensor:
    """int8 [out, ...] and scales [out] -> float32 weights."""
    return q.float() * per_output(scale, q)


def per_output(scale: Tensor, weight: Tensor) -> Tensor:
    """Scales [out] in the shape in which they multiply weights [out, ...]."""
    return scale.view(-1, *(1,) * (weight.dim() - 1))

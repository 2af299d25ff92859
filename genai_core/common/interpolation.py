"""Paths between two points of a latent space."""

import torch
import torch.nn.functional as F
from torch import Tensor


def lerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Codes [T, latents] on the straight line from a to b, both [latents], at t [T] in [0, 1]."""
    return a + t[:, None] * (b - a)


def slerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """The same along the great circle, with the norm changing linearly (Shoemake 1985; White 2016, section 2)."""
    direction_a, direction_b = F.normalize(a, dim=0), F.normalize(b, dim=0)
    angle = (direction_a @ direction_b).clamp(-1 + 1e-6, 1 - 1e-6).acos()
    turned = (((1 - t) * angle).sin()[:, None] * direction_a + (t * angle).sin()[:, None] * direction_b) / angle.sin()
    return torch.lerp(a.norm(), b.norm(), t)[:, None] * turned

"""Sprites: a procedural data set whose factors are known, in the style of dSprites (Matthey 2017).

One white shape on black: square, ellipse or heart, at some scale, orientation and position, with soft edges. It needs
no files, so live training works on any machine.
"""

import math

import torch
from torch import Tensor

from genai_core.common import checks

FACTORS = ("shape", "scale", "orientation", "x", "y")
SHAPES = ("square", "ellipse", "heart")
RANGES = {"shape": (0, 2), "scale": (0.5, 1.0), "orientation": (0.0, 2 * math.pi), "x": (0.0, 1.0), "y": (0.0, 1.0)}
_MIDDLE = {"shape": 2.0, "scale": 0.8, "orientation": 0.0, "x": 0.5, "y": 0.5}


def sprites(
    n: int, *, generator: torch.Generator, vary: tuple[str, ...] = FACTORS, size: int = 28
) -> tuple[Tensor, Tensor]:
    """n pictures [n, 1, size, size] in [0, 1] and their factors [n, 5], in the order of FACTORS and within RANGES.

    Factors not in `vary` keep a middle value (a heart of scale 0.8, upright, in the centre).
    Raises: ValueError for an unknown factor, or n or a size below 1.
    """
    checks.count("The number of pictures", n)
    checks.count("The size of a picture", size)
    unknown = set(vary) - set(FACTORS)
    if unknown:
        raise ValueError(f"There is no factor {sorted(unknown)}; there are {', '.join(FACTORS)}.")
    columns = []
    for name in FACTORS:
        low, high = RANGES[name]
        u = torch.rand(n, generator=generator)
        value = torch.floor(3 * u) if name == "shape" else low + (high - low) * u
        columns.append(value if name in vary else torch.full((n,), _MIDDLE[name]))
    factors = torch.stack(columns, 1)
    return render(factors, size), factors


def render(factors: Tensor, size: int = 28) -> Tensor:
    """Factors [N, 5] -> pictures [N, 1, size, size]: the signed distance to the shape, through a soft edge."""
    shape, scale, angle, x, y = factors[:, :, None, None].unbind(1)  # each [N, 1, 1]
    axis = (torch.arange(size) + 0.5) / size * 2 - 1
    down, right = torch.meshgrid(axis, axis, indexing="ij")
    radius = 0.42 * scale
    reach = 1 - 0.45  # the centre stays far enough inside to keep every sprite complete
    dx, dy = right - (2 * x - 1) * reach, down - (2 * y - 1) * reach
    u = (angle.cos() * dx + angle.sin() * dy) / radius
    v = (angle.cos() * dy - angle.sin() * dx) / radius  # [N, size, size], in the axes of the sprite

    square = torch.maximum(u.abs(), v.abs()) - 0.75
    ellipse = (u.square() + (v / 0.55).square()).sqrt() - 1
    lobe = ((u.abs() - 0.42).square() + (v + 0.32).square()).sqrt() - 0.52  # two discs and a point below them
    point = torch.maximum((u.abs() + (v + 0.02) * 0.92 - 0.86) * 0.72, -(v + 0.32))
    heart = torch.minimum(lobe, point)
    distance = torch.where(shape < 0.5, square, torch.where(shape < 1.5, ellipse, heart))
    pixel = 2 / size
    return (0.5 - distance * radius / pixel).clamp(0, 1)[:, None]

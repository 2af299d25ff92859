"""Distributions of points in the plane, for the labs: small enough to train on while you watch."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

NAMES = ("ring", "grid", "spiral", "moons")
WINDOW = 1.25  # the plane is shown from -WINDOW to WINDOW


@dataclass(frozen=True)
class Distribution:
    """A mixture of equal round Gaussians. modes: whether its centres are to be counted one by one."""

    centres: Tensor  # [K, 2]
    sigma: float
    modes: bool

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """n points, [n, 2]."""
        which = torch.randint(len(self.centres), (n,), generator=generator)
        return self.centres[which] + self.sigma * torch.randn((n, 2), generator=generator)

    def quality(self, x: Tensor) -> tuple[int | None, float]:
        """Modes covered (None where they are not counted) and share of high quality of the points x [N, 2]."""
        distance, nearest = torch.cdist(x, self.centres).min(1)
        good = distance <= 3 * self.sigma
        return (len(nearest[good].unique()) if self.modes else None), good.float().mean().item()


def distribution(name: str) -> Distribution:
    """Ring of 8, grid of 25 (the papers' own, scaled into [-1, 1]), spiral or two moons. Raises: ValueError."""
    t = torch.linspace(0, 1, 200)
    match name:
        case "ring":
            angle = torch.arange(8) * math.pi / 4
            return Distribution(torch.stack([angle.cos(), angle.sin()], 1), 0.01, True)
        case "grid":
            line = torch.linspace(-1, 1, 5)
            return Distribution(torch.cartesian_prod(line, line), 0.0125, True)
        case "spiral":
            angle = 3.5 * math.pi * t.sqrt()  # the root makes steps of equal length along the arm
            return Distribution(t.sqrt()[:, None] * torch.stack([angle.cos(), angle.sin()], 1), 0.02, False)
        case "moons":
            upper = torch.stack([(math.pi * t).cos(), (math.pi * t).sin()], 1)
            lower = torch.stack([1 - upper[:, 0], 0.5 - upper[:, 1]], 1)
            return Distribution((torch.cat([upper, lower]) - torch.tensor([0.5, 0.25])) / 1.5, 0.03, False)
    raise ValueError(f"There is no distribution '{name}'; there are {', '.join(NAMES)}.")


def drawn(points: np.ndarray) -> Distribution:
    """The distribution that a user drew: points [K, 2] within the window. Raises: ValueError, fit for a user."""
    points = np.array(points, dtype=np.float32)
    if points.ndim != 2 or points.shape[1] != 2 or not 0 < len(points) <= 2000:
        raise ValueError("A drawn distribution is a list of 1 to 2,000 points with two coordinates each.")
    if not np.abs(points).max() <= WINDOW:  # refuses NaN, too
        raise ValueError(f"A drawn point lies outside of the window, which goes from {-WINDOW} to {WINDOW}.")
    return Distribution(torch.from_numpy(points), 0.02, False)

"""Distributions of points in the plane, for the labs: small enough for live training."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

NAMES = ("ring", "grid", "spiral", "moons")
WINDOW = 1.25  # the plane is shown from -WINDOW to WINDOW


@dataclass(frozen=True)
class Distribution:
    """A mixture of equally weighted isotropic Gaussians. modes: whether its centres are counted as modes."""

    centres: Tensor  # [K, 2]
    sigma: float
    modes: bool

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """n points, [n, 2]."""
        which = torch.randint(len(self.centres), (n,), generator=generator)
        return self.centres[which] + self.sigma * torch.randn((n, 2), generator=generator)

    def scaled(self, factor: float, sigma: float) -> "Distribution":
        """The same centres, times a factor, with Gaussians of another width."""
        return Distribution(factor * self.centres, sigma, self.modes)

    def log_prob(self, x: Tensor) -> Tensor:
        """log p at x [N, 2], in nats: [N]."""
        away = torch.cdist(x, self.centres, compute_mode="donot_use_mm_for_euclid_dist").square()  # [N, K]
        constant = math.log(len(self.centres)) + math.log(2 * math.pi * self.sigma**2)
        return (-away / (2 * self.sigma**2)).logsumexp(1) - constant

    def entropy(self) -> float:
        """-E log p, in nats, by summation over a grid so fine that its error is below 1e-3."""
        step, reach = self.sigma / 1.5, 6 * self.sigma  # as far as 6 sigma around the centres
        low, high = self.centres.min(0).values - reach, self.centres.max(0).values + reach
        lines = [torch.arange(a.item(), b.item() + step, step) for a, b in zip(low, high, strict=True)]
        log_p = torch.cat([self.log_prob(x) for x in torch.cartesian_prod(*lines).split(8192)])
        return -(log_p.exp() * log_p).sum().item() * step**2

    def score(self, x: Tensor, noise: float = 0.0) -> Tensor:
        """grad log p at x [N, 2], of the points with Gaussian noise of that width added: [N, 2]."""
        variance = self.sigma**2 + noise**2
        # differences of squares would lose precision where the variance is small
        away = torch.cdist(x, self.centres, compute_mode="donot_use_mm_for_euclid_dist").square()  # [N, K]
        return ((-away / (2 * variance)).softmax(1) @ self.centres - x) / variance

    def quality(self, x: Tensor) -> tuple[int | None, float]:
        """Modes covered (None if they are not counted) and share of high-quality points among x [N, 2]."""
        distance, nearest = torch.cdist(x, self.centres).min(1)
        good = distance <= 3 * self.sigma
        return (len(nearest[good].unique()) if self.modes else None), good.float().mean().item()


def distribution(name: str) -> Distribution:
    """Ring of 8, grid of 25 (as in the papers, scaled into [-1, 1]), spiral or two moons. Raises: ValueError."""
    t = torch.linspace(0, 1, 200)
    match name:
        case "ring":
            angle = torch.arange(8) * math.pi / 4
            return Distribution(torch.stack([angle.cos(), angle.sin()], 1), 0.01, True)
        case "grid":
            line = torch.linspace(-1, 1, 5)
            return Distribution(torch.cartesian_prod(line, line), 0.0125, True)
        case "spiral":
            angle = 3.5 * math.pi * t.sqrt()  # the square root spaces the points evenly along the arm
            return Distribution(t.sqrt()[:, None] * torch.stack([angle.cos(), angle.sin()], 1), 0.02, False)
        case "moons":
            upper = torch.stack([(math.pi * t).cos(), (math.pi * t).sin()], 1)
            lower = torch.stack([1 - upper[:, 0], 0.5 - upper[:, 1]], 1)
            return Distribution((torch.cat([upper, lower]) - torch.tensor([0.5, 0.25])) / 1.5, 0.03, False)
    raise ValueError(f"There is no distribution '{name}'; there are {', '.join(NAMES)}.")


def drawn(points: ArrayLike) -> Distribution:
    """The distribution around points [K, 2] that a user drew. Raises: ValueError, fit for a user."""
    try:
        points = np.array(points, dtype=np.float32)
    except (TypeError, ValueError):  # rows of several lengths, or no numbers
        points = np.zeros(0)
    if points.ndim != 2 or points.shape[1] != 2 or not 0 < len(points) <= 2000:
        raise ValueError("A drawn distribution is a list of 1 to 2,000 points with two coordinates each.")
    if not np.abs(points).max() <= WINDOW:  # refuses NaN, too
        raise ValueError(f"A drawn point lies outside the window, which goes from {-WINDOW} to {WINDOW}.")
    return Distribution(torch.from_numpy(points), 0.02, False)

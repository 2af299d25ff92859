"""Losses that need no label, and what they say of an embedding.

Of a batch of N pictures there are 2 N views, z_i and z_j those of one picture, s the cosine of two:

    l(i, j) = -log( exp(s(z_i, z_j) / t) / sum over k != i of exp(s(z_i, z_k) / t) )    NT-Xent [Chen 2020, eq. 1]

Everything but z_j is a negative of z_i: they keep the embedding from collapsing to one point. VICReg (Bardes 2022)
needs none: it asks for the variance of every dimension itself.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from genai_core.common import checks


def similarities(z1: Tensor, z2: Tensor) -> Tensor:
    """Cosines of all 2 N views [N, D] and [N, D], the first ones before the second ones: [2 N, 2 N], symmetric."""
    z = F.normalize(torch.cat([z1, z2]).float(), dim=1)
    return z @ z.T


def logits(cosines: Tensor, temperature: float | Tensor) -> Tensor:
    """Cosines of all views [2 N, 2 N] over the temperature; minus infinity of a view with itself."""
    self_ = torch.eye(len(cosines), dtype=torch.bool, device=cosines.device)
    return (cosines / temperature).masked_fill(self_, -torch.inf)


def of_rows(x: Tensor) -> Tensor:
    """l(i, j) of each view, [2 N], of `logits` x [2 N, 2 N]: a cross-entropy, whose right answer is the other view."""
    return F.cross_entropy(x, torch.arange(len(x), device=x.device).roll(len(x) // 2), reduction="none")


def rows(z1: Tensor, z2: Tensor, temperature: float) -> Tensor:
    """l(i, j) of each view, [2 N]. Raises: ValueError as `nt_xent`."""
    checks.shape("The second views", z2, *z1.shape)
    checks.count("The number of pictures", len(z1))
    checks.above("The temperature", temperature)
    return of_rows(logits(similarities(z1, z2), temperature))


def nt_xent(z1: Tensor, z2: Tensor, temperature: float) -> Tensor:
    """NT-Xent of the two views [N, D] of N pictures: the mean of l(i, j) and l(j, i).

    Raises: ValueError for views of different shapes, none, or a temperature that is not above 0.
    """
    return rows(z1, z2, temperature).mean()


def alignment(z1: Tensor, z2: Tensor, power: float = 2) -> Tensor:
    """Mean distance of the two views on the unit sphere, to a power: 0 where they agree [Wang & Isola 2020, eq. 1]."""
    return (F.normalize(z1.float(), dim=1) - F.normalize(z2.float(), dim=1)).norm(dim=1).pow(power).mean()


def uniformity(z: Tensor, t: float = 2) -> Tensor:
    """Logarithm of the mean Gaussian potential of all pairs on the unit sphere: 0 for one point, at least -2 t.

    [Wang & Isola 2020, eq. 2]. Raises: ValueError for fewer than two points.
    """
    checks.count("The number of points", len(z), 2)
    return torch.pdist(F.normalize(z.float(), dim=1)).square().mul(-t).exp().mean().log()


def effective_rank(z: Tensor) -> Tensor:
    """exp of the entropy of the singular values of the unit vectors of z [N, D], as shares of their sum.

    From 1, all on one line, to min(N, D), as many directions of equal weight (Roy & Vetterli 2007).
    """
    values = torch.linalg.svdvals(F.normalize(z.float(), dim=1))
    shares = values / values.sum().clamp(min=1e-12)
    return (-torch.special.xlogy(shares, shares).sum()).exp()


WEIGHTS = {"invariance": 25.0, "variance": 25.0, "covariance": 1.0}  # of the terms [Bardes 2022, section 4.2]


def vicreg(z1: Tensor, z2: Tensor) -> dict[str, Tensor]:
    """The terms of VICReg of two views [N, D], not on the sphere, and "loss", their weighted sum [Bardes 2022, eq. 6].

    "invariance": squared distance of the views, a dimension. "variance": how much the standard deviation of each
    dimension falls short of 1. "covariance": squared covariances of different dimensions, so that they differ.
    Raises: ValueError for fewer than two pictures, or views of different shapes.
    """
    checks.count("The number of pictures", len(z1), 2)
    checks.shape("The second views", z2, *z1.shape)
    z1, z2 = z1.float(), z2.float()
    terms = {
        "invariance": F.mse_loss(z1, z2),
        "variance": (_shortfall(z1) + _shortfall(z2)) / 2,
        "covariance": _covariance(z1) + _covariance(z2),
    }
    return {"loss": torch.stack([WEIGHTS[name] * term for name, term in terms.items()]).sum(), **terms}


def _shortfall(z: Tensor) -> Tensor:
    return F.relu(1 - (z.var(0) + 1e-4).sqrt()).mean()


def _covariance(z: Tensor) -> Tensor:
    covariance = torch.cov(z.T).view(z.shape[1], z.shape[1])
    return (covariance - covariance.diag().diag()).square().sum() / z.shape[1]

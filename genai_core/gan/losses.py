"""The losses of generator and discriminator, by name.

The discriminator gives each sample a score s (a logit: D = sigmoid(s)), high for real ones. Means over the batch:

    name            discriminator loss                        generator loss
    minimax         softplus(-s_real) + softplus(s_fake)      -softplus(s_fake)       [Goodfellow 2014, eq. 1]
    non_saturating  the same                                  softplus(-s_fake)       [Goodfellow 2014, section 3]
    least_squares   ((s_real - 1)^2 + s_fake^2) / 2           (s_fake - 1)^2 / 2      [Mao 2017, eq. 9]
    hinge           max(0, 1 - s_real) + max(0, 1 + s_fake)   -s_fake                 [Lim 2017, Miyato 2018]
    wasserstein     s_fake - s_real                           -s_fake                 [Arjovsky 2017, eq. 2]

softplus(-s) = -log D and softplus(s) = -log(1 - D). The Wasserstein critic also needs a `gradient_penalty`.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

NAMES = ("minimax", "non_saturating", "least_squares", "hinge", "wasserstein")


def check(name: str) -> None:
    """Raises: ValueError for an unknown name."""
    if name not in NAMES:
        raise _unknown(name)


def discriminator_loss(name: str, real: Tensor, fake: Tensor) -> Tensor:
    """The discriminator's loss, from its scores of real and generated samples, any shape -> scalar.

    Raises: ValueError for an unknown name.
    """
    match name:
        case "minimax" | "non_saturating":
            return F.softplus(-real).mean() + F.softplus(fake).mean()
        case "least_squares":
            return 0.5 * (real - 1).square().mean() + 0.5 * fake.square().mean()
        case "hinge":
            return F.relu(1 - real).mean() + F.relu(1 + fake).mean()
        case "wasserstein":
            return fake.mean() - real.mean()
    raise _unknown(name)


def generator_loss(name: str, fake: Tensor) -> Tensor:
    """The generator's loss, from the discriminator's scores of its samples, any shape -> scalar.

    Raises: ValueError for an unknown name.
    """
    match name:
        case "minimax":
            return -F.softplus(fake).mean()
        case "non_saturating":
            return F.softplus(-fake).mean()
        case "least_squares":
            return 0.5 * (fake - 1).square().mean()
        case "hinge" | "wasserstein":
            return -fake.mean()
    raise _unknown(name)


def gradient_norms(score: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """|d score / d x| of every sample, differentiable: x [N, ...] -> [N]. Scores of samples must be independent."""
    x = x.detach().requires_grad_()
    (slope,) = torch.autograd.grad(score(x).sum(), x, create_graph=True)
    return (slope.flatten(1).square().sum(1) + 1e-12).sqrt()  # the slope of the square root at 0 is infinite


def between(real: Tensor, fake: Tensor, generator: torch.Generator) -> Tensor:
    """A uniform point on the line from each real to a generated sample: both [N, ...] -> [N, ...]."""
    share = torch.rand((len(real),) + (1,) * (real.dim() - 1), generator=generator).to(real)
    return torch.lerp(real, fake, share)


def gradient_penalty(norms: Tensor) -> Tensor:
    """E (|grad| - 1)^2 for the norms at points `between` real and fake [Gulrajani 2017, eq. 3] -> scalar."""
    return (norms - 1).square().mean()


def r1(norms: Tensor) -> Tensor:
    """E |grad|^2 / 2 for the norms at real samples: a flat score at the data [Mescheder 2018, eq. 9] -> scalar."""
    return 0.5 * norms.square().mean()


def _unknown(name: str) -> ValueError:
    return ValueError(f"There is no loss '{name}'; there are {', '.join(NAMES)}.")

"""Flows that are a chain of invertible layers, trained by their exact likelihood: Real NVP and Glow in the plane."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from genai_core.flows.plane.layers import ActNorm, Coupling, Mixing


def standard_normal(z: Tensor) -> Tensor:
    """log N(z; 0, I) of points [N, 2], in nats: [N]."""
    return -0.5 * z.square().sum(1) - math.log(2 * math.pi)


class Discrete(nn.Module):
    """Layers one after another, from x to z."""

    def __init__(self, *layers: nn.Module):
        super().__init__()
        self.layers: Sequence[Any] = nn.ModuleList(layers)  # type: ignore[assignment]

    @torch.no_grad()
    def initialise(self, x: Tensor) -> None:
        """Let a first batch [N, 2] set every ActNorm (Kingma & Dhariwal 2018)."""
        for layer in self.layers:
            if isinstance(layer, ActNorm):
                layer.initialise(x)
            x, _ = layer(x)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x [N, 2] -> z [N, 2] and log |det dz/dx| [N], in nats: those of the layers add up."""
        total = x.new_zeros(len(x))
        for layer in self.layers:
            x, log_det = layer(x)
            total = total + log_det
        return x, total

    def inverse(self, z: Tensor) -> Tensor:
        """z [N, 2] -> x [N, 2]."""
        return self.path(z)[-1]

    def path(self, z: Tensor) -> Tensor:
        """Points on their way from z to x, after each layer: [layers + 1, N, 2], z first."""
        states = [z]
        for layer in reversed(self.layers):
            states.append(layer.inverse(states[-1]))
        return torch.stack(states)

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x) [N], in nats, by the change of variables (Dinh 2016, eq. 2)."""
        z, log_det = self(x)
        return standard_normal(z) + log_det

    def loss(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """The mean negative log-likelihood of a batch [N, 2]; it draws nothing."""
        return -self.log_prob(x).mean()


def realnvp(couplings: int, hidden: int, generator: torch.Generator) -> Discrete:
    """Affine couplings that change the two coordinates in turn (Dinh 2016)."""
    return Discrete(*(Coupling(k % 2, hidden, generator) for k in range(couplings)))


def glow(couplings: int, hidden: int, generator: torch.Generator) -> Discrete:
    """Steps of actnorm, mixing and coupling (Kingma & Dhariwal 2018, fig. 2)."""
    steps = ((ActNorm(), Mixing(generator), Coupling(0, hidden, generator)) for _ in range(couplings))
    return Discrete(*(layer for step in steps for layer in step))

"""A network that gives every point of the plane a velocity, and how much its flow spreads there: the divergence.

With tanh as the activation, the derivative along a direction is carried through the layers beside the value, which
costs a pass for each direction and no graph of gradients.
"""

import torch
from torch import Tensor, nn

from genai_core.flows.plane.layers import mlp

AXES = torch.eye(2)[:, None]  # [2, 1, 2], the two directions whose derivatives make up the divergence


class Velocity(nn.Module):
    """Points [N, 2] at time t -> velocities [N, 2]."""

    def __init__(self, layers: int, hidden: int, generator: torch.Generator):
        super().__init__()
        self.net = mlp([3, *[hidden] * layers, 2], nn.Tanh, generator)

    def forward(self, t: Tensor, x: Tensor) -> Tensor:
        """t: one time for all points, or one for each, [N]."""
        return self.net(torch.cat([x, t.expand(len(x))[:, None]], 1))

    def derivatives(self, t: Tensor, x: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
        """Velocities [N, 2], and their derivatives along each of the directions [D, N or 1, 2]: [D, N, 2]."""
        value, along = torch.cat([x, t.expand(len(x))[:, None]], 1), directions
        for k, layer in enumerate(self.net):
            if isinstance(layer, nn.Linear):
                value = layer(value)
                along = along @ (layer.weight if k else layer.weight[:, :2]).T  # time stays what it is
            else:
                value = value.tanh()
                along = along * (1 - value * value)
        return value, along


def exact(velocity: Velocity, t: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """Velocities [N, 2] and their divergence [N], the trace of the Jacobian: one derivative for each coordinate."""
    v, along = velocity.derivatives(t, x, AXES.to(x))
    return v, along[0, :, 0] + along[1, :, 1]


def hutchinson(velocity: Velocity, t: Tensor, x: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """The same with an unbiased estimate e^T J e of the trace (Hutchinson 1989), which costs one derivative.

    noise: e [N, 2], of mean 0 and covariance I.
    """
    v, along = velocity.derivatives(t, x, noise[None])
    return v, (along[0] * noise).sum(1)

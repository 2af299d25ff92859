"""Invertible layers of points in the plane.

Each maps x [N, 2] to z [N, 2] and knows how much it stretches the plane at x, as the layers of pictures do:

    forward(x) -> (z, log_det)    log_det [N] = log |det dz/dx|, in nats
    inverse(z) -> x
"""

import itertools

import torch
from torch import Tensor, nn

BOUND = 2.0  # of log scales: one coupling stretches by at most exp(2)


def mlp(widths: list[int], activation: type[nn.Module], generator: torch.Generator) -> nn.Sequential:
    """Linear layers with activations between them; the last one begins at 0, so that a flow begins as the identity."""
    layers: list[nn.Module] = []
    for a, b in itertools.pairwise(widths):
        layer = nn.Linear(a, b)
        nn.init.kaiming_uniform_(layer.weight, nonlinearity="linear", generator=generator)
        nn.init.uniform_(layer.bias, -1, 1, generator=generator)
        layers += [layer, activation()]
    last = layers[-2]
    assert isinstance(last, nn.Linear)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(*layers[:-1])


class Coupling(nn.Module):
    """One coordinate stays, and says how the other is scaled and shifted (Dinh 2016, "Real NVP", eq. 7 and 8).

    moved: 0 or 1, the coordinate that is changed.
    """

    def __init__(self, moved: int, hidden: int, generator: torch.Generator):
        super().__init__()
        self.moved = moved
        self.net = mlp([1, hidden, hidden, 2], nn.SiLU, generator)

    def scale_and_shift(self, kept: Tensor) -> tuple[Tensor, Tensor]:
        """The kept coordinate [N, 1] -> log scale, between -BOUND and BOUND, and shift, [N] each."""
        raw, shift = self.net(kept).unbind(1)
        return BOUND * torch.tanh(raw / BOUND), shift

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        log_scale, shift = self.scale_and_shift(x[:, 1 - self.moved, None])
        return self._with(x, x[:, self.moved] * log_scale.exp() + shift), log_scale

    def inverse(self, z: Tensor) -> Tensor:
        log_scale, shift = self.scale_and_shift(z[:, 1 - self.moved, None])
        return self._with(z, (z[:, self.moved] - shift) * (-log_scale).exp())

    def _with(self, x: Tensor, changed: Tensor) -> Tensor:
        """x with another coordinate `moved`."""
        return torch.stack([changed, x[:, 1]] if self.moved == 0 else [x[:, 0], changed], 1)


class ActNorm(nn.Module):
    """A learned scale and shift of each coordinate (Kingma & Dhariwal 2018, section 3.1)."""

    def __init__(self) -> None:
        super().__init__()
        self.log_scale, self.shift = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(2))

    @torch.no_grad()
    def initialise(self, x: Tensor) -> None:
        """Set both so that this batch [N, 2] leaves with mean 0 and variance 1."""
        variance, mean = torch.var_mean(x, 0, correction=0)
        self.log_scale.copy_(-0.5 * (variance + 1e-6).log())
        self.shift.copy_(-mean * self.log_scale.exp())

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x * self.log_scale.exp() + self.shift, self.log_scale.sum().expand(len(x))

    def inverse(self, z: Tensor) -> Tensor:
        return (z - self.shift) * (-self.log_scale).exp()


class Mixing(nn.Module):
    """z = W x with W = L (U + diag(s)): Glow's invertible 1 x 1 convolution of two channels (eq. 10).

    L and U have one learned number each, so that log |det W| = log |s_1| + log |s_2|. It begins as a random rotation,
    without Glow's permutation: an angle away from 90 degrees needs none.
    """

    def __init__(self, generator: torch.Generator):
        super().__init__()
        angle = (torch.rand((), generator=generator) - 0.5) * 2.4  # +-69 degrees, where s_1 = cos(angle) is not near 0
        cos, sin = angle.cos(), angle.sin()  # [[cos, -sin], [sin, cos]] = [[1, 0], [tan, 1]] [[cos, -sin], [0, 1/cos]]
        self.lower, self.upper = nn.Parameter(sin / cos), nn.Parameter(-sin)
        self.log_s = nn.Parameter(torch.stack([cos.log(), -cos.log()]))

    def weight(self) -> Tensor:
        """W, [2, 2]."""
        s = self.log_s.exp()
        top = torch.stack([s[0], self.upper])
        return torch.stack([top, self.lower * top + torch.stack([torch.zeros_like(s[1]), s[1]])])

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x @ self.weight().T, self.log_s.sum().expand(len(x))

    def inverse(self, z: Tensor) -> Tensor:
        return z @ torch.linalg.inv(self.weight()).T

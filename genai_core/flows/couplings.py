"""Coupling layers: one half of the numbers is changed by a map that a network computes from the other half.

    z_a = x_a
    z_b = g(x_b; network(x_a))        invertible in x_b, element by element

The Jacobian is triangular: its determinant is the product of the slopes of g. Going back needs no inverse of the
network, which sees the same half (Dinh 2014, section 3.2). What halves there are, `split` says:

    "columns"       every other column: a grey picture's even and odd components (Dinh 2014)
    "checkerboard"  black and white squares (Dinh 2016, figure 3, left)
    "channels"      the first and the second half of the channels (figure 3, right)
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genai_core.flows.layers import Layer

MASKS = ("columns", "checkerboard", "channels")


def split(x: Tensor, mask: str, flip: bool = False) -> tuple[Tensor, Tensor]:
    """[N, C, H, W] -> the half that the network sees and the half that is changed; flip: the other way round.

    "columns": each [N, C, H, W / 2]; "checkerboard": each [N, 2 C, H / 2, W / 2], the squares of every 2 x 2 pixels as
    channels; "channels": each [N, C / 2, H, W]. Raises: ValueError for an unknown mask.
    """
    if mask == "columns":
        a, b = x[..., ::2], x[..., 1::2]
    elif mask == "checkerboard":
        squares = F.pixel_unshuffle(x, 2).unflatten(1, (-1, 4))  # [N, C, 4, H / 2, W / 2]
        a, b = squares[:, :, 0::3].flatten(1, 2), squares[:, :, 1:3].flatten(1, 2)
    elif mask == "channels":
        a, b = x.chunk(2, dim=1)
    else:
        raise ValueError(f"There is no mask '{mask}'; there are {', '.join(MASKS)}.")
    return (b, a) if flip else (a, b)


def join(a: Tensor, b: Tensor, mask: str, flip: bool = False) -> Tensor:
    """The inverse of `split`."""
    if flip:
        a, b = b, a
    if mask == "columns":
        return torch.stack([a, b], dim=-1).flatten(-2)
    if mask == "checkerboard":
        a, b = a.unflatten(1, (-1, 2)), b.unflatten(1, (-1, 2))  # [N, C, 2, H / 2, W / 2]
        return F.pixel_shuffle(torch.cat([a[:, :, :1], b, a[:, :, 1:]], 2).flatten(1, 2), 2)
    return torch.cat([a, b], dim=1)


class Coupling(Layer):
    """A coupling; its kind says what `change` and `restore` do.

    network: [N, C, H, W] -> [N, outputs x C, H, W], as float32 or bfloat16. squeezed: it is given the halves squeezed,
    [N, 4 C, H / 2, W / 2], which costs it a quarter for the same width.
    """

    outputs = 1  # numbers that the network gives for each number that is changed

    def __init__(self, network: nn.Module, mask: str, flip: bool = False, *, squeezed: bool = False):
        super().__init__()
        self.network, self.mask, self.flip, self.squeezed = network, mask, flip, squeezed

    def _split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        a, b = split(x, self.mask, self.flip)
        return (F.pixel_unshuffle(a, 2), F.pixel_unshuffle(b, 2)) if self.squeezed else (a, b)

    def _values(self, a: Tensor) -> Tensor:
        """What the network gives, in the precision of a: the network may have less, as it is never inverted."""
        return self.network(a.to(next(self.network.parameters()).dtype)).to(a)

    def _join(self, a: Tensor, b: Tensor) -> Tensor:
        if self.squeezed:
            a, b = F.pixel_shuffle(a, 2), F.pixel_shuffle(b, 2)
        return join(a, b, self.mask, self.flip)

    def changed(self, shape: tuple[int, int, int]) -> Tensor:
        """1 where a number of [C, H, W] is changed, 0 where the network sees it: the mask, [C, H, W]."""
        a, b = split(torch.zeros(1, *shape), self.mask, self.flip)
        return join(a, b + 1, self.mask, self.flip)[0]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        a, b = self._split(x)
        b, log_slope = self.change(b, self._values(a))
        return self._join(a, b), log_slope.flatten(1).sum(1)

    def inverse(self, z: Tensor) -> Tensor:
        a, b = self._split(z)
        return self._join(a, self.restore(b, self._values(a)))

    def change(self, b: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """The new half, and log of the slope of each of its numbers, of the same shape."""
        raise NotImplementedError

    def restore(self, b: Tensor, values: Tensor) -> Tensor:
        """The inverse of `change`."""
        raise NotImplementedError


class AdditiveCoupling(Coupling):
    """z_b = x_b + m(x_a): volume is preserved (Dinh 2014, eq. 9)."""

    title = "additive coupling"

    def change(self, b: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        return b + values, torch.zeros_like(b)

    def restore(self, b: Tensor, values: Tensor) -> Tensor:
        return b - values


class AffineCoupling(Coupling):
    """z_b = x_b exp(s(x_a)) + t(x_a) (Dinh 2016, eq. 7 and 8), with s within +-LIMIT by a tanh, for stability."""

    title = "affine coupling"

    outputs = 2
    LIMIT = 3.0

    def _affine(self, values: Tensor) -> tuple[Tensor, Tensor]:
        s, t = values.chunk(2, dim=1)
        return self.LIMIT * torch.tanh(s / self.LIMIT), t

    def change(self, b: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        s, t = self._affine(values)
        return b * s.exp() + t, s

    def restore(self, b: Tensor, values: Tensor) -> Tensor:
        s, t = self._affine(values)
        return (b - t) * (-s).exp()


class MixtureCoupling(Coupling):
    """z_b = logit(F(x_b)) exp(s) + t, F the distribution function of a mixture of logistics (Ho 2019, eq. 14).

    Where an affine map can shift and stretch, this one also bends: uniform noise becomes a bell.
    """

    title = "mixture coupling"
    LIMIT = 2.0  # of s, either way
    WIDTHS = 7.0  # of the logarithm of a width, either way

    def __init__(
        self, network: nn.Module, mask: str, flip: bool = False, *, squeezed: bool = False, components: int = 3
    ):
        super().__init__(network, mask, flip, squeezed=squeezed)
        self.components, self.outputs = components, 2 + 3 * components

    def _mixture(self, values: Tensor) -> tuple[Tensor, ...]:
        """s, t [N, C, H, W]; log weights, means and log widths, each [N, K, C, H, W]."""
        k = self.components
        parts = values.unflatten(1, (2 + 3 * k, -1))  # [N, 2 + 3 K, C, H, W]
        s, t = self.LIMIT * torch.tanh(parts[:, 0] / self.LIMIT), parts[:, 1]
        log_weights, means, log_widths = parts[:, 2:].split(k, dim=1)
        apart = torch.linspace(-1, 1, k).to(values).view(-1, 1, 1, 1)  # at first the means differ
        log_widths = self.WIDTHS * torch.tanh(log_widths / self.WIDTHS)
        return s, t, log_weights.log_softmax(1), means + apart, log_widths

    def change(self, b: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        s, t, log_weights, means, log_widths = self._mixture(values)
        z, log_slope = mixture_logit(b, log_weights, means, log_widths)
        return z * s.exp() + t, log_slope + s

    def restore(self, b: Tensor, values: Tensor) -> Tensor:
        s, t, log_weights, means, log_widths = self._mixture(values)
        return inverse_mixture_logit((b - t) * (-s).exp(), log_weights, means, log_widths)


def mixture_logit(x: Tensor, log_weights: Tensor, means: Tensor, log_widths: Tensor) -> tuple[Tensor, Tensor]:
    """logit(F(x)) of the mixture, and the log of its slope: x [N, ...], of the mixtures [N, K, ...]."""
    at = (x[:, None] - means) * (-log_widths).exp()
    below = F.logsigmoid(at)  # log of a component's share below x; above it: below - at
    log_f, log_1_f = (log_weights + below).logsumexp(1), (log_weights + below - at).logsumexp(1)
    log_density = (log_weights + 2 * below - at - log_widths).logsumexp(1)
    return log_f - log_1_f, log_density - log_f - log_1_f


def inverse_mixture_logit(z: Tensor, log_weights: Tensor, means: Tensor, log_widths: Tensor) -> Tensor:
    """The x with `mixture_logit(x) = z`: Newton's method, kept within brackets that bisection would halve.

    x lies between the least and the greatest of the components' own quantiles. Most numbers are there after a few
    steps, so that those that still move are taken aside: it ends when there are none.
    """
    quantiles = means + log_widths.exp() * z[:, None]
    low, high = quantiles.amin(1), quantiles.amax(1)
    x = (quantiles * log_weights.exp()).sum(1).clamp(low, high)
    found, moving = x.flatten().clone(), torch.arange(x.numel(), device=x.device)
    numbers = [part.flatten()[None] for part in (x, z, low, high)]  # each [1, moving]
    mixture = [part.movedim(1, 0).flatten(1)[None] for part in (log_weights, means, log_widths)]  # [1, K, moving]
    near = TOLERANCE * torch.finfo(x.dtype).eps
    for _ in range(MOST):
        x, z, low, high = numbers
        value, log_slope = mixture_logit(x, *mixture)
        over = value > z
        low, high = torch.where(over, low, x), torch.where(over, x, high)
        newton = x - (value - z) * (-log_slope).exp()
        new = torch.where((newton >= low) & (newton <= high), newton, (low + high) / 2)
        found[moving] = new[0]
        left = ((new - x).abs() > near * (1 + new.abs()))[0].nonzero()[:, 0]
        if not len(left):
            break
        numbers = [new, z, low, high]
        if 2 * len(left) < len(moving):
            moving = moving[left]
            numbers, mixture = ([part[..., left] for part in parts] for parts in (numbers, mixture))
    return found.view_as(quantiles[:, 0])


MOST = 60  # steps
TOLERANCE = 8  # of the relative precision of the numbers, 1e-6 in float32

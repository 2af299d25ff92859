"""The invertible layers of discrete flows, and how they are chained.

Each maps x to z of as many numbers, invertibly, and knows how much it stretches space at x:

    forward(x) -> (z, log_det)    log_det [N] = log |det dz/dx|, in nats
    inverse(z) -> x

Then p(x) = p(z) |det dz/dx| [Dinh 2014, eq. 3]. Couplings are in `couplings.py`.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Layer(nn.Module):
    """An invertible map of [N, ...] that knows its log-determinant."""

    title = ""  # its name in a ledger

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x [N, ...] -> z, of as many numbers, and log |det dz/dx| [N], in nats."""
        raise NotImplementedError

    def inverse(self, z: Tensor) -> Tensor:
        """z -> the x whose `forward` it is."""
        raise NotImplementedError


class Chain(Layer):
    """Layers one after another: log-determinants add up."""

    def __init__(self, *layers: Layer):
        super().__init__()
        self.layers: Sequence[Layer] = nn.ModuleList(layers)  # type: ignore[assignment]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        total = x.new_zeros(len(x))
        for layer in self.layers:
            x, log_det = layer(x)
            total = total + log_det
        return x, total

    def inverse(self, z: Tensor) -> Tensor:
        for layer in reversed(self.layers):
            z = layer.inverse(z)
        return z


class Logit(Layer):
    """x in [0, 1] -> logit(alpha + (1 - 2 alpha) x) (Dinh 2016, section 4.1).

    The unit interval becomes a line, with alpha > 0 a stretch of it, which Gaussian tails do not leave for [0, 1].
    """

    title = "logit"

    def __init__(self, alpha: float):
        super().__init__()
        if not 0 < alpha < 0.5:
            raise ValueError(f"alpha must be between 0 and 0.5, and is {alpha}.")
        self.alpha = alpha

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        z = torch.logit(self.alpha + (1 - 2 * self.alpha) * x)
        slope = torch.log(torch.tensor(1 - 2 * self.alpha)) - F.logsigmoid(z) - F.logsigmoid(-z)
        return z, slope.flatten(1).sum(1)

    def inverse(self, z: Tensor) -> Tensor:
        return (z.sigmoid() - self.alpha) / (1 - 2 * self.alpha)


class Gaussianise(Layer):
    """Values in [0, 1], of 256 levels with noise: black to N(0, 1), cut at EDGE; ink to a stretch of INK beyond it.

    Ink is spread evenly by its histogram, which `initialise` sets. Four pixels of five are black, flat noise on
    [0, 1/256] that no affine coupling can turn into a bell, and a uniform number costs a normal prior 0.25 bits: in
    place of `Logit`, this saves most of them, and many steps of training.
    """

    title = "histogram"
    EDGE = 2.5  # standard deviations
    INK = 6.0  # the length of the stretch
    log_mass: Tensor

    def __init__(self):
        super().__init__()
        self.register_buffer("log_mass", torch.full((255,), -math.log(255)))  # of the levels 1 to 255

    @torch.no_grad()
    def initialise(self, pictures: Tensor) -> None:
        """Set the histogram of ink from pictures of any shape, in [0, 1]; no level is left without a share."""
        counts = torch.bincount((255 * pictures).round().long().flatten(), minlength=256)[1:].float()
        counts = counts + 0.1 + 1e-3 * counts.mean()
        self.log_mass.copy_((counts / counts.sum()).log())

    def _histogram(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The share of each level of ink, [255], and of those below it, [255]."""
        mass = self.log_mass.double().softmax(0)
        return mass.to(x), (mass.cumsum(0) - mass).to(x)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        below_edge = _normal_share(self.EDGE)
        mass, below = self._histogram(x)
        level = (256 * x).floor().clamp(0, 255).long()
        u, black, ink = 256 * x - level, level == 0, (level - 1).clamp(min=0)
        bell = torch.special.ndtri((below_edge * u).clamp(1e-7, 1 - 1e-7))
        z = torch.where(black, bell, self.EDGE + self.INK * (below[ink] + mass[ink] * u))
        slope = torch.where(
            black,
            math.log(below_edge) + 0.5 * (bell.square() + math.log(2 * math.pi)),
            math.log(self.INK) + mass.log()[ink],
        )
        return z, (slope + math.log(256)).flatten(1).sum(1)

    def inverse(self, z: Tensor) -> Tensor:
        mass, below = self._histogram(z)
        q = ((z - self.EDGE) / self.INK).clamp(0, 1)
        ink = (torch.searchsorted(below, q.contiguous(), right=True) - 1).clamp(0, 254)
        inked = ink + 1 + ((q - below[ink]) / mass[ink]).clamp(0, 1)
        return torch.where(z < self.EDGE, torch.special.ndtr(z) / _normal_share(self.EDGE), inked) / 256


def _normal_share(edge: float) -> float:
    """The share of a normal distribution that is below `edge`."""
    return 0.5 * math.erfc(-edge / math.sqrt(2))


class Squeeze(Layer):
    """[N, C, H, W] -> [N, 4 C, H / 2, W / 2]: every 2 x 2 pixels become channels (Dinh 2016, section 3.6)."""

    title = "squeeze"

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return F.pixel_unshuffle(x, 2), x.new_zeros(len(x))

    def inverse(self, z: Tensor) -> Tensor:
        return F.pixel_shuffle(z, 2)


class ActNorm(Layer):
    """A scale and a shift per channel, set by the first batch to mean 0 and variance 1 (Kingma & Dhariwal 2018, 3.1).

    `initialise` sets them; after that they are parameters like others.
    """

    title = "actnorm"

    def __init__(self, channels: int):
        super().__init__()
        self.log_scale, self.shift = (nn.Parameter(torch.zeros(channels, 1, 1)) for _ in range(2))

    @torch.no_grad()
    def initialise(self, x: Tensor) -> None:
        """Set scale and shift so that x [N, C, H, W] leaves with mean 0 and variance 1 in each channel."""
        variance, mean = torch.var_mean(x, (0, 2, 3), keepdim=True, correction=0)
        self.log_scale.copy_(-0.5 * (variance[0] + 1e-6).log())
        self.shift.copy_(-mean[0])

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        log_det = x[0, 0].numel() * self.log_scale.sum()
        return (x + self.shift) * self.log_scale.to(x).exp(), log_det.expand(len(x))

    def inverse(self, z: Tensor) -> Tensor:
        return z * (-self.log_scale.to(z)).exp() - self.shift


class Scale(Layer):
    """One learned factor for each number, z = exp(s) x: NICE's last layer (Dinh 2014, section 3.3).

    `initialise` sets the factors by the first batch, so that z has standard deviations near 1.
    """

    title = "scale"

    def __init__(self, *shape: int):
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(shape))

    @torch.no_grad()
    def initialise(self, x: Tensor) -> None:
        """Set the factors by x [N, ...]: the inverse of each number's standard deviation."""
        self.log_scale.copy_(-0.5 * (x.var(0, correction=0) + 1e-7).log())

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x * self.log_scale.to(x).exp(), self.log_scale.sum().expand(len(x))

    def inverse(self, z: Tensor) -> Tensor:
        return z * (-self.log_scale.to(z)).exp()


class InvertibleConv(Layer):
    """A learned 1 x 1 convolution, W = P L (U + diag(s)), of determinant prod(s) (Kingma & Dhariwal 2018, eq. 10).

    P is a fixed permutation, L and U are triangular with ones and zeros on the diagonal. At first W is a random
    rotation of the channels.
    """

    title = "1 x 1 convolution"

    p: Tensor
    sign: Tensor

    def __init__(self, channels: int):
        super().__init__()
        rotation, _ = torch.linalg.qr(torch.randn(channels, channels))
        p, lower, upper = torch.linalg.lu(rotation)
        s = upper.diagonal()
        self.register_buffer("p", p)
        self.register_buffer("sign", s.sign())
        self.log_s = nn.Parameter(s.abs().log())
        self.lower, self.upper = nn.Parameter(lower.tril(-1)), nn.Parameter(upper.triu(1))

    def weight(self) -> Tensor:
        """W, [C, C]."""
        lower = self.lower.tril(-1) + torch.eye(len(self.lower)).to(self.lower)
        return self.p @ lower @ (self.upper.triu(1) + torch.diag(self.sign * self.log_s.exp()))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        with torch.autocast(x.device.type, enabled=False):  # a flow that is to be inverted is no place for bfloat16
            z = torch.einsum("oc,nchw->nohw", self.weight().to(x), x)
        return z, (x[0, 0].numel() * self.log_s.sum()).expand(len(x))

    def inverse(self, z: Tensor) -> Tensor:
        with torch.autocast(z.device.type, enabled=False):
            return torch.einsum("oc,nchw->nohw", torch.linalg.inv(self.weight().to(z)), z)


def factor_out(x: Tensor) -> tuple[Tensor, Tensor]:
    """[N, C, H, W] -> the half of the channels that goes on, and the half that is latent already (Dinh 2016, 3.6)."""
    on, out = x.chunk(2, dim=1)
    return on, out


def factor_in(on: Tensor, out: Tensor) -> Tensor:
    """The inverse of `factor_out`."""
    return torch.cat([on, out], dim=1)

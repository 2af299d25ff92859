"""A learned codec: transform, rounding, entropy model (Balle 2017, 2018), with every rate in one model (Cui 2021).

An analysis network turns a picture x into latents, which are rounded to whole numbers; a range coder writes these into
a file with the probabilities P of an entropy model, and a synthesis network turns them back into a picture. All are
trained together to lower

    R + lambda D  =  E[-log2 P(y)] per pixel  +  lambda MSE 255^2                              [Balle 2017, eq. 1]

Rounding has no gradient: the rate is that of y + u, u ~ U(-1/2, 1/2), whose density at whole numbers is the probability
of the rounded ones [Balle 2017, section 3]; the synthesis sees y rounded, straight through [Minnen & Singh 2020].
A quality q in [0, 1] chooses lambda: it scales each channel before rounding and back [gains; Cui 2021, eq. 4], and
the channels inside the networks. z describes the whole picture, y each place of 8 x 8 pixels. The distribution of a
channel of y also depends on how much has been written nearby: a context, as in CABAC [Marpe 2003].
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genai_core.autoencoders.codec.prior import CONTEXTS, Prior, contexts
from genai_core.common.training import autocast, zero_init


@dataclass(frozen=True)
class CodecConfig:
    size: int = 64  # pixels of a side
    channels: tuple[int, int, int] = (32, 80, 128)  # at 32x32, 16x16, 8x8
    blocks: tuple[int, int, int, int] = (1, 3, 3, 2)  # analysis at 16x16 and 8x8, synthesis at 8x8 and 16x16
    latents: int = 64  # of a place
    overall: int = 24  # latents of the whole picture
    groups: int = 4  # of the latents of a place: each is written with a look at those before
    anchors: int = 6  # qualities at which gains and distributions are learned; linear between
    mixture: int = 3  # logistic distributions in each
    lowest: float = 0.0012  # lambda at quality 0
    highest: float = 0.07  # lambda at quality 1
    counted: int = 512  # scenes in which symbols are counted after training, for the tables
    # optimisation
    batch: int = 16
    lr: float = 1.5e-3
    scales_lr: float = 1e-2  # of gains and distributions, which have farther to go
    weight_decay: float = 0.0
    clip: float = 1.0


class Modulation(nn.Module):
    """Scale and shift of every channel as a function of the quality [N]."""

    def __init__(self, channels: int, hidden: int = 16):
        super().__init__()
        self.hidden, self.out = nn.Linear(2, hidden), nn.Linear(hidden, 2 * channels)
        zero_init(self.out)

    def forward(self, x: Tensor, q: Tensor) -> Tensor:
        inputs = torch.stack((2 * q - 1, (2 * q - 1).square()), 1)  # [N, 2]
        scale, shift = self.out(torch.tanh(self.hidden(inputs)))[:, :, None, None].chunk(2, 1)
        return x * (1 + scale) + shift


class Residual(nn.Module):
    """x + conv(silu(modulated conv(silu(x)))), the identity at first."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv1, self.conv2 = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))
        self.modulation = Modulation(channels)
        zero_init(self.conv2)

    def forward(self, x: Tensor, q: Tensor) -> Tensor:
        return x + self.conv2(F.silu(self.modulation(self.conv1(F.silu(x)), q)))


class Stack(nn.ModuleList):
    """Layers one after the other; the residual blocks see the quality."""

    def forward(self, x: Tensor, q: Tensor) -> Tensor:
        for layer in self:
            x = layer(x, q) if isinstance(layer, Residual) else layer(x)
        return x


class Codec(nn.Module):
    """Analysis, synthesis and entropy model for pictures [N, 3, size, size] in [0, 1]."""

    def __init__(self, config: CodecConfig):
        super().__init__()
        self.config = config
        (a, b, c), blocks = config.channels, config.blocks
        if config.latents % config.groups:
            raise ValueError(f"{config.latents} latents cannot be parted into {config.groups} groups.")
        self.analysis = Stack(
            [
                nn.PixelUnshuffle(4),  # [N, 48, 16, 16]
                nn.Conv2d(48, b, 3, padding=1),
                *(Residual(b) for _ in range(blocks[0])),
                nn.Conv2d(b, c, 3, stride=2, padding=1),  # [N, c, 8, 8]
                *(Residual(c) for _ in range(blocks[1])),
            ]
        )
        self.to_z, self.from_z, self.z_in = nn.Linear(c, config.overall), *(nn.Linear(config.overall, c) for _ in "ab")
        self.to_y = nn.Sequential(nn.SiLU(), nn.Conv2d(c, config.latents, 3, padding=1))
        self.from_y = nn.Conv2d(config.latents, c, 3, padding=1)
        self.synthesis = Stack(
            [
                *(Residual(c) for _ in range(blocks[2])),
                nn.Conv2d(c, 4 * b, 3, padding=1),
                nn.PixelShuffle(2),  # [N, b, 16, 16]
                *(Residual(b) for _ in range(blocks[3])),
                nn.Conv2d(b, 4 * a, 3, padding=1),
                nn.PixelShuffle(2),  # [N, a, 32, 32]
                Residual(a),
                nn.SiLU(),
                nn.Conv2d(a, 12, 3, padding=1),
                nn.PixelShuffle(2),  # [N, 3, 64, 64]
            ]
        )
        self.prior_y = Prior(config.latents, CONTEXTS, config.anchors, config.mixture)
        self.prior_z = Prior(config.overall, 1, config.anchors, config.mixture)
        start = torch.linspace(-0.7, 1.4, config.anchors)[:, None]
        for name, n in (("y", config.latents), ("z", config.overall)):
            self.register_parameter(f"gain_{name}", nn.Parameter(start.repeat(1, n)))
            self.register_parameter(f"inverse_{name}", nn.Parameter(-start.repeat(1, n)))

    def gain(self, name: str, q: Tensor) -> Tensor:
        """exp of the table `name` [anchors, channels] at q [N]: [N, channels, 1, 1]; linear in between [Cui 2021]."""
        table = getattr(self, name)
        at = q.clamp(0, 1) * (len(table) - 1)
        low = at.long().clamp(max=len(table) - 2)
        return torch.lerp(table[low], table[low + 1], (at - low)[:, None]).exp()[:, :, None, None]

    def analyse(self, x: Tensor, q: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures [N, 3, size, size], q [N] -> y [N, latents, h, w], z [N, overall, 1, 1], not yet rounded."""
        h = self.analysis(2 * x - 1, q)  # [N, c, h, w]
        z = self.to_z(F.silu(h).mean((2, 3)))[:, :, None, None].float() * self.gain("gain_z", q)
        known = round_through(z) * self.gain("inverse_z", q)
        y = self.to_y(h + self.z_in(known.flatten(1))[:, :, None, None]).float()
        return y * self.gain("gain_y", q), z

    def synthesise(self, y: Tensor, z: Tensor, q: Tensor) -> Tensor:
        """Rounded latents -> pictures [N, 3, size, size], in [0, 1] but for what is clipped outside."""
        h = self.from_y(y * self.gain("inverse_y", q))
        h = h + self.from_z((z * self.gain("inverse_z", q)).flatten(1))[:, :, None, None]
        return (self.synthesis(h, q).float() + 1) / 2

    def bits(self, y: Tensor, z: Tensor, q: Tensor, context: Tensor) -> Tensor:
        """-log2 of the probability of the latents, of each picture: [N]."""
        p_y = self.prior_y.probability(y, context, q)
        p_z = self.prior_z.probability(z, torch.zeros_like(z, dtype=torch.long), q)
        return -(p_y.log2().sum((1, 2, 3)) + p_z.log2().sum((1, 2, 3)))


def round_through(y: Tensor) -> Tensor:
    """Rounded, with the gradient of the identity."""
    return y + (y.round() - y).detach()


def lagrange(config: CodecConfig, q: Tensor) -> Tensor:
    """lambda at a quality q in [0, 1], from `lowest` to `highest` by equal factors."""
    return config.lowest * (config.highest / config.lowest) ** q


def loss(model: Codec, x: Tensor, q: Tensor, *, generator: torch.Generator) -> dict[str, Tensor]:
    """(R + lambda D) / sqrt(lambda) of pictures x [N, 3, size, size] at qualities q [N], and the means of both.

    "bytes" is R of a picture, "psnr" in dB. In training y + noise has the rate, and the rounded y the distortion.
    """
    with autocast(x.device):
        y, z = model.analyse(x, q)
        rebuilt = model.synthesise(round_through(y), round_through(z), q)
    noise_y, noise_z = (torch.rand(t.shape, generator=generator).to(t) - 0.5 for t in (y, z))
    bits = model.bits(y + noise_y, z + noise_z, q, contexts(y.detach().round(), model.config.groups))
    error = (rebuilt - x).square().mean((1, 2, 3))  # [N]
    pixels = x.shape[2] * x.shape[3]
    weight = lagrange(model.config, q)
    total = (bits / pixels + weight * 255**2 * error) / weight.sqrt()  # so that every quality counts about the same
    psnr = -10 * error.detach().clamp(min=1e-9).log10()
    return {"loss": total.mean(), "bytes": bits.mean() / 8, "psnr": psnr.mean()}

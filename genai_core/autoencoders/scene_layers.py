"""Networks between a scene of 64x64 pixels and a grid of 8x8, for the autoencoders of scenes: VQ-VAE and nested."""

import torch.nn.functional as F
from torch import Tensor, nn

from genai_core.common.training import zero_init


class Residual(nn.Module):
    """x + conv1x1(silu(conv3x3(silu(x)))) [van den Oord 2017, section 4.1], the identity at first.

    It sees one pixel farther, and no normalisation carries what is farther away: one token changes a part of a picture.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 1)
        zero_init(self.conv2)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.silu(self.conv1(F.silu(x))))


def encoder_layers(channels: tuple[int, int, int], outputs: int) -> list[nn.Module]:
    """[N, 3, 64, 64] -> [N, outputs, 8, 8]. channels: at 8x8, 16x16 and, in the decoder only, 32x32."""
    a, b, _ = channels
    return [
        nn.PixelUnshuffle(4),  # [N, 48, 16, 16]
        nn.Conv2d(48, b, 3, padding=1),
        Residual(b),
        Residual(b),
        nn.Conv2d(b, a, 3, stride=2, padding=1),  # [N, a, 8, 8]
        Residual(a),
        Residual(a),
        nn.SiLU(),
        nn.Conv2d(a, outputs, 1),
    ]


def layout_layers(channels: tuple[int, int, int], inputs: int) -> list[nn.Module]:
    """[N, inputs, 8, 8] -> [N, a, 8, 8]."""
    a, _, _ = channels
    return [nn.Conv2d(inputs, a, 3, padding=1), Residual(a), Residual(a)]


def decoder_layers(channels: tuple[int, int, int]) -> list[nn.Module]:
    """[N, a, 8, 8] -> [N, 3, 64, 64]."""
    a, b, c = channels
    return [
        nn.Conv2d(a, 4 * b, 1),
        nn.PixelShuffle(2),  # [N, b, 16, 16]
        Residual(b),
        Residual(b),
        nn.Conv2d(b, 4 * c, 3, padding=1),
        nn.PixelShuffle(2),  # [N, c, 32, 32]
        Residual(c),
        nn.SiLU(),
        nn.Conv2d(c, 12, 3, padding=1),
        nn.PixelShuffle(2),  # [N, 3, 64, 64]
    ]

"""The networks inside couplings. Their last layer starts at zero, so that each coupling starts as the identity."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genai_core.common.training import zero_init


class Block(nn.Module):
    """x + conv(silu(conv(silu(x)))), the identity at first."""

    def __init__(self, width: int):
        super().__init__()
        self.conv1, self.conv2 = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        zero_init(self.conv2)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.silu(self.conv1(F.silu(x))))


class ResidualNet(nn.Module):
    """[N, inputs, side, side] -> [N, outputs, side, side], with `blocks` residual blocks.

    A learned map is added to the features, since digits are centred and zero padding alone tells little of where.
    """

    def __init__(self, inputs: int, outputs: int, side: int, width: int, blocks: int):
        super().__init__()
        self.conv_in = nn.Conv2d(inputs, width, 3, padding=1)
        self.position = nn.Parameter(torch.zeros(width, side, side))
        self.blocks = nn.Sequential(*(Block(width) for _ in range(blocks)))
        self.conv_out = nn.Conv2d(width, outputs, 1)
        zero_init(self.conv_out)

    def forward(self, x: Tensor) -> Tensor:
        h = self.blocks(self.conv_in(x) + self.position)  # [N, width, side, side]
        return self.conv_out(F.silu(h))  # [N, outputs, side, side]


class MLP(nn.Module):
    """[N, C, H, W] -> [N, C, H, W] through dense layers with ReLU (Dinh 2014, section 5.1)."""

    def __init__(self, shape: tuple[int, int, int], hidden: int, layers: int):
        super().__init__()
        n = shape[0] * shape[1] * shape[2]
        sizes = [n, *[hidden] * layers]
        dense = [part for a, b in pairwise(sizes) for part in (nn.Linear(a, b), nn.ReLU())]
        last = nn.Linear(hidden, n)
        zero_init(last)
        self.layers = nn.Sequential(nn.Flatten(), *dense, last, nn.Unflatten(1, shape))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)

"""A picture of 28 x 28 pixels as 4 x 4 blocks, which are hidden in turn; and the blur of an error."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

BLOCKS, BLOCK = 4, 7  # blocks a side, pixels of each a side
SIDE = BLOCKS * BLOCK


def enlarged(blocks: Tensor) -> Tensor:
    """A value for each block [..., 4, 4] -> the same for each of its pixels [..., 28, 28]."""
    return blocks.repeat_interleave(BLOCK, -2).repeat_interleave(BLOCK, -1)


def hidden_in_turn() -> Tensor:
    """Which blocks are hidden in each of four passes: [4, 4, 4], 1 where they are. Every block is, once."""
    row, column = torch.meshgrid(torch.arange(BLOCKS) % 2, torch.arange(BLOCKS) % 2, indexing="ij")
    return F.one_hot(2 * row + column, 4).movedim(-1, 0).float()


def blurred(x: Tensor, sigma: float) -> Tensor:
    """[..., 28, 28] convolved with a Gaussian of that standard deviation, black beyond the border."""
    if sigma <= 0:
        return x
    reach = math.ceil(3 * sigma)
    kernel = torch.exp(-torch.arange(-reach, reach + 1.0).square() / (2 * sigma**2)).to(x)
    kernel = kernel / kernel.sum()
    flat = F.conv2d(x.reshape(-1, 1, *x.shape[-2:]), kernel[None, None, None], padding=(0, reach))
    return F.conv2d(flat, kernel[None, None, :, None], padding=(reach, 0)).view_as(x)

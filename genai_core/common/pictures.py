"""Tensors as pictures: one, or many as a sheet; and the points that a sheet of a plane is decoded from."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from genai_core.common import checks

GAP = 60  # the grey between tiled pictures


def pixels(x: Tensor) -> np.ndarray:
    """[..., C, H, W] in [0, 1] -> uint8 [..., H, W] where it is grey, [..., H, W, 3] in colour."""
    return (x.movedim(-3, -1).squeeze(-1).clamp(0, 1) * 255).round().byte().cpu().numpy()


def picture(x: Tensor) -> Image.Image:
    """[C, H, W] in [0, 1], grey or in colour, as a picture."""
    return Image.fromarray(pixels(x))


def tile(x: Tensor, columns: int, gap: int = 0, zoom: int = 1, between: int = GAP) -> Image.Image:
    """Pictures [N, C, H, W] in [0, 1] as one, row by row, each enlarged by a whole number, `between` them a grey.

    Raises: ValueError for no picture, columns or zoom below 1, or a gap below 0.
    """
    for name, value, low in (("pictures", len(x), 1), ("columns", columns, 1), ("zoom", zoom, 1), ("gap", gap, 0)):
        checks.count(name, value, low)
    array = pixels(x).repeat(zoom, 1).repeat(zoom, 2)  # [N, H, W] or [N, H, W, 3]
    n, height, width, *channels = array.shape
    rows = -(-n // columns)
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, *channels), between, np.uint8)
    for i, part in enumerate(array):
        top, left = i // columns * (height + gap), i % columns * (width + gap)
        sheet[top : top + height, left : left + width] = part
    return Image.fromarray(sheet)


def signed(x: Tensor) -> Image.Image:
    """A map of signed values [H, W] in [-1, 1]: blue below 0, white at 0, orange above."""
    value = x.clamp(-1, 1).cpu().numpy()[..., None]
    blue, white, orange = (np.array(c, np.float32) for c in ((37, 99, 235), (255, 255, 255), (234, 88, 12)))
    ramp = white + (orange - white) * np.maximum(value, 0) + (blue - white) * np.maximum(-value, 0)
    return Image.fromarray(ramp.round().astype(np.uint8))


def square_grid(side: int) -> Tensor:
    """Points of the plane from -1 to 1, [side * side, 2], row by row as `tile` lays them, the second one upwards."""
    axis = torch.linspace(-1, 1, side)
    return torch.stack([axis.repeat(side), axis.flip(0).repeat_interleave(side)], 1)

"""Sprites as the data of a live training: which factors vary, some to look at, and points shaded by a factor."""

import numpy as np
import torch
from PIL import Image

from demos._ui import images
from genai_core.data import sprites

FACTORS = {
    "position": ("x", "y"),
    "size and position across": ("scale", "x"),
    "rotation": ("orientation",),
    "everything": sprites.FACTORS,
}
TITLES = {name: f"sprites that differ in {name}" for name in FACTORS}


def examples(factors: str) -> torch.Tensor:
    """24 sprites as a network will see them, [24, 1, 28, 28]."""
    return sprites.sprites(24, generator=torch.Generator().manual_seed(0), vary=FACTORS[factors])[0]


def sheet(factors: str, zoom: int = 1) -> Image.Image:
    """These as one picture."""
    return images.tile(examples(factors), 8, gap=2, zoom=zoom)


def shades(factors: np.ndarray) -> tuple[str, int]:
    """Factors [N, K] -> the first that varies, N bytes in base64 from its lowest (0) to its highest, and its column."""
    varied = [k for k in range(factors.shape[1]) if np.ptp(factors[:, k]) > 1e-3]
    column = varied[0] if varied else 0
    shade = factors[:, column]
    low, high = float(shade.min()), float(shade.max())
    return images.base64_of(((shade - low) / (high - low + 1e-9) * 255).astype(np.uint8)), column

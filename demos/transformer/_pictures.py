"""The pictures of Vision: garments in grey, 28 x 28, and things in colour, 32 x 32, drawn by us, uploaded or taken.

On the page and in links they are bytes in base64, row by row, the channels of a pixel beside one another.
"""

import functools
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from demos._ui import digits, validation
from demos._ui.settings import checked
from demos.transformer import _drawings
from genai_core import gan
from genai_core.data import uploads
from genai_core.transformer import vit

CONFIGS = {"fashion": vit.FASHION, "cifar10": vit.CIFAR}
TITLES = {"fashion": "Garments, grey", "cifar10": "Things, in colour"}
NETWORKS = {
    "fashion": {"vit-fashion": "ViT", "cnn-fashion": "CNN"},
    "cifar10": {"vit-cifar": "ViT", "cnn-cifar": "CNN"},
}


def side(dataset: str) -> int:
    """Patches in a row."""
    return CONFIGS[dataset].size // CONFIGS[dataset].patch


def tensor(dataset: str, value: Any) -> Tensor:
    """Bytes in base64 -> [1, C, size, size] in [0, 1]. Raises: InputError."""
    if dataset == "fashion":
        return digits.drawing(value)
    config = CONFIGS[dataset]
    shape = (1, config.size, config.size, config.channels)
    data = validation.decoded(value, "The picture", limit=config.channels * config.size**2)
    if len(data) != config.channels * config.size**2:
        raise validation.InputError(f"The picture must have {config.size} x {config.size} pixels in colour.")
    return torch.tensor(list(data), dtype=torch.float32).view(shape).movedim(-1, 1) / 255


@functools.lru_cache(maxsize=64)
def example(dataset: str, label: int, number: int = 0) -> str:
    """A garment of a class that our GAN draws, or a drawing of a thing."""
    if dataset == "cifar10":
        return digits.packed(_drawings.drawing(_drawings.DRAWN[label], 100 * label + number))
    generator = torch.Generator().manual_seed(100 * label + number)
    x = gan.sample(gan.load("cgan-fashion"), 1, generator=generator, labels=torch.tensor([label]), truncation=0.7)
    return digits.packed(x.cpu())


def sea() -> str:
    """A drawing of the sea, without a ship."""
    return digits.packed(_drawings.drawing(_drawings.sea, 0))


def from_file(dataset: str, data: bytes) -> str:
    """Any picture file: a garment in grey, fitted and centred, or the middle square in colour. Raises: InputError."""
    if dataset == "fashion":
        return digits.from_file(data)
    return digits.packed(uploads.tensor(validation.picture(data), CONFIGS[dataset].size)[None])


def _check(value: Any, others: Mapping[str, Any]) -> str:
    dataset = others["dataset"]
    return from_file(dataset, value) if isinstance(value, bytes) else digits.packed(tensor(dataset, value))


PIXELS = checked(_check, from_file=lambda data: data)  # of a setting; what a file shows depends on the data set

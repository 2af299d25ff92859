"""Data sets as tensors. Pictures are float32 in [0, 1], NCHW, at every public boundary.

MNIST (LeCun 1998), Fashion-MNIST (Xiao 2017) and CIFAR-10 (Krizhevsky 2009) come through torchvision, from the folder
`GENAI_DATA` (default: a cache folder in the user's home). Nothing is downloaded unless requested.
"""

import functools
import os
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

NAMES = ("mnist", "fashion", "cifar10", "sprites")
CLASSES = {
    "mnist": tuple("0123456789"),
    "fashion": ("t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"),
    "cifar10": ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    "sprites": ("square", "ellipse", "heart"),
}
SPRITES = {"train": 20_000, "test": 2_000}
FOLDERS = {"mnist": "MNIST", "fashion": "FashionMNIST"}


class DataError(RuntimeError):
    """A data set is not available. The message is one sentence, fit for a user."""


def root() -> Path:
    """The folder that holds the data sets: `GENAI_DATA`, or a cache folder."""
    return Path(os.environ.get("GENAI_DATA") or Path.home() / ".cache" / "genai_core" / "data")


def available(name: str) -> bool:
    """Whether the data set is on this machine. Of MNIST and Fashion-MNIST only the files' existence is checked."""
    if name in FOLDERS:
        raw = root() / FOLDERS[name] / "raw"
        return all((raw / f"t10k-{what}-ubyte").is_file() for what in ("images-idx3", "labels-idx1"))
    try:
        load(name, "test")
    except DataError:
        return False
    return True


def load(name: str, split: str = "train", *, download: bool = False) -> tuple[Tensor, Tensor]:
    """Pictures [N, C, H, W] float32 in [0, 1] and labels [N] int64; C, H, W is 1, 28, 28 (CIFAR-10: 3, 32, 32).

    split: "train" or "test". Cached in memory as bytes.
    Raises: DataError if the set is not on this machine (and `download` is False) or the name or split is unknown.
    """
    pixels, labels = _bytes(name, split, download, root())
    return pixels.float() / 255, labels


@functools.lru_cache(maxsize=8)
def _bytes(name: str, split: str, download: bool, folder: Path) -> tuple[Tensor, Tensor]:
    if name not in NAMES or split not in ("train", "test"):
        raise DataError(f"There is no data set '{name}' with a split '{split}'; there are {', '.join(NAMES)}.")
    if name == "sprites":
        from genai_core.data.sprites import sprites

        seed = {"train": 0, "test": 1}[split]
        pixels, factors = sprites(SPRITES[split], generator=torch.Generator().manual_seed(seed))
        return (pixels * 255).round().byte(), factors[:, 0].long()
    if name == "cifar10":
        return _cifar10(split, download, folder)
    from torchvision import datasets  # takes a second or two, which an app without data saves

    try:
        images = getattr(datasets, FOLDERS[name])(folder, train=split == "train", download=download)
    except (RuntimeError, OSError) as error:
        raise _absent(name, download) from error
    return images.data[:, None], images.targets


def _cifar10(split: str, download: bool, folder: Path) -> tuple[Tensor, Tensor]:
    """From torchvision's own layout, or from class folders of pictures `cifar10/<split>/<class>/`."""
    from torchvision import datasets

    try:
        images = datasets.CIFAR10(folder, train=split == "train", download=download)
        pixels, labels = images.data, images.targets
    except (RuntimeError, OSError) as error:
        try:
            images = datasets.ImageFolder(folder / "cifar10" / split)
        except OSError:
            raise _absent("cifar10", download) from error
        pixels, labels = np.stack([np.asarray(picture) for picture, _ in images]), images.targets
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous(), torch.tensor(labels)


def _absent(name: str, download: bool) -> DataError:
    if download:
        return DataError(
            f"The data set '{name}' could not be fetched: is there a network? Or set GENAI_DATA to the folder that "
            "holds it."
        )
    return DataError(
        f"The data set '{name}' is not on this machine: set GENAI_DATA to the folder that holds it, "
        f"or fetch it with: python -m genai_core.data {name}"
    )


def binarise(x: Tensor, generator: torch.Generator) -> Tensor:
    """Bernoulli draws with the pixels' intensities as probabilities (dynamic binarisation, Salakhutdinov 2008)."""
    return (torch.rand(x.shape, generator=generator) < x.cpu()).to(x)

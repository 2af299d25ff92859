"""Pictures for the pads of Denoise and Anomaly that need no data set: the class-conditional GAN draws them."""

import functools

import torch

from demos._ui import digits
from genai_core import gan

CLASSES = 10


@functools.lru_cache(maxsize=256)
def drawn(label: int, seed: int = 0, dataset: str = "mnist") -> str:
    """A picture of a class of "mnist" or "fashion", 784 bytes in base64."""
    generator = torch.Generator().manual_seed(seed)
    model = gan.load(f"cgan-{dataset}")
    return digits.packed(gan.sample(model, 1, generator=generator, labels=torch.tensor([label]), truncation=0.7))

"""A small trained model that every test here may look at, and none may change."""

import dataclasses

import pytest
import torch

from genai_core import diffusion
from genai_core.diffusion.unet import UNet, UNetConfig

TINY = UNetConfig(channels=(16, 16, 16), embedding=32, heads=2, batch=16, lr=1e-2)


def bars(n: int = 320) -> tuple[torch.Tensor, torch.Tensor]:
    """Label y is a bright bar at column 2 y, on dark ground."""
    labels = torch.arange(n) % 10
    pictures = 0.05 * torch.rand(n, 1, 28, 28, generator=torch.Generator().manual_seed(9))
    for picture, label in zip(pictures, labels, strict=True):
        picture[..., 2 * label : 2 * label + 6] = 0.95
    return pictures, labels


@pytest.fixture(scope="session")
def model() -> UNet:
    """Trained on bars of the labels 1 and 8 for a few seconds."""
    x, y = bars()
    two = (y == 1) | (y == 8)
    config = dataclasses.replace(TINY, ema=0.95)
    *_, last = diffusion.train(config, (x[two], y[two]), steps=120)
    return last.model

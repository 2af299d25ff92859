"""Diffusion models (Sohl-Dickstein 2015, Ho 2020): schedules, networks, samplers, guidance, inpainting."""

from genai_core.diffusion.evaluation import LABELS, evaluate
from genai_core.diffusion.generate import (
    CARD,
    MODELS,
    RECIPES,
    TINY,
    interpolate,
    load,
    noised,
    picture,
    sample,
    sample_steps,
    train,
)
from genai_core.diffusion.unet import UNet, UNetConfig

__all__ = [
    "CARD",
    "LABELS",
    "MODELS",
    "RECIPES",
    "TINY",
    "UNet",
    "UNetConfig",
    "evaluate",
    "interpolate",
    "load",
    "noised",
    "picture",
    "sample",
    "sample_steps",
    "train",
]

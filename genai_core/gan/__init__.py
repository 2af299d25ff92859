"""Generative adversarial networks (Goodfellow 2014): variants, losses, and sampling."""

from genai_core.gan.base import GAN, GANConfig
from genai_core.gan.generate import (
    CARD,
    CLASSES,
    LABELS,
    MODELS,
    RECIPES,
    TINY,
    across_classes,
    decode,
    directions,
    discriminate,
    evaluate,
    latents,
    load,
    preview,
    sample,
    train,
    truncated,
)

__all__ = [
    "CARD",
    "CLASSES",
    "GAN",
    "LABELS",
    "MODELS",
    "RECIPES",
    "TINY",
    "GANConfig",
    "across_classes",
    "decode",
    "directions",
    "discriminate",
    "evaluate",
    "latents",
    "load",
    "preview",
    "sample",
    "train",
    "truncated",
]

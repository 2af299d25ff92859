"""Diffusion models."""

from genai_core.diffusion.unet import RECIPES, train

__all__ = ["RECIPES", "train"]

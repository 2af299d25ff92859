"""Contrastive language-image pre-training (Radford 2021): pictures and texts in one space."""

from genai_core.clip.evaluation import LABELS, evaluate
from genai_core.clip.model import (
    CARD,
    CLIP,
    RECIPES,
    TINY,
    TRIES,
    CLIPConfig,
    examples,
    load,
    loss,
    minibatch,
    train,
    twins,
)

__all__ = [
    "CARD",
    "CLIP",
    "LABELS",
    "RECIPES",
    "TINY",
    "TRIES",
    "CLIPConfig",
    "evaluate",
    "examples",
    "load",
    "loss",
    "minibatch",
    "train",
    "twins",
]

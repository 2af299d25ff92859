"""Contrastive learning (Chen 2020): an embedding of pictures that is learned without labels."""

from genai_core.contrastive.evaluation import LABELS, evaluate
from genai_core.contrastive.simclr import (
    CARD,
    RECIPES,
    TINY,
    SimCLR,
    SimCLRConfig,
    examples,
    load,
    loss,
    train,
)

__all__ = [
    "CARD",
    "LABELS",
    "RECIPES",
    "TINY",
    "SimCLR",
    "SimCLRConfig",
    "evaluate",
    "examples",
    "load",
    "loss",
    "train",
]

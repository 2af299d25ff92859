"""The smallest technique: a model of pictures that knows how bright they are."""

from genai_core.brightness.model import (
    CARD,
    LABELS,
    RECIPES,
    TINY,
    Brightness,
    BrightnessConfig,
    evaluate,
    load,
    sample,
    train,
)

__all__ = [
    "CARD",
    "LABELS",
    "RECIPES",
    "TINY",
    "Brightness",
    "BrightnessConfig",
    "evaluate",
    "load",
    "sample",
    "train",
]

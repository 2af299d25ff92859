"""Data sets as tensors, text corpora, and the procedural worlds."""

from genai_core.data.images import CLASSES, FOLDERS, NAMES, SPRITES, DataError, available, binarise, load, root

__all__ = [
    "CLASSES",
    "FOLDERS",
    "NAMES",
    "SPRITES",
    "DataError",
    "available",
    "binarise",
    "load",
    "root",
]

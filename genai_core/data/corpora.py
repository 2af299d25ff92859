"""The text corpora and their splits, from `GENAI_DATA` (see `genai_core.data`).

Tiny Shakespeare (Karpathy 2015), and of TinyStories (Eldan & Li 2023) a megabyte and fifteen. Of a single file the
first 90 % are for training and the last 10 % for validation.
"""

import functools
from pathlib import Path

from genai_core.data.images import DataError, root

FILES = {
    "shakespeare": ("tinyshakespeare.txt",),
    "stories": ("tinystories_1mb.txt",),
    "tinystories": ("tinystories/train.txt", "tinystories/valid.txt"),  # a file for each split
}
SPLITS = ("train", "validation")
END = "<|endoftext|>"  # between two texts of a corpus, and before the first one (Radford 2019)


def corpus(name: str, split: str = "train") -> str:
    """The text of a corpus; split: "train" (the first 90 %) or "validation" (the last 10 %).

    Raises: DataError if the corpus is not on this machine, or the name or split is unknown.
    """
    if name not in FILES or split not in SPLITS:
        raise DataError(f"There is no corpus '{name}' with a split '{split}'; there are {', '.join(FILES)}.")
    if len(FILES[name]) == 2:
        return _read(name, FILES[name][SPLITS.index(split)], root())
    text = _read(name, *FILES[name], root())
    cut = int(0.9 * len(text))
    return text[:cut] if split == "train" else text[cut:]


@functools.lru_cache(maxsize=4)
def _read(name: str, file: str, folder: Path) -> str:
    try:
        text = (folder / file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"The corpus '{name}' is not on this machine: set GENAI_DATA to a folder that holds {file}."
        ) from error
    text = straight_quotes(text)
    return END + text.replace(f"\n{END}\n", END) if f"\n{END}\n" in text else text


def straight_quotes(text: str) -> str:
    """Replace typographic quotation marks and dashes, and wrongly decoded ones (as in TinyStories), by ' " and -."""
    for wrong, right in {"â€œ": '"', "â€™": "'", "â€˜": "'", "â€\u201c": "-", "â€\u201d": "-"}.items():
        text = text.replace(wrong, right)
    text = text.replace("â€", '"')  # the closing mark, which lost its last byte
    return text.translate({ord(c): '"' for c in "“”„"} | {ord(c): "'" for c in "‘’"} | {ord(c): "-" for c in "–—"})

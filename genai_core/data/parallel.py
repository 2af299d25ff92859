"""Sentence pairs, English and French, of Tatoeba, from `GENAI_DATA` (see `genai_core.data`): everyday language, and
several right translations of many a sentence."""

import functools
from pathlib import Path

from genai_core.data.images import DataError, root

FOLDER = "tatoeba-en-fr"
SPLITS = ("train", "valid", "test")


def pairs(split: str = "train") -> list[tuple[str, str]]:
    """(English, French) of every pair, sorted by the length of the English.

    Raises: DataError if the pairs are not on this machine, or the split is unknown.
    """
    if split not in SPLITS:
        raise DataError(f"There is no split '{split}' of the sentence pairs; there are {', '.join(SPLITS)}.")
    return _read(split, root())


@functools.lru_cache(maxsize=3)
def _read(split: str, folder: Path) -> list[tuple[str, str]]:
    file = folder / FOLDER / f"{split}.tsv"
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"The sentence pairs are not on this machine: set GENAI_DATA to a folder that holds {FOLDER}/{split}.tsv."
        ) from error
    return [(english, french) for english, french in (line.split("\t") for line in lines)]


def references(split: str = "test") -> dict[str, list[str]]:
    """Every English sentence with all its French translations. Raises: DataError."""
    found: dict[str, list[str]] = {}
    for english, french in pairs(split):
        found.setdefault(english, []).append(french)
    return found

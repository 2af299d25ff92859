"""A learner's own pictures for the live training: the page keeps them and sends them with each run, the server none."""

from typing import Any

import numpy as np

from demos._ui import images, validation
from demos._ui.validation import InputError
from genai_core.data import uploads
from genai_core.data.uploads import Skipped
from genai_core.vae.live import FEWEST, MOST

SIDE = 28
FILES = 1000  # that may be opened at a time
SECONDS = 15.0  # that reading them may take
NAMED = 2  # skipped files that are named
WANTED = f"Open a zip archive or at least {FEWEST} picture files of your own"


def read_pictures(request: dict) -> dict:
    """{"files": [{"name", "data": its bytes in base64}]} -> {"pixels": 784 bytes a picture in base64, "count", "said"}.

    Each picture is whole, in grey, on the grey of its border. Raises: InputError for too few.
    """
    files = opened(validation.json_object(request).get("files"))
    pixels, skipped = uploads.grey(files, SIDE, SECONDS)
    total = uploads.count(files)
    if len(pixels) < FEWEST:
        raise InputError(
            f"{len(pixels)} of {total} {plural(total)} can be read as pictures, and a training needs {FEWEST}. "
            f"{reasons(skipped)}".strip()
        )
    return {
        "pixels": images.base64_of(pixels),
        "count": len(pixels),
        "said": f"{len(pixels)} of {total} {plural(total)}, each whole, in grey, at {SIDE} × {SIDE} pixels. "
        f"{reasons(skipped)}".strip(),
    }


def opened(given: Any) -> list[tuple[str, bytes]]:
    """Name and bytes of each file that a page sent. Raises: InputError."""
    if not isinstance(given, list) or not 0 < len(given) <= FILES:
        raise InputError(f"{WANTED}, at most {FILES:,} at a time.")
    files = []
    for one in given:
        one = validation.json_object(one, "Each file")
        name = validation.text(one.get("name"), "The name of a file", 255)
        files.append((name, validation.decoded(one.get("data"), "That file")))
    if sum(len(data) for _, data in files) > validation.MAX_BYTES:
        raise InputError(f"Those files are larger than {validation.MAX_BYTES / 1e6:g} MB together.")
    return files


def plural(files: int) -> str:
    return "file" if files == 1 else "files"


def reasons(skipped: list[Skipped]) -> str:
    """Why some files were left out, with the names of the first."""
    said = [f"{one.name[:60]}: {one.why}" for one in skipped[:NAMED]]
    rest = len(skipped) - len(said)
    return " ".join([*said, *([f"{rest} more {plural(rest)} had to be left out."] if rest else [])])


def pictures(packed: Any) -> np.ndarray:
    """What a page sends with a run, `pixels` of `read_pictures` -> uint8 [N, 28, 28]. Raises: InputError."""
    if packed is None:
        raise InputError(f"{WANTED} first; a link or a saved picture does not hold them.")
    data = validation.decoded(packed, "The pictures", limit=MOST * SIDE * SIDE)
    count, rest = divmod(len(data), SIDE * SIDE)
    if rest or not FEWEST <= count <= MOST:
        raise InputError(f"The pictures must be {FEWEST} to {MOST} of {SIDE} × {SIDE} bytes each.")
    return np.frombuffer(data, np.uint8).reshape(count, SIDE, SIDE)

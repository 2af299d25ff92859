"""Distributions of points in the plane, by the names that the pages give them, or drawn by the learner."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from demos._ui import images, validation
from demos._ui.settings import Setting, checked, choice
from genai_core.data.plane import WINDOW, distribution

DATA = {"ring of 8": "ring", "grid of 25": "grid", "spiral": "spiral", "two moons": "moons", "my drawing": "drawn"}
MODES = {"ring of 8": 8, "grid of 25": 25}
MOST = 500  # points of a drawing


def _drawing(value: Any, _others: Mapping[str, Any]) -> str:
    flat = points_of(value)
    return ",".join(f"{v:.2f}" for point in flat for v in point)


def points_of(value: Any) -> list[list[float]]:
    """A drawing as text "x,y,x,y" (or the numbers themselves) -> its points. Raises: InputError."""
    flat = validation.parse_numbers(value, "The drawing")
    if not isinstance(flat, list) or len(flat) > 2 * MOST or len(flat) % 2:
        raise validation.InputError(f"A drawing is pairs of numbers, at most {MOST} of them.")
    clean = validation.numbers(flat, "The drawing", len(flat), -WINDOW, WINDOW)
    return [list(pair) for pair in zip(clean[::2], clean[1::2], strict=True)]


DRAWN = Setting(
    "drawn", checked(_drawing, schema={"type": "array", "items": {"type": "number"}}), "", "The drawing, x, y, x, y, …"
)


def data_setting(default: str) -> Setting:
    return Setting("data", choice(tuple(DATA)), default, "Real points")


def source(data: str, drawn: str) -> str | list[list[float]]:
    """What a training takes: a distribution's name, or the points that were drawn. Raises: InputError."""
    if DATA[data] != "drawn":
        return DATA[data]
    if not drawn:
        raise validation.InputError("Draw some points in the plane first, with the pointer.")
    return points_of(drawn)


def sample(data: str, drawn: str, n: int) -> np.ndarray:
    """Points to show before a training: n of the distribution, or the drawing; float32 [n, 2]."""
    if DATA[data] == "drawn":
        return np.array(points_of(drawn), np.float32).reshape(-1, 2)
    return distribution(DATA[data]).draw(n, torch.Generator().manual_seed(0)).numpy()


def packed(points: np.ndarray, limit: float = 2 * WINDOW) -> str:
    """Points [n, 2] as int16 in base64, `limit` as 32767; NaN as 0."""
    whole = np.nan_to_num(np.clip(points / limit, -1, 1) * 32767).round().astype(np.int16)
    return images.base64_of(whole)


def unpacked(text: Any, name: str, most: int, limit: float = 2 * WINDOW) -> np.ndarray:
    """What `packed` made, as it came back from a page: at most `most` points. Raises: InputError."""
    raw = validation.decoded(text, name, limit=4 * most)
    if len(raw) % 4:
        raise validation.InputError(f"{name} must be pairs of 16-bit numbers.")
    return np.frombuffer(raw, np.int16).reshape(-1, 2) * (limit / 32767)

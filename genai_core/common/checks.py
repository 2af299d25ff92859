"""Checks of arguments, made once before a loop: each raises a ValueError of one sentence, fit for a user."""

import math

from torch import Tensor

COLDEST = 1e-30  # logits divided by a lower temperature would not be finite; at this one, only the largest is left


def number(name: str, value: float, low: float = -math.inf, high: float = math.inf) -> None:
    """Raises: ValueError if a value is not a finite number from low to high."""
    if not (math.isfinite(value) and low <= value <= high):
        raise ValueError(f"{name} must be a number{_between(low, high)}, and is {value}.")


def above(name: str, value: float, low: float = 0) -> None:
    """Raises: ValueError if a value is not a finite number above low."""
    if not (math.isfinite(value) and value > low):
        raise ValueError(f"{name} must be a number above {low:g}, and is {value}.")


def count(name: str, value: int, low: int = 1, high: float = math.inf) -> None:
    """Raises: ValueError if a value is not a whole number from low to high."""
    if not (math.isfinite(value) and low <= value <= high and value == int(value)):
        raise ValueError(f"{name} must be a whole number{_between(low, high)}, and is {value}.")


def labels(values: Tensor, n: int, classes: int) -> None:
    """Raises: ValueError unless the values are n whole numbers from 0 to classes - 1, as [n]."""
    whole = not (values.is_floating_point() or values.is_complex())
    if values.shape != (n,) or not whole or bool(((values < 0) | (values >= classes)).any()):
        raise ValueError(f"{n} pictures need {n} labels from 0 to {classes - 1}.")


def shape(name: str, x: Tensor, *sides: int | None) -> None:
    """Raises: ValueError if x is not of this shape; None: any number."""
    if x.ndim != len(sides) or any(side not in (None, own) for side, own in zip(sides, x.shape, strict=True)):
        wanted = " x ".join("N" if side is None else str(side) for side in sides)
        raise ValueError(f"{name} must be {wanted} numbers, not {list(x.shape)}.")


def _between(low: float, high: float) -> str:
    if math.isfinite(high):
        return f" from {low:g} to {high:g}"
    return f" of {low:g} or more" if math.isfinite(low) else ""

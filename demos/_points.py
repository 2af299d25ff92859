"""Distributions of points in the plane, by the names that the pages give them, or drawn by the user."""

from demos import _checks, _keep
from genai_core.points import WINDOW

DATA = {"ring of 8": "ring", "grid of 25": "grid", "spiral": "spiral", "two moons": "moons", "my drawing": "drawn"}


def data_of(name, view) -> str | list:
    """A distribution's name, or the points that the user drew (they come with the control's value)."""
    kind = DATA[_checks.choice(name, "The distribution", tuple(DATA))]
    if kind != "drawn":
        return kind
    points = view.get("drawn") if isinstance(view, dict) else None
    if not isinstance(points, list) or not points:
        raise _checks.InputError("Draw some points in the plane first, with the pointer.")
    if len(points) > 2000:
        raise _checks.InputError("A drawing may have at most 2,000 points.")
    return [_checks.numbers(point, "A drawn point", 2, -WINDOW, WINDOW) for point in points]


def kept(points: list) -> str:
    """A drawing as text for a link: at most 500 of its points."""
    return ",".join(f"{v:.2f}" for point in points[:: 1 + len(points) // 500] for v in point)


def restored(data: str, text) -> list:
    """The drawing that `kept` wrote. Raises: InputError."""
    flat = _keep.listed(text, "The drawing")
    return data_of(data, {"drawn": [list(pair) for pair in zip(flat[::2], flat[1::2], strict=False)]})

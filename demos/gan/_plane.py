"""The plane of the 2-D lab: what its control is sent, and the same as a picture to keep."""

import base64

import numpy as np
import torch
from PIL import Image, ImageDraw

from demos import _checks, _points
from genai_core.gan import lab
from genai_core.gan.lab import Frame

REAL, MADE, BASE = (37, 99, 235), (234, 88, 12), (255, 255, 255)  # the light theme's, since a file has no theme
SIZE = 640


def shown(frame: Frame, game_number: int, total: int | None, drawing: list | None = None) -> dict:
    """A frame as the control's value: small integers, one byte a cell of the heat map; NaN as null."""

    def whole(array: np.ndarray, factor: float, limit: float) -> list[int]:
        return np.nan_to_num(np.clip(array * factor, -limit, limit)).round().astype(int).ravel().tolist()

    longest = float(np.linalg.norm(frame.pull, axis=1).max())
    return {
        "game": game_number,
        "step": frame.step,
        "real": whole(frame.real, 1000, 9999),
        "made": whole(frame.made, 1000, 9999),
        "pull": whole(frame.pull[::4] / (longest + 1e-12), 100, 100),
        "heat": base64.b64encode((frame.heat * 255).astype(np.uint8).tobytes()).decode(),
        "window": lab.WINDOW,
        "d_loss": None if np.isnan(frame.d_loss) else frame.d_loss,
        "g_loss": None if np.isnan(frame.g_loss) else frame.g_loss,
        "slope": None if np.isnan(frame.slope) else frame.slope,
        "modes": frame.modes,
        "total": total,
        "quality": frame.quality,
        "drawn": drawing,
    }


def plane(data: str, number: int = 0) -> dict:
    """The control's value before a game: the data alone."""
    kind = _points.DATA[_checks.choice(data, "The distribution", tuple(_points.DATA))]
    if kind == "drawn":
        return {"game": number, "real": [], "window": lab.WINDOW, "drawn": [], "drawing": True}
    x = lab.distribution(kind).draw(lab.SHOWN, torch.Generator().manual_seed(0))
    return {"game": number, "real": (x * 1000).round().int().flatten().tolist(), "window": lab.WINDOW}


def picture(view: dict) -> Image.Image:
    """The control's value, as it came back from a page -> the plane with heat map and points. Raises: InputError."""
    heat = np.full((lab.HEAT, lab.HEAT), 0.5, np.float32)
    if view.get("heat") is not None:
        cells = _checks.decoded(view["heat"], "The heat map", limit=lab.HEAT**2)
        if len(cells) != lab.HEAT**2:
            raise _checks.InputError(f"The heat map must have {lab.HEAT} x {lab.HEAT} cells.")
        heat = np.frombuffer(cells, np.uint8).reshape(lab.HEAT, lab.HEAT)[::-1] / 255
    side = 0.76 * np.abs(heat - 0.5)[..., None]
    colours = np.array(BASE) + (np.where(heat[..., None] > 0.5, REAL, MADE) - np.array(BASE)) * side
    image = Image.fromarray(colours.astype(np.uint8)).resize((SIZE, SIZE), Image.Resampling.BILINEAR)
    pen = ImageDraw.Draw(image)
    for key, ink in (("real", REAL), ("made", MADE)):
        flat = view.get(key) or []
        if not isinstance(flat, list) or len(flat) > 4 * lab.SHOWN or len(flat) % 2:
            raise _checks.InputError("The points of the plane must be a list of pairs.")
        clean = _checks.numbers(flat, "The points of the plane", len(flat), -9999, 9999)
        for x, y in zip(clean[::2], clean[1::2], strict=True):
            across, down = (SIZE * (1 + sign * v / 1000 / lab.WINDOW) / 2 for sign, v in ((1, x), (-1, y)))
            pen.ellipse((across - 3, down - 3, across + 3, down + 3), fill=ink)
    return image

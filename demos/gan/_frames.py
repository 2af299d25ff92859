"""The plane of the 2-D lab: what its stage is sent, and the same as a picture to keep."""

import math

import numpy as np
from PIL import Image, ImageDraw

from demos._ui import distributions, images, validation
from genai_core.gan import lab
from genai_core.gan.lab import Frame

REAL, GENERATED, BASE = (37, 99, 235), (234, 88, 12), (255, 255, 255)  # the light theme's: a file has no theme
SIZE = 640
EVERY = 4  # of the arrows, every fourth is sent


def number(value: float) -> float | None:
    return None if math.isnan(value) else value


def frame_value(frame: Frame, total: int | None, timed_out: bool = False) -> dict:
    """A frame as the stage's value: 16 bits a coordinate, one byte a cell of the heat map. The real points are no part
    of it: they stay what they were before the training.
    """
    longest = float(np.linalg.norm(frame.pull, axis=1).max())
    pull = np.nan_to_num(np.clip(frame.pull[::EVERY] / (longest + 1e-12) * 100, -100, 100)).round().astype(np.int8)
    return {
        "step": frame.step,
        "fake": distributions.packed(frame.fake),
        "pull": images.base64_of(pull),
        "heat": images.base64_of((frame.heat * 255).astype(np.uint8)),
        "span": frame.span and [round(score, 2) for score in frame.span],
        "timed_out": timed_out,
        "d_loss": number(frame.d_loss),
        "g_loss": number(frame.g_loss),
        "slope": number(frame.slope),
        "modes": frame.modes,
        "total": total,
        "quality": frame.quality,
    }


def picture(real: np.ndarray, shown: dict | None) -> Image.Image:
    """The plane with heat map and points; shown: {"heat", "fake"} of the stage's frame. Raises: InputError."""
    shown = validation.json_object(shown or {}, "The stage")
    heat = np.full((lab.HEAT, lab.HEAT), 0.5, np.float32)
    if shown.get("heat"):
        cells = validation.decoded(shown["heat"], "The heat map", limit=lab.HEAT**2)
        if len(cells) != lab.HEAT**2:
            raise validation.InputError(f"The heat map must have {lab.HEAT} x {lab.HEAT} cells.")
        heat = np.frombuffer(cells, np.uint8).reshape(lab.HEAT, lab.HEAT)[::-1] / np.float32(255)
    fake = distributions.unpacked(shown.get("fake") or "", "The points", 2 * lab.SHOWN)
    strength = 0.76 * np.abs(heat - 0.5)[..., None]
    colours = np.array(BASE) + (np.where(heat[..., None] > 0.5, REAL, GENERATED) - np.array(BASE)) * strength
    image = Image.fromarray(colours.astype(np.uint8)).resize((SIZE, SIZE), Image.Resampling.BILINEAR)
    pen = ImageDraw.Draw(image)
    for cloud, ink in ((real, REAL), (fake, GENERATED)):
        for x, y in cloud.tolist():
            across, down = (SIZE * (1 + sign * v / lab.WINDOW) / 2 for sign, v in ((1, x), (-1, y)))
            pen.ellipse((across - 3, down - 3, across + 3, down + 3), fill=ink)
    return image

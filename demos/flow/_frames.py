"""The plane of the lab: what its stage is sent, and the same as a picture to keep."""

import math

import numpy as np
from PIL import Image, ImageDraw

from demos._ui import distributions, images, validation
from genai_core.flows.plane import lab
from genai_core.flows.plane.lab import Frame, Measures

REAL, MADE, SAMPLE, LATENT, POINT = "#2563eb", (234, 88, 12), "#9a3412", "#94a3b8", "#4f46e5"  # a file has no theme
LIMIT = 2 * lab.PLANE  # positions are sent as 16 bits from -LIMIT to LIMIT
SIZE = 640
STRENGTH = 0.75  # of the shade where the density is highest


def number(value: float, digits: int = 4) -> float | None:
    return round(value, digits) if math.isfinite(value) else None


def shades(density: np.ndarray) -> np.ndarray:
    """Densities as bytes: the square root of their share of the highest, so that what is thin is seen as well."""
    return (np.sqrt(density / density.max()) * 255).round().astype(np.uint8)


def measures_value(measures: Measures) -> dict:
    return {
        "step": measures.step,
        "nll": number(measures.nll),
        "hutchinson": number(measures.hutchinson),
        "exact": number(measures.exact),
        "integral": number(measures.integral),
        "quality": number(measures.quality),
        "peak": float(f"{measures.density.max():.4g}"),
        "density": images.base64_of(shades(measures.density)),
    }


def frame_value(frame: Frame, timed_out: bool = False) -> dict:
    """A frame as the stage's value. The data are no part of it: they stay what they were before the training."""
    return {
        "step": frame.step,
        "steps": frame.steps,
        "timed_out": timed_out,
        "loss": number(frame.loss),
        "entropy": number(frame.entropy),
        "lattice": distributions.packed(frame.lattice, LIMIT),
        "samples": distributions.packed(frame.samples, LIMIT),
        "shown": lab.SAMPLES,
        "kinds": frame.weights.kinds,
        "widths": frame.weights.widths,
        "weights": images.base64_of(frame.weights.numbers),
        "measures": measures_value(frame.measures) if frame.measures else None,
    }


def heat_map(text: str) -> Image.Image:
    """Shades as the stage has them, on white. Raises: InputError."""
    raw = validation.decoded(text, "The density", limit=max(lab.CELLS.values()) ** 2)
    side = math.isqrt(len(raw))
    if not side or side * side != len(raw):
        raise validation.InputError("The density must be a square of bytes.")
    strength = STRENGTH * np.frombuffer(raw, np.uint8).reshape(side, side)[::-1, :, None] / 255
    colours = 255 + (np.array(MADE) - 255) * strength
    return Image.fromarray(colours.astype(np.uint8)).resize((SIZE, SIZE), Image.Resampling.BILINEAR)


def points(shown: dict, name: str, most: int) -> list[tuple[float, float]]:
    """Positions that the stage sent back, as pixels. Raises: InputError."""
    return pixels(distributions.unpacked(shown.get(name) or "", f"The {name}", most, LIMIT))


def pixels(at: np.ndarray) -> list[tuple[float, float]]:
    return [(SIZE * (1 + x / lab.PLANE) / 2, SIZE * (1 - y / lab.PLANE) / 2) for x, y in at.tolist()]


def picture(real: np.ndarray, shown: dict | None) -> Image.Image:
    """The plane as it is on the stage; shown: {"density", or nothing between z and x; "lattice" and "samples" at the
    place that is shown; "path" of the point through all states, and "point", the one shown}. Raises: InputError.
    """
    shown = validation.json_object(shown or {}, "The stage")
    image = heat_map(shown["density"]) if shown.get("density") else Image.new("RGB", (SIZE, SIZE), "white")
    pen, n = ImageDraw.Draw(image), lab.LATTICE
    grid = points(shown, "lattice", n * n)
    if len(grid) == n * n:
        for k in range(0, n, 2):
            pen.line(grid[k * n : (k + 1) * n], fill=LATENT)
            pen.line(grid[k::n], fill=LATENT)
    for cloud, ink, radius in ((pixels(real), REAL, 2), (points(shown, "samples", lab.SAMPLES), SAMPLE, 3)):
        for x, y in cloud:
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=ink)
    path = points(shown, "path", 64)
    if path:
        pen.line(path, fill=POINT, width=2)
        x, y = path[validation.integer(shown.get("point", 0), "The point", 0, len(path) - 1)]
        pen.ellipse((x - 7, y - 7, x + 7, y + 7), fill=POINT, outline="white", width=2)
    return image

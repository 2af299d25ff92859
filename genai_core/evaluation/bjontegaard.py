"""Bjontegaard rate: how many more bytes one codec needs than another at equal quality (Bjontegaard 2001, VCEG-M33).

Both rate-distortion curves are interpolated as log(bytes) over PSNR, here by monotone cubic pieces (Fritsch & Carlson
1980), as the video groups do since HEVC; the mean difference over the PSNRs that both reach is a ratio of bytes.
"""

from collections.abc import Sequence

import numpy as np

POINTS = 4  # of a curve, at least
STEPS = 2000  # of the integral over PSNR

Curve = Sequence[tuple[float, float]]  # bytes and PSNR in dB of each point


def bd_rate(reference: Curve, other: Curve) -> float:
    """Bytes of `other` over those of `reference` at equal PSNR, minus 1: -0.3 means 30 % fewer.

    Raises: ValueError for fewer than 4 points, a PSNR that does not rise with the bytes, or no PSNR in common.
    """
    curves = [_sorted(points) for points in (reference, other)]
    low, high = max(psnr[0] for _, psnr in curves), min(psnr[-1] for _, psnr in curves)
    if low >= high:
        raise ValueError("The two curves have no PSNR in common.")
    at = np.linspace(low, high, STEPS + 1)
    first, second = (interpolate(at, psnr, np.log(size)) for size, psnr in curves)
    return float(np.exp(np.trapezoid(second - first, at) / (high - low)) - 1)


def bytes_at(points: Curve, psnr: float) -> float:
    """Bytes at a PSNR within the curve, by the same interpolation. Raises: ValueError, as `bd_rate`."""
    size, known = _sorted(points)
    if not known[0] <= psnr <= known[-1]:
        raise ValueError(f"The curve reaches from {known[0]:.2f} to {known[-1]:.2f} dB, and not {psnr:g}.")
    return float(np.exp(interpolate(np.array([psnr]), known, np.log(size))[0]))


def _sorted(points: Curve) -> tuple[np.ndarray, np.ndarray]:
    size, psnr = np.array(sorted(points), float).reshape(-1, 2).T
    if len(size) < POINTS:
        raise ValueError(f"A curve needs {POINTS} points, and this one has {len(size)}.")
    if not (np.diff(psnr) > 0).all() or not (size > 0).all():
        raise ValueError("PSNR must rise with the bytes along a curve, and bytes must be positive.")
    return size, psnr


def interpolate(at: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Monotone cubic interpolation through (x, y), x ascending, evaluated at points within x."""
    h, slope = np.diff(x), np.diff(y) / np.diff(x)
    a, b = 2 * h[1:] + h[:-1], h[1:] + 2 * h[:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        inner = np.where(slope[:-1] * slope[1:] > 0, (a + b) / (a / slope[:-1] + b / slope[1:]), 0.0)
    d = np.concatenate(([_end(h, slope)], inner, [_end(h[::-1], slope[::-1])]))  # the derivative at each point
    i = np.clip(np.searchsorted(x, at, side="right") - 1, 0, len(h) - 1)
    t = (at - x[i]) / h[i]
    return (
        y[i] * (1 + 2 * t) * (1 - t) ** 2
        + h[i] * d[i] * t * (1 - t) ** 2
        + y[i + 1] * t**2 * (3 - 2 * t)
        + h[i] * d[i + 1] * t**2 * (t - 1)
    )


def _end(h: np.ndarray, slope: np.ndarray) -> float:
    """The derivative at the first point: of the parabola through three, as far as it keeps the curve monotone."""
    d = ((2 * h[0] + h[1]) * slope[0] - h[0] * slope[1]) / (h[0] + h[1])
    if d * slope[0] <= 0:
        return 0.0
    return float(3 * slope[0] if slope[0] * slope[1] <= 0 and abs(d) > 3 * abs(slope[0]) else d)

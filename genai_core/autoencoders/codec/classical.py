"""The codecs that a learned one is measured against: WebP (VP8, 2010) and JPEG (1992), by Pillow's encoders."""

import functools
import io
from collections.abc import Callable

import numpy as np
from PIL import Image

from genai_core.common import checks

# WebP with its slowest and best search; JPEG with tables of Huffman codes made for the picture
OPTIONS: dict[str, dict] = {"webp": {"method": 6}, "jpeg": {"optimize": True}}
NAMES = {"webp": "WebP", "jpeg": "JPEG"}
BEST = {"webp": 100, "jpeg": 95}  # Pillow advises against JPEG above 95
WEBP_HEADERS = 30  # bytes of a lossy WebP before the picture itself: RIFF 12, chunk 8, frame 10 (RFC 9649, RFC 6386)


def write(kind: str, picture: Image.Image, quality: int) -> bytes:
    """The picture as a file of "webp" or "jpeg". Raises: ValueError for another kind or quality."""
    if kind not in OPTIONS:
        raise ValueError(f"There is no codec '{kind}'; there are {', '.join(OPTIONS)}.")
    checks.count("The quality", quality, 0, BEST[kind])
    return _saved(picture, kind, quality=quality, **OPTIONS[kind])


def lossless(picture: Image.Image) -> bytes:
    """The picture as a lossless WebP."""
    return _saved(picture, "webp", lossless=True, quality=100, method=6)


def read(data: bytes) -> Image.Image:
    """The picture of a file that `write` made."""
    with Image.open(io.BytesIO(data)) as picture:
        return picture.convert("RGB")


def nearest(kind: str, picture: Image.Image, size: int) -> tuple[int, bytes]:
    """The quality whose file has about `size` bytes, and the file."""
    return _searched(kind, picture, size, len)


def nearest_psnr(kind: str, picture: Image.Image, decibel: float) -> tuple[int, bytes]:
    """The quality whose file has about this PSNR, and the file."""
    return _searched(kind, picture, decibel, lambda file: psnr(read(file), picture))


def _searched(kind: str, picture: Image.Image, wanted: float, of: Callable[[bytes], float]) -> tuple[int, bytes]:
    """By halving, since both rise with the quality; not at every step, so that its neighbours are tried as well."""
    file = functools.cache(lambda quality: write(kind, picture, quality))
    value = functools.cache(lambda quality: of(file(quality)))
    low, high = 0, BEST[kind]
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if value(middle) <= wanted else (low, middle)
    some = range(max(0, low - 2), min(BEST[kind], high + 2) + 1)
    best = min(some, key=lambda quality: (abs(value(quality) - wanted), quality))
    return best, file(best)


def psnr(a: Image.Image, b: Image.Image) -> float:
    """Peak signal-to-noise ratio of two pictures of eight bits, in dB; infinite for equal ones."""
    error = np.square(np.asarray(a, float) - np.asarray(b, float)).mean()
    return float(10 * np.log10(255**2 / error)) if error else float("inf")


def _saved(picture: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()

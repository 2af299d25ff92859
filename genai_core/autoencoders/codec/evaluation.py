"""The figures on the card of a codec: real files of unseen scenes, against WebP and JPEG at equal PSNR."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from genai_core.autoencoders.codec import classical, file
from genai_core.autoencoders.codec.model import Codec
from genai_core.autoencoders.codec.training import load
from genai_core.common import checkpoints
from genai_core.common.pictures import picture, tile
from genai_core.data import scenes
from genai_core.evaluation.bjontegaard import bd_rate, bytes_at

SCENES = 240  # of the test split, which has combinations that no training scene has
QUALITIES = tuple(range(0, 101, 10))
WEBP = (0, 5, 10, 20, 30, 40, 50, 60, 70, 80, 85, 90, 95, 100)
JPEG = (5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95)
SHOWN = 8  # scenes on the card's picture
SHOWN_QUALITY = 40

LABELS = {
    "bd_rate_webp": ("Bytes against WebP at equal PSNR, whole files (Bjøntegaard rate)", "{:+.1%}"),
    "bd_rate_webp_headers_off": ("The same without the headers of both (9 and 30 bytes)", "{:+.1%}"),
    "bd_rate_jpeg": ("Bytes against JPEG at equal PSNR, whole files", "{:+.1%}"),
    "psnr_range": ("PSNR from which and up to which WebP was compared", "{:.1f} dB"),
    "compared_at": ("PSNR in the middle of these", "{:.0f} dB"),
    "bytes_compared": ("Bytes of a file at this PSNR: ours, WebP, JPEG", "{:.0f}"),
    "qualities": ("Qualities of the next two lines", "{:d}"),
    "bytes": ("Bytes of a file, mean", "{:.0f}"),
    "psnr": ("PSNR, mean over pictures of 8 bits, in dB", "{:.2f}"),
    "lossless_webp": ("Bytes of a lossless WebP, mean", "{:.0f}"),
    "above_entropy": ("Size of the files against the entropy of the tables, header aside", "{:+.2%}"),
    "encode_ms": ("Time to encode a picture, median: ours, WebP", "{:.1f} ms"),
    "decode_ms": ("Time to decode a file, median: ours, WebP", "{:.1f} ms"),
    "timing_threads": ("Threads of the CPU for these times", "{:d}"),
    "scenes": ("Unseen scenes", "{:d}"),
}


def evaluate(name: str) -> dict[str, Any]:
    """Figures of a shipped codec on unseen scenes (see LABELS)."""
    model = load(name)
    save_picture(name, model)
    return measure(model)


def measure(model: Codec, n: int = SCENES) -> dict[str, Any]:
    """All figures (see LABELS), and "curves": [quality, mean bytes, mean PSNR] of ours, WebP and JPEG.

    Each of `n` scenes is written to a file, read from it again, and compared as a picture of eight bits.
    """
    x = scenes.render([scenes.scene("test", i) for i in range(n)])
    originals = [picture(one) for one in x]
    above, curves = [], {}
    ours = []
    for quality in tqdm(QUALITIES, desc="qualities", mininterval=1):
        sizes, ratios = [], []
        for one, original in zip(x, originals, strict=True):
            y, z = file.quantise(model, one, quality)
            data = file.write(model, y, z, quality)
            above.append((len(data) - file.HEADER) * 8 / file.entropy(model, y, z, quality))
            sizes.append(len(data))
            ratios.append(classical.psnr(picture(file.decode(model, data)), original))
        ours.append((quality, float(np.mean(sizes)), float(np.mean(ratios))))
    curves["ours"] = ours
    for kind, qualities in (("webp", WEBP), ("jpeg", JPEG)):
        curves[kind] = [(quality, *_classical(kind, quality, originals)) for quality in qualities]
    curve = {kind: [(size, psnr) for _, size, psnr in points] for kind, points in curves.items()}
    shorter = [
        [(size - header, psnr) for size, psnr in curve[kind]]
        for kind, header in (("webp", classical.WEBP_HEADERS), ("ours", file.HEADER))
    ]
    both = [[psnr for _, psnr in curve[kind]] for kind in ("ours", "webp")]
    low, high = max(map(min, both)), min(map(max, both))
    return {
        "bd_rate_webp": bd_rate(curve["webp"], curve["ours"]),
        "bd_rate_webp_headers_off": bd_rate(*shorter),
        "bd_rate_jpeg": bd_rate(curve["jpeg"], curve["ours"]),
        "psnr_range": [low, high],
        "compared_at": round((low + high) / 2),
        "bytes_compared": [bytes_at(curve[kind], round((low + high) / 2)) for kind in ("ours", "webp", "jpeg")],
        "qualities": list(QUALITIES),
        "bytes": [size for _, size, _ in ours],
        "psnr": [psnr for _, _, psnr in ours],
        "lossless_webp": float(np.mean([len(classical.lossless(one)) for one in originals])),
        "above_entropy": float(np.mean(above)) - 1,
        **_times(model, x, originals),
        "scenes": n,
        "curves": curves,
    }


def _classical(kind: str, quality: int, originals: list[Image.Image]) -> tuple[float, float]:
    """Mean bytes and mean PSNR."""
    files = [classical.write(kind, one, quality) for one in originals]
    ratios = [classical.psnr(classical.read(file), one) for file, one in zip(files, originals, strict=True)]
    return float(np.mean([len(file) for file in files])), float(np.mean(ratios))


def _times(model: Codec, x: torch.Tensor, originals: list[Image.Image], quality: int = 50) -> dict[str, Any]:
    some = range(min(40, len(originals)))
    ours, webp = (
        [file.encode(model, x[i], quality) for i in some],
        [classical.write("webp", originals[i], quality) for i in some],
    )
    return {
        "encode_ms": [
            _median(lambda i: file.encode(model, x[i], quality), len(some)),
            _median(lambda i: classical.write("webp", originals[i], quality), len(some)),
        ],
        "decode_ms": [
            _median(lambda i: file.decode(model, ours[i]), len(some)),
            _median(lambda i: classical.read(webp[i]), len(some)),
        ],
        "timing_threads": torch.get_num_threads(),
    }


def _median(act: Callable[[int], Any], n: int) -> float:
    """Median milliseconds of `act(i)`."""
    seconds = []
    for i in range(n):
        begun = time.perf_counter()
        act(i)
        seconds.append(time.perf_counter() - begun)
    return float(np.median(seconds)) * 1000


def save_picture(name: str, model: Codec) -> None:
    """samples.png: unseen scenes, ours, and WebP with about as many bytes, a row each."""
    x = scenes.render([scenes.scene("test", i) for i in range(SHOWN)])
    rows = [x, torch.zeros_like(x), torch.zeros_like(x)]
    for i, one in enumerate(x):
        data = file.encode(model, one, SHOWN_QUALITY)
        rows[1][i] = file.decode(model, data)
        _, webp = classical.nearest("webp", picture(one), len(data))
        rows[2][i] = torch.from_numpy(np.array(classical.read(webp))).movedim(2, 0) / 255
    tile(torch.cat(rows), SHOWN, gap=4, zoom=2, between=255).save(checkpoints.ASSETS / name / "samples.png")

"""What a user draws or uploads, as a 28x28 picture in the manner of the data sets; and texts as pictures."""

import base64

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from demos._checks import InputError, decoded, picture, record
from demos._common import pixels

SIDE = 28


def drawing(value) -> torch.Tensor:
    """784 grey bytes in base64, row by row -> [1, 1, 28, 28] in [0, 1]."""
    data = decoded(value, "The drawing", limit=SIDE * SIDE)
    if len(data) != SIDE * SIDE:
        raise InputError(f"The drawing must have {SIDE} x {SIDE} pixels.")
    return torch.tensor(list(data), dtype=torch.float32).view(1, 1, SIDE, SIDE) / 255


def packed(x: torch.Tensor) -> str:
    """[1, 1, 28, 28] in [0, 1] -> 784 bytes in base64, as `drawing` reads them."""
    return base64.b64encode(pixels(x).tobytes()).decode()


def open_picture(request: dict) -> str:
    """{"png": any picture file in base64} -> 784 grey bytes in base64, fitted as MNIST's are."""
    return packed(upload(decoded(record(request).get("png"), "That file")))


def centre(request: dict) -> str:
    """{"pixels"} -> the drawing fitted and centred as MNIST's digits are, 784 bytes in base64."""
    return packed(centred(drawing(record(request).get("pixels"))))


def upload(data: bytes) -> torch.Tensor:
    """Any picture file -> [1, 1, 28, 28] in [0, 1]: grey, light on dark, the shape fitted and centred as in MNIST."""
    image = picture(data).convert("RGBA")
    grey = (
        np.asarray(Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("L"), np.float32) / 255
    )
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    if np.median(border) > 0.5:
        grey = 1 - grey
    grey = np.clip((grey - np.median(border if np.median(border) <= 0.5 else 1 - border)) / max(grey.max(), 1e-3), 0, 1)
    return centred(torch.from_numpy(grey.astype(np.float32))[None, None])


def centred(x: torch.Tensor, box: int = 20) -> torch.Tensor:
    """[1, 1, H, W] -> [1, 1, 28, 28] with its shape scaled into box x box and its centre of mass in the middle.

    This is how MNIST's digits were prepared (LeCun 1998). An empty picture stays empty.
    """
    ink = x[0, 0] > 0.15
    if not ink.any():
        return torch.zeros(1, 1, SIDE, SIDE)
    rows, columns = ink.any(1).nonzero()[:, 0], ink.any(0).nonzero()[:, 0]
    shape = x[..., rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = box / max(shape.shape[-2:])
    size = [max(1, round(side * scale)) for side in shape.shape[-2:]]
    small = torch.nn.functional.interpolate(shape, size, mode="bilinear", antialias=True, align_corners=False)[0, 0]
    canvas = torch.zeros(SIDE, SIDE)
    mass = small.sum()
    corner = []
    for axis, side in enumerate(size):
        centre = float((small.sum(1 - axis) * torch.arange(side)).sum() / mass) + 0.5
        corner.append(min(max(round(SIDE / 2 - centre), 0), SIDE - side))
    canvas[corner[0] : corner[0] + size[0], corner[1] : corner[1] + size[1]] = small
    return canvas[None, None].clamp(0, 1)


def of_text(parts: list[tuple[str, str]], width: int = 900) -> Image.Image:
    """Texts in their inks ("#rrggbb"), one after the other, broken into lines, as a white page."""
    font, line, edge = ImageFont.load_default(18), 27, 36
    lines, across = [[]], edge
    for string, ink in parts:
        for c in string:
            wide = font.getlength(c)
            if c == "\n" or across + wide > width - edge:
                lines.append([])
                across = edge
            if c != "\n":
                lines[-1].append((across, c, ink))
                across += wide
    image = Image.new("RGB", (width, min(2 * edge + line * len(lines), 4000)), "white")
    pen = ImageDraw.Draw(image)
    for i, characters in enumerate(lines):
        for x, c, ink in characters:
            pen.text((x, edge + i * line), c, fill=ink, font=font)
    return image

"""What a user draws or uploads, as a 28x28 picture in the manner of the data sets."""

import base64

import numpy as np
import torch
from PIL import Image

from demos._ui.images import base64_of, pixels
from demos._ui.settings import checked
from demos._ui.validation import InputError, decoded, json_object, picture

SIDE = 28
INK = 0.15  # of a stroke, as its difference from the ground


def drawing(value) -> torch.Tensor:
    """784 grey bytes in base64, row by row -> [1, 1, 28, 28] in [0, 1]."""
    data = decoded(value, "The drawing", limit=SIDE * SIDE)
    if len(data) != SIDE * SIDE:
        raise InputError(f"The drawing must have {SIDE} x {SIDE} pixels.")
    return torch.tensor(list(data), dtype=torch.float32).view(1, 1, SIDE, SIDE) / 255


def packed(x: torch.Tensor) -> str:
    """[1, 1, 28, 28] in [0, 1] -> 784 bytes in base64, as `drawing` reads them."""
    return base64.b64encode(pixels(x).tobytes()).decode()


def on_paper(data: bytes) -> Image.Image:
    """A picture file in grey.

    What is transparent is white, as everywhere, unless nothing would be seen on white: strokes as light as those of the
    pad, drawn on nothing, are on black.
    """
    grey = picture(data).convert("L")
    seen = np.asarray(grey).min() < 255 * (1 - INK)
    return grey if seen else picture(data, ground="black").convert("L")


def from_file(data: bytes) -> str:
    """Any picture file -> 784 grey bytes in base64: as it is where it has 28x28 pixels, else fitted as MNIST's are."""
    grey = on_paper(data)
    return packed(fitted(grey)) if grey.size != (SIDE, SIDE) else base64_of(np.asarray(grey))


def mask_from_file(data: bytes) -> str:
    """A picture file of 28x28 pixels -> 784 grey bytes in base64; what is transparent is black, which masks nothing.

    Raises: InputError.
    """
    image = picture(data, ground="black")
    if image.size != (SIDE, SIDE):
        raise InputError(f"The mask must be a picture of {SIDE} x {SIDE} pixels, not {image.width} x {image.height}.")
    return base64_of(np.asarray(image.convert("L")))


def open_picture(request: dict) -> str:
    """{"png": any picture file in base64} -> 784 grey bytes in base64, fitted as MNIST's are."""
    return packed(upload(decoded(json_object(request).get("png"), "That file")))


def centre(request: dict) -> str:
    """{"pixels"} -> the drawing fitted and centred as MNIST's digits are, 784 bytes in base64."""
    return packed(centred(drawing(json_object(request).get("pixels"))))


def upload(data: bytes) -> torch.Tensor:
    """Any picture file -> [1, 1, 28, 28] in [0, 1]: grey, light on dark, the shape fitted and centred as in MNIST."""
    return fitted(on_paper(data))


def fitted(drawn: Image.Image) -> torch.Tensor:
    """A grey picture -> [1, 1, 28, 28] in [0, 1]: light on dark, the shape fitted and centred as in MNIST."""
    grey = np.asarray(drawn, np.float32) / 255
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    if np.median(border) > 0.5:
        grey = 1 - grey
    grey = np.clip((grey - np.median(border if np.median(border) <= 0.5 else 1 - border)) / max(grey.max(), 1e-3), 0, 1)
    return centred(torch.from_numpy(grey.astype(np.float32))[None, None])


def centred(x: torch.Tensor, box: int = 20) -> torch.Tensor:
    """[1, 1, H, W] -> [1, 1, 28, 28] with its shape scaled into box x box and its centre of mass in the middle.

    This is how MNIST's digits were prepared (LeCun 1998). An empty picture stays empty.
    """
    ink = x[0, 0] > INK
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


DRAWING = checked(  # of a setting: 784 bytes in base64
    lambda value, _others: packed(drawing(value)), from_file=from_file
)

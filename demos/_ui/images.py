"""Pictures for the page: tensors as images, tiles, and PNGs in base64."""

import base64
import html
import io

import numpy as np
from PIL import Image

from genai_core.common.pictures import GAP, picture, pixels, signed, tile

__all__ = ["GAP", "base64_of", "data_uri", "picture", "pixels", "png", "signed", "thumbs", "tile"]


def png(image: Image.Image) -> str:
    """PNG bytes in base64; the fastest compression, since they travel a few metres at most."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return base64.b64encode(buffer.getvalue()).decode()


def base64_of(array: np.ndarray) -> str:
    """The bytes of an array in base64, as the page's scripts read them."""
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def data_uri(image: Image.Image) -> str:
    return f"data:image/png;base64,{png(image)}"


def thumbs(images: list[Image.Image], captions: list[str], alt: str) -> str:
    """HTML of small pictures with captions; texts are escaped here."""
    figures = (
        f'<figure><img class="pixels" src="{data_uri(image)}" alt="{html.escape(f"{alt}: {caption}")}">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
        for image, caption in zip(images, captions, strict=True)
    )
    return f'<div class="thumbs">{"".join(figures)}</div>'

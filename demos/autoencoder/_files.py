"""Three files of one picture, of the learned codec, WebP and JPEG, and what is in them."""

import base64
import functools
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from demos._ui import charts, images, validation
from genai_core import vae
from genai_core.autoencoders import codec
from genai_core.autoencoders.codec import classical
from genai_core.common import checkpoints
from genai_core.data import scenes, uploads

MODEL = "codec-scenes"
SIDE = 64
SCENES = 10_000  # of the test split, which no model was trained on
KEPT = 12_000  # characters of an own picture in base64, so that it fits into a link
FILE_BYTES = 50_000  # of a file that is opened: twenty times the largest
MATCHES = {"bytes": "equal bytes", "psnr": "equal PSNR"}
NAMES = {"ours": "Learned", **classical.NAMES}
INKS = {"ours": charts.MADE, "webp": charts.REAL, "jpeg": charts.NOISE}
SUFFIXES = {"ours": codec.SUFFIX, "webp": ".webp", "jpeg": ".jpg"}
ERROR = 4  # errors are shown so many times as large


def from_file(data: bytes) -> str:
    """Any picture file -> its middle square, 64 x 64, as a WebP in base64: lossless, where a link can hold that."""
    square = images.picture(uploads.tensor(validation.picture(data), SIDE))
    made = classical.lossless(square)
    for quality in (100, 90, 70, 40):
        if len(made) * 4 / 3 < KEPT - 4:
            break
        made = classical.write("webp", square, quality)
    return base64.b64encode(made).decode()


def own(value: Any, _others: Mapping[str, Any]) -> str:
    if value == "":
        return ""
    picture = validation.picture(validation.decoded(value, "The picture", KEPT))
    if picture.size != (SIDE, SIDE):
        raise validation.InputError(f"The picture must have {SIDE} x {SIDE} pixels.")
    return value


@functools.lru_cache(maxsize=16)
def original(scene: int, picture: str) -> Image.Image:
    """The picture of eight bits: an own one, or a scene."""
    if picture:
        return validation.picture(base64.b64decode(picture))
    return images.picture(scenes.render([scenes.scene("test", scene)])[0])


def tensor(image: Image.Image) -> Tensor:
    """[3, 64, 64] in [0, 1]."""
    return torch.from_numpy(np.array(image)).movedim(2, 0) / 255


@functools.lru_cache(maxsize=64)
def files(scene: int, picture: str, quality: int, match: str) -> dict[str, tuple[int, bytes, Image.Image]]:
    """{codec: (quality, its file, the picture that is in this file)}."""
    image = original(scene, picture)
    model = codec.load(MODEL)
    data = codec.encode(model, tensor(image), quality)
    made = {"ours": (quality, data, images.picture(codec.decode(model, data)))}
    for kind in classical.OPTIONS:
        if match == "bytes":
            chosen, file = classical.nearest(kind, image, len(data))
        else:
            chosen, file = classical.nearest_psnr(kind, image, classical.psnr(made["ours"][2], image))
        made[kind] = (chosen, file, classical.read(file))
    return made


def error(made: Image.Image, image: Image.Image) -> Image.Image:
    """How much brighter (orange) or darker (blue) than the original each pixel is, ERROR times as large."""
    return images.signed(ERROR * (tensor(made) - tensor(image)).mean(0))


def finite(psnr: float) -> float:
    """A PSNR as it is shown: that of a file without any error would be infinite."""
    return min(round(psnr, 3), 99.0)


@functools.cache
def curves() -> dict[str, list]:
    """{codec: [[quality, mean bytes, mean PSNR], ...]} on the unseen scenes of the card."""
    return checkpoints.read_json(MODEL, "metrics.json")["curves"]


def verdict(scene: int, picture: str, quality: int, match: str) -> str:
    """What the three files show, in a sentence."""
    image, made = original(scene, picture), files(scene, picture, quality, match)
    (ours, psnr), (webp, psnr_webp) = (
        (len(data), finite(classical.psnr(result, image))) for _, data, result in (made["ours"], made["webp"])
    )
    if match == "bytes":
        if abs(webp / ours - 1) > 0.06:
            end = "smallest" if webp > ours and made["webp"][0] == 0 else "nearest"
            return f"WebP has no file of {ours:,} bytes for this picture: its {end} has {webp:,}."
        more = "better" if psnr > psnr_webp else "worse"
        return f"With about as many bytes as WebP, the learned file is {abs(psnr - psnr_webp):.1f} dB {more}."
    if abs(psnr - psnr_webp) > 0.5:
        end = "most" if psnr > psnr_webp else "least"
        return f"WebP cannot give {psnr:.1f} dB for this picture: its {end} is {psnr_webp:.1f} dB."
    share = ours / webp - 1
    return f"At about the same PSNR, the learned file has {abs(share):.0%} {'fewer' if share < 0 else 'more'} bytes."


def opened(data: bytes) -> tuple[Image.Image, int]:
    """The picture and the quality of a .gac file. Raises: InputError."""
    try:
        made = codec.decode(codec.load(MODEL), data)
    except codec.CodecFileError as problem:
        raise validation.InputError(str(problem)) from None
    return images.picture(made), data[6]


def digits() -> dict[str, Any]:
    """Settings with four digits that our VAE draws: a picture from another world than the scenes."""
    x = vae.sample(vae.load("vae-mnist"), 4, generator=torch.Generator().manual_seed(3)).cpu()
    sheet = Image.new("RGB", (SIDE, SIDE), "black")
    sheet.paste(images.tile(x, 2, gap=4, between=0).convert("RGB"), (2, 2))
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    return {"picture": from_file(buffer.getvalue()), "quality": 60, "match": "bytes"}

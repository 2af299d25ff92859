"""What the parts of the CLIP tab share: encoders, the pictures of the gallery, texts from the page."""

import base64
import contextlib
import functools
import io

import torch
from PIL import Image
from torch import Tensor

from demos._ui import images, validation
from demos._ui.settings import Setting, checked
from genai_core import clip
from genai_core.clip import gallery
from genai_core.common import model_cache
from genai_core.common.checkpoints import CheckpointError
from genai_core.data import scenes, uploads

NAMES = {"clip-scenes": "CLIP with hard negatives", "clip-scenes-plain": "CLIP as published"}
MODELS = tuple(NAMES)
LONGEST = 300  # characters of a text
FETCHED = model_cache.ModelCache()  # Hub encoders by name; they have a budget of their own, so that ours stay


def load(name):
    """An encoder by its name on the page: one of ours, or a Hub model that was fetched. Raises: InputError."""
    if isinstance(name, str) and (fetched := FETCHED.get(name)) is not None:
        return fetched
    return clip.load(validation.choice(name, "The model", MODELS))


def text(value, name: str = "The text") -> str:
    """A text from the page, checked; white space is joined. Raises: InputError, also where it has no word."""
    words = " ".join(validation.text(value, name, LONGEST).split())
    if not any(c.isalnum() for c in words):
        raise validation.InputError(f"{name} is empty: describe what you look for, as in “a small red circle”.")
    return words


def unknown(encoder, string: str) -> list[str]:
    """The words of a text that are not in the encoder's vocabulary; a Hub model's tokens make up any word."""
    return encoder.tokenizer.unknown(string) if isinstance(encoder, clip.CLIP) else []


def number(value, name: str = "The picture") -> int:
    """The number of a scene of the gallery, which may come as text, as ids and links have it."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 6:
        value = int(value)
    return validation.integer(value, name, 0, gallery.SIZE - 1)


@functools.lru_cache(maxsize=2000)
def shown(i: int) -> str:
    """Scene i of the gallery as JPEG in base64."""
    return jpeg(images.picture(gallery.pictures([i])[0]))


@functools.lru_cache(maxsize=64)
def scene(i: int) -> scenes.Scene:
    """Scene i of the gallery."""
    return scenes.scene("test", i)


def jpeg(image: Image.Image, quality: int = 92) -> str:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, subsampling=0)
    return base64.b64encode(buffer.getvalue()).decode()


def small(data: str, size: int) -> Tensor:
    """A picture file in base64 -> its middle square, [3, size, size] in [0, 1]. Raises: InputError."""
    return uploads.tensor(validation.picture(validation.decoded(data, "That picture")), size)


@functools.lru_cache(maxsize=256)
def of_text(name: str, string: str) -> Tensor:
    """The unit vector [D] of a text, kept, since a slider asks for the same one many times."""
    return load(name).encode_text([string])[0]


@functools.lru_cache(maxsize=256)
def of_scene(name: str, i: int) -> Tensor:
    """The unit vector [D] of scene i of the gallery, as the encoder itself sees it."""
    return load(name).encode_image(gallery.pictures([i]))[0]


def scale(encoder) -> float:
    """One over the temperature that the model learned."""
    with torch.inference_mode():
        return float(encoder.scale)


def warm() -> None:
    """Load what the first search needs: open_clip alone takes three seconds to import."""
    with contextlib.suppress(CheckpointError):
        load(MODELS[0])
        gallery.collection(MODELS[0])


def known_model(value, _others) -> str:
    """The name of an encoder that can be used now. Raises: InputError."""
    load(value)
    return value


KNOWN = checked(known_model, schema={"type": "string", "examples": list(NAMES)})
MODEL = Setting("model", KNOWN, MODELS[0], "The model")

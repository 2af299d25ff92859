"""What comes from a page or the API is checked here: each check returns the clean value or raises InputError."""

import base64
import binascii
import functools
import io
import json
import logging
import math
import re
from collections.abc import Callable
from typing import Any

import gradio as gr
from PIL import Image, PngImagePlugin

from genai_core.checkpoints import CheckpointError
from genai_core.data import DataError
from genai_core.retrieval import CollectionError

MAX_BYTES = 5_000_000  # of an upload
MAX_PIXELS = 4_000_000  # of a picture, refused before it is decoded
SEEDS = 2**31 - 1
SETTINGS_KEY = "genai-playground"
HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)*|/[\w./ -]+")
Image.MAX_IMAGE_PIXELS = MAX_PIXELS


class InputError(ValueError):
    """What the user gave cannot be used. The message is one sentence for the user."""


def number(value: Any, name: str, low: float, high: float) -> float:
    """A finite number in [low, high]; bool, text and None are none."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or (isinstance(value, float) and not math.isfinite(value)):  # a huge int has no float to test
        raise InputError(f"{name} must be a number.")
    if not low <= value <= high:
        raise InputError(f"{name} must lie between {low:g} and {high:g}.")
    return float(value)


def whole(value: Any, name: str, low: int, high: int) -> int:
    """A whole number in [low, high]; 3.0 counts as 3, as browsers send it."""
    clean = number(value, name, low, high)
    if clean != int(clean):
        raise InputError(f"{name} must be a whole number.")
    return int(clean)


def seed(value: Any) -> int:
    return whole(value, "The seed", 0, SEEDS)


def numbers(value: Any, name: str, count: int, low: float, high: float) -> list[float]:
    """A list of exactly `count` finite numbers in [low, high]."""
    if not isinstance(value, list | tuple):
        raise InputError(f"{name} must be a list of {count} numbers.")
    if len(value) != count:
        raise InputError(f"{name} must have {count} numbers, not {len(value)}.")
    return [number(item, f"Every number of {name}", low, high) for item in value]


def choice(value: Any, name: str, options: list[str] | tuple[str, ...]) -> str:
    """One of `options`."""
    if not isinstance(value, str) or value not in options:
        raise InputError(f"{name} must be one of: {', '.join(options)}.")
    return value


def hub_name(value: Any, example: str) -> str:
    """The name of a model on the Hugging Face Hub, or a folder on this machine."""
    if not isinstance(value, str) or len(value) > 200 or not HUB_NAME.fullmatch(value) or ".." in value:
        raise InputError(f"The model must be a name such as {example}, or a folder on the server.")
    return value


def record(value: Any, name: str = "The request") -> dict:
    """A JSON object."""
    if not isinstance(value, dict):
        raise InputError(f"{name} must be an object with named fields.")
    return value


def decoded(value: Any, name: str, limit: int = MAX_BYTES) -> bytes:
    """The bytes of a base64 text, at most `limit` of them."""
    if not isinstance(value, str):
        raise InputError(f"{name} must be base64 text.")
    if len(value) > limit * 4 / 3 + 4:
        raise InputError(f"{name} is larger than {limit / 1e6:g} MB.")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise InputError(f"{name} is not valid base64.") from None


def picture(data: bytes) -> Image.Image:
    """The decoded first frame of a picture file, at most MAX_PIXELS pixels."""
    if len(data) > MAX_BYTES:
        raise InputError(f"That file is larger than {MAX_BYTES / 1e6:g} MB.")
    try:
        image = Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP", "GIF", "BMP"))
        if image.width * image.height > MAX_PIXELS:
            raise InputError(f"That picture has more than {MAX_PIXELS // 1_000_000} million pixels.")
        image.load()
    except InputError:
        raise
    except Image.DecompressionBombError:
        raise InputError(f"That picture has more than {MAX_PIXELS // 1_000_000} million pixels.") from None
    except Exception:  # Pillow's decoders raise many kinds on a damaged file; all mean the same to a user
        raise InputError("That file is not a picture that can be read (PNG, JPEG, WebP, GIF or BMP).") from None
    return image


def png_with(image: Image.Image, settings: dict) -> bytes:
    """PNG bytes that carry `settings`, which `settings_in` reads back."""
    info = PngImagePlugin.PngInfo()
    info.add_text(SETTINGS_KEY, json.dumps(settings))
    buffer = io.BytesIO()
    image.save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def settings_in(data: bytes) -> dict:
    """The settings that a saved PNG carries. They are the user's: check each before use."""
    text = picture(data).info.get(SETTINGS_KEY)
    try:
        settings = json.loads(text) if isinstance(text, str) and len(text) < 20_000 else None
    except (ValueError, RecursionError):
        settings = None
    if not isinstance(settings, dict):
        raise InputError("That picture carries no settings of this app; drop one that was saved here.")
    return settings


KNOWN = (InputError, CheckpointError, CollectionError, DataError)
UNKNOWN = "Something went wrong on the server; your settings are kept, try again."


def guarded(fn: Callable) -> Callable:
    """A server function of an own control: returns {"ok": result} or {"error": sentence}, and never raises."""

    @functools.wraps(fn)
    def answer(argument=None):
        try:
            return {"ok": fn(argument)}
        except KNOWN as error:
            return {"error": str(error)}
        except Exception:
            logging.getLogger(__name__).exception("in %s", fn.__name__)
            return {"error": UNKNOWN}

    return answer


def _as_gradio_error(error: Exception, name: str) -> gr.Error:
    if isinstance(error, KNOWN):
        return gr.Error(str(error), print_exception=False)
    logging.getLogger(__name__).exception("in %s", name)
    return gr.Error(UNKNOWN, print_exception=False)


def handler(fn: Callable) -> Callable:
    """An event handler or endpoint whose errors reach the user as one sentence. `fn` may not be a generator."""

    @functools.wraps(fn)
    def answer(*arguments, **named):
        try:
            return fn(*arguments, **named)
        except gr.Error:
            raise
        except Exception as error:
            raise _as_gradio_error(error, fn.__name__) from None

    return answer


def stream_handler(fn: Callable) -> Callable:
    """The same for a generator."""

    @functools.wraps(fn)
    def answers(*arguments, **named):
        try:
            yield from fn(*arguments, **named)
        except gr.Error:
            raise
        except Exception as error:
            raise _as_gradio_error(error, fn.__name__) from None

    return answers

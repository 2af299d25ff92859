"""What comes from a page or the API is checked here: each check returns the clean value or raises InputError."""

import base64
import binascii
import io
import json
import math
import re
from typing import Any

from PIL import Image, PngImagePlugin

from genai_core.data import image_file
from genai_core.data.image_file import ImageFileError

MAX_BYTES = 12_000_000  # of an upload: a photograph of twelve million pixels, of good quality
MAX_PIXELS = 4_000_000  # of a PNG that this app made, and of what Gradio itself would decode
SEEDS = 2**31 - 1
LONGEST_NUMBERS = 12_000  # characters of a list of numbers in a link, as that of a drawing of 500 points
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
        raise InputError(f"{name} must lie between {written(low)} and {written(high)}.")
    return float(value)


def written(limit: float) -> str:
    """A limit as text: 0.05, 2,147,483,647."""
    return f"{limit:g}" if abs(limit) < 1e6 else f"{limit:,.0f}"


def integer(value: Any, name: str, low: int, high: int) -> int:
    """A whole number in [low, high]; 3.0 counts as 3, as browsers send it."""
    clean = number(value, name, low, high)
    if clean != int(clean):
        raise InputError(f"{name} must be a whole number.")
    return int(clean)


def seed(value: Any) -> int:
    return integer(value, "The seed", 0, SEEDS)


def numbers(value: Any, name: str, count: int, low: float, high: float) -> list[float]:
    """A list of exactly `count` finite numbers in [low, high]."""
    if not isinstance(value, list | tuple):
        raise InputError(f"{name} must be a list of {count} numbers.")
    if len(value) != count:
        raise InputError(f"{name} must have {count} numbers, not {len(value)}.")
    return [number(item, f"Every number of {name}", low, high) for item in value]


def from_text(value: Any, name: str) -> Any:
    """A number that may come as text, as links have it; anything else is left to the check that follows."""
    if isinstance(value, str):
        try:
            value = float(value[:40])
        except ValueError:
            raise InputError(f"{name} must be a number.") from None
    return value


def parse_numbers(value: Any, name: str) -> Any:
    """Numbers that may come as text with commas between them; anything else is left to the check that follows."""
    if isinstance(value, str):
        if len(value) > LONGEST_NUMBERS:
            raise InputError(f"{name} has {len(value):,} characters; at most {LONGEST_NUMBERS:,} are read.")
        try:
            value = [float(part) for part in value.split(",")] if value else []
        except ValueError:
            raise InputError(f"{name} must be numbers with commas between them.") from None
    return value


def text(value: Any, name: str, longest: int) -> str:
    """A text of at most `longest` characters, with plain line breaks and without lone surrogates."""
    if not isinstance(value, str):
        raise InputError(f"{name} must be text.")
    if len(value) > longest:
        raise InputError(f"{name} has {len(value):,} characters; at most {longest:,} are read.")
    if any(0xD800 <= ord(c) < 0xE000 for c in value):
        raise InputError(f"{name} holds an invalid character (a lone surrogate); type it again.")
    return value.replace("\r\n", "\n")


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


def json_object(value: Any, name: str = "The request") -> dict:
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


def picture(data: bytes, ground: str = "white") -> Image.Image:
    """A user's picture file, of any kind, as `image_file.read` gives it: upright, RGB, and small."""
    if len(data) > MAX_BYTES:
        raise InputError(f"That file is larger than {MAX_BYTES / 1e6:g} MB.")
    try:
        return image_file.read(data, ground=ground)
    except ImageFileError as error:
        raise InputError(str(error)) from None


def saved_png(data: bytes) -> Image.Image:
    """A PNG that this app made, pixel by pixel as it was, with the texts in it."""
    try:
        image = Image.open(io.BytesIO(data), formats=("PNG",))
        if image.width * image.height > MAX_PIXELS:
            raise Image.DecompressionBombError
        image.load()
    except Image.DecompressionBombError:
        raise InputError(f"That picture has more than {MAX_PIXELS // 1_000_000} million pixels.") from None
    except Exception:  # Pillow's decoder raises many kinds on a damaged file; all mean the same to a user
        raise InputError("That file is not a picture that was saved here, or it is damaged.") from None
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
    text = saved_png(data).info.get(SETTINGS_KEY)
    try:
        settings = json.loads(text) if isinstance(text, str) and len(text) < 20_000 else None
    except (ValueError, RecursionError):
        settings = None
    if not isinstance(settings, dict):
        raise InputError("That picture carries no settings of this app; drop one that was saved here.")
    return settings

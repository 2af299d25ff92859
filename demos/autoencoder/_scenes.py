"""What parts on scenes share: a scene by seed or caption, or a picture of one's own; what it shows."""

import base64
import io
import random
from typing import Any

from torch import Tensor

from demos._ui import images, validation
from demos._ui.settings import Setting, checked, seed
from demos._ui.validation import InputError
from genai_core.data import scenes, uploads
from genai_core.data.scenes import Phrase, Query, Scene
from genai_core.evaluation import scene_reader

SIDE = scenes.SIZE
LONGEST = 200  # characters of a caption
SMALL = 6000  # bytes of a learner's picture of 64x64 that is kept as it is; a larger one becomes a JPEG


def scene(seed: int, caption: str) -> Scene:
    """A scene of the caption, or any where it is empty. Raises: InputError for what no scene can show."""
    rng = random.Random(seed)
    try:
        return scenes.compose(scenes.parse(caption), rng) if caption else scenes.draw(rng)
    except ValueError as error:
        raise InputError(str(error)) from None


def parse_caption(value: Any, others: Any) -> str:
    """A caption for which there is a scene. Raises: InputError."""
    clean = " ".join(validation.text(value, "The caption", LONGEST).split())
    scene(others["seed"], clean)
    return clean


def from_file(data: bytes) -> str:
    """Any picture file -> its middle square as a file of 64x64 pixels in base64. Raises: InputError."""
    square = images.picture(uploads.tensor(validation.picture(data), SIDE))
    buffer = io.BytesIO()
    square.save(buffer, "PNG", optimize=True)
    if buffer.tell() > SMALL:
        buffer = io.BytesIO()
        square.save(buffer, "JPEG", quality=90, subsampling=0)
    return base64.b64encode(buffer.getvalue()).decode()


def own_picture(value: Any, _others: Any) -> str:
    """A picture file of 64x64 pixels in base64, or none. Raises: InputError."""
    if value == "":
        return ""
    size = validation.picture(validation.decoded(value, "The picture", limit=14_000)).size
    if size != (SIDE, SIDE):
        raise InputError(f"The picture must have {SIDE} x {SIDE} pixels, not {size[0]} x {size[1]}.")
    return value


def open_picture(request: dict) -> str:
    """{"png": any picture file in base64} -> its middle square, 64x64 pixels, as the setting `pixels` holds it."""
    return from_file(validation.decoded(validation.json_object(request).get("png"), "That file"))


def original(seed: int, caption: str, pixels: str) -> Tensor:
    """What is encoded: [1, 3, 64, 64] in [0, 1]."""
    if pixels:
        return uploads.tensor(validation.picture(base64.b64decode(pixels)), SIDE)[None]
    return scenes.render([scene(seed, caption)])


def program(seed: int, caption: str, pixels: str) -> tuple[str, str, str]:
    """How a program has the picture as x [1, 3, 64, 64]: a module of Python's, those of genai_core.data, the lines."""
    rng = f"random.Random({seed})"
    if pixels:
        lines = f'file = base64.b64decode("{pixels}")\nx = uploads.tensor(image_file.read(file), {SIDE})[None]'
        return "base64", "image_file, uploads", lines
    one = f"scenes.compose(scenes.parse({caption!r}), {rng})" if caption else f"scenes.draw({rng})"
    return "random", "scenes", f"x = scenes.render([{one}])"


def read(x: Tensor, truth: Scene | None) -> dict:
    """What the reader sees in a picture [1, 3, 64, 64]: "things", [text, whether it is there], and what it misses.

    Without a true scene nothing is right or wrong: None.
    """
    found = scene_reader.load().read(x)[0]
    if truth is None:
        return {"things": [[text(one.kind), None] for one in found], "missed": []}
    near = scene_reader.matches(truth.things, found)
    right = [one for thing, one in zip(truth.things, near, strict=True) if one and one.kind == thing.kind]
    missed = [text(thing.kind) for thing, one in zip(truth.things, near, strict=True) if one not in right]
    return {"things": [[text(one.kind), one in right] for one in found], "missed": missed}


def text(kind: scenes.Kind) -> str:
    return scenes.say(Query((Phrase(**kind._asdict()),)))


def scene_settings(first: int) -> tuple[Setting, ...]:
    """The settings of what is on the stage: seed, caption, pixels; at first the scene of seed `first`."""
    return (
        Setting("seed", seed(), first, "Seed"),
        Setting("caption", checked(parse_caption), "", "Caption"),
        Setting("pixels", checked(own_picture, from_file=from_file), "", "Picture"),
    )

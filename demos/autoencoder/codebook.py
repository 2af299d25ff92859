"""Codebook: the 64 tokens of a VQ-VAE over a scene; exchange one, and the picture is drawn anew from all of them."""

import functools
import random
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from demos._ui import images, validation
from demos._ui.api import Picture, Value, endpoint
from demos._ui.settings import Setting, checked, integer
from demos._ui.tab import Answer, Part, Preset
from demos.autoencoder import _scenes
from demos.autoencoder._scenes import open_picture, original, read, scene
from genai_core.autoencoders import noise, vqvae
from genai_core.autoencoders.vqvae import GRID, PATCH
from genai_core.common import checkpoints
from genai_core.data import scenes

NAME = "vqvae-scenes"
TOKENS = GRID * GRID
CODES = vqvae.RECIPES[NAME].config.codes
COLUMNS = 32  # of the sheet of swatches


def given_tokens(value: Any, _others: Any) -> list[int]:
    """64 numbers of codes, row by row. Raises: InputError."""
    numbers = validation.numbers(validation.parse_numbers(value, "The tokens"), "The tokens", TOKENS, 0, CODES - 1)
    return [validation.integer(number, "Each token", 0, CODES - 1) for number in numbers]


@functools.lru_cache(maxsize=64)
def encoded(seed: int, caption: str, pixels: str) -> tuple[int, ...]:
    """The tokens of a picture."""
    x = original(seed, caption, pixels).to(checkpoints.default_device())
    return tuple(vqvae.load(NAME).encode(x).flatten().tolist())


def decoded(tokens: list[int] | tuple[int, ...]) -> Tensor:
    """64 tokens -> the picture [1, 3, 64, 64] in [0, 1]."""
    grid = torch.tensor(tokens, device=checkpoints.default_device()).view(1, GRID, GRID)
    return vqvae.load(NAME).decode(grid).cpu()


def reach(before: Tensor, after: Tensor, changed: list[int]) -> dict:
    """Where exchanging tokens changed a picture: a map, and the share of the squared change near the tokens."""
    change = (after - before)[0].square().sum(0).view(GRID, PATCH, GRID, PATCH).sum((1, 3))  # [8, 8]
    mine = torch.zeros(GRID * GRID)
    mine[changed] = 1
    around = torch.nn.functional.max_pool2d(mine.view(1, 1, GRID, GRID), 3, 1, 1)[0, 0]
    total = change.sum().clamp(min=1e-12)
    return {
        "map": images.png(images.signed(4 * (after - before)[0].mean(0))),
        "inside": float((change * mine.view(GRID, GRID)).sum() / total),
        "around": float((change * around).sum() / total),
    }


def show(seed: int, caption: str, pixels: str, tokens: list[int], at: int) -> dict:
    """The picture, what is drawn from its tokens, what the reader sees in that, and where exchanges changed it."""
    x, own, drawn = original(seed, caption, pixels), encoded(seed, caption, pixels), decoded(tokens)
    truth = None if pixels else scene(seed, caption)
    changed = [i for i in range(TOKENS) if own[i] != tokens[i]]
    return {
        "original": images.png(images.picture(x[0])),
        "drawn": images.png(images.picture(drawn[0])),
        "own": list(own),
        "caption": "" if truth is None else scenes.say(scenes.complete(truth)),
        "psnr": float(noise.psnr(x, drawn)),
        "read": read(drawn, truth),
        "reach": reach(decoded(own), drawn, changed) if changed else None,
        "bits": (CODES - 1).bit_length(),
    }


@functools.lru_cache(maxsize=1)
def codes() -> dict:
    """The codes, most used first: "order" (int16 in base64), "shares" of all tokens in 1e-6 (int32), their swatches."""
    usage = torch.tensor(checkpoints.read_json(NAME, "metrics.json")["usage"])
    order = usage.argsort(descending=True, stable=True)
    shares = usage / usage.sum()
    swatches = vqvae.swatches(vqvae.load(NAME)).cpu()[order]
    return {
        "order": images.base64_of(order.numpy().astype(np.int16)),
        "shares": images.base64_of((1e6 * shares[order]).round().numpy().astype(np.int32)),
        "perplexity": float(vqvae.perplexity(shares)),
        "swatches": images.png(images.tile(swatches, COLUMNS)),
        "columns": COLUMNS,
    }


def palette(_request: dict) -> dict:
    """What `codes` gives: the same for all, and asked for once."""
    return codes()


def picture(seed: int, caption: str, pixels: str, tokens: list[int], at: int) -> Image.Image:
    """The picture, what is drawn from its own tokens, and from those that are shown."""
    own = encoded(seed, caption, pixels)
    return images.tile(torch.cat([original(seed, caption, pixels), decoded(own), decoded(tokens)]), 3, gap=6, zoom=5)


def code(seed: int, caption: str, pixels: str, tokens: list[int], at: int) -> str:
    first, module, lines = _scenes.program(seed, caption, pixels)
    rows = ",\n    ".join(", ".join(map(str, tokens[i : i + GRID])) for i in range(0, TOKENS, GRID))
    return f'''import {first}

import torch

from genai_core.autoencoders import vqvae
from genai_core.common.pictures import tile
from genai_core.data import {module}

{lines}  # [1, 3, 64, 64]
model = vqvae.load("{NAME}")
own = model.encode(x)  # [1, 8, 8] int64
tokens = torch.tensor([
    {rows},
]).view(1, 8, 8)
print(int((tokens != own).sum()), "of 64 tokens exchanged")
tile(torch.cat([x, model.decode(own), model.decode(tokens)]), 3, gap=6, zoom=5).save("picture.png")
'''


def given(seed: int, caption: str, exchanged: dict[int, int], at: int) -> dict[str, Any]:
    """Settings: a scene's own tokens, some of them exchanged."""
    own = encoded(seed, caption, "")
    return {"seed": seed, "caption": caption, "at": at, "tokens": [exchanged.get(i, own[i]) for i in range(TOKENS)]}


def cell(seed: int, caption: str) -> int:
    """The token in which the centre of a scene's first thing lies."""
    thing = scene(seed, caption).things[0]
    return int(GRID * thing.y) * GRID + int(GRID * thing.x)


ONE, TWICE = (
    (16, "a large solid red circle on a white background"),
    (4, "a small solid blue square on a white background"),
)
LEFT, RIGHT = (1, "a large solid red star at the left on a white background"), (10, "a ring at the right on navy")


def one_token() -> dict[str, Any]:
    """The token in the middle of a thing, exchanged for that of a corner."""
    at = cell(*ONE)
    return given(*ONE, {at: encoded(*ONE, "")[0]}, at)


def twice() -> dict[str, Any]:
    """The nine tokens around a thing once more, at the other side of the picture."""
    own, at = encoded(*TWICE, ""), cell(*TWICE)
    row, column = (min(max(v, 1), GRID - 2) for v in divmod(at, GRID))
    far = (GRID - 1 - row, GRID - 1 - column)
    steps = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    copied = {(far[0] + y) * GRID + far[1] + x: own[(row + y) * GRID + column + x] for y, x in steps}
    return given(*TWICE, copied, far[0] * GRID + far[1])


def halves() -> dict[str, Any]:
    """The left half of one scene, the right half of another one."""
    other = encoded(*RIGHT, "")
    return given(*LEFT, {i: other[i] for i in range(TOKENS) if i % GRID >= GRID // 2}, GRID // 2)


def at_random() -> dict[str, Any]:
    """64 codes, each as likely as any."""
    rng = random.Random(0)
    return given(5, "", {i: rng.randrange(CODES) for i in range(TOKENS)}, 27)


PRESETS = (
    Preset(
        "One token",
        "The token in the middle of the circle is exchanged for one of the background. How much of the picture "
        "changes?",
        one_token,
        "Nearly all of the change lies on the token's own patch and the eight around it, although the decoder's layers "
        "could carry it five tokens far.",
        (
            Answer("Its own patch, and those next to it."),
            Answer(
                "Its own patch alone: it turns white.",
                "The decoder is no mosaic of 64 tiles: it draws a patch from the tokens around it, too.",
            ),
            Answer(
                "All of it: a decoder uses the whole code.",
                "A fully connected one would; in this one a layer sees only what is near.",
            ),
        ),
    ),
    Preset(
        "A thing twice",
        "The nine tokens of a square are copied to the other side. What is drawn there?",
        twice,
        "The reader sees two blue squares. The decoder is a convolution, so a code means the same everywhere.",
        (
            Answer(
                "Nothing: a token belongs to its place.",
                "A token is the number of a code, and all 64 places share one codebook.",
            ),
            Answer(
                "A blur: tokens fit only where they were encoded.",
                "What a token needs beside it are its neighbours, and these were copied with it.",
            ),
            Answer("Another blue square."),
        ),
    ),
    Preset(
        "Two halves",
        "The left half of one picture’s tokens stands beside the right half of another’s. How do the two meet?",
        halves,
        "Each half keeps its background and its thing; the decoder blends them where they meet.",
        (
            Answer(
                "They do not: all becomes one scene on one background.",
                "The decoder has learned to draw a place from the tokens near it, and does not make them agree.",
            ),
            Answer("In an edge that is blurred over a few pixels."),
            Answer(
                "In a long blend, from one side to the other.",
                "A token acts on the patches next to it and hardly any farther.",
            ),
        ),
    ),
    Preset(
        "Tokens at random",
        "64 tokens at random from the codebook. Is that a scene as well?",
        at_random,
        "The reader finds none of the things that it knows of this scene. Which tokens go together is what a model "
        "that writes them has to learn.",
        (
            Answer(
                "Yes: the decoder can draw nothing but scenes.",
                "It draws any grid that it is given, and it was trained on those of scenes only.",
            ),
            Answer("No: patches that do not fit together."),
            Answer(
                "No: an even grey, the mean of all codes.",
                "Each code is drawn at its own place, and nothing takes their mean.",
            ),
        ),
    ),
)

PART = Part(
    id="codebook",
    title="Codebook",
    lead="<b>Click a token</b> of the drawn picture, then another code: a VQ-VAE draws these 64 tokens and nothing "
    "else. Look for what one token says, and how far it acts.",
    stage="autoencoder/codebook",
    settings=(
        *_scenes.scene_settings(5),
        Setting(
            "tokens",
            checked(
                given_tokens,
                lambda tokens: ",".join(map(str, tokens)),
                schema={"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": CODES - 1}},
            ),
            lambda others: list(encoded(others["seed"], others["caption"], others["pixels"])),
            "The tokens",
        ),
        Setting("at", integer(0, TOKENS - 1), 27, "Selected token"),
    ),
    presets=PRESETS,
    functions=(palette, open_picture),
    show=show,
    picture=picture,
    code=code,
)


@endpoint(
    PART.table,
    Value("64 tokens, row by row", {"type": "array", "items": {"type": "integer"}}),
    Picture("What is drawn from them, 64 x 64"),
    takes=("pixels", "seed", "caption"),
    names={"pixels": "picture"},
)
def autoencoder_tokenise(
    seed: int, caption: str, pixels: str, tokens: list[int], at: int
) -> tuple[list[int], Image.Image]:
    """Turn a picture, or a scene of ours by seed and caption, into 8 x 8 tokens of the VQ-VAE, and draw them."""
    own = encoded(seed, caption, pixels)
    return list(own), images.picture(decoded(own)[0])


@endpoint(PART.table, Picture("The picture, 64 x 64"), takes=("tokens",))
def autoencoder_detokenise(seed: int, caption: str, pixels: str, tokens: list[int], at: int) -> Image.Image:
    """Draw the picture of 64 tokens, row by row, with the VQ-VAE's decoder."""
    return images.picture(decoded(tokens)[0])


ENDPOINTS = (autoencoder_tokenise, autoencoder_detokenise)

"""What learners do, tab by tab, each with a seed whose answer is known beforehand: one line for each habit.

A habit is `(learner, seed) -> answer`; it yields nothing on the way but calls `seen` at its first sign of life. Answers
are compared, so they hold what the seed decides and no times.
"""

import asyncio
import base64
import hashlib
import json
import random
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass

from benchmarks._protocol import Learner
from genai_core.scenes.world import COLOURS, SHAPES

LATENTS, DIRECTIONS = 16, 10
FRAMES = 3  # of a training, then Stop


@dataclass(frozen=True)
class Habit:
    """share: how often a learner does it, against the other habits."""

    tab: str
    what: str
    share: float
    do: Callable


def code(seed: int, n: int) -> list[float]:
    draw = random.Random(seed)
    return [round(draw.uniform(-2, 2), 2) for _ in range(n)]


def decoding(seed: int) -> dict:
    return {"model": "vae-mnist", "z": code(seed, LATENTS)}


async def drag(ask: Callable, seed: int, seen: Callable) -> list[str]:
    """Twelve places of a slider, one after the other."""
    made = []
    for i in range(12):
        made.append(await ask(1000 * seed + i))
        seen()
        await asyncio.sleep(0.05)
    return made


async def drag_vae(learner: Learner, seed: int, seen: Callable) -> list[str]:
    return await drag(lambda k: learner.ask("decode", decoding(k), which=0), seed, seen)


async def drag_gan(learner: Learner, seed: int, seen: Callable) -> list[str]:
    def ask(k: int):
        point = {"model": "cgan-mnist", "seed": seed, "index": 0, "truncation": 1.0, "label": seed % 10}
        return learner.ask("decode", point | {"z": code(k, DIRECTIONS)}, which=1)

    return await drag(ask, seed, seen)


async def score(learner: Learner, seed: int, seen: Callable) -> list:
    text = "".join(random.Random(seed).choices("aeiou nrst", k=80))
    found = (await learner.ask("score", {"text": text}))["rows"]
    seen()
    return [[row["model"], row["bits"]] for row in found]


def once(name: str, inputs: Callable[[int], list]) -> Callable:
    """An event of the queue that answers once."""

    async def do(learner: Learner, seed: int, seen: Callable) -> list:
        found = await learner.last(name, inputs(seed))
        seen()
        return found

    return do


async def denoise(learner: Learner, seed: int, seen: Callable) -> list:
    inputs = ["ddpm-mnist", "some of each", "DDIM", 20, 1.0, "cosine", 0.0, seed]
    made = {}
    async for (value,) in learner.event("sample", inputs):
        seen()
        made |= {step["step"]: step["after"] for step in value["new"]}
    return sorted(made.items())


async def write(learner: Learner, seed: int, seen: Callable) -> list:
    settings = {"model": "gpt-shakespeare", "prompt": "ROMEO:\n", "filters": "temperature=0.8", "tokens": 60}
    made = {}
    async for (value,) in learner.event("write", [{"ask": settings | {"seed": seed, "kept": [], "chosen": None}}]):
        seen()
        made |= {token["at"]: token["id"] for token in value["new"]}
    return sorted(made.items())


async def train(learner: Learner, seed: int, seen: Callable) -> list:
    """A few frames of a training, then Stop."""
    made = []
    async with aclosing(learner.event("vae_train", ["position", 1.0, seed])) as frames:
        async for (frame,) in frames:
            seen()
            if frame["late"]:
                raise RuntimeError(f"the training's time was up at step {frame['step']}")
            made.append([frame["step"], frame["losses"], frame["xy"]])
            if len(made) == FRAMES:
                break
    return made


def looked_for(seed: int) -> list:
    """What the API's search takes: one of sixty-four things, to each of so many seeds another."""
    shape, colour = divmod(seed % 64, 8)
    return [f"a {COLOURS[colour]} {SHAPES[shape]}", "", "clip-scenes", 10]


def drawn(seed: int) -> list:
    """A drawing of noise, at temperature 4."""
    return [base64.b64encode(random.Random(seed).randbytes(28 * 28)).decode(), 4.0]


HABITS = (
    Habit("VAE", "slider, 12 places", 4, drag_vae),
    Habit("VAE", "a sample", 1, once("vae_sample", lambda seed: [seed, "vae-mnist"])),
    Habit("VAE", "live training, stopped", 0.4, train),
    Habit("GAN", "slider, 12 places", 3, drag_gan),
    Habit("GAN", "sheet of 36", 1, once("gan_sample", lambda seed: [seed, "cgan-mnist", 1.0, -1])),
    Habit("Diffusion", "20 steps, streamed", 2, denoise),
    Habit("Text", "60 tokens, streamed", 2, write),
    Habit("Text", "a score", 1, score),
    Habit("CLIP", "a search", 2, once("clip_search", looked_for)),
    Habit("Distillation", "a digit asked about", 1, once("distillation_ask", drawn)),
)


def digest(answer) -> str:
    return hashlib.sha256(json.dumps(answer, sort_keys=True).encode()).hexdigest()[:16]

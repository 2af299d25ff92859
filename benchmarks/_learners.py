"""What learners do, tab by tab, each with a seed whose answer is known beforehand: one line for each habit.

A habit is `(learner, seed) -> answer`; it yields nothing on the way but calls `seen` at its first sign of life. Answers
are compared, so they hold what the seed decides and no times.
"""

import asyncio
import hashlib
import json
import random
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass

from benchmarks._protocol import Learner
from genai_core.data.scenes.world import COLOURS, SHAPES

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
    return {"model": "vae-mnist", "seed": 0, "z": code(seed, LATENTS)}


def denoising(seed: int, steps: int) -> dict:
    """Six digits by DDIM."""
    return {
        "model": "ddpm-mnist",
        "label": "some of each",
        "sampler": "DDIM",
        "steps": steps,
        "guidance": 1.0,
        "schedule": "cosine",
        "eta": 0.0,
        "seed": seed,
    }


def training(seed: int) -> dict:
    """A VAE of sprites that vary in position."""
    return {"factors": "position", "beta": 1.0, "seed": seed}


async def drag(ask: Callable, seed: int, seen: Callable) -> list[str]:
    """Twelve places of a slider, one after the other."""
    made = []
    for i in range(12):
        made.append(await ask(1000 * seed + i))
        seen()
        await asyncio.sleep(0.05)
    return made


async def drag_vae(learner: Learner, seed: int, seen: Callable) -> list[str]:
    return await drag(lambda k: learner.ask("vae/sliders", "decode", decoding(k)), seed, seen)


async def drag_gan(learner: Learner, seed: int, seen: Callable) -> list[str]:
    def ask(k: int):
        point = {"model": "cgan-mnist", "seed": seed, "index": 0, "truncation": 1.0, "label": str(seed % 10)}
        return learner.ask("gan/directions", "decode", point | {"z": code(k, DIRECTIONS)})

    return await drag(ask, seed, seen)


async def score(learner: Learner, seed: int, seen: Callable) -> list:
    text = "".join(random.Random(seed).choices("aeiou nrst", k=80))
    found = (await learner.ask("text/score", "show", {"text": text}))["rows"]
    seen()
    return [[row["model"], row["bits"]] for row in found]


def comparable(answer):
    """An answer whose files are what Gradio names their folders after: a hash of what they hold."""
    if isinstance(answer, dict):
        file = "path" in answer and "meta" in answer
        return answer["path"].split("/")[-2] if file else {key: comparable(value) for key, value in answer.items()}
    return [comparable(value) for value in answer] if isinstance(answer, list) else answer


def once(name: str, inputs: Callable[[int], list]) -> Callable:
    """An endpoint, which answers once."""

    async def do(learner: Learner, seed: int, seen: Callable) -> list:
        found = await learner.last(name, inputs(seed))
        seen()
        return comparable(found)

    return do


async def denoise(learner: Learner, seed: int, seen: Callable) -> list:
    made = {}
    async for value in learner.run("diffusion/denoise", denoising(seed, 20)):
        seen()
        made |= {step["step"]: step["after"] for step in value["new"]}
    return sorted(made.items())


async def write(learner: Learner, seed: int, seen: Callable) -> list:
    settings = {"model": "gpt-shakespeare", "prompt": "ROMEO:\n", "filters": "temperature=0.8", "tokens": 60}
    made = {}
    async for value in learner.run("text/write", settings | {"seed": seed, "choices": ""}):
        seen()
        made |= {token["at"]: token["id"] for token in value["new"]}
    return sorted(made.items())


async def train(learner: Learner, seed: int, seen: Callable) -> list:
    """A few frames of a training, then Stop."""
    made = []
    async with aclosing(learner.run("vae/train", training(seed))) as frames:
        async for frame in frames:
            seen()
            if frame["timed_out"]:
                raise RuntimeError(f"the training's time was up at step {frame['step']}")
            made.append([frame["step"], frame["losses"], frame["xy"]])
            if len(made) == FRAMES:
                break
    return made


def looked_for(seed: int) -> list:
    """What the API's search takes: one of sixty-four things, to each of so many seeds another."""
    shape, colour = divmod(seed % 64, 8)
    return [f"a {COLOURS[colour]} {SHAPES[shape]}", "", "clip-scenes", 10]


def asked(seed: int) -> list:
    """Our own digit at a temperature of the seed's."""
    return [None, round(random.Random(seed).uniform(1, 20), 2)]


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
    Habit("Distillation", "a digit asked about", 1, once("distillation_ask", asked)),
)


def digest(answer) -> str:
    return hashlib.sha256(json.dumps(answer, sort_keys=True).encode()).hexdigest()[:16]

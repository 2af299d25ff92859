"""Home's comparison: the same label and seed through VAE, GAN and diffusion, with what was measured of each."""

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass

import gradio as gr
import torch
from torch import Tensor

from demos._server.lanes import PAGE_ONLY, STREAM
from demos._ui import controls, errors, images, validation
from genai_core import diffusion, evaluation, gan, vae
from genai_core.common import checkpoints

N = 8  # pictures of each
MOST = 2000  # samples of the VAE among which those of a label are looked for


@dataclass(frozen=True)
class Technique:
    """A row: the checkpoint, how it makes N pictures of a label, and what it is good at."""

    title: str
    name: str
    draw: Callable[[int, torch.Generator], tuple[Tensor, int]]  # -> [N, 1, 28, 28], how many were made
    good_at: str


def from_prior(label: int, generator: torch.Generator) -> tuple[Tensor, int]:
    """The VAE was never told labels: samples of the prior, of which those that the LeNet reads as the label stay."""
    found, made = [], 0
    while sum(map(len, found)) < N and made < MOST:
        x = vae.sample(vae.load("vae-mnist"), 100, generator=generator).cpu()
        made += len(x)
        found.append(x[evaluation.read(evaluation.evaluation_classifier("mnist"), x).argmax(1) == label])
    return torch.cat(found)[:N], made


def from_game(label: int, generator: torch.Generator) -> tuple[Tensor, int]:
    labels = torch.full((N,), label)
    return gan.sample(gan.load("cgan-mnist"), N, generator=generator, labels=labels).cpu(), N


def from_noise(name: str, steps: int) -> Callable[[int, torch.Generator], tuple[Tensor, int]]:
    def draw(label: int, generator: torch.Generator) -> tuple[Tensor, int]:
        labels = torch.full((N,), label)
        made = diffusion.sample(diffusion.load(name), N, generator=generator, labels=labels, steps=steps)
        return made.cpu(), N

    return draw


ROWS = (
    Technique("VAE", "vae-mnist", from_prior, "A likelihood, an encoder and smooth codes; its pictures are soft."),
    Technique("GAN", "cgan-mnist", from_game, "Sharp pictures in one pass; it cannot say how likely one is."),
    Technique(
        "Diffusion, 50 steps",
        "ddpm-mnist",
        from_noise("ddpm-mnist", 50),
        "Steady training, guidance and inpainting; it asks its network fifty times.",
    ),
    Technique(
        "Diffusion, distilled to 4",
        "ddpm-mnist-fewstep",
        from_noise("ddpm-mnist-fewstep", 4),
        "What the fifty steps know, in four.",
    ),
)


def figures(name: str) -> dict:
    """What the checkpoint's card says: Fréchet distance over its reference, coverage, a bound of the log-likelihood."""
    try:
        found = checkpoints.read_json(name, "metrics.json")
    except checkpoints.CheckpointError:
        return {}
    return {"frechet": found.get("frechet_ratio"), "coverage": found.get("coverage"), "nats": found.get("iw_bound")}


@functools.cache
def ready(row: Technique) -> None:
    """What is done once is no part of a picture's time: the model is loaded, and its first call prepared."""
    row.draw(0, torch.Generator().manual_seed(0))


@functools.lru_cache(maxsize=64)
def rows(label: int, seed: int) -> list[dict]:
    """Each technique's pictures of the label from the seed, the milliseconds a picture took, and its figures.

    Kept, since thirty learners open Home with the same label and seed.
    """
    found = []
    for row in ROWS:
        ready(row)
        generator = torch.Generator().manual_seed(seed)
        begun = time.perf_counter()
        x, made = row.draw(label, generator)
        ms = 1000 * (time.perf_counter() - begun) / max(1, len(x))
        found.append(
            {
                "title": row.title,
                "good_at": row.good_at,
                "images": [images.png(images.tile(one[None], 1)) for one in x],
                "ms": ms,
                "made": made,
                **figures(row.name),
            }
        )
    return found


def side(request: dict) -> dict:
    """{"label", "seed"} -> the control's value."""
    request = validation.json_object(request)
    label = validation.integer(request.get("label", 3), "The label", 0, 9)
    seed = validation.seed(request.get("seed", 0))
    return {"label": label, "seed": seed, "rows": rows(label, seed)}


def start(_request: dict) -> dict:
    """The first visitor's server warms the models; later ones see what was made then."""
    return side({})


@errors.handler
def draw(view) -> dict:
    """The control's value {"ask": {"label", "seed"}} -> its value."""
    return side(validation.json_object(view, "The comparison").get("ask"))


def build() -> gr.HTML:
    control = controls.control("home/comparison", None, [start])
    control.submit(draw, control, control, **PAGE_ONLY, **STREAM)
    return control

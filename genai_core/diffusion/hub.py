"""Models of the Hugging Face Hub, or of a local diffusers folder, under our own samplers.

A pixel-space `UNet2DModel` with its scheduler's table, such as `google/ddpm-cifar10-32`, becomes a denoiser like any
other. diffusers is imported only when such a model is asked for.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from genai_core import checkpoints
from genai_core.diffusion import schedules
from genai_core.diffusion.samplers import SAMPLERS, SPACING, Denoiser, Prediction, Step, from_noise, from_v, from_x0
from genai_core.diffusion.schedules import Schedule
from genai_core.hub import asked_once


class HubError(RuntimeError):
    """A model cannot be had or used. The message is one sentence, fit for a user."""


@dataclass(frozen=True, eq=False)
class HubModel:
    """A diffusers U-Net with the noise schedule that it was trained under; pictures are [channels, size, size]."""

    name: str
    network: Any  # diffusers.UNet2DModel
    schedule: Schedule
    predicts: str  # "epsilon", "sample" or "v_prediction"
    channels: int
    size: int


def load(name: str) -> HubModel:
    """A Hub model's name (downloaded once, with tqdm's progress bars) or a diffusers folder. Raises: HubError."""
    from diffusers import DDPMPipeline, UNet2DModel

    try:
        with asked_once(name):
            pipeline = DDPMPipeline.from_pretrained(name)
    except Exception as error:  # diffusers, huggingface_hub and the network fail each in their own way
        raise HubError(
            f"The model '{name}' could not be loaded: it is no diffusers folder here, and either there is no such "
            "DDPM model on the Hugging Face Hub or this machine is offline."
        ) from error
    network, scheduler = pipeline.unet, pipeline.scheduler
    predicts = getattr(scheduler.config, "prediction_type", "epsilon")
    plain = isinstance(network, UNet2DModel) and network.config.in_channels == network.config.out_channels
    if not plain or network.config.class_embed_type or network.config.num_class_embeds or predicts not in _FORMS:
        raise HubError(
            f"The model '{name}' is not a plain unconditional pixel U-Net, which is all this page can drive."
        )
    size = network.config.sample_size
    return HubModel(
        name=name,
        network=network.eval().requires_grad_(False).to(checkpoints.default_device()),
        schedule=Schedule(name, scheduler.alphas_cumprod.double().cpu()),
        predicts=predicts,
        channels=network.config.in_channels,
        size=size if isinstance(size, int) else size[0],
    )


def denoiser(model: HubModel, *, clip: bool = True) -> Denoiser:
    """The model as `samplers` want it, for x [N, channels, size, size]; clip: hold the predicted x_0 in [-1, 1].

    A level between two of the model's own steps is given to it as a fractional step.
    """
    table, device = model.schedule.t, next(model.network.parameters()).device

    def denoise(x: Tensor, t: Tensor) -> Prediction:
        said = model.network(x, step_at(table, float(t)).to(device)).sample.float()
        p = _FORMS[model.predicts](x, t, said)
        return from_x0(x, t, p.x0.clamp(-1, 1)) if clip else p

    return denoise


def step_at(table: Tensor, t: float) -> Tensor:
    """Where level t lies in a rising table of levels [T], between two entries linearly: scalar in [0, T - 1]."""
    right = int(torch.searchsorted(table, t).clamp(1, len(table) - 1))
    low, high = float(table[right - 1]), float(table[right])
    share = min(max((t - low) / (high - low), 0.0), 1.0)
    near = round(share)  # a level of the table itself must be its very step
    return torch.tensor(right - 1 + (near if abs(share - near) < 1e-6 else share), dtype=torch.float32)


def sample_steps(
    model: HubModel,
    n: int,
    *,
    generator: torch.Generator,
    sampler: str = "ddim",
    steps: int = 50,
    eta: float = 0.0,
    spacing: str | None = None,
    start: tuple[int, Tensor] | None = None,
) -> Iterator[Step]:
    """n pictures step by step, under the model's own schedule; as `genai_core.diffusion.sample_steps`.

    Raises: ValueError for a name or a number of steps there is not.
    """
    if sampler not in SAMPLERS:
        raise ValueError(f"There is no sampler '{sampler}'; there are {', '.join(SAMPLERS)}.")
    grid = schedules.grid(model.schedule, steps, spacing or SPACING.get(sampler, "trailing"))
    first, x = start or (0, torch.randn((n, model.channels, model.size, model.size), generator=generator))
    x = x.to(next(model.network.parameters()).device)
    own = {"eta": eta} if sampler == "ddim" else {}
    return SAMPLERS[sampler](denoiser(model), x, grid, generator=generator, start=first, **own)


def play(
    *, source: str, sampler: str, steps: int, seed: int, n: int = 1, seconds: float = 300.0
) -> Iterator[tuple[str, np.ndarray | None]]:
    """For a worker: fetch the model and draw; yields (what is done, the predicted x_0 [n, size, size, channels] uint8).

    source: as for `load`. While the model is fetched there is no picture yet. It ends early after `seconds`.
    Raises: ValueError with one sentence.
    """
    begun = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        fetching = pool.submit(load, source)
        while not fetching.done():
            yield f"Fetching {source}: {_fetched(source) / 2**20:.0f} MiB so far.", None
            wait([fetching], timeout=1.0)
    try:
        model = fetching.result()
    except HubError as error:
        raise ValueError(str(error)) from None
    generator = torch.Generator().manual_seed(seed)
    for step in sample_steps(model, n, generator=generator, sampler=sampler, steps=steps):
        x = ((step.x0 + 1) * 127.5).clamp(0, 255).byte().permute(0, 2, 3, 1).cpu().numpy()
        done = f"step {step.step + 1} of {steps}, {time.monotonic() - begun:.0f} s"
        if time.monotonic() - begun > seconds:
            yield f"Ended at {done}: this model is too slow for more on this machine.", x
            return
        yield done[0].upper() + done[1:], x


def _fetched(name: str) -> int:
    """Bytes of the model in the Hub's cache."""
    from huggingface_hub.constants import HF_HUB_CACHE

    folder = Path(HF_HUB_CACHE) / f"models--{name.replace('/', '--')}"
    return sum(file.stat().st_size for file in folder.rglob("blobs/*") if file.is_file())


_FORMS = {"epsilon": from_noise, "sample": from_x0, "v_prediction": from_v}

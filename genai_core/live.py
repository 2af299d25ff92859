"""Trainings short enough to watch: the `train()` of the command line, with small values to draw."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from genai_core import vae
from genai_core.sprites import sprites

FRAME = 10  # steps between two frames
SIDE = 9  # decoded pictures a side


@dataclass(frozen=True)
class VAEFrame:
    """What a page draws of a running training."""

    step: int
    steps: int
    losses: dict[str, float]  # "reconstruction", "kl" in nat
    scatter: np.ndarray  # int16 [N, 2], 100 mu of held-out sprites
    factors: np.ndarray  # float32 [N, 5], their true factors
    decoded: np.ndarray  # uint8 [SIDE * 28, SIDE * 28], the plane from -2 to 2, z2 upwards
    late: bool  # the time was up before the last step


def train_vae(
    *, vary: tuple[str, ...], beta: float, seed: int, steps: int, seconds: float = 55.0
) -> Iterator[VAEFrame]:
    """A 2-D VAE on sprites whose factors `vary`; a frame every FRAME steps, an end after `steps` or `seconds`.

    Raises: ValueError for an unknown factor.
    """
    begun = time.monotonic()
    data = sprites(4096, generator=torch.Generator().manual_seed(seed), vary=vary)
    held, factors = sprites(300, generator=torch.Generator().manual_seed(seed + 1), vary=vary)
    config = vae.VAEConfig(
        latents=2, channels=(8, 16), hidden=64, binarised=False, beta=beta, beta_warmup=100, batch=64, lr=4e-3
    )
    axis = torch.linspace(-2, 2, SIDE)
    z = torch.stack([axis.repeat(SIDE), axis.flip(0).repeat_interleave(SIDE)], 1)
    for step in vae.train(config, data, steps=steps, seed=seed):
        last = step.step == steps or time.monotonic() - begun > seconds
        if step.step % FRAME and not last:
            continue
        with torch.inference_mode():
            mu, _ = step.model.encode(held)
            tiles = step.model.decode(z).view(SIDE, SIDE, 28, 28).permute(0, 2, 1, 3).reshape(SIDE * 28, SIDE * 28)
        losses = {name: step.losses[name] for name in ("reconstruction", "kl")}
        scatter = (mu * 100).clamp(-1000, 1000).short().numpy()
        decoded, late = (tiles * 255).byte().numpy(), last and step.step < steps
        yield VAEFrame(step.step, steps, losses, scatter, factors.numpy(), decoded, late)
        if last:
            return

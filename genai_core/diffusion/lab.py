"""Diffusion in two dimensions: a small denoiser of points, trained while you watch, beside the perfect one.

The data is a mixture of Gaussians, so that the score of every noised version of it is known (`exact.mixture`): what the
network learns can be compared with what there is to learn. All fields are of score times sigma, which is minus the
predicted noise: arrows of the same size at every noise level, pointing to where the data is.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genai_core.diffusion import exact, schedules
from genai_core.diffusion.samplers import SAMPLERS, SPACING, Denoiser, Prediction, from_v
from genai_core.diffusion.unet import waves
from genai_core.points import Distribution
from genai_core.training import EMA, cosine, set_lr

LEVELS = (0.08, 0.2, 0.4, 0.6, 0.8)  # noise levels t at which the fields are shown
PLANE = 2.0  # fields are shown from -PLANE to PLANE: a noised point may lie outside of the data's window
ARROWS = 17  # along each side
PARTICLES = 400
FLOW = 40  # steps of a flow
MEASURED = 2000  # points that an error is measured on
WAYS = {"ode": "heun", "sde": "ddpm"}  # the sampler behind each way back


class Diverged(ValueError):
    """The training left the finite numbers. The message is one sentence: what happened, and what to try."""


@dataclass(frozen=True)
class LabConfig:
    hidden: int = 128
    layers: int = 3
    waves: int = 32  # random directions whose sines and cosines the network sees beside the point
    batch: int = 1024
    lr: float = 3e-3
    ema: float = 0.995
    steps: int = 2000  # over which the learning rate falls to 0 (half a cosine)


@dataclass(frozen=True)
class Frame:
    """How the training stands after `step` steps. All arrays are float32; the particles' start is always the same."""

    step: int
    steps: int
    loss: float  # mean squared error of v since the last frame, NaN before the first step
    learned: np.ndarray  # [len(LEVELS), ARROWS, ARROWS, 2], score times sigma; row 0 at y = -PLANE, column 0 left
    perfect: np.ndarray  # the same of the exact score
    error: np.ndarray  # [len(LEVELS)], mean squared error of the predicted noise against the exact one, where x_t is
    flow: np.ndarray  # [FLOW + 1, PARTICLES, 2], from noise (first) to samples (last) under the learned denoiser


class Network(nn.Module):
    """Points [N, 2] at level t [N] -> v [N, 2]."""

    def __init__(self, config: LabConfig, generator: torch.Generator):
        super().__init__()
        self.register_buffer("directions", 2 * torch.randn((2, config.waves), generator=generator))
        widths = [2 + 2 * config.waves + 32] + [config.hidden] * config.layers
        layers: list[nn.Module] = []
        for a, b in zip(widths, [*widths[1:], 2], strict=True):
            layer = nn.Linear(a, b)
            nn.init.kaiming_normal_(layer.weight, generator=generator)
            nn.init.zeros_(layer.bias)
            layers += [layer, nn.SiLU()]
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        phase = x @ self.directions
        return self.layers(torch.cat([x, phase.sin(), phase.cos(), waves(t, 32)], 1))


class Lab:
    """One training. Everything random in it comes from `seed`, and nothing is shared with another lab."""

    def __init__(self, config: LabConfig, data: Distribution, seed: int = 0):
        self.config, self.data, self.steps = config, data, 0
        self.random = torch.Generator().manual_seed(seed)
        self.network = Network(config, self.random)
        self.average = EMA(self.network, config.ema)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=config.lr, betas=(0.9, 0.99), fused=True)
        self.noise = torch.randn((PARTICLES, 2), generator=self.random)
        self.total, self.seen = 0.0, 0  # of the losses since the last frame

    def step(self, n: int = 1) -> None:
        """n steps of gradient descent. Raises: Diverged."""
        for _ in range(n):
            x0 = self.data.draw(self.config.batch, self.random)
            noise = torch.randn(x0.shape, generator=self.random)
            t = torch.rand(len(x0), generator=self.random)
            alpha, sigma = (f[:, None] for f in schedules.factors(t))
            loss = F.mse_loss(self.network(alpha * x0 + sigma * noise, t), alpha * noise - sigma * x0)
            if not math.isfinite(loss.item()):
                raise Diverged(
                    f"The loss is no longer a number after {self.steps} steps: try a lower learning rate, and reset."
                )
            set_lr(self.optimizer, self.config.lr * cosine(self.steps, self.config.steps, warmup=20))
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.average.update(self.network)
            self.steps += 1
            self.total, self.seen = self.total + loss.item(), self.seen + 1

    def learned(self) -> Denoiser:
        """What the averaged network predicts."""

        def denoise(x: Tensor, t: Tensor) -> Prediction:
            return from_v(x, t, self.average.model(x, torch.full((len(x),), float(t))))

        return denoise

    def perfect(self) -> Denoiser:
        """What there is to learn."""
        return exact.mixture(self.data.centres, self.data.sigma)

    def frame(self, way: str = "ode") -> Frame:
        """The training as it stands; draws nothing from its generator. way: of the particles, "ode" or "sde"."""
        loss = self.total / self.seen if self.seen else math.nan
        self.total, self.seen = 0.0, 0
        return Frame(
            step=self.steps,
            steps=self.config.steps,
            loss=loss,
            learned=field(self.learned()),
            perfect=field(self.perfect()),
            error=self.errors(),
            flow=flow(self.learned(), self.noise, way, seed=0),
        )

    @torch.inference_mode()
    def errors(self) -> np.ndarray:
        """E |noise learned - noise perfect|^2 / 2 at each of LEVELS over points x_t, [len(LEVELS)]."""
        generator = torch.Generator().manual_seed(1)
        x0 = self.data.draw(MEASURED, generator)
        noise = torch.randn(x0.shape, generator=generator)
        learned, perfect, found = self.learned(), self.perfect(), []
        for t in LEVELS:
            x = schedules.noised(x0, t, noise)
            found.append(F.mse_loss(learned(x, t).noise, perfect(x, t).noise).item())
        return np.array(found, dtype=np.float32)


@torch.inference_mode()
def field(denoise: Denoiser) -> np.ndarray:
    """Score times sigma on a grid over the plane at each of LEVELS: [len(LEVELS), ARROWS, ARROWS, 2]."""
    line = torch.linspace(-PLANE, PLANE, ARROWS)
    x = torch.cartesian_prod(line, line).flip(1)  # [ARROWS^2, 2], x running fastest
    fields = [-denoise(x, t).noise.view(ARROWS, ARROWS, 2) for t in LEVELS]
    return torch.stack(fields).numpy()


def flow(denoise: Denoiser, noise: Tensor, way: str = "ode", *, seed: int = 0, steps: int = FLOW) -> np.ndarray:
    """Where points of noise [N, 2] are after each step back to the data: [steps + 1, N, 2].

    way: "ode" for the smooth one (Heun, deterministic), "sde" for the shaken one (ancestral, from `seed`), or a sampler
    of samplers.SAMPLERS. Raises: ValueError.
    """
    name = WAYS.get(way, way)
    if name not in SAMPLERS:
        raise ValueError(f"There is no way back '{way}'; there are {', '.join([*WAYS, *SAMPLERS])}.")
    grid = schedules.grid(schedules.schedule("cosine"), steps, SPACING.get(name, "trailing"))
    walk = SAMPLERS[name](denoise, noise, grid, generator=torch.Generator().manual_seed(seed))
    return torch.stack([noise, *(step.after for step in walk)]).numpy()

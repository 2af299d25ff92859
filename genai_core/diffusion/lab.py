"""Diffusion in two dimensions: a small denoiser of points, trained live, beside the exact one.

The data is a mixture of Gaussians, so that the score at every noise level is known (`exact.mixture`), and the learned
score can be compared with it. All fields show the score times sigma, which is minus the predicted noise: arrows of the
same size at every noise level, pointing towards the data.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genai_core.common import checks
from genai_core.common.training import EMA, cosine, set_lr
from genai_core.data.plane import Distribution
from genai_core.diffusion import exact, schedules
from genai_core.diffusion.samplers import SAMPLERS, SPACING, Denoiser, Prediction, from_v
from genai_core.diffusion.unet import time_embedding

LEVELS = (0.08, 0.2, 0.4, 0.6, 0.8)  # noise levels t at which the fields are shown
PLANE = 2.0  # fields are shown from -PLANE to PLANE: noised points may lie outside the window of the data
ARROWS = 17  # along each side
PARTICLES = 400
FLOW = 40  # steps of a flow
MEASURED = 2000  # points for measuring an error
STRATA = 20  # noise levels over which the least loss is taken
SOLVERS = {"ode": "heun", "sde": "ddpm"}  # the sampler behind each


class Diverged(ValueError):
    """The training diverged. The message is one sentence: what happened, and what to try."""


@dataclass(frozen=True)
class LabConfig:
    hidden: int = 128
    layers: int = 3
    fourier_features: int = 32  # random Fourier features of the point in the network's input
    batch: int = 1024
    lr: float = 3e-3
    ema: float = 0.995
    steps: int = 2000  # over which the learning rate falls to 0 (half a cosine)


def check(config: LabConfig) -> None:
    """Raises: ValueError for sizes or numbers of steps that are too small, or a negative learning rate."""
    for name, low in (("hidden", 1), ("layers", 0), ("fourier_features", 0), ("batch", 1), ("steps", 1)):
        checks.count(name, getattr(config, name), low)
    checks.number("lr", config.lr, 0)
    checks.number("ema", config.ema, 0, 1)


@dataclass(frozen=True)
class Frame:
    """The state after `step` steps. All arrays are float32; the particles always start from the same noise."""

    step: int
    steps: int
    loss: float  # mean squared error of v since the last frame, NaN before the first step
    exact_loss: float  # that of the exact denoiser, the least that a network can reach
    learned: np.ndarray  # [len(LEVELS), ARROWS, ARROWS, 2], score times sigma; row 0 at y = -PLANE, column 0 left
    perfect: np.ndarray  # the same of the exact score
    error: np.ndarray  # [len(LEVELS)], mean squared error of the predicted noise against the exact one, over points x_t
    flow: np.ndarray  # [FLOW + 1, PARTICLES, 2], from noise (first) to samples (last) under the learned denoiser
    times: np.ndarray  # [FLOW + 1], the noise level of each of the flow's states, falling to 0


class Network(nn.Module):
    """Points [N, 2] at level t [N] -> v [N, 2]."""

    directions: Tensor

    def __init__(self, config: LabConfig, generator: torch.Generator):
        super().__init__()
        self.register_buffer("directions", 2 * torch.randn((2, config.fourier_features), generator=generator))
        widths = [2 + 2 * config.fourier_features + 32] + [config.hidden] * config.layers
        layers: list[nn.Module] = []
        for a, b in zip(widths, [*widths[1:], 2], strict=True):
            layer = nn.Linear(a, b)
            nn.init.kaiming_normal_(layer.weight, generator=generator)
            nn.init.zeros_(layer.bias)
            layers += [layer, nn.SiLU()]
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        phase = x @ self.directions
        return self.layers(torch.cat([x, phase.sin(), phase.cos(), time_embedding(t, 32)], 1))


class Lab:
    """One training. Everything random comes from `seed`, and nothing is shared with another lab.

    Raises: ValueError as `check`.
    """

    def __init__(self, config: LabConfig, data: Distribution, seed: int = 0):
        check(config)
        self.config, self.data, self.steps = config, data, 0
        self.random = torch.Generator().manual_seed(seed)
        self.network = Network(config, self.random)
        self.average = EMA(self.network, config.ema)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=config.lr, betas=(0.9, 0.99), fused=True)
        self.noise = torch.randn((PARTICLES, 2), generator=self.random)
        self.total, self.seen = 0.0, 0  # of the losses since the last frame
        self.exact_loss = least_loss(self.perfect(), data)

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
                    f"The loss is not finite after {self.steps} steps: try a lower learning rate, and reset."
                )
            set_lr(self.optimizer, self.config.lr * cosine(self.steps, self.config.steps, warmup=20))
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.average.update(self.network)
            self.steps += 1
            self.total, self.seen = self.total + loss.item(), self.seen + 1

    def learned(self) -> Denoiser:
        """The denoiser of the averaged network."""

        def denoise(x: Tensor, t: Tensor) -> Prediction:
            return from_v(x, t, self.average.model(x, torch.full((len(x),), float(t))))

        return denoise

    def perfect(self) -> Denoiser:
        """The exact denoiser, which the network approximates."""
        return exact.mixture(self.data.centres, self.data.sigma)

    def frame(self, solver: str = "ode") -> Frame:
        """The current state; draws no random numbers. solver: of the particles, as `flow`. Raises: ValueError."""
        loss = self.total / self.seen if self.seen else math.nan
        self.total, self.seen = 0.0, 0
        return Frame(
            step=self.steps,
            steps=self.config.steps,
            loss=loss,
            exact_loss=self.exact_loss,
            learned=field(self.learned()),
            perfect=field(self.perfect()),
            error=self.errors(),
            flow=flow(self.learned(), self.noise, solver, seed=0),
            times=levels(solver).float().numpy(),
        )

    @torch.inference_mode()
    def errors(self) -> np.ndarray:
        """E |noise learned - noise perfect|^2 / 2 at each of LEVELS over points x_t, [len(LEVELS)]."""
        generator = torch.Generator().manual_seed(1)
        x0 = self.data.draw(MEASURED, generator)
        noise = torch.randn(x0.shape, generator=generator)
        learned, perfect, mse = self.learned(), self.perfect(), []
        for t in torch.tensor(LEVELS, dtype=torch.float64):
            x = schedules.noised(x0, t, noise)
            mse.append(F.mse_loss(learned(x, t).noise, perfect(x, t).noise).item())
        return np.array(mse, dtype=np.float32)


@torch.inference_mode()
def least_loss(denoise: Denoiser, data: Distribution, n: int = MEASURED) -> float:
    """The mean squared error of v of an exact denoiser, over n points and levels t that are even in [0, 1].

    It is not 0: from x_t alone the noise in it cannot be told for certain.
    """
    generator = torch.Generator().manual_seed(1)
    total = 0.0
    for t in (torch.arange(STRATA, dtype=torch.float64) + 0.5) / STRATA:
        x0 = data.draw(n // STRATA, generator)
        noise = torch.randn(x0.shape, generator=generator)
        alpha, sigma = (float(f) for f in schedules.factors(t))
        p = denoise(alpha * x0 + sigma * noise, t)
        total += F.mse_loss(alpha * p.noise - sigma * p.x0, alpha * noise - sigma * x0).item() / STRATA
    return total


@torch.inference_mode()
def field(denoise: Denoiser) -> np.ndarray:
    """Score times sigma on a grid over the plane at each of LEVELS: [len(LEVELS), ARROWS, ARROWS, 2]."""
    line = torch.linspace(-PLANE, PLANE, ARROWS)
    x = torch.cartesian_prod(line, line).flip(1)  # [ARROWS^2, 2], x running fastest
    fields = [-denoise(x, t).noise.view(ARROWS, ARROWS, 2) for t in torch.tensor(LEVELS, dtype=torch.float64)]
    return torch.stack(fields).numpy()


def unknown(solver: str) -> ValueError:
    return ValueError(f"There is no solver '{solver}'; there are {', '.join([*SOLVERS, *SAMPLERS])}.")


def flow(denoise: Denoiser, noise: Tensor, solver: str = "ode", *, seed: int = 0, steps: int = FLOW) -> np.ndarray:
    """Points of noise [N, 2] after each step of the reverse process: [steps + 1, N, 2].

    solver: "ode" (Heun, deterministic), "sde" (ancestral, stochastic, from `seed`), or a sampler
    of samplers.SAMPLERS. Raises: ValueError.
    """
    generator = torch.Generator().manual_seed(seed)
    walk = SAMPLERS[sampler_of(solver)](denoise, noise, levels(solver, steps), generator=generator)
    return torch.stack([noise, *(step.after for step in walk)]).numpy()


def sampler_of(solver: str) -> str:
    """The sampler behind a solver, see `flow`. Raises: ValueError."""
    name = SOLVERS.get(solver, solver)
    if name not in SAMPLERS:
        raise unknown(solver)
    return name


def levels(solver: str, steps: int = FLOW) -> Tensor:
    """The noise levels that a flow visits, [steps + 1], falling to 0. Raises: ValueError."""
    spacing = SPACING.get(sampler_of(solver), "trailing")
    return schedules.grid(schedules.schedule("cosine"), steps, spacing)

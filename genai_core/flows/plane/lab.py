"""Four flows on the same points, trained live: two chains of layers, and two velocities whose flow is integrated.

The data are mixtures of Gaussians, so that the exact log-likelihood of a flow can be compared with the true one. They
are scaled so that they lie about where the latent N(0, I) does, and their Gaussians are widened: a smooth map of a
round Gaussian needs far longer than a minute for modes as narrow as those that GANs are counted on.
"""

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from genai_core.common import checks
from genai_core.common.training import EMA, cosine, set_lr
from genai_core.data.plane import Distribution
from genai_core.flows.plane import matching
from genai_core.flows.plane.continuous import FFJORD, TRACES, Continuous, rademacher
from genai_core.flows.plane.discrete import Discrete, glow, realnvp
from genai_core.flows.plane.export import Weights, weights
from genai_core.flows.plane.matching import FlowMatching
from genai_core.flows.plane.velocity import Velocity

SCALE = 2.0  # by which the plane of the data is enlarged
PLANE = 3.2  # the plane is shown from -PLANE to PLANE, and the density is integrated to twice as far
MARGIN = 32  # cells of the density along each side of that larger square, of which the shown one is left out
LATTICE = 25  # points of the latent grid along each side
REACH = 3.0  # which goes from -REACH to REACH
SAMPLES = 240
HELD_OUT = 500  # points for measuring the likelihood
MODELS = ("realnvp", "glow", "ffjord", "matching")
CELLS = {"realnvp": 64, "glow": 64, "ffjord": 48, "matching": 48}  # of the density along each side
PARTS = {"realnvp": 2, "glow": 2, "ffjord": 1, "matching": 1}  # of each cell: couplings leave bridges thinner than it


class Diverged(ValueError):
    """The training diverged. The message is one sentence: what happened, and what to try."""


@dataclass(frozen=True)
class LabConfig:
    model: str = "realnvp"
    sigma: float = 0.15  # the width of each Gaussian of the data, where SCALE is already taken
    # Real NVP and Glow
    couplings: int = 8
    # FFJORD and flow matching
    layers: int = 3  # of the velocity's network
    trace: str = "exact"  # of FFJORD's training, one of continuous.TRACES
    # optimisation
    hidden: int = 32
    batch: int = 512
    lr: float = 5e-3
    ema: float = 0.99
    steps: int = 2000  # over which the learning rate falls to 0 (half a cosine)


CONFIGS = {
    "realnvp": LabConfig("realnvp", lr=1e-2, steps=1500),
    "glow": LabConfig("glow", lr=1e-2, steps=1000),
    "ffjord": LabConfig("ffjord", hidden=64, layers=2, steps=300),
    "matching": LabConfig("matching", hidden=64, steps=3000),
}


def configured(model: str, **changes: object) -> LabConfig:
    """The config of a model, with these fields changed. Raises: ValueError."""
    if model not in MODELS:
        raise ValueError(f"There is no model '{model}'; there are {', '.join(MODELS)}.")
    return dataclasses.replace(CONFIGS[model], **changes)  # type: ignore[arg-type]


def check(config: LabConfig) -> None:
    """Raises: ValueError for an unknown model or trace, sizes or numbers of steps that are too small, or bad rates."""
    configured(config.model)
    if config.trace not in TRACES:
        raise ValueError(f"There is no trace '{config.trace}'; there are {', '.join(TRACES)}.")
    for name in ("couplings", "layers", "hidden", "batch", "steps"):
        checks.count(name, getattr(config, name))
    checks.above("sigma", config.sigma)
    checks.number("lr", config.lr, 0)
    checks.number("ema", config.ema, 0, 1)


def build(config: LabConfig, generator: torch.Generator) -> Discrete | FFJORD | FlowMatching:
    """The untrained flow of a config."""
    if config.model in ("realnvp", "glow"):
        make = realnvp if config.model == "realnvp" else glow
        return make(config.couplings, config.hidden, generator)
    velocity = Velocity(config.layers, config.hidden, generator)
    return FFJORD(velocity, config.trace) if config.model == "ffjord" else FlowMatching(velocity)


@dataclass(frozen=True)
class Measures:
    """What is known of the density after `step` steps, all in nats."""

    step: int
    nll: float  # mean negative log-likelihood of HELD_OUT points
    hutchinson: float  # the same with one draw of Hutchinson's estimator at each point; NaN for a chain of layers
    exact: float  # that of the true density, at the same points
    density: np.ndarray  # [cells, cells] float32, the mean of each cell; row 0 at y = -PLANE, column 0 left
    integral: float  # of the density: its sum over these cells, and larger ones around them, times their areas
    quality: float  # share of the samples within 3 sigma of a centre, in [0, 1]


@dataclass(frozen=True)
class Frame:
    """The state after `step` steps. All arrays are float32; latent points are the same every time."""

    step: int
    steps: int
    loss: float  # mean since the last frame, NaN before the first step
    entropy: float  # of the data, in nats: no density has a lower mean negative log-likelihood
    lattice: np.ndarray  # [L + 1, LATTICE, LATTICE, 2], from z (first) to x (last) through the L layers, or times
    samples: np.ndarray  # [S + 1, SAMPLES, 2], likewise; of flow matching and FFJORD in the S steps of the sampler
    weights: Weights
    measures: Measures | None  # None where they were not asked for


class Lab:
    """One training. Everything random comes from `seed`, and nothing is shared with another lab.

    Raises: ValueError as `check`.
    """

    def __init__(self, config: LabConfig, data: Distribution, seed: int = 0):
        check(config)
        self.config, self.data, self.steps = config, data.scaled(SCALE, config.sigma), 0
        self.random = torch.Generator().manual_seed(seed)
        self.model = build(config, self.random)
        if isinstance(self.model, Discrete):
            self.model.initialise(self.data.draw(config.batch, self.random))
        self.average = EMA(self.model, config.ema)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=config.lr, betas=(0.9, 0.99), fused=True)
        self.z = torch.randn((SAMPLES, 2), generator=self.random)
        self.held_out = self.data.draw(HELD_OUT, self.random)
        self.noise = rademacher(self.held_out, self.random)
        self.entropy = self.data.entropy()
        self.total, self.seen = 0.0, 0  # of the losses since the last frame

    def step(self, n: int = 1) -> None:
        """n steps of gradient descent. Raises: Diverged."""
        for _ in range(n):
            loss = self.model.loss(self.data.draw(self.config.batch, self.random), self.random)
            if not math.isfinite(loss.item()):
                raise Diverged(f"The loss is not finite after {self.steps} steps: try another seed, and reset.")
            set_lr(self.optimizer, self.config.lr * cosine(self.steps, self.config.steps, warmup=20))
            self.optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
            self.optimizer.step()
            self.average.update(self.model)
            self.steps += 1
            self.total, self.seen = self.total + loss.item(), self.seen + 1

    @torch.no_grad()
    def frame(self, solver: str = "heun", solver_steps: int = 10, measured: bool = True) -> Frame:
        """The current state; draws no random numbers. solver, solver_steps: of the samples, see `matching.sample`.

        Raises: ValueError, Diverged.
        """
        model = self.average.model
        loss = self.total / self.seen if self.seen else math.nan
        self.total, self.seen = 0.0, 0
        samples = (
            matching.sample(model.velocity, self.z, solver, solver_steps)
            if isinstance(model, Continuous)
            else model.path(self.z)
        )
        return Frame(
            step=self.steps,
            steps=self.config.steps,
            loss=loss,
            entropy=self.entropy,
            lattice=model.path(lattice()).view(-1, LATTICE, LATTICE, 2).numpy(),
            samples=samples.numpy(),
            weights=weights(model),
            measures=self.measures(samples[-1]) if measured else None,
        )

    @torch.no_grad()
    def measures(self, samples: Tensor) -> Measures:
        """What is known of the density now. samples: [N, 2], of the model."""
        model, cells, parts = self.average.model, CELLS[self.config.model], PARTS[self.config.model]
        log_p = model.log_prob(torch.cat([middles(parts * cells, PLANE), margin()]))
        inner, outer = log_p.exp().split([(parts * cells) ** 2, len(log_p) - (parts * cells) ** 2])
        density = inner.view(cells, parts, cells, parts).mean((1, 3))
        nll = -model.log_prob(self.held_out).mean().item()
        if not math.isfinite(nll):
            raise Diverged(f"The likelihood is not finite after {self.steps} steps: try another seed, and reset.")
        estimated = (
            -model.log_prob(self.held_out, self.noise).mean().item() if isinstance(model, Continuous) else math.nan
        )
        return Measures(
            step=self.steps,
            nll=nll,
            hutchinson=estimated,
            exact=-self.data.log_prob(self.held_out).mean().item(),
            density=density.numpy(),
            integral=(density.sum() * (2 * PLANE / cells) ** 2 + outer.sum() * (4 * PLANE / MARGIN) ** 2).item(),
            quality=self.data.quality(samples)[1],
        )


def lattice() -> Tensor:
    """The regular grid of the latent space, [LATTICE^2, 2], x running fastest."""
    line = torch.linspace(-REACH, REACH, LATTICE)
    return torch.cartesian_prod(line, line).flip(1)


def middles(cells: int, reach: float) -> Tensor:
    """The middles of so many cells a side of the square from -reach to reach, [cells^2, 2], x running fastest."""
    line = (torch.arange(cells) + 0.5) * (2 * reach / cells) - reach
    return torch.cartesian_prod(line, line).flip(1)


def margin() -> Tensor:
    """The middles of the cells around the plane that is shown, [N, 2]."""
    x = middles(MARGIN, 2 * PLANE)
    return x[x.abs().max(1).values > PLANE]

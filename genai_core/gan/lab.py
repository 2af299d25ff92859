"""A GAN in two dimensions: points instead of pictures, small enough for live training.

A `Lab` holds a generator, a discriminator and their optimisers: `step` trains them, `frame` shows the current state.
Coverage is measured as by Srivastava 2017 (VEEGAN) and Lin 2018 (PacGAN): a generated point is of high quality within
3 standard deviations of the nearest mode, and a mode is covered if it is nearest to at least one point of high quality.
"""

import itertools
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from genai_core.common import checks
from genai_core.common.training import EMA, Recipe, cosine, set_lr
from genai_core.data.plane import WINDOW, Distribution, distribution
from genai_core.gan import losses

HEAT = 40  # cells of the heat map along each side
SHOWN = 480  # points shown of each kind; divisible by packs of 1 to 6
COUNTED = 2500  # generated points for counting modes and quality, as in the papers


class Diverged(ValueError):
    """The training diverged. The message is one sentence: what diverged, and what to try."""


@dataclass(frozen=True)
class LabConfig:
    latents: int = 2
    coins: int = 0  # additional latents that are -1 or 1, so that the generator need not connect the modes
    hidden: int = 128
    layers: int = 3
    pack: int = 1  # points that the discriminator sees at a time, all real or all generated (PacGAN, Lin 2018)
    fourier_features: int = 64  # Fourier features of its points in the discriminator's input
    # objective
    loss: str = "non_saturating"  # one of losses.NAMES
    d_steps: int = 1  # steps of the discriminator per step of the generator
    penalty: float = 0.0  # weight of the gradient penalty (Wasserstein) or of R1 (the others)
    # optimisation
    batch: int = 256  # packs
    lr_g: float = 1e-3
    lr_d: float = 1e-3
    ema: float = 0.0  # decay of the generator's average, which is shown; 0: the generator itself
    anneal: int = 0  # steps over which both learning rates fall to 0 (half a cosine); 0: constant


def check(config: LabConfig) -> None:
    """Raises: ValueError for an unknown loss, sizes or numbers of steps that are too small, or a penalty below 0."""
    losses.check(config.loss)
    for name, low in (("hidden", 1), ("pack", 1), ("batch", 1), ("d_steps", 1), ("latents", 0), ("coins", 0)):
        checks.count(name, getattr(config, name), low)
    for name in ("layers", "fourier_features", "anneal"):
        checks.count(name, getattr(config, name), 0)
    checks.count("The number of latents and coins", config.latents + config.coins)
    for name in ("penalty", "lr_g", "lr_d"):
        checks.number(name, getattr(config, name), 0)
    checks.number("ema", config.ema, 0, 1)


@dataclass(frozen=True)
class Frame:
    """The state after `step` steps. All arrays are float32; the same latents are shown every time."""

    step: int
    real: np.ndarray  # [SHOWN, 2]
    fake: np.ndarray  # [SHOWN, 2], the generator's outputs for fixed latents
    pull: np.ndarray  # [SHOWN, 2], the negative gradient of the generator's loss at these points
    heat: np.ndarray  # [HEAT, HEAT] in [0, 1], from "generated" to "real"; row 0 at y = -WINDOW, column 0 left
    span: tuple[float, float] | None  # the scores that heat 0 and 1 stand for in this frame; None: they are D's 0 and 1
    d_loss: float  # of the last step, NaN before the first
    g_loss: float
    slope: float  # mean |gradient| of the discriminator where the penalty measures it; NaN where there is none
    modes: int | None  # covered, of 8 or 25; None where the distribution has no modes to count
    quality: float  # share of high-quality points, in [0, 1]


class Lab:
    """One training. Everything random comes from `seed`, and nothing is shared with another lab.

    `config` may be replaced between two steps: loss, learning rates, d_steps, penalty and batch take effect at once.
    Raises: ValueError as `check`.
    """

    def __init__(self, config: LabConfig, data: Distribution, seed: int = 0):
        check(config)
        self.config, self.data, self.steps = config, data, 0
        self.random = torch.Generator().manual_seed(seed)
        self.generator = mlp(config.latents + config.coins, 2, config, self.random)
        self.discriminator = nn.Sequential(
            FourierFeatures(config.fourier_features, self.random),
            *mlp(2 * config.pack * (1 + config.fourier_features), 1, config, self.random),
        )
        self.average = EMA(self.generator, config.ema)
        self.g_optimizer, self.d_optimizer = (
            torch.optim.Adam(net.parameters(), betas=(0.5, 0.99), fused=True)
            for net in (self.generator, self.discriminator)
        )
        self.shown_real = data.draw(SHOWN, self.random)
        self.shown_z, self.counted_z = self._latents(SHOWN), self._latents(COUNTED)
        self.d_loss = self.g_loss = self.slope = math.nan

    def step(self, n: int = 1, who: Literal["both", "discriminator", "generator"] = "both") -> None:
        """Train n steps: `d_steps` of the discriminator and one of the generator, or one step of one of them.

        Raises: Diverged.
        """
        config = self.config
        for _ in range(n):
            factor = cosine(min(self.steps, config.anneal), config.anneal) if config.anneal else 1.0
            set_lr(self.g_optimizer, factor * config.lr_g)
            set_lr(self.d_optimizer, factor * config.lr_d)
            for _ in range(config.d_steps if who == "both" else 1):
                fake = self._make()
                if who != "generator":
                    self._discriminator_step(fake.detach())
            if who != "discriminator":
                self._generator_step(fake)
            self.steps += 1

    def _latents(self, n: int) -> Tensor:
        z = torch.randn((n, self.config.latents), generator=self.random)
        coins = torch.randint(2, (n, self.config.coins), generator=self.random)
        return torch.cat([z, 2.0 * coins - 1], 1)  # [n, latents + coins]

    def _make(self) -> Tensor:
        return self.generator(self._latents(self.config.batch * self.config.pack))  # [batch pack, 2]

    def _score(self, x: Tensor) -> Tensor:
        """Points [N pack, 2], neighbours in one pack -> scores [N]."""
        return self.discriminator(x.reshape(-1, 2 * self.config.pack))[:, 0]

    def _discriminator_step(self, fake: Tensor) -> None:
        config = self.config
        real = self.data.draw(len(fake), self.random)
        s_real, s_fake = self._score(torch.cat([real, fake])).chunk(2)
        loss = losses.discriminator_loss(config.loss, s_real, s_fake)
        self.slope = math.nan
        if config.penalty:
            wasserstein = config.loss == "wasserstein"
            real_packs, fake_packs = (x.reshape(-1, 2 * config.pack) for x in (real, fake))
            where = losses.between(real_packs, fake_packs, self.random) if wasserstein else real_packs
            norms = losses.gradient_norms(self._score, where)
            loss = loss + config.penalty * (losses.gradient_penalty(norms) if wasserstein else losses.r1(norms))
            self.slope = norms.mean().item()
        self.d_loss = self._descend(loss, self.d_optimizer, "discriminator")

    def _generator_step(self, fake: Tensor) -> None:
        self.discriminator.requires_grad_(False)
        loss = losses.generator_loss(self.config.loss, self._score(fake))
        self.g_loss = self._descend(loss, self.g_optimizer, "generator")
        self.discriminator.requires_grad_(True)
        self.average.update(self.generator)

    def _descend(self, loss: Tensor, optimizer: torch.optim.Optimizer, who: str) -> float:
        value = loss.item()
        if not math.isfinite(value):
            advice = "try a lower learning rate or another loss"
            if self.config.loss == "wasserstein":
                advice = "try a lower learning rate, or another weight of the gradient penalty"
            raise Diverged(f"The {who}'s loss is not finite after {self.steps} steps: {advice}, and reset.")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return value

    def frame(self) -> Frame:
        """The current state; draws no random numbers. Raises: Diverged."""
        with torch.no_grad():
            fake = self.average.model(self.shown_z)
            modes, quality = self.data.quality(self.average.model(self.counted_z))
        if not fake.isfinite().all():
            raise Diverged(
                f"The generator's points are not finite after {self.steps} steps: "
                "try a lower learning rate or another loss, and reset."
            )
        at = fake.clone().requires_grad_()
        loss = losses.generator_loss(self.config.loss, self._score(at)) * (SHOWN / self.config.pack)
        (slope,) = torch.autograd.grad(loss, at)
        heat, span = self._heat()
        return Frame(
            step=self.steps,
            real=self.shown_real.numpy(),
            fake=fake.numpy(),
            pull=-slope.numpy(),
            heat=heat,
            span=span,
            d_loss=self.d_loss,
            g_loss=self.g_loss,
            slope=self.slope,
            modes=modes,
            quality=quality,
        )

    @torch.no_grad()
    def _heat(self) -> tuple[np.ndarray, tuple[float, float] | None]:
        """D over the window: the probability of "real", or a score that is none, from its lowest value to its highest;
        and these two.
        """
        line = torch.linspace(-WINDOW, WINDOW, HEAT)
        x = torch.cartesian_prod(line, line).flip(1)  # [HEAT HEAT, 2], x running fastest
        packs = [x] + [self.shown_real[i].expand_as(x) for i in range(self.config.pack - 1)]  # the rest of a pack: real
        score = self._score(torch.stack(packs, 1).flatten(0, 1)).reshape(HEAT, HEAT)
        if self.config.loss in ("minimax", "non_saturating"):
            return score.sigmoid().numpy(), None
        if self.config.loss == "least_squares":
            return score.clamp(0, 1).numpy(), None
        low, high = score.min(), score.max()
        return ((score - low) / (high - low).clamp(min=1e-6)).numpy(), (low.item(), high.item())


class FourierFeatures(nn.Module):
    """Points [N, 2 pack] -> the same and sines and cosines of each point along random directions (Tancik 2020).

    They let the discriminator learn sharp modes in hundreds of steps instead of tens of thousands.
    """

    def __init__(self, count: int, generator: torch.Generator):
        super().__init__()
        self.register_buffer("directions", 2 * torch.randn((2, count), generator=generator))

    def forward(self, x: Tensor) -> Tensor:
        phase = x.unflatten(1, (-1, 2)) @ self.directions  # [N, pack, count]
        return torch.cat([x, phase.sin().flatten(1), phase.cos().flatten(1)], 1)  # [N, 2 pack (1 + count)]


def mlp(inside: int, outside: int, config: LabConfig, generator: torch.Generator) -> nn.Sequential:
    """`layers` hidden layers of leaky ReLUs. The biases of the first are spread out, and with them its kinks."""
    widths = [inside] + [config.hidden] * config.layers
    layers: list[nn.Module] = []
    for a, b in itertools.pairwise([*widths, outside]):
        layer = nn.Linear(a, b)
        nn.init.kaiming_normal_(layer.weight, a=0.2, generator=generator)
        nn.init.normal_(layer.bias, std=0.0 if layers else 1.0, generator=generator)
        layers += [layer, nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers[:-1])


PRESETS = {
    # a generator that is faster than its discriminator moves all samples to the highest score, and is chased from there
    "collapse": Recipe(LabConfig(loss="minimax", fourier_features=0, lr_g=2e-3, lr_d=1e-4), "grid", steps=1200),
    "all modes": Recipe(
        LabConfig(loss="wasserstein", penalty=0.1, lr_d=2e-3, coins=8, ema=0.999, anneal=7000), "grid", steps=4000
    ),
}


def preset(name: str) -> Lab:
    """The lab of a preset, untrained; train it for PRESETS[name].steps steps.

    Raises: ValueError, which says which presets there are.
    """
    if name not in PRESETS:
        raise ValueError(f"There is no preset '{name}'; there are {', '.join(PRESETS)}.")
    recipe = PRESETS[name]
    return Lab(recipe.config, distribution(recipe.dataset), recipe.seed)

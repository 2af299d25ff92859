"""Samplers: from noise to a picture, as pure functions of one signature.

    sampler(denoise, x, grid, *, generator, start=0) -> a Step per level of the grid

`denoise(x, t)` separates noise and picture in x at level t: a network, or an exact score in a test. `grid`
holds the levels to visit ([steps + 1], see `schedules.grid`), `x` the state at level grid[start]. Everything random
comes from `generator`, on the CPU.

The equations are the papers' with alpha_t = cos(t pi/2) and sigma_t = sin(t pi/2) (Ho's sqrt(alpha_bar) and
sqrt(1 - alpha_bar)). Where a paper has x = x_0 + s noise without the shrinking factor (Karras 2022, Song & Ermon 2019),
its x is our x / alpha and its s our sigma / alpha.

A schedule may end in noise alone, with alpha = 0 [Lin 2023, section 3.1]. A step from there is the limit of the rule
for alpha -> 0 where there is one; x / alpha and sigma / alpha have none.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from genai_core.common import checks
from genai_core.diffusion.schedules import factors


@dataclass(frozen=True, eq=False)
class Prediction:
    """A denoiser's prediction for x: `noise` and `x0`, of its shape, with x = alpha x0 + sigma noise.

    guidance_norm: [N], the Euclidean norm of (noise with the label - noise without), where guidance computed both.
    """

    noise: Tensor
    x0: Tensor
    guidance_norm: Tensor | None = None


Denoiser = Callable[[Tensor, Tensor], Prediction]
VARIANCES = ("fixed_small", "fixed_large")
# Below this alpha there is no signal to speak of: diffusers' stand-in for an alpha_bar of 0 is its square.
NO_SIGNAL = 2**-12


@dataclass(frozen=True, eq=False)
class Step:
    """One step of a sampler, from level t of the grid to the next. Tensors are in the denoiser's own range.

    To continue differently from here: `start=step`, with `x`, or `start=step + 1`, with `after`.
    """

    step: int  # 0 for the first of the grid
    t: float  # noise level of x, in [0, 1]
    x: Tensor  # the state before the step, [N, ...]
    noise: Tensor  # predicted in x
    x0: Tensor  # predicted from x
    after: Tensor  # the state after the step; of the last step, the sample
    guidance_norm: Tensor | None  # [N], see Prediction
    nfe: int  # evaluations of the denoiser so far; a guided one counts once (a single pass of a doubled batch)


def from_noise(x: Tensor, t: Tensor, noise: Tensor) -> Prediction:
    """The prediction of a denoiser that predicts the noise in x at level t > 0; not finite at t = 1."""
    alpha, sigma = _floats(t)
    return Prediction(noise, (x - sigma * noise) / alpha)


def from_x0(x: Tensor, t: Tensor, x0: Tensor) -> Prediction:
    """The prediction of a denoiser that predicts the picture from x at level t > 0."""
    alpha, sigma = _floats(t)
    return Prediction((x - alpha * x0) / sigma, x0)


def from_v(x: Tensor, t: Tensor, v: Tensor) -> Prediction:
    """The prediction of a denoiser that predicts v = alpha noise - sigma x_0 [Salimans & Ho 2022, section 4]."""
    alpha, sigma = _floats(t)
    return Prediction(sigma * x + alpha * v, alpha * x - sigma * v)


def from_score(x: Tensor, t: Tensor, score: Tensor) -> Prediction:
    """The prediction that a score, the gradient of log p_t at x, amounts to: noise = -sigma score [Song 2021]."""
    return from_noise(x, t, -_floats(t)[1] * score)


@torch.inference_mode()
def ddpm(
    denoise: Denoiser,
    x: Tensor,
    grid: Tensor,
    *,
    generator: torch.Generator,
    start: int = 0,
    variance: str = "fixed_small",
) -> Iterator[Step]:
    """Ancestral sampling: draw from q(x_s | x_t, x_0) with the predicted x_0 [Ho 2020, algorithm 2, eqs. 6, 7].

    variance: of VARIANCES, under diffusers' names: that of q, right if the data are a single point, or beta of the
    step, right if they are N(0, I) [section 3.2]. The last step adds none.
    Raises: ValueError for an unknown variance.
    """
    if variance not in VARIANCES:
        raise ValueError(f"There is no variance '{variance}'; there are {', '.join(VARIANCES)}.")
    for i, t, s in _pairs(grid, start):
        (alpha, sigma), (alpha_s, sigma_s) = _floats(t), _floats(s)
        p = denoise(x, t)
        beta = 1 - (alpha / alpha_s) ** 2
        mean = alpha_s * beta / sigma**2 * p.x0 + alpha / alpha_s * (sigma_s / sigma) ** 2 * x
        std = math.sqrt(beta) * (1 if variance == "fixed_large" else sigma_s / sigma)
        after = mean + std * _randn(x, generator) if sigma_s else mean
        yield _step(i, t, x, p, after, i - start + 1)
        x = after


@torch.inference_mode()
def ddim(
    denoise: Denoiser, x: Tensor, grid: Tensor, *, generator: torch.Generator, start: int = 0, eta: float = 0.0
) -> Iterator[Step]:
    """Implicit sampling: recombine the predicted x_0 and noise at the next level [Song 2020, eqs. 12, 16].

    eta in [0, 1] scales the fresh noise: none at 0 (the path is then deterministic), DDPM's at 1.
    Raises: ValueError for another eta.
    """
    checks.number("eta", eta, 0, 1)
    for i, t, s in _pairs(grid, start):
        (alpha, sigma), (alpha_s, sigma_s) = _floats(t), _floats(s)
        p = denoise(x, t)
        fresh = eta * sigma_s / sigma * math.sqrt(1 - (alpha / alpha_s) ** 2)
        after = alpha_s * p.x0 + math.sqrt(sigma_s**2 - fresh**2) * p.noise
        if fresh:
            after = after + fresh * _randn(x, generator)
        yield _step(i, t, x, p, after, i - start + 1)
        x = after


@torch.inference_mode()
def euler(denoise: Denoiser, x: Tensor, grid: Tensor, *, generator: torch.Generator, start: int = 0) -> Iterator[Step]:
    """Euler's rule on the probability-flow ODE d(x/alpha) = noise d(sigma/alpha) [Karras 2022, eq. 4].

    In these variables it is DDIM at eta = 0 (Song 2020, section 4.3); they differ in the default grid.
    """
    for i, t, s in _pairs(grid, start):
        p = denoise(x, t)
        after = _straight(p, s)
        yield _step(i, t, x, p, after, i - start + 1)
        x = after


@torch.inference_mode()
def heun(denoise: Denoiser, x: Tensor, grid: Tensor, *, generator: torch.Generator, start: int = 0) -> Iterator[Step]:
    """Heun's rule on the same ODE: the mean of the slopes at both ends of the step [Karras 2022, algorithm 1].

    Two evaluations a step and an error of second order. The last step, to level 0, is Euler's, and so is a first one
    from noise alone (alpha < NO_SIGNAL): a mean slope over an infinite step has no limit.
    """
    nfe = 0
    for i, t, s in _pairs(grid, start):
        (alpha, sigma), (alpha_s, sigma_s) = _floats(t), _floats(s)
        p = denoise(x, t)
        after, nfe = _straight(p, s), nfe + 1
        if s > 0 and alpha >= NO_SIGNAL:
            slope, shrink = (p.noise + denoise(after, s).noise) / 2, alpha_s / alpha
            after, nfe = shrink * x + (sigma_s - shrink * sigma) * slope, nfe + 1
        yield _step(i, t, x, p, after, nfe)
        x = after


@torch.inference_mode()
def dpmpp_2m(
    denoise: Denoiser, x: Tensor, grid: Tensor, *, generator: torch.Generator, start: int = 0
) -> Iterator[Step]:
    """DPM-Solver++ (2M): x_0 extrapolated from this and the last prediction [Lu 2022, algorithm 2].

    One evaluation a step and second order; the first step (of a branch, too) and the last one are of first order, and
    so is the second after one from noise alone, which is infinitely long.
    """
    last_x0, last_h = None, 0.0
    for i, t, s in _pairs(grid, start):
        (alpha, sigma), (alpha_s, sigma_s) = _floats(t), _floats(s)
        p = denoise(x, t)
        if sigma_s == 0:
            after = p.x0
        else:
            before = math.log(alpha / sigma) if alpha else -math.inf
            h = math.log(alpha_s / sigma_s) - before  # the step in half log-SNR
            x0 = p.x0 if last_x0 is None else p.x0 + h / (2 * last_h) * (p.x0 - last_x0)
            after = sigma_s / sigma * x - alpha_s * math.expm1(-h) * x0
            last_x0, last_h = p.x0, h
        yield _step(i, t, x, p, after, i - start + 1)
        x = after


@torch.inference_mode()
def langevin(
    denoise: Denoiser,
    x: Tensor,
    grid: Tensor,
    *,
    generator: torch.Generator,
    start: int = 0,
    repeats: int = 1,
    rate: float = 1.0,
) -> Iterator[Step]:
    """Annealed Langevin dynamics: follow the score, add noise, lower the noise level [Song & Ermon 2019, algorithm 1].

    `repeats` steps of the grid are spent at the first level of each group of them. rate: a step's size as a share of
    the level's variance, (alpha_i sigma_L^2 / epsilon) / sigma_i^2 in the paper's terms; too large, the added noise
    remains in the picture. The last step returns the predicted x_0 instead (Jolicoeur-Martineau 2020, section 3.1).
    Raises: ValueError for repeats below 1, a negative rate, or a step from noise alone (alpha = 0), where
    sigma / alpha, the scale of a step, is infinite.
    """
    checks.count("The repeats of a level", repeats)
    checks.number("The rate", rate, 0)
    last = len(grid) - 2
    levels = [grid[i - i % repeats] for i in range(last + 1)] + [grid[-1]]
    for i in range(start, last + 1):
        t, s = levels[i], levels[i + 1]
        (alpha, sigma), (alpha_s, _) = _floats(t), _floats(s)
        p = denoise(x, t)
        if i == last:
            after = p.x0
        elif alpha == 0:
            raise ValueError(
                "Langevin dynamics cannot start at a level without any signal (alpha = 0): use the spacing karras."
            )
        else:
            moved = x - rate / 2 * sigma * p.noise + math.sqrt(rate) * sigma * _randn(x, generator)
            after = alpha_s / alpha * moved
        yield _step(i, t, x, p, after, i - start + 1)
        x = after


SAMPLERS: dict[str, Callable[..., Iterator[Step]]] = {
    "ddim": ddim,
    "ddpm": ddpm,
    "euler": euler,
    "heun": heun,
    "dpmpp_2m": dpmpp_2m,
    "langevin": langevin,
}
# A paper's own spacing if it has one; otherwise the one that starts from pure noise (Lin 2023).
SPACING = {"euler": "karras", "heun": "karras", "langevin": "karras"}


def steps_within(sampler: str, nfe: int) -> int:
    """The most steps of that sampler that cost at most `nfe` evaluations (at least 1)."""
    return max(1, (nfe + 1) // 2) if sampler == "heun" else max(1, nfe)


def _pairs(grid: Tensor, start: int) -> Iterator[tuple[int, Tensor, Tensor]]:
    """(step, level before, level after) from step `start` on. Raises: IndexError if there is no such step."""
    if not 0 <= start < len(grid) - 1:
        raise IndexError(f"A grid of {len(grid) - 1} steps has no step {start}.")
    return ((i, grid[i], grid[i + 1]) for i in range(start, len(grid) - 1))


def _floats(t: Tensor) -> tuple[float, float]:
    alpha, sigma = factors(torch.as_tensor(t, dtype=torch.float64))
    return float(alpha), float(sigma)


def _randn(x: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(x.shape, generator=generator).to(x)


def _straight(p: Prediction, s: Tensor) -> Tensor:
    """The state carried to level s along the predicted noise, in the variables x / alpha, sigma / alpha.

    With x = alpha x_0 + sigma noise, alpha_s (x / alpha + (sigma_s / alpha_s - sigma / alpha) noise) needs no alpha.
    """
    alpha, sigma = _floats(s)
    return alpha * p.x0 + sigma * p.noise


def _step(i: int, t: Tensor, x: Tensor, p: Prediction, after: Tensor, nfe: int) -> Step:
    return Step(i, float(t), x, p.noise, p.x0, after, p.guidance_norm, nfe)

"""Noise schedules: how much of the picture and how much noise there is at each of T = 1000 steps.

    x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) noise                      [Ho 2020, eq. 4]

A schedule is a table of alpha_bar, falling from nearly 1 to nearly 0. Its two factors lie on a circle, so that one
angle determines both, and we measure the *noise level* t by it, from 0 (the picture) to 1 (noise alone):

    x_t = cos(t pi/2) x_0 + sin(t pi/2) noise

Networks and samplers receive this t and not the number of the step, so that a network trained under one schedule can be
sampled under another: the cosine schedule visits the levels evenly, the others stay longer at one end.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

T = 1000
NAMES = ("cosine", "linear", "sigmoid")
SPACINGS = ("trailing", "leading", "karras")


@dataclass(frozen=True, eq=False)
class Schedule:
    """alpha_bar: [T] float64, falling. Step i of T has noise level `t[i]`; all tables are on the CPU."""

    name: str
    alpha_bar: Tensor

    @property
    def t(self) -> Tensor:
        """Noise level of every step, [T] in (0, 1]; 1 is noise alone, without any signal."""
        return level(self.alpha_bar)

    @property
    def snr(self) -> Tensor:
        """Signal-to-noise ratio alpha_bar / (1 - alpha_bar) of every step, [T]."""
        return self.alpha_bar / (1 - self.alpha_bar)


def schedule(name: str) -> Schedule:
    """The schedule of that name. Raises: ValueError, which says which names there are.

    linear: beta from 1e-4 to 0.02 [Ho 2020, section 4]. cosine: [Nichol & Dhariwal 2021, eq. 17], beta at most 0.999.
    sigmoid: [Jabri 2022, appendix B], from -3 to 3 at temperature 1.
    """
    u = torch.linspace(0, 1, T + 1, dtype=torch.float64)
    match name:
        case "linear":
            return Schedule(name, (1 - torch.linspace(1e-4, 0.02, T, dtype=torch.float64)).cumprod(0))
        case "cosine":
            f = ((u + 0.008) / 1.008 * math.pi / 2).cos().square()
            return Schedule(name, (1 - (1 - f[1:] / f[:-1]).clamp(max=0.999)).cumprod(0))
        case "sigmoid":
            f = (3 - 6 * u).sigmoid()
            return Schedule(name, ((f - f[-1]) / (f[0] - f[-1]))[1:].clamp(min=1e-9))
    raise ValueError(f"There is no schedule '{name}'; there are {', '.join(NAMES)}.")


def level(alpha_bar: Tensor) -> Tensor:
    """Noise level t in [0, 1] of alpha_bar in [0, 1], same shape."""
    return torch.atan2((1 - alpha_bar).sqrt(), alpha_bar.sqrt()) * (2 / math.pi)


def factors(t: Tensor) -> tuple[Tensor, Tensor]:
    """alpha = cos(t pi/2) and sigma = sin(t pi/2): the factors of picture and noise at level t, same shape."""
    return ((1 - t) * (math.pi / 2)).sin(), (t * (math.pi / 2)).sin()  # cos would not be exactly 0 at t = 1


def log_snr(t: Tensor) -> Tensor:
    """log(alpha^2 / sigma^2) at level t, same shape; infinite at t = 0 and t = 1."""
    alpha, sigma = factors(t)
    return 2 * (alpha.log() - sigma.log())


def grid(schedule: Schedule, steps: int, spacing: str = "trailing") -> Tensor:
    """The noise levels that a sampler of that many steps visits: [steps + 1] float64, falling, the last one 0.

    trailing, leading: which of the T steps are kept (Lin 2023, table 2), as in diffusers' schedulers under the same
    names. "leading", the default of their DDPM and DDIM, never starts at the noisiest step. karras: between the
    schedule's ends (but at most sigma / alpha = 80), even in (sigma / alpha)^(1/7) [Karras 2022, eq. 5].
    Raises: ValueError for steps outside 1 ... T or an unknown spacing.
    """
    total = len(schedule.alpha_bar)  # T, but for a model of the Hub
    if not 1 <= steps <= total:
        raise ValueError(f"A sampler takes 1 to {total} steps, not {steps}.")
    match spacing:
        case "trailing":
            index = torch.arange(total, 0, -total / steps, dtype=torch.float64).round()[:steps].long() - 1
        case "leading":
            index = torch.arange(steps).flip(0) * (total // steps)
        case "karras":
            noise = schedule.snr[[0, -1]].rsqrt()  # sigma / alpha at both ends
            low, high = noise[0] ** (1 / 7), noise[1].clamp(max=80) ** (1 / 7)
            ratio = torch.lerp(high, low, torch.linspace(0, 1, steps, dtype=torch.float64)) ** 7
            t = ratio.atan() * (2 / math.pi)
            return torch.cat([t, t.new_zeros(1)])
        case _:
            raise ValueError(f"There is no spacing '{spacing}'; there are {', '.join(SPACINGS)}.")
    t = schedule.t[index]
    return torch.cat([t, t.new_zeros(1)])


def noised(x0: Tensor, t: Tensor | float, noise: Tensor) -> Tensor:
    """x_t from x_0 and noise of the same shape [N, ...]; t: one level or [N], in [0, 1]."""
    t = torch.as_tensor(t, dtype=torch.float64)
    alpha, sigma = (f.to(x0).view(-1, *[1] * (x0.dim() - 1)) for f in factors(t))
    return alpha * x0 + sigma * noise

"""The variational bound of a diffusion model on the probability of whole grey levels (Ho 2020, eq. 5).

Noising a picture x_0 and denoising it again tells how many nats it takes at most, over the T steps of a schedule:

    -log p(x_0) <= KL(q(x_T|x_0) || N(0, I))
                   + sum over t of (SNR(t - 1) - SNR(t)) / 2  |x_0 - x0hat(x_t)|^2        [Kingma 2021, eq. 13]
                   - log p(x_0 | x0hat(x_first))

The sum ends at a step `first` above 0: from there a table says which grey levels a predicted value stands for
(`evaluation.levels`). Both are chosen on training pictures, and the bound holds whatever they are.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from genai_core import data
from genai_core.common import checks
from genai_core.diffusion.guidance import denoiser
from genai_core.diffusion.samplers import Denoiser
from genai_core.diffusion.schedules import Schedule, noised, schedule
from genai_core.diffusion.unet import UNet
from genai_core.evaluation import levels
from genai_core.evaluation.levels import LevelTable

COUNTED = 5000  # training pictures that a table is counted on
CHOSEN = 1000  # and those on which `first` is chosen
FIRSTS = (0, 10, 20, 40, 80)
BATCH = 100

LABELS = {
    "bits": (
        "Bits per dimension of whole grey levels, test split, at most (levels counted on training pictures)",
        "{:.3f}",
    ),
    "bits_first": ("Step of 1000 at which that bound's sum ends and its table begins", "{:d}"),
}


@dataclass(frozen=True, eq=False)
class Bound:
    """What the bound of a denoiser needs: the schedule, the step where its sum ends, and the table there."""

    schedule: Schedule
    first: int
    table: LevelTable


def predicted(denoise: Denoiser, x: Tensor, step: int, at: Schedule, *, generator: torch.Generator) -> Tensor:
    """x0hat of pictures x [N, ...] in [0, 1], noised to the step: same shape, near [-1, 1]."""
    t = at.t[step]
    noise = torch.randn(x.shape, generator=generator).to(x)
    return denoise(noised(2 * x - 1, t, noise), t).x0


def step_nats(denoise: Denoiser, x: Tensor, step: int, at: Schedule, *, generator: torch.Generator) -> Tensor:
    """KL(q(x_s|x_t, x_0) || p(x_s|x_t)) of pictures x [N, ...] in [0, 1], from step t to s = t - 1: [N].

    Raises: ValueError for a step below 1.
    """
    checks.count("The step", step, 1, len(at.alpha_bar) - 1)
    error = (2 * x - 1 - predicted(denoise, x, step, at, generator=generator)).flatten(1).square().sum(1)
    return float(at.snr[step - 1] - at.snr[step]) / 2 * error


def prior_nats(x: Tensor, at: Schedule) -> Tensor:
    """KL(q(x_T|x_0) || N(0, I)) of pictures x [N, ...] in [0, 1]: [N]."""
    alpha_bar = float(at.alpha_bar[-1])
    variance = 1 - alpha_bar
    return 0.5 * (alpha_bar * (2 * x - 1).square() + variance - 1 - math.log(variance)).flatten(1).sum(1)


@torch.inference_mode()
def nats(denoise: Denoiser, bound: Bound, x: Tensor, *, generator: torch.Generator, terms: int = 10) -> Tensor:
    """At most so many nats does each of the pictures x [N, 1, 28, 28] take, in [0, 1], of whole 255ths: [N].

    terms: steps of the sum that are computed for a picture, one from each of as many equal shares, times their length;
    batches take turns, so that over all pictures each step has its turn. Raises: ValueError for terms below 1.
    """
    checks.count("terms", terms)
    steps = torch.arange(bound.first + 1, len(bound.schedule.alpha_bar))
    shares = steps.tensor_split(terms)
    orders = [share[torch.randperm(len(share), generator=generator)] for share in shares]
    found = []
    for turn, part in enumerate(x.split(BATCH)):
        expected = predicted(denoise, part, bound.first, bound.schedule, generator=generator)
        total = prior_nats(part, bound.schedule) - bound.table.log_prob(expected, part)
        for order in orders:
            step = int(order[turn % len(order)])
            total += len(order) * step_nats(denoise, part, step, bound.schedule, generator=generator)
        found.append(total.cpu())
    return torch.cat(found)


@torch.inference_mode()
def count(denoise: Denoiser, first: int, x: Tensor, at: Schedule, *, generator: torch.Generator) -> Bound:
    """A bound whose sum ends at step `first`, its table counted on pictures x [N, 1, 28, 28] in [0, 1]."""
    expected = torch.cat([predicted(denoise, part, first, at, generator=generator) for part in x.split(BATCH)])
    return Bound(at, first, levels.count(expected.cpu(), x.cpu()))


def evaluate(model: UNet, dataset: str) -> dict:
    """The figures of LABELS on the test split, without a label. Raises: DataError."""
    device, generator = next(model.parameters()).device, torch.Generator().manual_seed(0)
    x, x_train = (data.load(dataset, split)[0].to(device) for split in ("test", "train"))
    at = schedule("cosine")

    def denoise(x: Tensor, t: Tensor):
        none = torch.full((len(x),), model.config.classes)
        return denoiser(model, none, grid=at.t)(x, t)

    some = x_train[torch.randperm(len(x_train), generator=generator)[: COUNTED + CHOSEN]]
    bounds = [count(denoise, first, some[:COUNTED], at, generator=generator) for first in FIRSTS]
    best = min(bounds, key=lambda one: nats(denoise, one, some[COUNTED:], generator=_seeded()).mean())
    mean = float(nats(denoise, best, x, generator=_seeded()).mean())
    return {"bits": mean / (x[0].numel() * math.log(2)), "bits_first": best.first}


def _seeded() -> torch.Generator:
    return torch.Generator().manual_seed(1)

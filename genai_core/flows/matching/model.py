"""Flow matching: a network learns the velocity of straight paths from noise to data (Lipman 2022, Liu 2022).

    x_t = (1 - t) x_0 + t x_1,    dx_t/dt = x_1 - x_0,    loss = E |v(x_t, t) - (x_1 - x_0)|^2

x_0 is noise, x_1 data [Lipman 2022, eq. 22 with sigma_min = 0; Liu 2022, eq. 1]: time runs the other way than in
diffusion. Many paths cross at one x_t, and the loss is least at their mean velocity; the ODE dx/dt = v(x, t) then turns
noise into data, along paths that no longer cross and so are curved where they would have.

If noise and data are drawn independently, the pairs are those of the ODE of a `teacher` in the rectified model (reflow)
[Liu 2022, algorithm 1]: such paths hardly cross, so what it learns is nearly straight, and few steps are enough.

The network is the U-Net that diffusion has, with t as its noise level.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genai_core.common import checkpoints
from genai_core.common.training import (
    EMA,
    TrainStep,
    autocast,
    cosine,
    minibatches,
    restore,
    resumable,
    seeded,
    set_lr,
    snapshot,
)
from genai_core.diffusion.unet import NetworkConfig, UNet

TIMES = ("uniform", "logit-normal", "ends")
STEEPNESS = 2.0  # of the times "ends": their density is 3.8 times as high at 0 and 1 as half-way


@dataclass(frozen=True)
class FlowMatchingConfig(NetworkConfig):
    """Raises: ValueError for times that are none of TIMES."""

    times: str = "uniform"  # how t is drawn in training
    # reflow
    teacher: str = ""  # checkpoint that gives the first weights and the pairs; "": noise and data are independent
    guidance: float = 1.0  # of the teacher
    pairs: int = 0

    def __post_init__(self):
        if self.times not in TIMES:
            raise ValueError(f"There are no times '{self.times}'; there are {', '.join(TIMES)}.")


class VelocityUNet(UNet):
    """The network of diffusion; what it predicts is the velocity at x_t, and its level is the time t."""

    config: FlowMatchingConfig


def load(name: str) -> VelocityUNet:
    """A checkpoint as it is stored; `generate.load` also prepares it for sampling. Raises: CheckpointError."""
    return checkpoints.load(name, VelocityUNet, FlowMatchingConfig)


def draw_times(times: str, n: int, *, generator: torch.Generator) -> Tensor:
    """n times t in (0, 1), stratified [Kingma 2021, appendix I.1]: the i-th lies in the i-th of n equally likely parts.

    uniform. logit-normal: the logistic function of a standard normal, most often half-way, where the velocity is
    hardest to guess [Esser 2024, section 3.1]. ends: density in proportion to cosh(STEEPNESS (2 t - 1)), most often at
    the ends, where a rectified flow errs most (as in Lee 2024).
    """
    u = (torch.arange(n, dtype=torch.float64) + torch.rand((n,), generator=generator)) / n
    u = u.clamp(1e-6, 1 - 1e-6)
    match times:
        case "logit-normal":
            u = torch.special.ndtri(u).sigmoid()
        case "ends":
            u = (1 + ((2 * u - 1) * math.sinh(STEEPNESS)).asinh() / STEEPNESS) / 2
    return u[torch.randperm(n, generator=generator)].float()


def loss(
    model: VelocityUNet, noise: Tensor, x: Tensor, labels: Tensor, *, generator: torch.Generator
) -> dict[str, Tensor]:
    """Mean squared error of the velocity from noise to pictures x in [0, 1], both [N, 1, 28, 28], with labels [N]."""
    n, device, config = len(x), x.device, model.config
    t = draw_times(config.times, n, generator=generator).to(device)
    hidden = torch.rand(n, generator=generator) < config.label_dropout
    labels = labels.masked_fill(hidden.to(device), config.classes)
    x1 = 2 * x - 1
    x_t = torch.lerp(noise, x1, t.view(-1, 1, 1, 1))
    return {"loss": F.mse_loss(model(x_t, t, labels), x1 - noise)}


@resumable
def train(
    config: FlowMatchingConfig,
    data: tuple[Tensor, ...],
    *,
    steps: int,
    seed: int = 0,
    device: str | torch.device = "cpu",
    resume: dict | None = None,
    teacher: VelocityUNet | None = None,
) -> Iterator[TrainStep[VelocityUNet]]:
    """Train on (pictures [N, 1, 28, 28] in [0, 1], labels [N]), or on pairs, with their noises before these.

    The first weights are those of `teacher` (default: the checkpoint config.teacher, if there is one). Yields each step
    with the averaged network. Raises: CheckpointError.
    """
    *noises, pictures, labels = data
    model = seeded(seed, lambda: VelocityUNet(config)).to(device)
    if config.teacher or teacher:
        model.load_state_dict((teacher or load(config.teacher)).state_dict())
    ema = EMA(model, config.ema)
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.lr, weight_decay=config.weight_decay, fused=True)
    generator = torch.Generator().manual_seed(seed)
    parts = {"model": model, "ema": ema, "optimizer": optimizer}
    done = restore(resume, generator, parts)

    for step, index in enumerate(minibatches(len(pictures), config.batch, seed, done), done):
        if step >= steps:
            return
        x, y = pictures[index].to(device), labels[index].to(device)
        noise = noises[0][index] if noises else torch.randn(x.shape, generator=generator)
        set_lr(optimizer, config.lr * cosine(step, steps, warmup=50))
        with autocast(device):
            terms = loss(model, noise.to(device), x, y, generator=generator)
        optimizer.zero_grad()
        terms["loss"].backward()
        nn.utils.clip_grad_norm_(model.parameters(), config.clip)
        optimizer.step()
        ema.update(model)
        losses = {name: term.item() for name, term in terms.items()}
        yield TrainStep(step + 1, losses, ema.model, partial(snapshot, step + 1, generator, parts))

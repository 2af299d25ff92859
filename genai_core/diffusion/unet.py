"""The denoiser: a class-conditional U-Net that separates noise and picture (Ho 2020).

It predicts the velocity along the circle of `schedules.py` [Salimans & Ho 2022, section 4],

    v = alpha noise - sigma x_0,    hence    x_0 = alpha x_t - sigma v,    noise = sigma x_t + alpha v

a target of the same size at every noise level, whereas noise would be trivial at t = 1 and the picture at t = 0. One
label in ten is dropped in training: with the eleventh label, "none", the same network is unconditional, which guidance
needs (Ho & Salimans 2022).

Almost all computation is at 16 x 16 and below: a stride-2 convolution comes first and a pixel shuffle (Shi 2016) last.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genai_core.common.training import (
    EMA,
    Recipe,
    TrainStep,
    autocast,
    cosine,
    minibatches,
    restore,
    resumable,
    seeded,
    set_lr,
    snapshot,
    zero_init,
)
from genai_core.diffusion import schedules


@dataclass(frozen=True)
class NetworkConfig:
    """What the network needs, whatever it is trained to predict (see also `genai_core.flows.matching`)."""

    channels: tuple[int, int, int] = (32, 64, 128)  # at 16x16, 8x8 and 4x4
    embedding: int = 128  # width of the conditioning: noise level and class
    heads: int = 4  # of the attention at 4x4
    classes: int = 10
    # objective
    label_dropout: float = 0.1
    # optimisation
    batch: int = 128
    lr: float = 2e-3
    weight_decay: float = 0.01
    clip: float = 1.0
    ema: float = 0.999


@dataclass(frozen=True)
class UNetConfig(NetworkConfig):
    """Raises: ValueError for an unknown schedule."""

    schedule: str = "cosine"
    cycles: int = 1  # of the learning rate (Loshchilov 2016); each starts from the average of the last

    def __post_init__(self):
        schedules.schedule(self.schedule)  # says which there are


class Block(nn.Module):
    """Residual block, initially the identity; condition [N, embedding] scales and shifts its middle (Dhariwal 2021)."""

    def __init__(self, inside: int, outside: int, embedding: int):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(8, inside), nn.GroupNorm(8, outside)
        self.conv1 = nn.Conv2d(inside, outside, 3, padding=1)
        self.conv2 = nn.Conv2d(outside, outside, 3, padding=1)
        self.condition = nn.Linear(embedding, 2 * outside)
        self.skip = nn.Conv2d(inside, outside, 1) if inside != outside else nn.Identity()
        zero_init(self.conv2)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        h = self.conv1(F.silu(self.norm1(x)))  # [N, outside, H, W]
        scale, shift = self.condition(condition)[:, :, None, None].chunk(2, 1)
        h = F.silu(self.norm2(h) * (1 + scale) + shift)
        return self.skip(x) + self.conv2(h)


class Attention(nn.Module):
    """Self-attention over the positions of a feature map, with a residual (Vaswani 2017); initially the identity."""

    def __init__(self, channels: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norm = nn.GroupNorm(8, channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.out = nn.Conv1d(channels, channels, 1)
        zero_init(self.out)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.norm(x).flatten(2)  # [N, C, HW]
        q, k, v = self.qkv(tokens).unflatten(1, (self.heads, 3, -1)).unbind(2)  # each [N, heads, C/heads, HW]
        weights = (q.transpose(2, 3) @ k / q.shape[2] ** 0.5).softmax(3)  # fused attention is slower for 16 positions
        mixed = (v @ weights.to(v).transpose(2, 3)).flatten(1, 2)  # [N, C, HW]
        return x + self.out(mixed).unflatten(2, x.shape[2:])


class UNet(nn.Module):
    """Predicts v of noisy pictures. `steps`: a sampler's default.

    Raises: ValueError for heads that do not divide the channels at 4x4, or an odd embedding.
    """

    config: NetworkConfig
    steps = 50
    jumps = False  # whether it is also conditioned on the level where a step ends (see `fewstep`)

    def __init__(self, config: NetworkConfig):
        super().__init__()
        self.config = config
        (a, b, c), e = config.channels, config.embedding
        if config.heads < 1 or c % config.heads or e % 2:
            raise ValueError(f"{config.heads} heads must divide {c} channels, and an embedding of {e} must be even.")
        self.time = nn.Sequential(nn.Linear(e, e), nn.SiLU(), nn.Linear(e, e))
        self.label = nn.Embedding(config.classes + 1, e)  # the last one is "none"
        self.conv_in = nn.Conv2d(1, a, 3, stride=2, padding=1)
        self.down16 = nn.ModuleList([Block(a, a, e), Block(a, a, e)])
        self.to8 = nn.Conv2d(a, b, 3, stride=2, padding=1)
        self.down8 = nn.ModuleList([Block(b, b, e), Block(b, b, e)])
        self.to4 = nn.Conv2d(b, c, 3, stride=2, padding=1)
        self.middle = nn.ModuleList([Block(c, c, e), Block(c, c, e)])
        self.attention = Attention(c, config.heads)
        self.from4 = nn.Conv2d(c, 4 * b, 1)
        self.up8 = nn.ModuleList([Block(2 * b, b, e), Block(b, b, e)])
        self.from8 = nn.Conv2d(b, 4 * a, 1)
        self.up16 = nn.ModuleList([Block(2 * a, a, e), Block(a, a, e)])
        self.norm = nn.GroupNorm(8, a)
        self.conv_out = nn.Conv2d(a, 4, 3, padding=1)
        zero_init(self.conv_out)

    def forward(self, x: Tensor, t: Tensor, labels: Tensor) -> Tensor:
        """Noisy pictures [N, 1, 28, 28], levels t [N] in [0, 1], labels [N] (`classes`: none) -> v [N, 1, 28, 28]."""
        return self.velocity(x, self.time(time_embedding(t, self.config.embedding)) + self.label(labels))

    def velocity(self, x: Tensor, conditioning: Tensor) -> Tensor:
        """v [N, 1, 28, 28] of x, given the conditioning on level and class, [N, embedding]."""
        conditioning = F.silu(conditioning)
        x = F.pad(x, (2, 2, 2, 2))
        h16 = run(self.down16, self.conv_in(x), conditioning)  # [N, a, 16, 16]
        h8 = run(self.down8, self.to8(h16), conditioning)  # [N, b, 8, 8]
        h = self.middle[0](self.to4(h8), conditioning)  # [N, c, 4, 4]
        h = self.middle[1](self.attention(h), conditioning)
        h = F.pixel_shuffle(self.from4(h), 2)  # [N, b, 8, 8]
        h = run(self.up8, torch.cat([h, h8], 1), conditioning)
        h = F.pixel_shuffle(self.from8(h), 2)  # [N, a, 16, 16]
        h = run(self.up16, torch.cat([h, h16], 1), conditioning)
        v = F.pixel_shuffle(self.conv_out(F.silu(self.norm(h))), 2)  # [N, 1, 32, 32]
        return v[:, :, 2:-2, 2:-2].float()


def run(blocks: nn.ModuleList, h: Tensor, condition: Tensor) -> Tensor:
    for block in blocks:
        h = block(h, condition)
    return h


def time_embedding(t: Tensor, width: int) -> Tensor:
    """Sines and cosines of a thousand times t [N] at falling frequencies (Vaswani 2017, section 3.5): [N, width]."""
    frequency = torch.exp(-math.log(10_000) * torch.arange(width // 2, device=t.device) / (width // 2))
    phase = 1000 * t.float()[:, None] * frequency
    return torch.cat([phase.sin(), phase.cos()], 1)


def loss(model: UNet, x: Tensor, labels: Tensor, levels: Tensor, *, generator: torch.Generator) -> dict[str, Tensor]:
    """Mean squared error of v, for pictures x [N, 1, 28, 28] in [0, 1] with labels [N].

    levels: the table of noise levels [T], drawn uniformly. The draw is stratified over the batch, which makes the loss
    less noisy [Kingma 2021, appendix I.1].
    """
    n, device = len(x), x.device
    start = torch.rand((), generator=generator)
    index = ((torch.arange(n) / n + start) % 1 * len(levels)).long().clamp(max=len(levels) - 1)
    hidden = torch.rand(n, generator=generator) < model.config.label_dropout
    noise = torch.randn(x.shape, generator=generator).to(device)
    t = levels[index].to(device)  # [N]
    labels = labels.masked_fill(hidden.to(device), model.config.classes)
    alpha, sigma = (f.float().view(-1, 1, 1, 1) for f in schedules.factors(t))
    x0 = 2 * x - 1
    v = model(alpha * x0 + sigma * noise, t, labels)
    return {"loss": F.mse_loss(v, alpha * noise - sigma * x0)}


@resumable
def train(
    config: UNetConfig,
    data: tuple[Tensor, Tensor],
    *,
    steps: int,
    seed: int = 0,
    device: str | torch.device = "cpu",
    resume: dict | None = None,
) -> Iterator[TrainStep[UNet]]:
    """Train on (pictures [N, 1, 28, 28] in [0, 1], labels [N]); yields each step with the averaged network."""
    pictures, labels = data
    model = seeded(seed, lambda: UNet(config)).to(device)
    ema = EMA(model, config.ema)
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.lr, weight_decay=config.weight_decay, fused=True)
    generator = torch.Generator().manual_seed(seed)
    levels = schedules.schedule(config.schedule).t
    parts = {"model": model, "ema": ema, "optimizer": optimizer}
    done = restore(resume, generator, parts)
    length = -(-steps // config.cycles)

    for step, index in enumerate(minibatches(len(pictures), config.batch, seed, done), done):
        if step >= steps:
            return
        within = step % length
        if within == 0 and step > 0:
            model.load_state_dict(ema.model.state_dict())
            optimizer.state.clear()
        set_lr(optimizer, config.lr * cosine(within, length, warmup=50))
        with autocast(device):
            terms = loss(model, pictures[index].to(device), labels[index].to(device), levels, generator=generator)
        optimizer.zero_grad()
        terms["loss"].backward()
        nn.utils.clip_grad_norm_(model.parameters(), config.clip)
        optimizer.step()
        ema.update(model)
        losses = {name: term.item() for name, term in terms.items()}
        yield TrainStep(step + 1, losses, ema.model, partial(snapshot, step + 1, generator, parts))


RECIPES = {
    "ddpm-mnist": Recipe(UNetConfig(cycles=2), "mnist", steps=14_800),
    "ddpm-fashion": Recipe(UNetConfig(), "fashion", steps=4500),
}

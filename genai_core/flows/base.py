"""What all image flows share: the change of variables, the loss, training, sampling (Dinh 2014, eq. 3).

A picture of whole numbers 0 to 255 gets uniform noise, v = (255 x + u) / 256, so that it has a density; layers carry v
to latents z of as many numbers, which shall be independent and normal:

    log p(v) = log p(z) + sum of log |det| over the layers
    bits per dimension = 8 - log2 p(v) / 784                an upper bound of what the whole numbers need [Theis 2016]

With several scales, half of the channels are latent after each and the rest go on (Dinh 2016, section 3.6).
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genai_core.common import checks
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
from genai_core.flows.layers import ActNorm, Chain, Gaussianise, Layer, Scale, Squeeze, factor_in, factor_out
from genai_core.flows.optimizer import KernelMuon, kernels_of

SHAPE = (1, 28, 28)
DIMENSIONS = 784
LEVELS = 256


@dataclass(frozen=True)
class FlowConfig:
    # optimisation
    batch: int = 64
    lr: float = 1e-3
    muon_lr: float = 0.0  # of the convolutions' kernels; 0: AdamW for all
    weight_decay: float = 0.0
    clip: float = 1.0
    ema: float = 0.999


class ImageFlow(nn.Module):
    """A flow of pictures [N, 1, 28, 28] in one or more scales, each of some layers.

    prior: "normal" or "logistic" (Dinh 2014, section 3.4), of every latent number.
    """

    prior = "normal"

    def __init__(self, config: FlowConfig, *scales: list[Layer]):
        super().__init__()
        self.config = config
        self.scales: Sequence[Chain] = nn.ModuleList(Chain(*layers) for layers in scales)  # type: ignore[assignment]
        self.shapes = latent_shapes(scales)

    def encode(self, v: Tensor) -> tuple[list[Tensor], Tensor]:
        """v [N, 1, 28, 28] in (0, 1) -> the latents of each scale, finest first, and log |det dz/dv| [N]."""
        latents, total, h = [], v.new_zeros(len(v)), v
        for i, scale in enumerate(self.scales):
            if i:
                h, out = factor_out(h)
                latents.append(out)
            h, log_det = scale(h)
            total = total + log_det
        return [*latents, h], total

    def decode(self, latents: list[Tensor]) -> Tensor:
        """The inverse of `encode`: latents of each scale -> v, near [0, 1], [N, 1, 28, 28]."""
        h = latents[-1]
        for i in reversed(range(len(self.scales))):
            h = self.scales[i].inverse(h)
            if i:
                h = factor_in(h, latents[i - 1])
        return h

    def log_prior(self, latents: list[Tensor]) -> Tensor:
        """log p(z) of latents, [N], in nats."""
        z = torch.cat([part.flatten(1) for part in latents], 1)  # [N, 784]
        if self.prior == "logistic":
            return (F.logsigmoid(z) + F.logsigmoid(-z)).sum(1)
        return -0.5 * (z.square() + math.log(2 * math.pi)).sum(1)

    def log_prob(self, v: Tensor) -> Tensor:
        """log p(v) of pictures with noise, [N, 1, 28, 28] in (0, 1): [N], in nats."""
        latents, log_det = self.encode(v)
        return self.log_prior(latents) + log_det


def latent_shapes(scales: tuple[list[Layer], ...]) -> list[tuple[int, int, int]]:
    """The shape [C, H, W] of each scale's latents, finest first."""
    shapes, (c, h, w) = [], SHAPE
    for i, layers in enumerate(scales):
        if i:
            c //= 2
            shapes.append((c, h, w))
        for _ in filter(lambda layer: isinstance(layer, Squeeze), layers):
            c, h, w = 4 * c, h // 2, w // 2
    return [*shapes, (c, h, w)]


def dequantise(x: Tensor, *, generator: torch.Generator) -> Tensor:
    """Pictures [N, 1, 28, 28] in [0, 1] -> v = (round(255 x) + u) / 256 in (0, 1), u uniform.

    u has 4096 steps, so that a float32 holds v exactly and never one of the next level.
    """
    u = (torch.randint(4096, x.shape, generator=generator).to(x) + 0.5) / 4096
    return ((LEVELS - 1) * x).round().add(u) / LEVELS


def bits_per_dimension(log_prob: Tensor) -> Tensor:
    """log p(v) in nats -> bits that each of the 784 whole numbers takes; 8 for a uniform density."""
    return math.log2(LEVELS) - log_prob / (DIMENSIONS * math.log(2))


def loss(model: ImageFlow, x: Tensor, *, generator: torch.Generator) -> dict[str, Tensor]:
    """Bits per dimension, mean over the batch: x [N, 1, 28, 28] in [0, 1], to which noise is added."""
    log_prob = model.log_prob(dequantise(x, generator=generator))
    return {"loss": bits_per_dimension(log_prob).mean()}


FIRST = 256  # pictures of the first batch, by which layers are initialised
HISTOGRAM = 10_000  # pictures whose values `Gaussianise` counts


@torch.no_grad()
def initialise(model: ImageFlow, pictures: Tensor, *, generator: torch.Generator) -> None:
    """Set the layers that start from data, in order: each is given what the ones before it, already set, make of it.

    pictures [N, 1, 28, 28] in [0, 1].
    """
    for layer in model.modules():
        if isinstance(layer, Gaussianise):
            layer.initialise(pictures[:HISTOGRAM])
    norms = [layer for layer in model.modules() if isinstance(layer, ActNorm | Scale)]
    hooks = [norm.register_forward_pre_hook(lambda layer, inputs: layer.initialise(*inputs)) for norm in norms]
    index = torch.randint(len(pictures), (FIRST,), generator=generator)
    model.encode(dequantise(pictures[index], generator=generator).to(next(model.parameters()).device))
    for hook in hooks:
        hook.remove()


def optimizers(model: nn.Module, config: FlowConfig) -> dict[str, torch.optim.Optimizer]:
    """AdamW and, where the config asks for it, Muon for the kernels."""
    kernels = kernels_of(model) if config.muon_lr else []
    rest = [p for p in model.parameters() if not any(p is kernel for kernel in kernels)]
    adamw = torch.optim.AdamW(rest, lr=config.lr, betas=(0.9, 0.99), weight_decay=config.weight_decay, fused=True)
    return {"adamw": adamw, "muon": KernelMuon(kernels, lr=config.muon_lr)} if kernels else {"adamw": adamw}


@resumable
def train(
    build: Callable[[Any], ImageFlow],
    config: FlowConfig,
    examples: tuple[Tensor, Tensor],
    *,
    steps: int,
    seed: int = 0,
    device: str | torch.device = "cpu",
    resume: dict | None = None,
) -> Iterator[TrainStep[ImageFlow]]:
    """Train on `examples` (pictures [N, 1, 28, 28] in [0, 1], labels unused); yields each step with its EMA."""
    pictures, _ = examples
    model = seeded(seed, lambda: build(config)).to(device)
    generator = torch.Generator().manual_seed(seed)
    if resume is None:
        initialise(model, pictures, generator=generator)
    ema = EMA(model, config.ema)
    both = optimizers(model, config)
    rates = {name: optimizer.param_groups[0]["lr"] for name, optimizer in both.items()}
    parts = {"model": model, "ema": ema, **both}
    done = restore(resume, generator, parts)

    for step, index in enumerate(minibatches(len(pictures), config.batch, seed, done), done):
        if step >= steps:
            return
        for name, optimizer in both.items():
            set_lr(optimizer, rates[name] * cosine(step, steps, warmup=100))
        with autocast(device):  # the couplings' networks; all else stays in float32
            terms = loss(model, pictures[index].to(device), generator=generator)
        model.zero_grad()
        terms["loss"].backward()
        nn.utils.clip_grad_norm_(model.parameters(), config.clip)
        for optimizer in both.values():
            optimizer.step()
        ema.update(model)
        losses = {name: term.item() for name, term in terms.items()}
        yield TrainStep(step + 1, losses, ema.model, partial(snapshot, step + 1, generator, parts))


def draw_latents(model: ImageFlow, n: int, *, generator: torch.Generator, temperature: float = 1.0) -> list[Tensor]:
    """Latents of n pictures from the prior, times the temperature: one tensor [n, C, H, W] a scale, on the CPU.

    Raises: ValueError for n below 1, or a temperature below 0.
    """
    checks.count("The number of pictures", n)
    checks.number("The temperature", temperature, 0)
    if model.prior == "logistic":
        return [temperature * torch.rand((n, *s), generator=generator).clamp(1e-6).logit() for s in model.shapes]
    return [temperature * torch.randn((n, *s), generator=generator) for s in model.shapes]


def redraw(
    model: ImageFlow, latents: list[Tensor], scale: int, *, generator: torch.Generator, temperature: float = 1.0
) -> list[Tensor]:
    """The latents with those of one scale drawn anew; 0 is the finest. The others stay.

    Raises: ValueError for a scale that there is not, or as `draw_latents`.
    """
    checks.count("The scale", scale, 0, len(latents) - 1)
    new = draw_latents(model, len(latents[0]), generator=generator, temperature=temperature)
    return [*latents[:scale], new[scale], *latents[scale + 1 :]]


@torch.inference_mode()
def decode(model: ImageFlow, latents: list[Tensor], batch: int = 250) -> Tensor:
    """The pictures of latents, one tensor [N, C, H, W] a scale: [N, 1, 28, 28] in [0, 1], of whole 255ths.

    Raises: ValueError for latents of other shapes.
    """
    checks.count("The number of scales", len(latents), len(model.shapes), len(model.shapes))
    for part, shape in zip(latents, model.shapes, strict=True):
        checks.shape("Latents", part, None, *shape)
    device = next(model.parameters()).device
    index = torch.arange(len(latents[0])).split(batch)
    v = torch.cat([model.decode([part[i].to(device) for part in latents]) for i in index])
    return (LEVELS * v).floor().clamp(0, LEVELS - 1).nan_to_num() / (LEVELS - 1)  # the level, without its noise


def sample(model: ImageFlow, n: int, *, generator: torch.Generator, temperature: float = 1.0) -> Tensor:
    """n pictures decoded from the prior at a temperature: [n, 1, 28, 28] in [0, 1].

    Raises: ValueError for n below 1, or a temperature below 0.
    """
    return decode(model, draw_latents(model, n, generator=generator, temperature=temperature))


@torch.inference_mode()
def bits(model: ImageFlow, x: Tensor, *, generator: torch.Generator, batch: int = 250) -> Tensor:
    """Bits per dimension of each picture of x [N, 1, 28, 28] in [0, 1], under one draw of the noise: [N].

    Raises: ValueError for pictures of another shape, or none.
    """
    checks.shape("Pictures", x, None, *SHAPE)
    checks.count("The number of pictures", len(x))
    device = next(model.parameters()).device
    v = dequantise(x, generator=generator)
    return bits_per_dimension(torch.cat([model.log_prob(part.to(device)).cpu() for part in v.split(batch)]))


def preview(model: ImageFlow) -> Tensor:
    """The 36 pictures of a training history, of the same latents at every step: [36, 1, 28, 28] in [0, 1]."""
    return sample(model, 36, generator=torch.Generator().manual_seed(0))

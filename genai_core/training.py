"""What every training loop shares: the step it yields, EMA, schedules, seeded order, mixed precision."""

import contextlib
import copy
import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class TrainStep:
    """One step of a training run.

    step: steps done so far. losses: named terms in float. model: the model to evaluate or ship (EMA where kept).
    state: call it to get everything that `train(..., resume=)` needs to go on from here.
    """

    step: int
    losses: dict[str, float]
    model: nn.Module
    state: Callable[[], dict] = field(repr=False)


@dataclass(frozen=True)
class Recipe:
    """How a shipped checkpoint is made: `train(config, data(dataset), steps=steps, seed=seed)`."""

    config: Any
    dataset: str
    steps: int
    seed: int = 0


class EMA:
    """Exponential moving average of a model's weights: `average <- decay average + (1 - decay) weights`.

    The decay grows as (1 + t) / (10 + t) at first, so that a short run is not held back by its initial weights.
    """

    def __init__(self, model: nn.Module, decay: float = 0.999):
        self.decay, self.updates = decay, 0
        self.model = copy.deepcopy(model).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        torch._foreach_lerp_(list(self.model.parameters()), list(model.parameters()), 1 - decay)
        for average, value in zip(self.model.buffers(), model.buffers(), strict=True):
            average.copy_(value)

    def state_dict(self) -> dict:
        return {"updates": self.updates, "model": self.model.state_dict()}

    def load_state_dict(self, state: dict) -> None:
        self.updates = state["updates"]
        self.model.load_state_dict(state["model"])


def seeded(seed: int, build: Callable[[], nn.Module]) -> nn.Module:
    """`build()` with its initial weights drawn from `seed`; the global generator is left as it was.

    For training processes only: for that moment the global generator is seeded, which other threads would see.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build()


@contextlib.contextmanager
def stepwise_seed(seed: int, step: int, device: torch.device | str) -> Iterator[None]:
    """Within, the global generators draw from (seed, step) alone: for dropout, which takes no generator.

    An interrupted run thus goes on with the very masks it would have had. For training processes only, as `seeded`.
    """
    device = torch.device(device)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed * 1_000_003 + step)
        yield


def minibatches(n: int, batch: int, seed: int, start: int = 0) -> Iterator[Tensor]:
    """Endless index tensors of `batch` out of `n`, each epoch a new order that depends on (seed, epoch) alone.

    `start` skips that many batches without drawing them, so that an interrupted run sees the order it would have.
    Raises: ValueError if a batch is larger than the set.
    """
    if not 0 < batch <= n:
        raise ValueError(f"A batch of {batch} cannot be drawn from {n} examples.")
    per_epoch = n // batch
    epoch, first = divmod(start, per_epoch)
    while True:
        order = torch.randperm(n, generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))
        for i in range(first, per_epoch):
            yield order[i * batch : (i + 1) * batch]
        epoch, first = epoch + 1, 0


def snapshot(step: int, generator: torch.Generator, parts: dict[str, Any]) -> dict:
    """Everything a run needs to go on after `step`: the generator's state and each part's `state_dict()`."""
    states = {name: copy.deepcopy(part.state_dict()) for name, part in parts.items()}
    return {"step": step, "generator": generator.get_state(), "parts": states}


def restore(saved: dict | None, generator: torch.Generator, parts: dict[str, Any]) -> int:
    """Put a `snapshot` back into the parts; returns the steps done so far (0 where nothing was saved)."""
    if saved is None:
        return 0
    generator.set_state(saved["generator"])
    for name, part in parts.items():
        part.load_state_dict(saved["parts"][name])
    return saved["step"]


def cosine(step: int, steps: int, warmup: int = 0) -> float:
    """Learning-rate factor: linear from 0 over `warmup` steps, then half a cosine from 1 to 0 (Loshchilov 2016)."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = lr


@functools.cache
def _fast_bfloat16() -> bool:
    try:
        return "avx512_bf16" in Path("/proc/cpuinfo").read_text()
    except OSError:
        return False


def autocast(device: torch.device | str, **options) -> torch.autocast:
    """bfloat16 for the networks where the hardware has it (on a CPU without it, it would be slower than float32)."""
    kind = torch.device(device).type
    fast = kind == "cuda" or (kind == "cpu" and _fast_bfloat16())
    return torch.autocast(kind, torch.bfloat16, enabled=fast, **options)

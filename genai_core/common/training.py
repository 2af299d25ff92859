"""What every training loop shares: the step it yields, EMA, schedules, seeded order, mixed precision."""

import contextlib
import copy
import dataclasses
import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, ParamSpec, TypeVar

import torch
from torch import Tensor, nn

Model = TypeVar("Model", bound=nn.Module)
P = ParamSpec("P")


@dataclass(frozen=True)
class TrainStep(Generic[Model]):
    """One step of a training run.

    step: steps done so far. losses: named terms in float. model: the model to evaluate or ship (EMA where kept).
    state: call it to get everything that `train(..., resume=)` needs to continue from here. Call it before asking the
    loop for its next step, which changes the weights in place; see `resumable`.
    """

    step: int
    losses: dict[str, float]
    model: Model
    state: Callable[[], dict] = field(repr=False)


@dataclass(frozen=True)
class Recipe:
    """How a shipped checkpoint is trained: `train(config, data(dataset), steps=steps, seed=seed)`."""

    config: Any
    dataset: str
    steps: int
    seed: int = 0


class EMA(Generic[Model]):
    """Exponential moving average of a model's weights: `average <- decay average + (1 - decay) weights`.

    The decay grows as (1 + t) / (10 + t) at first, so that a short run is not dominated by its initial weights.
    """

    def __init__(self, model: Model, decay: float = 0.999):
        self.decay, self.updates = decay, 0
        self.model: Model = copy.deepcopy(model).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, model: Model) -> None:
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


def seeded(seed: int, build: Callable[[], Model]) -> Model:
    """`build()` with its initial weights drawn from `seed`; the global generator is left untouched.

    For training processes only: meanwhile the global generator is seeded, which other threads would see.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build()


def zero_init(layer: nn.Module) -> None:
    """Set weights and bias to 0, in place: at first the layer adds nothing."""
    for p in layer.parameters():
        nn.init.zeros_(p)


@contextlib.contextmanager
def stepwise_seed(seed: int, step: int, device: torch.device | str) -> Iterator[None]:
    """A context in which the global generators are seeded by (seed, step): for dropout, which takes no generator.

    A resumed run thus draws the same masks as an uninterrupted one. For training processes only, like `seeded`.
    """
    device = torch.device(device)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        if device.type == "cpu":  # torch.manual_seed would also keep a stack trace for a CUDA that is never started
            torch.default_generator.manual_seed(seed * 1_000_003 + step)
        else:
            torch.manual_seed(seed * 1_000_003 + step)
        yield


def minibatches(n: int, batch: int, seed: int, start: int = 0) -> Iterator[Tensor]:
    """Endless index tensors of `batch` out of `n`; the order of an epoch depends on (seed, epoch) only.

    `start` skips that many batches without drawing them, so that a resumed run sees the same order.
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
    """Everything a run needs to continue after `step`: the generator's state and each part's `state_dict()`."""
    states = {name: copy.deepcopy(part.state_dict()) for name, part in parts.items()}
    return {"step": step, "generator": generator.get_state(), "parts": states}


def restore(saved: dict | None, generator: torch.Generator, parts: dict[str, Any]) -> int:
    """Load a `snapshot` into the parts; returns the steps done so far (0 without a snapshot)."""
    if saved is None:
        return 0
    generator.set_state(saved["generator"])
    for name, part in parts.items():
        part.load_state_dict(saved["parts"][name])
    return saved["step"]


def resumable(train: Callable[P, Iterator[TrainStep[Model]]]) -> Callable[P, Iterator[TrainStep[Model]]]:
    """`train` with steps whose `state` raises RuntimeError once the loop has gone on.

    The weights are then those of a later step, or half-way to it, and a run resumed from them would not be exact. A
    copy at every step would cost several times the model for a state that is needed once a minute, so it is refused.
    """

    @functools.wraps(train)
    def loop(*args: P.args, **kwargs: P.kwargs) -> Iterator[TrainStep[Model]]:
        newest = current = 0  # the last step yielded, and the step whose weights there are now (0: between two)

        def state(step: TrainStep[Model]) -> dict:
            if step.step != current:
                raise RuntimeError(
                    f"The state of step {step.step} is gone, because the training has gone on: call state() before "
                    "asking for the next step."
                )
            return step.state()

        for step in train(*args, **kwargs):
            newest = current = step.step
            yield dataclasses.replace(step, state=functools.partial(state, step))
            current = 0
        current = newest  # nothing changes after the last step

    return loop


def cosine(step: int, steps: int, warmup: int = 0) -> float:
    """Learning-rate factor: linear from 0 over `warmup` steps, then half a cosine from 1 to 0 (Loshchilov 2016)."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def trapezoid(step: int, steps: int, warmup: int) -> float:
    """Learning-rate factor: linear from 0 over `warmup` steps, 1 until 30 % of the steps, then linear to 2 %."""
    if step < warmup:
        return (step + 1) / warmup
    return min(1.0, 1 - 0.98 * (step / max(1, steps - 1) - 0.3) / 0.7)


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = lr


@functools.cache
def _fast_bfloat16() -> bool:
    try:
        return "avx512_bf16" in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False


def autocast(device: torch.device | str, **options) -> torch.autocast:
    """bfloat16 for the networks where the hardware supports it (on a CPU without support it is slower than float32)."""
    kind = torch.device(device).type
    fast = kind == "cuda" or (kind == "cpu" and _fast_bfloat16())
    return torch.autocast(kind, torch.bfloat16, enabled=fast, **options)

"""The pacing of a live training: a frame every few steps, an end at the time limit, and its state, to go on from."""

import io
import math
import pickle
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch

from genai_core.common import checks

Step = TypeVar("Step")
crowd = 1  # trainings that take turns in this process; whoever runs them says how many
ROUND = 0.08  # seconds in which a frame of each of them shall come


def turn(step: Callable[[], object], most: int) -> int:
    """Take `most` steps, or fewer, one at least, as soon as this training's share of a ROUND is over; returns how many.

    So the frames of a class that trains at the same time keep coming, with less that is new in each. Which steps have
    frames depends on the time then; what a frame shows depends on its step alone.
    Raises: ValueError for `most` below 1.
    """
    checks.count("The number of steps of a frame", most)
    until = time.monotonic() + ROUND / crowd
    for done in range(1, most + 1):
        step()
        if crowd > 1 and time.monotonic() >= until:
            return done
    return most


class _Pickler(pickle.Pickler):
    """Tensors as NumPy's arrays: torch writes each as an archive of its own, which takes several times as long."""

    def reducer_override(self, value: Any) -> Any:
        if type(value) is torch.nn.Parameter and value.device.type == "cpu":
            return _parameter, (value.detach().numpy(), value.requires_grad)
        if type(value) is torch.Tensor and value.device.type == "cpu" and not value.requires_grad:
            return torch.from_numpy, (value.numpy(),)
        return NotImplemented


def _parameter(array: Any, requires_grad: bool) -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.from_numpy(array), requires_grad)


def saved(training: Any) -> bytes:
    """A training's state, from which `pickle.loads` makes it again; read what is our own alone."""
    buffer = io.BytesIO()
    _Pickler(buffer, pickle.HIGHEST_PROTOCOL).dump(training)
    return buffer.getvalue()


@dataclass(frozen=True)
class Moment(Generic[Step]):
    """When a frame is due.

    steps: those since the last frame, the newest last. seconds: since the training began. timed_out: the time limit was
    reached before the last step, and this is the last frame.
    """

    steps: list[Step]
    seconds: float
    timed_out: bool


def paced(
    training: Iterable[Step], *, total: int, every: int, seconds: float, begun: float | None = None
) -> Iterator[Moment[Step]]:
    """A Moment after every `every` steps of the training and after its last, which is step `total`.

    It ends early after `seconds`, with a last Moment, so that there is always one. begun: `time.monotonic()` at the
    time from which they count; None: the first step's.
    Raises: ValueError for `every` below 1, or seconds that are not a number.
    """
    checks.count("The number of steps between two frames", every)
    if math.isnan(seconds):
        raise ValueError("The time limit must be a number of seconds.")
    begun = time.monotonic() if begun is None else begun
    since: list[Step] = []
    for done, step in enumerate(training, 1):
        since.append(step)
        elapsed = time.monotonic() - begun
        timed_out = elapsed > seconds and done < total
        if done % every == 0 or done == total or timed_out:
            yield Moment(since, elapsed, timed_out)
            since = []
        if timed_out:
            return

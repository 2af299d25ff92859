"""The pacing of a live training: a frame every few steps, and an end at the time limit."""

import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from genai_core.common import checks

Step = TypeVar("Step")


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

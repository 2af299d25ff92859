"""Solvers of the ODE dx/dt = v(x, t) from t = 0 to t = 1, as pure functions of one signature.

    solver(velocity, x, steps) -> a Step for each of so many equal steps

`velocity(x, t)` is a network, or the exact one in a test. Nothing is drawn: the result depends on x alone.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from genai_core.common import checks

Velocity = Callable[[Tensor, float], Tensor]  # (x [N, ...], t in [0, 1]) -> v [N, ...]


@dataclass(frozen=True, eq=False)
class Step:
    """One step of a solver, from t to t + 1 / steps."""

    step: int  # 0 for the first
    t: float  # time of x, in [0, 1)
    x: Tensor  # the state before the step, [N, ...]
    velocity: Tensor  # at x and t
    end: Tensor  # where x would be at t = 1 if it kept this velocity: the data that the model expects
    after: Tensor  # the state after the step; of the last step, the sample
    nfe: int  # evaluations of the velocity so far; a guided one counts once (a single pass of a doubled batch)


@torch.inference_mode()
def euler(velocity: Velocity, x: Tensor, steps: int) -> Iterator[Step]:
    """Euler's rule: one evaluation a step, and exact where paths are straight. Raises: ValueError for steps below 1."""
    for i, t, h in _times(steps):
        v = velocity(x, t)
        yield _step(i, t, x, v, after := x + h * v, i + 1)
        x = after


@torch.inference_mode()
def midpoint(velocity: Velocity, x: Tensor, steps: int) -> Iterator[Step]:
    """The midpoint rule: the velocity half a step ahead. Two evaluations a step, of second order.

    Raises: ValueError for steps below 1.
    """
    for i, t, h in _times(steps):
        v = velocity(x, t)
        yield _step(i, t, x, v, after := x + h * velocity(x + h / 2 * v, t + h / 2), 2 * (i + 1))
        x = after


@torch.inference_mode()
def heun(velocity: Velocity, x: Tensor, steps: int) -> Iterator[Step]:
    """Heun's rule: the mean of the velocities at both ends of a step. Two evaluations a step, of second order.

    Raises: ValueError for steps below 1.
    """
    for i, t, h in _times(steps):
        v = velocity(x, t)
        yield _step(i, t, x, v, after := x + h / 2 * (v + velocity(x + h * v, t + h)), 2 * (i + 1))
        x = after


SOLVERS: dict[str, Callable[[Velocity, Tensor, int], Iterator[Step]]] = {
    "euler": euler,
    "midpoint": midpoint,
    "heun": heun,
}
COST = {"euler": 1, "midpoint": 2, "heun": 2}  # evaluations a step


def steps_within(solver: str, nfe: int) -> int:
    """The most steps of that solver that cost at most `nfe` evaluations (at least 1)."""
    return max(1, nfe // COST[solver])


def _times(steps: int) -> Iterator[tuple[int, float, float]]:
    """(step, its time, its length). Raises: ValueError for steps below 1."""
    checks.count("The number of steps", steps)
    return ((i, i / steps, 1 / steps) for i in range(steps))


def _step(i: int, t: float, x: Tensor, v: Tensor, after: Tensor, nfe: int) -> Step:
    return Step(i, t, x, v, x + (1 - t) * v, after, nfe)

"""The 2-D lab for a page: a training that is shown frame by frame, paused and resumed."""

import pickle
from collections.abc import Iterator

import numpy as np
import torch

from genai_core.common import checks
from genai_core.common.live import paced, saved
from genai_core.data.plane import distribution, drawn
from genai_core.diffusion import lab
from genai_core.diffusion.lab import Frame, Lab, LabConfig
from genai_core.diffusion.samplers import SAMPLERS

SECONDS = 40.0  # of a training, at most


def train(
    *,
    settings: dict,
    data: str | list,
    seed: int,
    state: bytes | None = None,
    per_frame: int = 25,
    solver: str = "ode",
    seconds: float = SECONDS,
) -> Iterator[tuple[Frame, bytes, bool]]:
    """Train to the config's last step; yields each frame, the state from which the training continues, and whether it
    ends here because its `seconds` are over.

    settings: fields of LabConfig. data: a distribution's name, or drawn points. state: of an earlier frame, or None for
    a new training from `seed`. solver: of the particles, see `lab.flow`.
    Raises: ValueError, Diverged (with one sentence each).
    """
    checks.count("The number of steps of a frame", per_frame)
    if solver not in (*lab.SOLVERS, *SAMPLERS):
        raise lab.unknown(solver)
    if state is None:
        training = Lab(LabConfig(**settings), distribution(data) if isinstance(data, str) else drawn(data), seed)
    else:
        training = pickle.loads(state)  # our own bytes: they never leave the server
    last = training.config.steps
    chunks = [min(per_frame, last - step) for step in range(training.steps, last, per_frame)]
    for moment in paced(map(training.step, chunks), total=len(chunks), every=1, seconds=seconds):
        yield training.frame(solver), saved(training), moment.timed_out


def flows(state: bytes, *, solver: str = "ode", seed: int = 0, steps: int = lab.FLOW) -> dict[str, np.ndarray]:
    """Trajectories of the same noise, drawn from `seed`, under the learned and the exact denoiser of a state.

    "learned" and "perfect", each [steps + 1, PARTICLES, 2]. Raises: ValueError.
    """
    training = pickle.loads(state)
    noise = torch.randn((lab.PARTICLES, 2), generator=torch.Generator().manual_seed(seed))
    both = {"learned": training.learned(), "perfect": training.perfect()}
    return {name: lab.flow(denoise, noise, solver, seed=seed, steps=steps) for name, denoise in both.items()}


def look(*, state: bytes, solver: str = "ode") -> Iterator[tuple[Frame, bytes]]:
    """The frame of a state, its particles moved by `solver`, and the same state."""
    yield pickle.loads(state).frame(solver), state

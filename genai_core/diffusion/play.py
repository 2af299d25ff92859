"""The 2-D lab played for a page: a training that is watched frame by frame, paused and resumed."""

import pickle
import time
from collections.abc import Iterator

import numpy as np
import torch

from genai_core.diffusion import lab
from genai_core.diffusion.lab import Frame, Lab, LabConfig
from genai_core.points import distribution, drawn

SECONDS = 40.0  # of a training, at most


def play(
    *,
    settings: dict,
    data: str | list,
    seed: int,
    state: bytes | None = None,
    per_frame: int = 25,
    way: str = "ode",
    seconds: float = SECONDS,
) -> Iterator[tuple[Frame, bytes]]:
    """Train to the config's last step; yields each frame with the state from which the training goes on.

    settings: fields of LabConfig. data: a distribution's name, or drawn points. state: of an earlier frame, or None for
    a new training from `seed`. way: of the particles, see `lab.flow`. It ends early after `seconds`.
    Raises: ValueError, Diverged (with one sentence each).
    """
    if state is None:
        training = Lab(
            LabConfig(**settings), distribution(data) if isinstance(data, str) else drawn(np.array(data)), seed
        )
    else:
        training = pickle.loads(state)  # our own bytes: they never leave the server
    begun = time.monotonic()
    while training.steps < training.config.steps and time.monotonic() - begun < seconds:
        training.step(min(per_frame, training.config.steps - training.steps))
        yield training.frame(way), pickle.dumps(training)


def flows(state: bytes, *, way: str = "ode", seed: int = 0, steps: int = lab.FLOW) -> dict[str, np.ndarray]:
    """The same noise, drawn from `seed`, carried back by the learned and by the perfect denoiser of a state.

    "learned" and "perfect", each [steps + 1, PARTICLES, 2]. Raises: ValueError.
    """
    training = pickle.loads(state)
    noise = torch.randn((lab.PARTICLES, 2), generator=torch.Generator().manual_seed(seed))
    both = {"learned": training.learned(), "perfect": training.perfect()}
    return {name: lab.flow(denoise, noise, way, seed=seed, steps=steps) for name, denoise in both.items()}


def look(*, state: bytes, way: str = "ode") -> Iterator[tuple[Frame, bytes]]:
    """The training of a state as it stands, its particles carried back by `way`: one frame, and the same state."""
    yield pickle.loads(state).frame(way), state

"""The lab played for a page: a game that is paused, changed and resumed, frame by frame."""

import dataclasses
import pickle
import time
from collections.abc import Iterator

import numpy as np

from genai_core.gan.lab import Frame, Lab, LabConfig
from genai_core.points import distribution, drawn

LIVE = ("loss", "d_steps", "penalty", "lr_g", "lr_d")  # what may be changed between two frames of one game


def play(
    *,
    settings: dict,
    data: str | list,
    seed: int,
    state: bytes | None = None,
    per_frame: int = 10,
    frames: int = 1,
    who: str = "both",
    pause: float = 0.0,
    seconds: float = 120.0,
) -> Iterator[tuple[Frame, bytes]]:
    """Play `frames` times `per_frame` steps; yields each frame with the state from which the game goes on.

    settings: fields of LabConfig. data: a distribution's name, or drawn points. state: of an earlier frame, or None for
    a new game from `seed`; of the settings, only LIVE ones then act. pause: seconds of rest after each frame.
    Raises: ValueError, Diverged (with one sentence each).
    """
    config = LabConfig(**settings)
    if state is None:
        game = Lab(config, distribution(data) if isinstance(data, str) else drawn(np.array(data)), seed)
    else:
        game = pickle.loads(state)  # our own bytes: they never leave the server
        game.config = dataclasses.replace(game.config, **{name: getattr(config, name) for name in LIVE})
    begun = time.monotonic()
    for _ in range(frames):
        game.step(per_frame, who)
        yield game.frame(), pickle.dumps(game)
        if time.monotonic() - begun > seconds:
            return
        time.sleep(pause)

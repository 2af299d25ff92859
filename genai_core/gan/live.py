"""The 2-D lab for a page: a training that is paused, changed and resumed, frame by frame."""

import dataclasses
import pickle
from collections.abc import Iterator
from functools import partial
from itertools import repeat
from typing import Literal

from genai_core.common import checks
from genai_core.common.live import paced, saved, turn
from genai_core.data.plane import distribution, drawn
from genai_core.gan.lab import Frame, Lab, LabConfig, check

LIVE = ("loss", "d_steps", "penalty", "lr_g", "lr_d")  # what may be changed between two frames of one training


def train(
    *,
    settings: dict,
    data: str | list,
    seed: int,
    state: bytes | None = None,
    per_frame: int = 10,
    frames: int = 1,
    who: Literal["both", "discriminator", "generator"] = "both",
    seconds: float = 120.0,
) -> Iterator[tuple[Frame, bytes, bool]]:
    """Train `frames` times `per_frame` steps, or fewer in a crowd (`common.live.turn`).

    Yields each frame, the state from which the training continues, and whether it ends here because its `seconds` are
    over.

    settings: fields of LabConfig. data: a distribution's name, or drawn points. state: of an earlier frame, or None for
    a new training from `seed`; with a state, only the LIVE settings act.
    Raises: ValueError, Diverged (with one sentence each).
    """
    checks.count("The number of steps of a frame", per_frame)
    checks.count("The number of frames", frames)
    config = LabConfig(**settings)
    check(config)
    if state is None:
        lab = Lab(config, distribution(data) if isinstance(data, str) else drawn(data), seed)
    else:
        lab = pickle.loads(state)  # our own bytes: they never leave the server
        lab.config = dataclasses.replace(lab.config, **{name: getattr(config, name) for name in LIVE})
    training = map(turn, repeat(partial(lab.step, 1, who), frames), repeat(per_frame))
    for moment in paced(training, total=frames, every=1, seconds=seconds):
        yield lab.frame(), saved(lab), moment.timed_out

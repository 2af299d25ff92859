"""The lab of flows for a page: a training that is shown frame by frame, paused and resumed."""

import pickle
from collections.abc import Iterator

from genai_core.common import checks
from genai_core.common.live import paced, saved
from genai_core.data.plane import distribution, drawn
from genai_core.flows.plane import matching
from genai_core.flows.plane.lab import Frame, Lab, configured

SECONDS = 58.0  # of a training, at most
PER_FRAME = {"realnvp": 8, "glow": 6, "ffjord": 1, "matching": 20}  # steps from one frame to the next
MEASURED = {"realnvp": 1, "glow": 1, "ffjord": 4, "matching": 5}  # every so many frames, for what it costs to integrate


def train(
    *,
    settings: dict,
    data: str | list,
    seed: int,
    state: bytes | None = None,
    per_frame: int | None = None,
    solver: str = "heun",
    solver_steps: int = 10,
    seconds: float = SECONDS,
) -> Iterator[tuple[Frame, bytes, bool]]:
    """Train to the config's last step; yields each frame, the state from which the training continues, and whether it
    ends here because its `seconds` are over. The last frame has measures.

    settings: the model, and fields of LabConfig that are not its usual ones. data: a distribution's name, or drawn
    points. state: of an earlier frame, or None for a new training from `seed`. per_frame: steps; None: as many as make
    about ten frames a second. solver, solver_steps: of the samples, see `matching.sample`.
    Raises: ValueError, Diverged (with one sentence each).
    """
    if per_frame is not None:
        checks.count("The number of steps of a frame", per_frame)
    matching.check(solver, solver_steps)
    if state is None:
        lab = Lab(configured(**settings), distribution(data) if isinstance(data, str) else drawn(data), seed)
    else:
        lab = pickle.loads(state)  # our own bytes: they never leave the server
    model, last = lab.config.model, lab.config.steps
    each = per_frame or PER_FRAME[model]
    chunks = [min(each, last - step) for step in range(lab.steps, last, each)]
    for moment in paced(map(lab.step, chunks), total=len(chunks), every=1, seconds=seconds):
        due = lab.steps // each % MEASURED[model] == 0 or lab.steps == last or moment.timed_out
        yield lab.frame(solver, solver_steps, measured=due), saved(lab), moment.timed_out


def look(*, state: bytes, solver: str = "heun", solver_steps: int = 10) -> Iterator[tuple[Frame, bytes]]:
    """The frame of a state, its samples drawn by another sampler, and the same state. Raises: ValueError."""
    yield pickle.loads(state).frame(solver, solver_steps), state

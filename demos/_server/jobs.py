"""Live training, elsewhere than in the server: in worker processes of this machine, or on a Ray cluster.

`run("genai_core.vae.live:train_vae", seed=0)` calls that generator there and yields what it yields. Closing it (Stop,
or the page left) ends the job at its next value. No gradio, no torch at import, and no Ray unless it is asked for.
"""

import importlib
from collections.abc import Callable, Iterator

from demos._server import _local, gpu
from demos._server._job import AHEAD, NAMES, PATIENCE, SILENCE, UNKNOWN, JobError, Learner, pack

__all__ = ["AHEAD", "PATIENCE", "SILENCE", "WORKERS", "JobError", "Learner", "free", "run", "use_ray"]

NOBODY = Learner()
WORKERS = _local.WORKERS
free = _local.free
_run: Callable[[str, bytes, float, Learner], Iterator] = _local.run  # where jobs run


def use_ray(address: str) -> None:
    """From now on, jobs run on the cluster at an address, "auto", or "local". Raises: JobError if there is none."""
    global _run
    beyond = importlib.import_module("demos._server._ray")  # it imports ray
    beyond.connect(address)
    _run = beyond.run


def run(name: str, beat: float = SILENCE, asked_by: Learner = NOBODY, **settings) -> Iterator:
    """Yield the values of the generator `module:function(**settings)`, run elsewhere.

    After every `beat` seconds without a value None is yielded, so that whoever iterates can close the generator then.
    On a cluster, a learner has one job at a time, and the classes take turns: `asked_by`.
    Settings and values must be plain (numbers, text, numpy arrays): they are pickled. On ZeroGPU it runs here: in the
    process that has the GPU, which may start no others.
    Raises: JobError with one sentence if there is no such job, it raised, or what ran it died.
    """
    if not NAMES.fullmatch(name):
        raise JobError(UNKNOWN)
    if gpu.ZERO:
        module, function = name.split(":")
        yield from getattr(importlib.import_module(module), function)(**settings)
        return
    try:
        packed = pack(settings, "What this training was to begin with")
    except ValueError as error:
        raise JobError(str(error)) from None
    yield from _run(name, packed, beat, asked_by)

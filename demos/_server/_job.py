"""What a job is, wherever it runs: its name, its settings and values as bytes, and its error as one sentence."""

import importlib
import inspect
import os
import pickle
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

AHEAD = 2  # values of a job that may wait to be taken; then it rests, and leaves the time to others
PATIENCE = 0.5  # seconds a stopped job has until its process is killed, where that has no other job
SILENCE = 60.0  # seconds without a value after which a process counts as hung
LARGEST = int(os.environ.get("GENAI_LARGEST_VALUE") or 50_000_000)  # bytes of the settings of a job, or of a value
NAMES = re.compile(r"genai_core\.(?!common\.)(\w+\.)*((live|hub):[a-z]\w*|\w+:[a-z]\w*_live)")  # of all jobs
UNKNOWN = "There is no training of this name."
HUNG = "The training stopped answering and was ended; start it again."


@dataclass(frozen=True)
class Learner:
    """Who asked for a job: the id of a page, and the code of its class; nothing where it has none."""

    page: str = ""
    klass: str = ""


class JobError(RuntimeError):
    """The job failed, or what ran it died. The message is one sentence for the user."""


def pack(value: Any, what: str) -> bytes:
    """`value` pickled. Raises: ValueError, where it cannot be or is larger than LARGEST, with `what` it is."""
    try:
        packed = pickle.dumps(value, protocol=5)
    except Exception:
        raise ValueError(f"{what} cannot be sent to where the training runs.") from None
    if len(packed) > LARGEST:
        raise ValueError(f"{what} is larger than {LARGEST / 1e6:g} MB.")
    return packed


def generator(name: str, settings: bytes) -> Iterator:
    """The values of the job, from its first `next` on. Raises: ValueError for a name that none has."""
    module, _, function = name.partition(":")
    try:
        run = getattr(importlib.import_module(module), function)
    except (ModuleNotFoundError, AttributeError):
        raise ValueError(UNKNOWN) from None
    if not inspect.isgeneratorfunction(run) or run.__module__ != module:
        raise ValueError(UNKNOWN)
    yield from run(**pickle.loads(settings))


def sentence(error: Exception) -> str:
    """What the user is told of an exception of a job."""
    return str(error) if isinstance(error, ValueError) else "The training failed on the server."

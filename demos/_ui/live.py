"""A live training in a handler: its frames as they come, and None while there is none, so that it can be ended."""

import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing
from typing import Any

from demos._server import gpu, jobs
from demos._ui import validation

BEAT = 0.1  # seconds: Gradio can end a run, as when its page is closed, only where the run yields
BEATS = 50  # a second, of all runs together at most: one costs the server as much as a frame
SLOWEST = 1.0  # seconds that a run goes on at most after its page was closed
PATIENCE = 5.0  # seconds until a frame counts as drawn, of a page that does not say so: its word may be lost

REMEMBERED = 1000  # runs that were stopped
_ended: dict[str, None] = {}  # their ids, the oldest first
_drawn: dict[float, threading.Event] = {}  # of each run that goes on, by its id
_running: set[object] = set()


def beat() -> float:
    """Seconds until a run yields None where it has no value: BEAT, and more while there are many runs."""
    return max(BEAT, min(SLOWEST, len(_running) / BEATS))


def frames(name: str, shown: Callable[[Any], Any], **settings) -> Generator:
    """`shown` of each value of the job `name`, and None after every `beat` without one. Raises: InputError."""
    _running.add(one := object())
    try:
        for value in jobs.run(name, beat=beat, **settings):
            yield None if value is None else shown(value)
    except jobs.JobError as error:
        raise validation.InputError(str(error)) from None
    finally:
        _running.discard(one)


def slowed(values: Generator, pause: float) -> Generator:
    """The values, with `pause` seconds after each; the worker has the time for others meanwhile. Raises: InputError."""
    with closing(values):
        for value in values:
            yield value
            until = time.monotonic() + (0.0 if value is None else pause)
            while (left := until - time.monotonic()) > 0:
                time.sleep(min(beat(), left))
                yield None


def one_in_flight(values: Generator, run: Any) -> Generator:
    """The values of a page's run, each when the page draws the one before (`drawn`), and None while it has not.

    So a slow page has one frame to draw and one on its way, however fast the training is, and its buttons answer. run:
    the id that the page gave it; None for a run of the API, which draws nothing. On ZeroGPU the run is in another
    process, which hears of no page: nothing is held back there. Raises: InputError.
    """
    if run is None or gpu.ZERO:
        yield from values
        return
    key = run_id(run)
    drawn = _drawn.setdefault(key, threading.Event())
    try:
        with closing(values):
            for value in values:
                drawn.clear()
                yield value
                until = time.monotonic() + PATIENCE
                while value is not None and not drawn.wait(min(beat(), PATIENCE)) and time.monotonic() < until:
                    yield None
    finally:
        _drawn.pop(key, None)


def ended(request: dict) -> None:
    """{"run"}: its page has stopped it. Raises: InputError.

    Gradio ends a run as well, but not one that is stopped before its page has heard of it, as by a second press.
    """
    run = validation.json_object(request).get("run")
    run_id(run)
    _ended[str(run)] = None
    if len(_ended) > REMEMBERED:
        _ended.pop(next(iter(_ended)), None)


def is_ended(run: Any) -> bool:
    """Whether its page has stopped this run."""
    return isinstance(run, str) and run in _ended


def run_id(run: Any) -> float:
    """The id that a page gave a run: the milliseconds at which it was started, as text. Raises: InputError."""
    return validation.number(validation.from_text(run, "The run"), "The run", 0, 1e15)


def drawn(request: dict) -> None:
    """{"run"}: the page has the last frame of this run and draws it. One that is over is passed over."""
    if event := _drawn.get(run_id(validation.json_object(request).get("run"))):
        event.set()

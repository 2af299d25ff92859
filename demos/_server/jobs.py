"""The worker processes that live training runs in: start, stream values back, stop. No gradio, and no torch at import.

`run("genai_core.vae.live:train_vae", seed=0)` calls that generator in a spawned process (low priority, one torch
thread), and yields what it yields. A worker runs many jobs, value by value: the next value is that of the job which has
used the least CPU time, as in the Completely Fair Scheduler of Linux, so that all of a class that press Play see theirs
move. Closing the generator (Stop, or the page left) ends the job at its next value; a worker that does not answer is
killed. There are at most WORKERS, each started when it is first needed, and kept.
"""

import atexit
import contextlib
import importlib
import itertools
import multiprocessing
import os
import queue
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from demos._server import gpu

WORKERS = int(os.environ.get("GENAI_WORKERS") or min(2, os.cpu_count() or 1))  # processes that work side by side
AHEAD = 2  # values of a job that may wait to be taken; then it rests, and leaves the time to others
PATIENCE = 0.5  # seconds a stopped job has until its worker is killed, where it has no other job
SILENCE = 60.0  # seconds without a value after which a worker counts as hung


class JobError(RuntimeError):
    """The job failed, or its worker died. The message is one sentence for the user."""


@dataclass(eq=False)
class _Job:
    """One generator in the worker. used: CPU seconds, after its first value, which may import what the job needs;
    wanted: values that it may still yield.
    """

    values: Iterator
    used: float
    wanted: int = AHEAD
    begun: bool = False


def _work(pipe) -> None:
    """The worker's loop.

    It receives ("start", id, name, settings), ("more", id) when a value was taken and ("stop", id), and sends ("value",
    id, v)... then ("done", id, None) or ("error", id, text).
    """
    with contextlib.suppress(OSError, AttributeError):
        os.nice(10)
    import torch

    from genai_core.common import live

    torch.set_num_threads(1)
    jobs: dict[int, _Job] = {}
    with contextlib.suppress(EOFError, BrokenPipeError, KeyboardInterrupt):
        while True:
            ready = [id_ for id_, job in jobs.items() if job.wanted]
            while not ready or pipe.poll():
                _hear(jobs, pipe)
                ready = [id_ for id_, job in jobs.items() if job.wanted]
            live.crowd = len(ready)
            _advance(jobs, min(ready, key=lambda id_: jobs[id_].used), pipe)


def _hear(jobs: dict[int, _Job], pipe) -> None:
    """One message of the app's."""
    what, id_, *more = pipe.recv()
    if what == "start":
        name, settings = more
        least = min((job.used for job in jobs.values()), default=0.0)  # no arrears, and no start before all others
        jobs[id_] = _Job(_generator(name, settings), least)
    elif id_ in jobs and what == "more":
        jobs[id_].wanted += 1
    elif id_ in jobs:
        with contextlib.suppress(Exception):
            jobs.pop(id_).values.close()  # type: ignore[attr-defined]
        pipe.send(("done", id_, None))


def _generator(name: str, settings: dict) -> Iterator:
    module, function = name.split(":")
    yield from getattr(importlib.import_module(module), function)(**settings)


def _advance(jobs: dict[int, _Job], id_: int, pipe) -> None:
    """The next value of a job."""
    job, before = jobs[id_], time.process_time()
    try:
        message = ("value", id_, next(job.values))
        job.wanted -= 1
    except StopIteration:
        message = ("done", id_, None)
    except Exception as error:
        said = str(error) if isinstance(error, ValueError) else "The training failed on the server."
        message = ("error", id_, said)
    job.used += time.process_time() - before if job.begun else 0.0
    job.begun = True
    if message[0] != "value":
        del jobs[id_]
    pipe.send(message)


@contextlib.contextmanager
def _bare_main():
    """A spawned process imports the main module again, which is the whole app: gradio that no training needs."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


class _Worker:
    """A process, the pipe to it, and what came of each of its jobs."""

    def __init__(self):
        self.process: Any = None
        self.pipe: Any = None
        self.jobs: dict[int, queue.SimpleQueue] = {}
        self.heard = 0.0  # when the last message came
        self.lock = threading.RLock()  # of the process, and of what is sent to it

    def start(self) -> None:
        if self.process is None or not self.process.is_alive():
            context = multiprocessing.get_context("spawn")
            self.pipe, theirs = context.Pipe()
            self.process = context.Process(target=_work, args=(theirs,), daemon=True, name="live-training")
            with _bare_main():
                self.process.start()
            theirs.close()
            self.jobs = {}  # those of a process before hear from their own listener
            threading.Thread(target=self._listen, args=(self.pipe, self.jobs), daemon=True).start()

    def _listen(self, pipe, jobs: dict[int, queue.SimpleQueue]) -> None:
        """Hand each message to its job, until the process ends."""
        with contextlib.suppress(EOFError, OSError):
            while True:
                kind, id_, value = pipe.recv()
                self.heard = time.monotonic()
                if inbox := jobs.get(id_):
                    inbox.put((kind, value))
                if kind != "value":
                    jobs.pop(id_, None)
        with self.lock:  # a job begins before, and hears of the end, or after, in another process
            if self.pipe is pipe:
                self.kill()
            pipe.close()
            for inbox in jobs.values():
                inbox.put(("ended", None))
            jobs.clear()

    def send(self, *message) -> None:
        """Whoever listens hears it where the process has ended, so that this says nothing."""
        with self.lock, contextlib.suppress(OSError, ValueError):
            self.pipe.send(message)

    def begin(self, id_: int, name: str, settings: dict) -> queue.SimpleQueue:
        """Start a job; returns where its messages come."""
        with self.lock:
            self.start()
            inbox = self.jobs[id_] = queue.SimpleQueue()
            self.send("start", id_, name, settings)
        return inbox

    def kill(self) -> None:
        if process := self.process:
            process.kill()  # before the lock: who holds it may be sending to a process that hangs
            with self.lock:
                process.join()
                if self.process is process:
                    self.process = None


_workers = [_Worker() for _ in range(WORKERS)]
_ids = itertools.count(1)
_ending = threading.Event()


@atexit.register
def _end() -> None:
    _ending.set()  # no process takes the place of one that is killed now
    for worker in _workers:
        worker.kill()


def free() -> int:
    """How many workers have nothing to do."""
    return sum(not worker.jobs for worker in _workers)


def _least_busy() -> _Worker:
    """The worker with the fewest jobs; of those, one whose process has started already."""
    return min(_workers, key=lambda worker: (len(worker.jobs), worker.process is None))


def run(name: str, beat: Callable[[], float] = lambda: SILENCE, **settings) -> Iterator:
    """Yield the values of the generator `module:function(**settings)`, run in a worker.

    After `beat()` seconds without a value None is yielded, so that whoever iterates can close the generator then.
    Settings and values must be plain (numbers, text, numpy arrays): they are pickled. The worker goes AHEAD of what is
    taken by so many values. On ZeroGPU it runs here: in the process that has the GPU, which may start no others.
    Raises: JobError with one sentence if the job raised or its worker died.
    """
    if gpu.ZERO:
        module, function = name.split(":")
        yield from getattr(importlib.import_module(module), function)(**settings)
        return
    worker, id_, running = _least_busy(), next(_ids), True
    inbox = worker.begin(id_, name, settings)
    since = time.monotonic()
    try:
        while running:
            try:
                kind, value = inbox.get(timeout=beat())
            except queue.Empty:
                if time.monotonic() - max(since, worker.heard) >= SILENCE:
                    running = False
                    worker.kill()
                    raise JobError("The training stopped answering and was ended; start it again.") from None
                yield None
                continue
            running = kind == "value"
            if kind == "ended":
                raise JobError("The training process ended unexpectedly; start it again.")
            if kind == "error":
                raise JobError(value)
            if running:
                yield value
                worker.send("more", id_)
                since = time.monotonic()
    finally:
        if running:  # whoever leaves a job need not wait until its worker has noticed
            threading.Thread(target=_stop, args=(worker, id_, inbox), daemon=True).start()


def _stop(worker: _Worker, id_: int, inbox: queue.SimpleQueue) -> None:
    """End a job. Where its worker does not answer and has no other, another process takes its place."""
    worker.send("stop", id_)
    until = time.monotonic() + PATIENCE
    with contextlib.suppress(queue.Empty):
        while inbox.get(timeout=max(0.0, until - time.monotonic()))[0] == "value":
            pass
        return
    with worker.lock:
        if set(worker.jobs) <= {id_}:
            worker.kill()
            if not _ending.is_set():
                worker.start()

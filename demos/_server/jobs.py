"""The worker processes that live training runs in: start, stream values back, stop. No gradio, and no torch at import.

`run("genai_core.vae.live:train_vae", seed=0)` calls that generator in a spawned process (low priority, one torch
thread), and yields what it yields. Closing the generator (Stop, or the page left) ends the job at its next value; a
worker that does not answer is killed, and another one started for the next job. A worker is kept for the next job;
there are at most WORKERS, each started when it is first needed.
"""

import atexit
import contextlib
import importlib
import multiprocessing
import os
import queue
import sys
import threading
import time
import types
from collections.abc import Iterator
from typing import Any

from demos._server import gpu

WORKERS = int(os.environ.get("GENAI_WORKERS") or 1)  # jobs that run side by side
PATIENCE = 0.5  # seconds a stopped job has until its worker is killed
SILENCE = 60.0  # seconds without a value after which a worker counts as hung


class JobError(RuntimeError):
    """The job failed, or its worker died. The message is one sentence for the user."""


def _work(pipe) -> None:
    """The worker's loop: receives (name, settings), sends ("value", v)... then ("done", None) or ("error", text)."""
    with contextlib.suppress(OSError, AttributeError):
        os.nice(10)
    import torch

    torch.set_num_threads(1)
    while True:
        try:
            name, settings = pipe.recv()
        except (EOFError, KeyboardInterrupt):
            return
        if name is None:  # a stop that came after the job had ended
            continue
        module, function = name.split(":")
        try:
            for value in getattr(importlib.import_module(module), function)(**settings):
                pipe.send(("value", value))
                if pipe.poll():  # only a stop comes while a job runs
                    pipe.recv()
                    break
            pipe.send(("done", None))
        except (BrokenPipeError, KeyboardInterrupt):
            return
        except Exception as error:
            pipe.send(("error", str(error) if isinstance(error, ValueError) else "The training failed on the server."))


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
    """A process and the pipe to it, one job at a time."""

    def __init__(self):
        self.process: Any = None
        self.pipe: Any = None
        self.lock = threading.Lock()  # a stop may still be draining the pipe while the interpreter ends

    def start(self) -> None:
        if self.process is None or not self.process.is_alive():
            context = multiprocessing.get_context("spawn")
            self.pipe, theirs = context.Pipe()
            self.process = context.Process(target=_work, args=(theirs,), daemon=True, name="live-training")
            with _bare_main():
                self.process.start()
            theirs.close()

    def kill(self) -> None:
        with self.lock:
            if self.process is not None:
                self.process.kill()
                self.process.join()
                self.pipe.close()
                self.process = None


_free: queue.LifoQueue[_Worker] = queue.LifoQueue()  # the one that worked last has its process already
_workers = [_Worker() for _ in range(WORKERS)]
_ending = threading.Event()
for _one in _workers:
    _free.put(_one)


@atexit.register
def _end() -> None:
    _ending.set()  # no process takes the place of one that is killed now
    for worker in _workers:
        worker.kill()


def free() -> int:
    """How many workers have nothing to do."""
    return _free.qsize()


def run(name: str, beat: float = SILENCE, **settings) -> Iterator:
    """Yield the values of the generator `module:function(**settings)`, run in a worker.

    After every `beat` seconds without a value None is yielded, so that whoever iterates can close the generator then.
    Settings and values must be plain (numbers, text, numpy arrays): they are pickled. A job waits for a free worker.
    On ZeroGPU it runs here: in the process that has the GPU, which may start no others.
    Raises: JobError with one sentence if the job raised or its worker died.
    """
    if gpu.ZERO:
        module, function = name.split(":")
        yield from getattr(importlib.import_module(module), function)(**settings)
        return
    worker, running = _free.get(), True
    try:
        worker.start()
        worker.pipe.send((name, settings))
        heard = time.monotonic()
        while running:
            if not worker.pipe.poll(beat):
                if time.monotonic() - heard >= SILENCE:
                    raise JobError("The training stopped answering and was ended; start it again.")
                yield None
                continue
            kind, value = worker.pipe.recv()
            heard = time.monotonic()
            running = kind == "value"
            if kind == "error":
                raise JobError(value)
            if running:
                yield value
    except (EOFError, OSError):
        running = False
        worker.kill()
        raise JobError("The training process ended unexpectedly; start it again.") from None
    finally:
        if running:  # whoever leaves a job need not wait until its worker has noticed
            threading.Thread(target=_stop, args=(worker,), daemon=True).start()
        else:
            _free.put(worker)


def _stop(worker: _Worker) -> None:
    """Ask the worker to end its job and drain what it still sends; another process takes its place if it does not."""
    try:
        worker.pipe.send((None, None))
        while worker.pipe.poll(PATIENCE):
            if worker.pipe.recv()[0] != "value":
                break
        else:
            raise TimeoutError
    except (EOFError, OSError):  # a TimeoutError is one
        worker.kill()
        if not _ending.is_set():
            worker.start()
    _free.put(worker)

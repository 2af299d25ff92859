"""Jobs on a Ray cluster. `jobs.use_ray` imports this; nothing else does, so that Ray is needed by who asks for it."""

import contextlib
import hashlib
import itertools
import logging
import os
import pickle
import socket
import threading
import time
import uuid
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

try:
    import ray
    from ray.exceptions import RayError
except ImportError as error:
    from demos._server._job import JobError

    raise JobError("Ray is not installed; pip install -r requirements-scale.txt") from error

from demos._server._job import AHEAD, HUNG, SILENCE, JobError, Learner
from demos._server._pool import Pool

ROOT = Path(__file__).resolve().parents[2]
SPACE = "genai"  # Ray's namespace of all that is shared
LOST = "The machine that trained this was lost; start it again."
APP = uuid.uuid4().hex  # this server
SIGN = 5.0  # seconds between two signs of life
HEAD = {"node:__internal_head__": 0.001}  # what is shared lives on the head, with which the cluster is lost anyway

_pool: Any = None
_ids = itertools.count(1)


def version() -> str:
    """What the code is: servers of another version have a pool of their own, and slots that have imported theirs."""
    files = sorted(file for folder in ("genai_core", "demos/_server") for file in (ROOT / folder).rglob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


def shared(what: type, name: str, **options) -> Any:
    """The one actor of this name in the cluster, which outlives its app servers; begun where there is none."""
    kept = {"name": name, "namespace": SPACE, "lifetime": "detached", "get_if_exists": True, "max_restarts": -1}
    return ray.remote(what).options(**kept, num_cpus=0, resources=HEAD, max_concurrency=10_000, **options).remote()


def connect(address: str) -> None:
    """Raises: JobError with one sentence."""
    global _pool
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    here: dict[str, Any] = {"address": address} | ({"include_dashboard": False} if address == "local" else {})
    try:
        if ":" in address:  # Ray would try for minutes
            host, _, port = address.rpartition(":")
            socket.create_connection((host, int(port)), timeout=10).close()
        ray.init(**here, namespace=SPACE, log_to_driver=False, logging_level=logging.WARNING)
        _pool = shared(Pool, f"pool-{version()}")
        ray.get(_pool.alive.remote(APP), timeout=60)
    except (RayError, OSError, ValueError, RuntimeError) as error:
        where = "on this machine; begin one with `ray start --head`" if address == "auto" else f"at {address}"
        logging.getLogger(__name__).info("no cluster", exc_info=error)
        raise JobError(f"There is no Ray cluster {where}.") from error
    threading.Thread(target=_sign, args=(_pool,), daemon=True, name="signs-of-life").start()


def _sign(pool: Any) -> None:
    while ray.is_initialized() and pool is _pool:
        with contextlib.suppress(RayError):
            pool.alive.remote(APP)
        time.sleep(SIGN)


def _answer(asked: Any, beat: float) -> Generator[None, None, Any]:
    """What a remote call returns; meanwhile None is yielded."""
    while not ray.wait([asked], timeout=beat)[0]:
        yield None
    return ray.get(asked)


def run(name: str, settings: bytes, beat: float, asked_by: Learner) -> Iterator:
    """The values of a job, as `jobs.run` has them. It is never run twice: a learner starts it again."""
    id_, hung = f"{APP}-{next(_ids)}", False
    try:
        slot = yield from _answer(_pool.take.remote(id_, APP, asked_by.page or id_, asked_by.klass), beat)
        streaming = {"num_returns": "streaming", "_generator_backpressure_num_objects": AHEAD}
        values = slot.run.options(**streaming).remote(id_, name, settings)
        since = time.monotonic()
        while True:
            if not ray.wait([values], timeout=beat)[0]:
                if time.monotonic() - since >= SILENCE:
                    hung = True
                    raise JobError(HUNG)
                yield None
                continue
            kind, value = ray.get(next(values))
            if kind == "done":
                return
            if kind == "error":
                raise JobError(value)
            yield pickle.loads(value)
            since = time.monotonic()
    except (RayError, StopIteration):  # the latter where the pool had ended it: it took this server for lost
        raise JobError(LOST) from None
    finally:
        with contextlib.suppress(RayError):
            _pool.end.remote(id_, hung)

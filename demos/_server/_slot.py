"""What runs jobs on a node of a Ray cluster: an actor that has one core of it, and shares this among its jobs.

Why an actor, and not a Ray task a job: a task is a process of its own, and thirty learners on four nodes would import
torch thirty times; in an actor they take turns value by value, as in `_local.py`. Warm, both have the first value after
2 to 6 ms. Why an async one: what waits for its turn can be ended at once.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from demos._server._job import generator, pack, sentence


@dataclass(eq=False)
class _Job:
    """used: seconds of the core. over: it was stopped."""

    values: Iterator
    used: float
    over: bool = False


class Slot:
    """One core. An actor's methods are called from one event loop: a value that is computed holds up all others."""

    def __init__(self):
        with contextlib.suppress(OSError, AttributeError):
            os.nice(10)
        import torch

        from genai_core.common import live

        torch.set_num_threads(1)
        self.live = live
        self.jobs: dict[str, _Job] = {}
        self.ready: set[_Job] = set()  # those whose next value is wanted
        self.moved = asyncio.Condition()

    async def started(self) -> bool:
        """When this is answered, the actor has started; later, that it is not hung."""
        return True

    async def ended(self) -> None:
        """Never answered: whoever waits for it hears of the actor's end."""
        await asyncio.Event().wait()

    async def running(self) -> int:
        return len(self.jobs)

    async def run(self, id_: str, name: str, settings: bytes) -> AsyncIterator[tuple[str, bytes | str]]:
        """("value", pickled) of each value, then ("done", "") or ("error", sentence); neither, if stopped."""
        least = min((job.used for job in self.jobs.values()), default=0.0)
        job = self.jobs[id_] = _Job(generator(name, settings), least)
        try:
            while await self._turn(job):
                begun, self.live.crowd = time.perf_counter(), len(self.jobs)
                try:
                    message: tuple[str, bytes | str] = ("value", pack(next(job.values), "A frame of the training"))
                except StopIteration:
                    message = ("done", "")
                except Exception as error:
                    message = ("error", sentence(error))
                job.used += time.perf_counter() - begun
                yield message  # Ray goes on here when fewer than AHEAD values wait to be taken
                if message[0] != "value":
                    return
        finally:
            await self.stop(id_)

    async def _turn(self, job: _Job) -> bool:
        """Wait until this job is, of those that are ready, the one that has used the least; False: it is over."""
        self.ready.add(job)
        try:
            async with self.moved:
                await asyncio.sleep(0)  # whoever else is ready says so
                await self.moved.wait_for(lambda: job.over or job is min(self.ready, key=lambda one: one.used))
        finally:
            self.ready.discard(job)
        async with self.moved:
            self.moved.notify_all()
        return not job.over

    async def stop(self, id_: str) -> None:
        """End a job. One that is not here is passed over."""
        if job := self.jobs.pop(id_, None):
            job.over = True
            with contextlib.suppress(Exception):
                job.values.close()  # type: ignore[attr-defined]
            async with self.moved:
                self.moved.notify_all()

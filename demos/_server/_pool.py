"""Who gets which slot of a Ray cluster: one actor for all app servers.

Ray's own queue is first come, first served, and knows no learners. Here, a page has one training at a time; classes
take turns when there are more jobs than places; and who waits can ask for the place. Slots are started as they are
needed: one that finds no core is what Ray's autoscaler adds a node for; and one that has been idle is ended, so that it
can take the node away.
"""

import asyncio
import os
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import ray

from demos._server._job import PATIENCE
from demos._server._slot import Slot

SHARE = int(os.environ.get("GENAI_SHARE") or 8)  # jobs that take turns in a slot
KEPT = int(os.environ.get("GENAI_KEPT_SLOTS") or 1000)  # slots that stay, however idle; never more than there are cores
IDLE = 120.0  # seconds after which any other is ended
GONE = 30.0  # seconds without a sign of life after which an app server counts as lost, and its jobs are ended
TICK = 1.0


@dataclass(eq=False)
class Waiting:
    """A job. klass: the class it is of, "" for none; page: whose it is; place: where it runs."""

    id_: str
    app: str
    page: str
    klass: str
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    place: "Place | None" = None


@dataclass(eq=False)
class Place:
    """A slot that has started, and its jobs."""

    slot: Any
    jobs: set[str] = field(default_factory=set)
    idle: float = field(default_factory=time.monotonic)  # since when


class Queue:
    """Jobs that wait, and those that run. The next is that of the class whose turn it is, and there the first."""

    def __init__(self):
        self.classes: OrderedDict[str, list[Waiting]] = OrderedDict()  # the next one first
        self.busy: set[tuple[str, str]] = set()  # pages with a job that runs

    def add(self, job: Waiting) -> None:
        self.classes.setdefault(job.klass, []).append(job)

    def next(self) -> Waiting | None:
        """The job whose turn it is; it is taken out, and its page is busy until `over`."""
        for klass, jobs in self.classes.items():
            for job in jobs:
                if (job.app, job.page) not in self.busy:
                    self.remove(job)
                    if klass in self.classes:
                        self.classes.move_to_end(klass)
                    self.busy.add((job.app, job.page))
                    return job
        return None

    def remove(self, job: Waiting) -> None:
        self.classes[job.klass].remove(job)
        if not self.classes[job.klass]:
            del self.classes[job.klass]

    def over(self, job: Waiting) -> None:
        self.busy.discard((job.app, job.page))

    def before(self, job: Waiting) -> int:
        """How many come before it."""
        if job not in self.classes.get(job.klass, ()):
            return 0
        order, mine = list(self.classes), self.classes[job.klass].index(job)
        turn = order.index(job.klass)
        return sum(min(len(self.classes[k]), mine + (order.index(k) < turn)) for k in order if k != job.klass) + mine

    def __len__(self) -> int:
        return sum(map(len, self.classes.values()))


class Pool:
    """The actor."""

    def __init__(self):
        self.queue = Queue()
        self.jobs: dict[str, Waiting] = {}
        self.places: list[Place] = []
        self.starting = 0
        self.cores = 0
        self.apps: dict[str, float] = {}  # app server -> its last sign of life
        self.tasks: set[asyncio.Task] = set()
        self._do(self._tend())

    def _do(self, work) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def alive(self, app: str) -> None:
        """An app server's sign of life."""
        self.apps[app] = time.monotonic()

    async def take(self, id_: str, app: str, page: str, klass: str):
        """A slot for this job, when one has a place for it; None if it was ended before."""
        job = self.jobs[id_] = Waiting(id_, app, page, klass)
        self.queue.add(job)
        self._give()
        await job.begun.wait()
        return job.place and job.place.slot

    async def before(self, id_: str) -> int:
        """How many jobs get a slot before this one."""
        return self.queue.before(self.jobs[id_]) if id_ in self.jobs else 0

    async def state(self) -> dict[str, int]:
        running = sum(len(place.jobs) for place in self.places)
        return {"slots": len(self.places), "running": running, "waiting": len(self.queue), "apps": len(self.apps)}

    async def end(self, id_: str, hung: bool = False) -> None:
        """A job is over or left. A slot that does not answer is killed, if it is hung or has no other job."""
        job = self.jobs.pop(id_, None)
        if job is None:
            return
        place = job.place
        if place is None:
            self.queue.remove(job)
            job.begun.set()
            return
        try:
            await asyncio.wait_for(place.slot.stop.remote(id_), PATIENCE)
        except TimeoutError:
            if hung or place.jobs <= {id_}:
                ray.kill(place.slot)
        except ray.exceptions.RayError:
            pass
        place.jobs.discard(id_)
        place.idle = time.monotonic()
        self.queue.over(job)
        self._give()

    def _give(self) -> None:
        """Places to those that wait."""
        while len(self.queue):
            place = min(self.places, key=lambda one: len(one.jobs), default=None)
            if place is None or len(place.jobs) >= SHARE:
                break
            job = self.queue.next()
            if job is None:
                break
            job.place = place
            place.jobs.add(job.id_)
            job.begun.set()
        self._grow()

    def _grow(self) -> None:
        """As many slots as jobs, or as cores that are there already; one more where there are more jobs than that."""
        wanted = max(min(KEPT, self.cores), min(len(self.jobs), self.cores + 1))
        for _ in range(wanted - len(self.places) - self.starting):
            self.starting += 1
            self._do(self._start())

    async def _start(self) -> None:
        """A slot's whole life."""
        slot = ray.remote(Slot).options(num_cpus=1, max_concurrency=100 * SHARE, scheduling_strategy="SPREAD").remote()
        place = Place(slot)
        try:
            try:
                await slot.started.remote()
            finally:
                self.starting -= 1
            self.places.append(place)
            self._give()
            await slot.ended.remote()
        except ray.exceptions.RayError:
            pass
        finally:
            if place in self.places:
                self.places.remove(place)

    async def _tend(self) -> None:
        """Now and then: lost app servers, idle slots; and nobody needs a pool that has no app server any more."""
        began = time.monotonic()
        while True:
            self.cores = int(ray.cluster_resources().get("CPU", 0))
            now = time.monotonic()
            for app, heard in list(self.apps.items()):
                if now - heard > GONE:
                    del self.apps[app]
                    for job in [job for job in self.jobs.values() if job.app == app]:
                        self._do(self.end(job.id_))
            if not self.apps and now - began > GONE:
                ray.kill(ray.get_runtime_context().current_actor)
            for place in list(self.places):
                more = len(self.places) > min(KEPT, self.cores)
                if more and not place.jobs and now - place.idle > IDLE:
                    self.places.remove(place)
                    ray.kill(place.slot)
            self._give()
            await asyncio.sleep(TICK)

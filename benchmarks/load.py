"""A class at work: many learners over all tabs at once, and a slider that must not feel them.

    python -m benchmarks.load [--clients 30] [--seconds 60] [--table]

Learners, one a habit, first find out every answer; then all work at once, each with seeds of its own and with pauses,
and every answer is compared: one that belongs to another learner's seed is foreign. A slider of the VAE tab is dragged
in a process of its own, one call in flight: alone, beside a diffusion run and a live training, and beside the class.

--table: the same for several limits of streams, torch threads and training workers, a server for each; docs/SCALE.md
gets the figures.
"""

import argparse
import asyncio
import json
import multiprocessing
import random
import time
import urllib.request
from contextlib import aclosing
from dataclasses import dataclass, field
from http.client import HTTPConnection

from benchmarks._common import into_page, percentile, process, report
from benchmarks._learners import HABITS, Habit, decoding, denoising, digest, training
from benchmarks._protocol import API, Learner, config_of, controls

PAUSE = 3.0  # seconds between two things that a learner does, in the mean
PLACES = 50  # of the slider
AIM = "slider's p95 beside a run and a training: at most 3 times its value alone, and 100 ms; no error, nothing foreign"


@dataclass
class Tally:
    """What came of one habit of all learners."""

    first: list[float] = field(default_factory=list)  # ms to the first sign
    whole: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    foreign: int = 0
    wrong: list[str] = field(default_factory=list)  # neither the learner's own answer nor another's: where it parts


def slider(url: str, seconds: float, known: dict[int, str] | None = None) -> dict:
    """Drag for some seconds: {"ms": [...], "pictures": {place: PNG}, "foreign", "errors"}. Runs in its own process."""
    with urllib.request.urlopen(f"{url}/config") as answer:
        (control,) = controls(json.load(answer), "decode", "vae/sliders")
    line = HTTPConnection(url.removeprefix("http://"), timeout=120)
    found, pictures, foreign, errors = [], dict(known or {}), 0, 0
    begun, i = time.monotonic(), 0
    while time.monotonic() - begun < seconds:
        place = 7 * i % PLACES
        body = {"data": decoding(place), "component_id": control, "fn_name": "decode", "session_hash": "slider"}
        asked = time.perf_counter()
        line.request("POST", f"{API}/component_server", json.dumps(body), {"Content-Type": "application/json"})
        answer = line.getresponse()
        picture = json.loads(answer.read()).get("ok") if answer.status == 200 else answer.read() and None
        if i >= PLACES // 10:  # the first calls warm up
            found.append(1000 * (time.perf_counter() - asked))
        errors += picture is None
        foreign += pictures.setdefault(place, picture) != picture
        i += 1
        time.sleep(0.016)
    return {"ms": found, "pictures": pictures, "foreign": foreign, "errors": errors}


class Class:
    """Learners on one server, and what is known of it.

    known: {habit: {digest of an answer: its seed}}, of this or of another server that counts alike.
    parts: {habit: {seed: the digests of its answer's parts}}, of those learned here.
    """

    def __init__(self, url: str, config: dict, clients: int, known: dict[str, dict[str, int]] | None = None):
        self.url, self.config, self.clients = url, config, clients
        self.known, self.parts = known or {}, {}
        self.tallies = {self.name(habit): Tally() for habit in HABITS}

    @staticmethod
    def name(habit: Habit) -> str:
        return f"{habit.tab}: {habit.what}"

    async def learn(self) -> None:
        """One learner a habit asks for all that will be asked for; where that is known, once, to load the models."""
        seeds = range(1 if self.known else self.clients)

        async def answers(habit: Habit) -> dict[str, int]:
            async with Learner(self.url, self.config) as learner:
                found = {seed: await habit.do(learner, seed, lambda: None) for seed in seeds}
            self.parts[self.name(habit)] = {seed: [digest(part) for part in found[seed]] for seed in seeds}
            return {digest(answer): seed for seed, answer in found.items()}

        for habit, found in zip(HABITS, await asyncio.gather(*map(answers, HABITS)), strict=True):
            known = self.known.setdefault(self.name(habit), found)
            if len(found) < len(seeds):
                raise RuntimeError(f"{self.name(habit)}: two seeds have one answer")
            if not found.items() <= known.items():
                raise RuntimeError(f"{self.name(habit)}: two servers have two answers")

    async def attend(self, seed: int, seconds: float, pause: float) -> None:
        """One learner: opens the page, then does one thing after another, with pauses, until the time is over."""
        draw, until = random.Random(seed), time.monotonic() + seconds
        await asyncio.sleep(draw.uniform(0, min(3.0, seconds / 5)))
        async with Learner(self.url, self.config) as learner:
            await learner.open()
            while time.monotonic() < until:
                habit = draw.choices(HABITS, [habit.share for habit in HABITS])[0]
                await self.once(habit, learner, seed)
                await asyncio.sleep(draw.expovariate(1 / pause))

    async def once(self, habit: Habit, learner: Learner, seed: int) -> None:
        tally, signs, begun = self.tallies[self.name(habit)], [], time.perf_counter()
        try:
            answer = await habit.do(learner, seed, lambda: signs.append(time.perf_counter()))
        except Exception as error:  # whatever it is, it is what this benchmark counts
            tally.errors.append(f"{type(error).__name__}: {error}"[:200])
            return
        tally.first.append(1000 * (signs[0] - begun))
        tally.whole.append(1000 * (time.perf_counter() - begun))
        owner = self.known[self.name(habit)].get(digest(answer))
        if owner is None:
            tally.wrong.append(self.where(habit, seed, answer))
        tally.foreign += owner is not None and owner != seed

    def where(self, habit: Habit, seed: int, answer: list) -> str:
        """One line: which parts of an answer are not those that were learned."""
        right, found = self.parts[self.name(habit)].get(seed, []), [digest(part) for part in answer]
        unlike = [i for i, (a, b) in enumerate(zip(right, found, strict=False)) if a != b]
        return f"{self.name(habit)}: seed {seed}, {len(found)} parts of {len(right)}, other ones at {unlike}"

    async def work(self, seconds: float, pause: float = PAUSE) -> None:
        """All at once. Whoever fails to open the page counts as an error of the first habit."""
        learners = (self.attend(k, seconds, pause) for k in range(self.clients))
        ended = await asyncio.gather(*learners, return_exceptions=True)
        failed = [f"opening the page: {type(e).__name__}: {e}"[:200] for e in ended if isinstance(e, BaseException)]
        next(iter(self.tallies.values())).errors += failed

    def counted(self) -> dict:
        """What went well and what did not, of all habits together."""
        all_ = self.tallies.values()
        return {
            "done": sum(len(t.whole) for t in all_),
            "errors": sum(len(t.errors) for t in all_),
            "foreign": sum(t.foreign for t in all_),
            "wrong": sum(len(t.wrong) for t in all_),
        }

    def what_failed(self) -> list[str]:
        """Every sentence once."""
        return sorted({line for t in self.tallies.values() for line in t.errors + t.wrong})


async def busy(url: str, config: dict, part: str, settings: dict) -> None:
    """One run after another, until cancelled."""
    async with Learner(url, config) as learner:
        while True:
            async with aclosing(learner.run(part, settings)) as values:
                async for _ in values:
                    pass


async def measured(url: str, clients: int, seconds: float, pool, known: dict | None) -> tuple[dict, Class]:
    """The slider alone, beside one run and one training, beside the class; and the class."""
    config = await config_of(url)
    group = Class(url, config, clients, known)
    await group.learn()
    drags = {}

    async def drag(label: str, known: dict | None, span: float) -> dict:
        drags[label] = await asyncio.wrap_future(pool.submit(slider, url, span, known))
        return drags[label]["pictures"]

    pictures = await drag("alone", None, min(15.0, seconds / 2))
    runs = {"diffusion/denoise": denoising(1, 200), "vae/train": training(1)}
    tasks = [asyncio.create_task(busy(url, config, part, settings)) for part, settings in runs.items()]
    await asyncio.sleep(2)  # the worker starts
    await drag("beside a diffusion run and a training", pictures, min(20.0, seconds / 2))
    for task in tasks:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    failed = [e for e in ended if not isinstance(e, asyncio.CancelledError)]
    if failed:
        raise failed[0]
    await asyncio.sleep(1)
    await asyncio.gather(drag(f"beside {clients} learners", pictures, seconds), group.work(seconds))
    return drags, group


def run(
    clients: int, seconds: float, known: dict | None = None, **environment: str
) -> tuple[list[dict], list[dict], Class]:
    """Rows of the slider, rows of the class, and the class."""
    from concurrent.futures import ProcessPoolExecutor

    with (
        process("app.py", HF_HUB_OFFLINE="1", **environment) as (_, url),
        ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool,
    ):
        drags, group = asyncio.run(measured(url, clients, seconds, pool, known))
    alone = percentile(drags["alone"]["ms"], 0.95)
    sliders = [
        {
            "slider": label,
            "n": len(drag["ms"]),
            "p50 ms": percentile(drag["ms"], 0.5),
            "p95 ms": percentile(drag["ms"], 0.95),
            "p95 over alone": percentile(drag["ms"], 0.95) / alone,
            "errors": drag["errors"],
            "foreign": drag["foreign"],
        }
        for label, drag in drags.items()
    ]
    learners = [
        {
            "habit": name,
            "n": len(t.whole),
            **{
                f"{what} {label} ms": percentile(times, share) if len(times) > 1 else None
                for what, times in (("first", t.first), ("whole", t.whole))
                for label, share in (("p50", 0.5), ("p95", 0.95))
            },
            "errors": len(t.errors),
            "foreign": t.foreign,
            "wrong": len(t.wrong),
        }
        for name, t in group.tallies.items()
    ]
    return sliders, learners, group


def table(clients: int, seconds: float) -> None:
    """How many streams, torch threads and training workers serve a class best."""
    rows, known = [], {}  # by threads, which may change a last digit
    for streams, threads, workers in ((1, 1, 1), (2, 1, 1), (4, 1, 1), (2, 2, 1), (2, 1, 2)):
        settings = {"GENAI_STREAMS": streams, "OMP_NUM_THREADS": threads, "GENAI_WORKERS": workers}
        environment = {key: str(value) for key, value in settings.items()}
        sliders, learners, group = run(clients, seconds, known.get(threads), **environment)
        known[threads] = group.known
        by = {row["habit"].partition(", ")[0]: row for row in learners}
        rows.append(
            {"streams": streams, "torch threads": threads, "training workers": workers}
            | {f"slider p95 ms {row['slider']}": row["p95 ms"] for row in sliders}
            | {
                "diffusion first p95 ms": by["Diffusion: 20 steps"]["first p95 ms"],
                "diffusion whole p95 ms": by["Diffusion: 20 steps"]["whole p95 ms"],
                "text first p95 ms": by["Text: 60 tokens"]["first p95 ms"],
                "training first p95 ms": by["VAE: live training"]["first p95 ms"],
            }
            | group.counted()
        )
    report("limits", rows, clients=clients, seconds=seconds)
    limits = [" / ".join(str(row.pop(key)) for key in ("streams", "torch threads", "training workers")) for row in rows]
    head = "streams / torch threads / training workers"
    pairs = list(zip(limits, rows, strict=True))
    into_page("limits", [{head: what} | {limit: row[what] for limit, row in pairs} for what in rows[0]])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--table", action="store_true", help="several limits, each with a server of its own")
    options = parser.parse_args()
    if options.table:
        table(options.clients, options.seconds)
        return
    sliders, learners, group = run(options.clients, options.seconds)
    more = {"learners": learners, "clients": options.clients, "seconds": options.seconds, **group.counted()}
    report("load", sliders, **more, what_failed=group.what_failed(), aim=AIM)


if __name__ == "__main__":
    main()

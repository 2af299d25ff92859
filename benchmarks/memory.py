"""How much memory the server takes when every tab has been visited, and whether it grows.

    python -m benchmarks.memory [--minutes 30] [--pause 1]

Over Gradio's own protocol: every control's first value, every habit of the learners (sliders, samples, streams, a live
training, which has its own process). RSS of the server and its children, in which what they share (torch's code)
counts for each; and the same with that counted once, which is what the machine has less of.
--minutes: then a few learners go on, with pauses of so many seconds; growth is that of the server without its training
worker, which comes and goes: the last tenth of that time against its second tenth.
"""

import argparse
import asyncio
import contextlib
import statistics
import time

from benchmarks._common import process, report, resident
from benchmarks._learners import HABITS
from benchmarks._protocol import Learner, ServerSaidNo, config_of, controls
from benchmarks.load import Class

AIM = "at most 2 GB with every tab visited; at most 2 percent of growth in half an hour"
LEARNERS = 6
EVERY = 5.0  # seconds between two looks


async def visit(url: str, config: dict) -> int:
    """Everything once; returns how many controls gave their first value."""
    starting = controls(config, "start")
    async with Learner(url, config) as learner:
        await learner.open()
        for control in starting:
            with contextlib.suppress(ServerSaidNo):  # one that waits for something else to be chosen
                await learner.call(control, "start", {})
        for habit in HABITS:
            await habit.do(learner, 0, lambda: None)
    return len(starting)


async def soak(url: str, config: dict, pid: int, minutes: float, pause: float) -> tuple[list[float], Class]:
    """RSS again and again while a few learners work, opening the page anew every minute or so."""
    group, sizes = Class(url, config, LEARNERS), []
    await group.learn()
    until = time.monotonic() + 60 * minutes

    async def look() -> None:
        while True:
            sizes.append(resident(pid, alone=True))
            await asyncio.sleep(EVERY)

    looking = asyncio.create_task(look())
    while (left := until - time.monotonic()) > 1:
        await group.work(min(60.0, left), pause)
    looking.cancel()
    return sizes, group


def growth(sizes: list[float]) -> float:
    """Percent by which the last tenth lies above the second."""
    tenth = max(1, len(sizes) // 10)
    before, after = statistics.mean(sizes[tenth : 2 * tenth]), statistics.mean(sizes[-tenth:])
    return 100 * (after / before - 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=0)
    parser.add_argument("--pause", type=float, default=1.0)
    options = parser.parse_args()
    minutes = options.minutes
    more = {}
    with process("app.py", HF_HUB_OFFLINE="1") as (server, url):
        config = asyncio.run(config_of(url))

        def row(when: str) -> dict:
            return {
                "when": when,
                "MiB": resident(server.pid),
                "MiB, shared once": resident(server.pid, once=True),
                "MiB, the server alone": resident(server.pid, alone=True),
            }

        rows = [row("the first page")]
        started = asyncio.run(visit(url, config))
        rows.append(row("every tab visited"))
        if minutes:
            sizes, group = asyncio.run(soak(url, config, server.pid, minutes, options.pause))
            rows.append(row(f"after {minutes:g} minutes"))
            more = {"growth_percent": round(growth(sizes), 2), "most_MiB_alone": round(max(sizes)), **group.counted()}
            more["what_failed"] = group.what_failed()
    report("memory", rows, controls=started, **more, aim=AIM)


if __name__ == "__main__":
    main()

"""Everyone presses Play at once: thirty learners start the lab of GANs within two seconds.

    python -m benchmarks.play [--learners 30] [--seconds 20]

Each draws a frame when it comes, and says so, as a page does. Meanwhile a slider of the VAE tab is dragged in a process
of its own. With one worker and with two, a server for each.
"""

import argparse
import asyncio
import multiprocessing
import random
import time
from contextlib import aclosing

from benchmarks._common import percentile, report, server
from benchmarks._protocol import Learner, config_of
from benchmarks.load import slider

PART = "gan/lab"
WITHIN = 2.0  # seconds in which all press Play
AIM = "the first frame within 3 s for all, none below 2 frames/s, the slider's p95 at most 60 ms"


async def play(url: str, config: dict, seed: int, settings: dict, seconds: float) -> dict:
    """One learner: {"first": ms until the first frame, "frames": a second after it, "steps": of the training}."""
    async with Learner(url, config) as learner:
        await asyncio.sleep(random.Random(seed).uniform(0, WITHIN))
        begun, came, step = time.perf_counter(), [], 0
        async with aclosing(learner.run(PART, settings | {"seed": seed})) as frames:
            async for frame in frames:
                came.append(time.perf_counter())
                step = frame["step"]
                await learner.ask(PART, "drawn", {"run": frame["run"]})
                if came[-1] - begun > seconds:
                    break
        rate = (len(came) - 1) / (came[-1] - came[0]) if len(came) > 1 else 0.0
        return {"first": 1000 * (came[0] - begun), "frames": rate, "steps": step}


async def everyone(url: str, learners: int, seconds: float) -> list[dict]:
    config = await config_of(url)
    async with Learner(url, config) as first:
        settings = (await first.ask(PART, "start", {}))["settings"]
        async with aclosing(first.run(PART, settings)) as frames:  # the worker has imported what it needs
            async for _ in frames:
                break
    return await asyncio.gather(*(play(url, config, seed, settings, seconds) for seed in range(learners)))


def measured(workers: int, learners: int, seconds: float) -> dict:
    with server("app.py", GENAI_WORKERS=str(workers), HF_HUB_OFFLINE="1") as url:
        asyncio.run(everyone(url, 1, 1.0))
        context = multiprocessing.get_context("spawn")
        with context.Pool(1) as pool:
            dragged = pool.apply_async(slider, (url, seconds))
            found = asyncio.run(everyone(url, learners, seconds))
            beside = dragged.get()["ms"]
    frames = [one["frames"] for one in found]
    return {
        "workers": workers,
        "learners": learners,
        "first frame, p95 ms": percentile([one["first"] for one in found], 0.95),
        "first frame, last ms": max(one["first"] for one in found),
        "frames/s, least": min(frames),
        "frames/s, most": max(frames),
        "steps, least": min(one["steps"] for one in found),
        "slider, p95 ms": percentile(beside, 0.95),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--learners", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    rows = [measured(workers, options.learners, options.seconds) for workers in (1, 2)]
    report("play", rows, aim=AIM)


if __name__ == "__main__":
    main()

"""Everyone presses Play at once: thirty learners start the lab of GANs within two seconds.

    python -m benchmarks.play [--learners 30] [--seconds 20]

Each draws a frame when it comes, and says so, as a page does. Meanwhile a slider of the VAE tab is dragged in a process
of its own: one lab after the other, all by turns in one worker, and in two. And what a batch of them would gain: a step
of thirty discriminators one by one, and stacked (torch.func).
"""

import argparse
import asyncio
import copy
import multiprocessing
import random
import time
from contextlib import aclosing, suppress

import torch
from torch.func import functional_call, stack_module_state, vmap

from benchmarks._common import into_page, percentile, report, server
from benchmarks._protocol import Learner, config_of
from benchmarks.load import slider
from genai_core.data.plane import distribution
from genai_core.gan.lab import Lab, LabConfig

PART = "gan/lab"
WITHIN = 2.0  # seconds in which all press Play
AIM = "the first frame within 3 s for all, none below 2 frames/s, the slider's p95 at most 60 ms"


async def play(url: str, config: dict, seed: int, settings: dict, seconds: float) -> dict:
    """One learner: {"first": ms until the first frame, or None, "frames": a second, "steps": of the training}."""
    async with Learner(url, config) as learner:
        await asyncio.sleep(random.Random(seed).uniform(0, WITHIN))
        begun, came, step = time.perf_counter(), [], 0
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), aclosing(learner.run(PART, settings | {"seed": seed})) as frames:
                async for frame in frames:
                    came.append(time.perf_counter())
                    step = frame["step"]
                    await learner.ask(PART, "drawn", {"run": frame["run"]})
        first = 1000 * (came[0] - begun) if came else None
        return {"first": first, "frames": len(came) / seconds, "steps": step}


async def everyone(url: str, learners: int, seconds: float) -> list[dict]:
    config = await config_of(url)
    async with Learner(url, config) as first:
        settings = (await first.ask(PART, "start", {}))["settings"]
        async with aclosing(first.run(PART, settings)) as frames:  # the worker has imported what it needs
            async for _ in frames:
                break
    return await asyncio.gather(*(play(url, config, seed, settings, seconds) for seed in range(learners)))


def measured(labs: int, workers: int, learners: int, seconds: float) -> dict:
    with server("app.py", GENAI_LABS=str(labs), GENAI_WORKERS=str(workers), HF_HUB_OFFLINE="1") as url:
        asyncio.run(everyone(url, workers, 10.0))  # each worker has started
        context = multiprocessing.get_context("spawn")
        with context.Pool(1) as pool:
            dragged = pool.apply_async(slider, (url, seconds))
            found = asyncio.run(everyone(url, learners, seconds))
            beside = dragged.get()["ms"]
    first = [one["first"] for one in found if one["first"] is not None]
    frames = [one["frames"] for one in found]
    return {
        "at a time": labs,
        "workers": workers,
        "without a frame": learners - len(first),
        "first frame p95 ms": percentile(first, 0.95) if len(first) > 1 else None,
        "frames/s, least": min(frames),
        "frames/s, most": max(frames),
        "steps, least": min(one["steps"] for one in found),
        "slider p95 ms": percentile(beside, 0.95),
    }


def batched(learners: int, times: int = 7) -> dict:
    """ms of a step of so many discriminators, forward and backward, one by one and stacked; on one thread."""
    torch.set_num_threads(1)
    config, data = LabConfig(), distribution("ring")
    nets = [Lab(config, data, seed).discriminator for seed in range(learners)]
    x = torch.randn(learners, 2 * config.batch, 2, generator=torch.Generator().manual_seed(0))
    stacked, buffers = stack_module_state(nets)  # type: ignore[arg-type]
    shape = copy.deepcopy(nets[0]).to("meta")

    def one_by_one() -> None:
        for net, points in zip(nets, x, strict=True):
            torch.autograd.grad(net(points).mean(), list(net.parameters()))

    def at_once() -> None:
        scores = vmap(lambda p, b, points: functional_call(shape, (p, b), (points,)))(stacked, buffers, x)
        torch.autograd.grad(scores.mean((1, 2)).sum(), list(stacked.values()))

    def least(work) -> float:
        work()
        took = []
        for _ in range(times):
            begun = time.perf_counter()
            work()
            took.append(1000 * (time.perf_counter() - begun))
        return min(took)

    return {"discriminators": learners, "one by one, ms": least(one_by_one), "stacked, ms": least(at_once)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--learners", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    ways = ((1, 1), (options.learners, 1), (options.learners, 2))
    rows = [measured(labs, workers, options.learners, options.seconds) for labs, workers in ways]
    stacked = [batched(options.learners)]
    report("play", rows, learners=options.learners, stacked=stacked, aim=AIM)
    into_page("play", rows, stacked)


if __name__ == "__main__":
    main()

"""Trainings on a Ray cluster whose nodes are processes of this machine.

    python -m benchmarks.cluster [--parts first paced play killed] [--learners 30] [--jobs 200] [--kills 20]

first: when the first frame of the GAN's lab comes, and its frames a second, by a local worker and by Ray, both warm.
paced: jobs that sleep as long as they would compute, so that this machine's cores set no limit: values a second, for
each number of nodes, beside what so many nodes could do. play: all learners start such a job at once on four nodes.
killed: the same, over and over, while nodes are killed and put back: each job gets its own values in their order and
its end, or the sentence that its machine was lost.
"""

import argparse
import contextlib
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks._common import percentile, report
from demos._server import _job, _local, jobs

LAB = "genai_core.gan.live:train"
SETTINGS: dict[str, Any] = {"settings": {}, "data": "ring", "seed": 0, "per_frame": 8}
PACED, PAUSE, VALUES = "benchmarks.cluster:paced", 0.05, 20
NODE = {"num_cpus": 1, "object_store_memory": 80_000_000}
PATIENCE = 120.0  # seconds after which a page counts as hung
PARTS = ("first", "paced", "play", "killed")
AIM = (
    "first frame at most 150 ms later, 0.9 of the frames/s; 0.9 of N nodes' values/s; first value p95 at most 3 s; "
    "nothing foreign, wrong or hung, every loss told"
)


def paced(owner: int, values: int, pause: float) -> Iterator[tuple[int, int]]:
    """A training's pace, without its arithmetic."""
    for k in range(values):
        time.sleep(pause)
        yield owner, k


@contextlib.contextmanager
def nodes(count: int) -> Iterator[Any]:
    """A cluster of so many nodes besides its head, each with a slot that has started; jobs run there."""
    import ray
    from ray.cluster_utils import Cluster

    from demos._server import _ray

    head = {**NODE, "num_cpus": 0, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    here = jobs._run
    try:
        for _ in range(count):
            cluster.add_node(**NODE)
        jobs.use_ray(cluster.address)
        while ray.get(_ray._pool.state.remote())["slots"] < count:
            time.sleep(0.2)
        yield cluster
    finally:
        jobs._run = here
        ray.shutdown()
        cluster.shutdown()


def lab(frames: int) -> tuple[float, float]:
    """ms to the first frame of the GAN's lab, and its frames a second after that."""
    begun = time.perf_counter()
    training = jobs.run(LAB, frames=frames, **SETTINGS)
    next(training)
    first = time.perf_counter()
    rest = sum(1 for _ in training)
    return 1000 * (first - begun), rest / (time.perf_counter() - first) if rest else 0.0


def beside(times: int, frames: int) -> list[dict]:
    """The lab by turns in a local worker and on a cluster of one node."""
    with nodes(1):
        ways = {"local worker": _local.run, "Ray": jobs._run}
        came: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for turn in range(times + 1):
            for name, way in ways.items():
                jobs._run = way
                if turn:
                    came[name].append(lab(frames))
                else:
                    lab(1)  # it has imported what it needs
    medians = {name: [percentile([row[k] for row in rows], 0.5) for k in (0, 1)] for name, rows in came.items()}
    return [{"where": name, "first frame ms": first, "frames/s": rate} for name, (first, rate) in medians.items()]


def at_once(count: int, work: Callable[[int], None]) -> None:
    threads = [threading.Thread(target=work, args=(k,)) for k in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def throughput(count: int, learners: int) -> dict:
    """Values a second of so many jobs on so many nodes."""
    with nodes(count):
        begun = time.perf_counter()
        seen = Counter[int]()

        def follow(k: int) -> None:
            for owner, _ in jobs.run(PACED, owner=k, values=VALUES, pause=PAUSE):
                seen[owner] += 1

        at_once(learners, follow)
        took = time.perf_counter() - begun
    could = count / PAUSE
    return {"nodes": count, "jobs": learners, "values/s": seen.total() / took, "of N": seen.total() / took / could}


def press_play(learners: int) -> dict:
    """ms until each learner has a first value, where all begin at once on four nodes."""
    first = [0.0] * learners
    with nodes(4):

        def follow(k: int) -> None:
            begun = time.perf_counter()
            with contextlib.closing(jobs.run(PACED, owner=k, values=10_000, pause=PAUSE)) as training:
                next(training)
                first[k] = 1000 * (time.perf_counter() - begun)
                for _ in range(5):
                    next(training)

        at_once(learners, follow)
    return {"learners": learners, "first p95 ms": percentile(first, 0.95), "most": max(first)}


def killed(learners: int, kills: int) -> dict:
    """Nodes are killed and put back under the load of learners who begin again as soon as a job is over."""
    tally: Counter[str] = Counter()
    over = threading.Event()

    def follow(k: int) -> None:
        while not over.is_set():
            expected, heard = 0, time.monotonic()
            try:
                for value in jobs.run(PACED, beat=1.0, owner=k, values=VALUES, pause=PAUSE):
                    if value is None:
                        if time.monotonic() - heard > PATIENCE:
                            tally["hung"] += 1
                            break
                        continue
                    heard = time.monotonic()
                    tally["foreign"] += value[0] != k
                    tally["wrong"] += value[1] != expected
                    expected += 1
                else:
                    tally["done"] += 1
                    tally["wrong"] += expected != VALUES
            except jobs.JobError as error:
                tally["told" if "was lost" in str(error) else "other errors"] += 1

    with nodes(4) as cluster:
        threads = [threading.Thread(target=follow, args=(k,)) for k in range(learners)]
        for thread in threads:
            thread.start()
        for _ in range(kills):
            time.sleep(3)
            victim = random.choice([node for node in cluster.list_all_nodes() if node is not cluster.head_node])
            cluster.remove_node(victim, allow_graceful=False)
            cluster.add_node(**NODE)
        over.set()
        for thread in threads:
            thread.join(PATIENCE)
        tally["hung"] += sum(thread.is_alive() for thread in threads)
    names = ("done", "told", "other errors", "foreign", "wrong", "hung")
    return {"learners": learners, "kills": kills} | {name: tally[name] for name in names}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--learners", type=int, default=30)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--nodes", type=int, nargs="+", default=[2, 4, 8])
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--frames", type=int, default=100)
    options = parser.parse_args()
    jobs.NAMES = re.compile(rf"{PACED}|{_job.NAMES.pattern}")
    rows: list[dict] = []
    more: dict[str, list[dict]] = {}
    if "first" in options.parts:
        rows = beside(options.times, options.frames)
    if "paced" in options.parts:
        more["paced"] = [throughput(count, options.jobs) for count in options.nodes]
    if "play" in options.parts:
        more["play"] = [press_play(options.learners)]
    if "killed" in options.parts:
        more["killed"] = [killed(options.learners, options.kills)]
    report("cluster", rows or next(iter(more.values())), **more, aim=AIM)


if __name__ == "__main__":
    main()

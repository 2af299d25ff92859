"""Jobs on a Ray cluster: two nodes of one core, as processes of this machine."""

import asyncio
import importlib.util
import itertools
import os
import re
import threading
import time
import uuid
from contextlib import closing

import numpy as np
import pytest

from demos._server import _job, _local, jobs

INSTALLED = importlib.util.find_spec("ray") is not None
if not INSTALLED and os.environ.get("CI") == "true":
    pytest.fail("Ray is not installed, which continuous integration needs: requirements-scale.txt.", pytrace=False)
pytestmark = [
    pytest.mark.skipif(not INSTALLED, reason="Ray is not installed (requirements-scale.txt)"),
    pytest.mark.timeout(180),
]
HERE = "tests.demos.server.jobs_to_run"
PATIENCE = 60  # seconds, of a machine that does other things as well
NODE = {"num_cpus": 1, "object_store_memory": 100_000_000}


@pytest.fixture(scope="module")
def cluster():
    """Two nodes, and every job runs there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", uuid.uuid4().hex)  # not the user's own
        import ray
        from ray.cluster_utils import Cluster

        cluster = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
        try:
            cluster.add_node(**NODE)
            patch.setattr(jobs, "_run", _local.run)
            jobs.use_ray(cluster.address)
            until(lambda: state()["slots"] == 2)
            yield cluster
        finally:
            ray.shutdown()
            cluster.shutdown()


@pytest.fixture(autouse=True)
def jobs_of_the_tests(monkeypatch, cluster):
    monkeypatch.setattr(jobs, "NAMES", re.compile(rf"{HERE}:\w+|{_job.NAMES.pattern}"))


def state():
    import ray

    from demos._server import _ray

    return ray.get(_ray._pool.state.remote(), timeout=PATIENCE)


def until(condition):
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < PATIENCE
        time.sleep(0.02)
    return time.monotonic() - begun


def works():
    assert list(jobs.run(f"{HERE}:count", n=3)) == [0, 1, 2]


def test_the_same_seed_has_the_same_frames_here_and_there():
    options = {"settings": {}, "data": "ring", "seed": 3, "per_frame": 2, "frames": 3}
    there = list(jobs.run("genai_core.gan.live:train", **options))
    packed = _job.pack(options, "")
    here = list(_local.run("genai_core.gan.live:train", packed, PATIENCE))
    assert len(there) == len(here) == 3
    for (one, _, _), (other, _, _) in zip(there, here, strict=True):
        for name, value in vars(one).items():
            np.testing.assert_array_equal(value, getattr(other, name))


def test_a_stop_ends_the_job_within_a_second_while_others_go_on():
    other = jobs.run(f"{HERE}:count", n=10_000, pause=0.01)
    next(other)
    with closing(jobs.run(f"{HERE}:count", n=10_000, pause=0.01)) as job:
        assert list(itertools.islice(job, 3)) == [0, 1, 2]
    assert until(lambda: state()["running"] == 1) < 1 + 1  # one of a busy machine
    assert list(itertools.islice(other, 20)) == list(range(1, 21))
    other.close()
    until(lambda: state()["running"] == 0)


def test_values_that_nobody_takes_hold_their_own_job_and_no_other():
    slow = jobs.run(f"{HERE}:clock")
    numbers = [next(slow)[0]]
    time.sleep(0.5)
    works()
    taken = time.time()
    values = list(itertools.islice(slow, 10))
    numbers += [number for number, _ in values]
    assert numbers == list(range(11))  # none is lost
    assert sum(made < taken for _, made in values) <= jobs.AHEAD + 1  # one is made, and cannot be handed over
    slow.close()
    until(lambda: state()["running"] == 0)


@pytest.mark.parametrize(
    ("job", "settings", "sentence"),
    [
        ("os:system", {}, "There is no training of this name."),
        ("genai_core.vae.live:np", {}, "There is no training of this name."),
        (f"{HERE}:count", {"n": lambda: 1}, "cannot be sent"),
        (f"{HERE}:count", {"n": bytes(100_000_000)}, "is larger than 50 MB"),
        (f"{HERE}:odd", {"what": "large"}, "is larger than 50 MB"),
        (f"{HERE}:odd", {"what": "lambda"}, "cannot be sent"),
        (f"{HERE}:fail", {"after": 1, "kind": "value"}, "The beta is too large."),
        (f"{HERE}:fail", {"after": 1, "kind": "other"}, "The training failed on the server."),
    ],
)
def test_what_goes_wrong_is_one_sentence_and_the_cluster_lives(job, settings, sentence):
    with pytest.raises(jobs.JobError, match=sentence) as caught:
        list(jobs.run(job, **settings))
    assert "\n" not in str(caught.value)
    works()


def test_a_page_has_one_job_at_a_time_and_the_next_waits():
    page = jobs.Learner("page", "ABCDE")
    first = jobs.run(f"{HERE}:count", n=10_000, pause=0.01, asked_by=page)
    next(first)
    second = jobs.run(f"{HERE}:count", n=2, beat=0.2, asked_by=page)
    assert next(second) is None
    assert state() | {"slots": 2, "apps": 1} == {"slots": 2, "running": 1, "waiting": 1, "apps": 1}
    first.close()
    assert [value for value in second if value is not None] == [0, 1]


def test_one_that_waits_can_be_left():
    page = jobs.Learner("page")
    first = jobs.run(f"{HERE}:count", n=10_000, pause=0.01, asked_by=page)
    next(first)
    second = jobs.run(f"{HERE}:count", n=2, beat=0.05, asked_by=page)
    assert next(second) is None
    second.close()
    until(lambda: state()["waiting"] == 0)
    first.close()
    until(lambda: state()["running"] == 0)


def test_classes_take_turns():
    from demos._server._pool import Queue, Waiting

    queue = Queue()
    for k, klass in enumerate(("a", "a", "a", "b", "", "b")):
        queue.add(Waiting(str(k), "app", f"page {k}", klass))
    waiting = {job.id_: job for jobs_ in queue.classes.values() for job in jobs_}
    before = {id_: queue.before(job) for id_, job in waiting.items()}
    order = [queue.next().id_ for _ in waiting]
    assert order == ["0", "3", "4", "1", "5", "2"]
    assert before == {id_: order.index(id_) for id_ in order}
    assert queue.next() is None


def test_a_job_that_dies_or_hangs_is_told_and_its_slot_replaced():
    with pytest.raises(jobs.JobError, match="was lost; start it again"):
        list(jobs.run(f"{HERE}:die"))
    hanging = jobs.run(f"{HERE}:hang", beat=0.05)
    assert next(value for value in hanging if value is not None) == 0
    hanging.close()
    until(lambda: state()["running"] == 0)
    works()
    until(lambda: state()["slots"] == 2)


def test_two_servers_share_a_class_and_it_outlives_one_of_them_and_its_actor(cluster):
    import ray

    from demos._ui.validation import InputError
    from demos.classroom.rooms import Unknown
    from demos.classroom.shared import SharedDesk

    question = {"text": "Which?", "answers": [{"text": "this"}, {"text": "that"}]}

    async def so(condition):
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await asyncio.sleep(0.02)

    async def again(ask):
        """What it answers when the actor has begun again."""
        while True:
            try:
                return await ask()
            except InputError:
                await asyncio.sleep(0.2)

    async def play():
        one, other = SharedDesk(), SharedDesk()
        code = (await one.open())["code"]
        here, there = await one.find(code), await other.find(code.lower())
        one.enter(here, "learner-1")
        assert await one.act(here, "ask", question) == 1
        await so(lambda: there.question)
        assert there.state("learner-2")["question"]["text"] == "Which?"
        await so(lambda: "learner-1" in there.joined)
        await one.act(here, "vote", "learner-1", 1, 1)
        await so(lambda: there.state(None)["question"]["counts"] == [0, 1])
        ray.kill(one.board, no_restart=False)  # as when its machine is lost
        await asyncio.sleep(2)
        async with asyncio.timeout(PATIENCE):
            found = await again(lambda: SharedDesk().find(code))
            assert found.votes == {"learner-1": 1}
            await again(lambda: other.close(there))
        await so(lambda: here.over and there.over)
        with pytest.raises(Unknown, match="No class has this code"):
            await one.find(code)

    asyncio.run(play())


def test_a_job_whose_node_dies_is_told_and_is_not_run_again(cluster, tmp_path):
    """Last, since a node is missing afterwards."""
    running = [jobs.run(f"{HERE}:logged", file=str(tmp_path / str(k))) for k in range(4)]
    ends = [None] * 4

    def follow(k):
        try:
            for _ in running[k]:
                if stopping.is_set():
                    break
            ends[k] = "stopped"
        except jobs.JobError as error:
            ends[k] = str(error)
        running[k].close()

    stopping = threading.Event()
    threads = [threading.Thread(target=follow, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    until(lambda: all((tmp_path / str(k)).exists() for k in range(4)))
    cluster.remove_node(cluster.list_all_nodes()[1], allow_graceful=False)
    until(lambda: any(ends))
    time.sleep(1)
    stopping.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert sorted(ends) == ["The machine that trained this was lost; start it again."] * 2 + ["stopped"] * 2
    assert all((tmp_path / str(k)).read_text() == "begun\n" for k in range(4))
    works()

import itertools
import sys
import threading
import time
import types

import pytest

from demos._server import jobs

HERE = "tests.demos.server.jobs_to_run"


def settled(free=1):
    """Wait until the workers of jobs that were left are free again."""
    begun = time.monotonic()
    while jobs.free() < free:
        assert time.monotonic() - begun < jobs.PATIENCE + 5
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def one_worker(monkeypatch):
    monkeypatch.setattr(jobs, "_workers", jobs._workers[:1])


def works():
    assert list(jobs.run(f"{HERE}:count", n=3)) == [0, 1, 2]


def test_values_come_in_order_and_the_worker_is_reused_and_polite():
    works()
    (first, nice), (second, _) = (next(jobs.run(f"{HERE}:process")) for _ in range(2))
    assert first == second
    assert nice >= 10


def test_a_stop_ends_the_job_and_leaves_the_worker_usable():
    job = jobs.run(f"{HERE}:count", n=10_000, pause=0.01)
    assert list(itertools.islice(job, 3)) == [0, 1, 2]
    job.close()
    settled()
    works()


def test_a_stop_that_comes_after_the_job_has_ended_does_not_stop_the_next():
    job = jobs.run(f"{HERE}:count", n=2)
    next(job)
    time.sleep(0.3)  # the worker has sent everything and waits for its next job
    job.close()
    works()


def test_a_job_that_hangs_is_heard_of_and_can_be_left_at_once_for_another_worker_that_has_started():
    first, _ = next(jobs.run(f"{HERE}:process"))
    job = jobs.run(f"{HERE}:hang", beat=lambda: 0.05)
    assert next(value for value in job if value is not None) == 0
    assert next(job) is None
    job.close()
    settled()
    begun = time.monotonic()
    while not all(worker.process and worker.process.is_alive() for worker in jobs._workers):
        assert time.monotonic() - begun < 10
        time.sleep(0.01)
    assert next(jobs.run(f"{HERE}:process"))[0] != first


def test_silence_for_too_long_is_an_error(monkeypatch):
    works()  # the worker has started
    with monkeypatch.context() as patched:
        patched.setattr(jobs, "SILENCE", 0.3)
        with pytest.raises(jobs.JobError, match="stopped answering"):
            list(jobs.run(f"{HERE}:hang", beat=lambda: 0.1))
    works()


@pytest.mark.parametrize(("kind", "sentence"), [("value", "The beta is too large."), ("other", "The training failed")])
def test_an_exception_reaches_the_caller_as_a_sentence(kind, sentence):
    with pytest.raises(jobs.JobError, match=sentence) as caught:
        list(jobs.run(f"{HERE}:fail", after=2, kind=kind))
    assert "secret" not in str(caught.value)
    works()


def test_a_worker_that_dies_is_reported_and_replaced():
    with pytest.raises(jobs.JobError, match="ended unexpectedly"):
        list(jobs.run(f"{HERE}:die"))
    works()


def test_jobs_of_one_worker_share_its_time_whichever_came_first():
    """Two that do as much for a value come in turns; one that does ten times as much comes a tenth as often."""
    works()
    counted = counts([{"seconds": seconds} for seconds in (0.01, 0.01, 0.1)], 2)
    assert 0.6 < counted[0] / counted[1] < 1.6
    assert 4 < counted[0] / counted[2] < 25


def test_what_its_first_value_took_is_not_held_against_a_job():
    """The first one of a class to press Play has its worker import torch."""
    works()
    counted = counts([{"seconds": 0.01, "first": 1.0}, {"seconds": 0.01}], 2)
    assert 0.5 < counted[0] / counted[1] < 2


def counts(busy, seconds):
    """How many values come of each of these busy jobs in so many seconds after the first value of all."""
    running = [jobs.run(f"{HERE}:busy", **settings) for settings in busy]
    for job in running:
        next(job)
    counted, until = [0] * len(running), time.monotonic() + seconds

    def take(k):
        for _ in running[k]:
            counted[k] += 1
            if time.monotonic() > until:
                return

    threads = [threading.Thread(target=take, args=(k,)) for k in range(len(running))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for job in running:
        job.close()
    settled()
    return counted


def test_a_job_whose_values_nobody_takes_leaves_the_time_to_others():
    slow = jobs.run(f"{HERE}:count", n=10_000)
    next(slow)
    works()
    assert list(itertools.islice(slow, 3)) == [1, 2, 3]  # none is lost
    slow.close()
    settled()


def test_a_stop_of_one_job_leaves_the_others_alone():
    one, other = (jobs.run(f"{HERE}:count", n=10_000, pause=0.001) for _ in range(2))
    assert (next(one), next(other)) == (0, 0)
    one.close()
    assert list(itertools.islice(other, 50)) == list(range(1, 51))
    other.close()
    settled()


def test_a_worker_that_dies_ends_all_its_jobs_with_a_sentence():
    one = jobs.run(f"{HERE}:count", n=10_000, pause=0.01)
    next(one)
    with pytest.raises(jobs.JobError, match="ended unexpectedly"):
        list(jobs.run(f"{HERE}:die"))
    with pytest.raises(jobs.JobError, match="ended unexpectedly"):
        list(one)
    works()


def test_two_workers_run_two_jobs_side_by_side_and_the_warm_one_is_taken_first(monkeypatch):
    workers = [jobs._Worker(), jobs._Worker()]
    monkeypatch.setattr(jobs, "_workers", workers)
    try:
        first, second = (jobs.run(f"{HERE}:process", stay=True) for _ in range(2))
        (one, _), (other, _) = next(first), next(second)
        assert one != other
        assert jobs.free() == 0
        for k, job in enumerate((first, second), 1):
            job.close()
            settled(k)
        assert next(jobs.run(f"{HERE}:process"))[0] == one
    finally:
        for worker in workers:
            worker.kill()


def test_a_worker_does_not_import_the_app_again(tmp_path, monkeypatch):
    main = types.ModuleType("__main__")
    main.__file__ = str(tmp_path / "app.py")
    (tmp_path / "app.py").write_text("raise RuntimeError('imported')")
    monkeypatch.setitem(sys.modules, "__main__", main)
    monkeypatch.setattr(jobs, "_workers", [worker := jobs._Worker()])
    try:
        works()
    finally:
        worker.kill()

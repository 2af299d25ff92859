"""When a live training shows a frame, and when it ends."""

import time

from genai_core.common import live
from genai_core.common.live import paced


def test_a_frame_is_due_every_few_steps_and_at_the_end():
    moments = list(paced(iter(range(1, 8)), total=7, every=3, seconds=60))
    assert [moment.steps for moment in moments] == [[1, 2, 3], [4, 5, 6], [7]]
    assert not any(moment.timed_out for moment in moments)
    assert len(list(paced(range(6), total=6, every=3, seconds=60))) == 2


def test_at_the_time_limit_it_says_so_and_takes_no_further_step(monkeypatch):
    clock = iter(range(100))
    monkeypatch.setattr(live.time, "monotonic", lambda: next(clock))
    taken = []
    moments = list(paced((taken.append(i) for i in range(50)), total=50, every=2, seconds=4.5))
    assert taken == [0, 1, 2, 3, 4]  # a second each
    assert [len(moment.steps) for moment in moments] == [2, 2, 1]
    assert [moment.timed_out for moment in moments] == [False, False, True]
    assert [moment.seconds for moment in moments] == [2, 4, 5]


def test_a_training_that_ends_at_its_limit_is_not_timed_out():
    (moment,) = paced(range(3), total=3, every=5, seconds=3600, begun=time.monotonic() - 3599)
    assert not moment.timed_out
    (moment,) = paced(range(3), total=3, every=5, seconds=1, begun=time.monotonic() - 9)
    assert moment.timed_out
    (moment,) = paced(range(1), total=1, every=5, seconds=0)
    assert not moment.timed_out

"""When a live training shows a frame, and when it ends."""

import pickle
import time

import pytest
import torch

from genai_core.common import live
from genai_core.common.live import paced
from genai_core.data.plane import distribution
from genai_core.gan.lab import Lab, LabConfig


def test_a_frame_is_due_every_few_steps_and_at_the_end():
    moments = list(paced(iter(range(1, 8)), total=7, every=3, seconds=60))
    assert [moment.steps for moment in moments] == [[1, 2, 3], [4, 5, 6], [7]]
    assert not any(moment.timed_out for moment in moments)
    assert len(list(paced(range(6), total=6, every=3, seconds=60))) == 2


def test_at_the_time_limit_it_says_so_and_takes_no_further_step(monkeypatch):
    clock = iter(range(100))
    monkeypatch.setattr(live.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(live, "ROUND", 0.3)
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


def test_in_a_crowd_a_frame_has_fewer_steps_and_one_at_least(monkeypatch):
    clock = iter(i / 100 for i in range(1000))
    monkeypatch.setattr(live.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(live, "ROUND", 0.3)
    taken = []

    def turns(crowd):
        monkeypatch.setattr(live, "crowd", crowd)
        return live.turn(lambda: taken.append(1), 8)

    assert turns(1) == 8
    assert turns(2) == 8  # eight steps of 10 ms are within its share of 150 ms
    assert turns(10) == 3
    assert turns(1000) == 1
    assert len(taken) == 20
    with pytest.raises(ValueError, match="steps of a frame"):
        live.turn(lambda: None, 0)


def test_a_saved_training_goes_on_as_if_it_had_not_been():
    data = distribution("moons")
    one = Lab(LabConfig(hidden=8, batch=8, coins=1, ema=0.9), data, seed=3)
    one.step(3)
    other = pickle.loads(live.saved(one))
    shared = other.g_optimizer.param_groups[0]["params"][0]
    assert shared is next(other.generator.parameters())  # the optimizer still trains the network
    assert shared.requires_grad
    for lab in (one, other):
        lab.step(4)
    for a, b in zip(one.generator.parameters(), other.generator.parameters(), strict=True):
        assert torch.equal(a, b)
    assert (one.frame().fake == other.frame().fake).all()

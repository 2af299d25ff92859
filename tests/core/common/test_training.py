import itertools

import pytest
import torch
from torch import nn

from genai_core.common.training import EMA, TrainStep, cosine, minibatches, resumable, seeded


def weights(model):
    return torch.cat([p.flatten() for p in model.parameters()])


def test_an_epoch_holds_every_example_once_and_the_next_has_another_order():
    loop = minibatches(10, 5, seed=3)
    first, second = (torch.cat([next(loop), next(loop)]).tolist() for _ in range(2))
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second


@pytest.mark.parametrize("start", [0, 1, 4, 7])
def test_minibatches_resume_where_they_were(start):
    whole = list(itertools.islice(minibatches(13, 4, seed=1), 12))
    rest = list(itertools.islice(minibatches(13, 4, seed=1, start=start), 12 - start))
    assert all(torch.equal(a, b) for a, b in zip(whole[start:], rest, strict=True))


def test_a_batch_larger_than_the_set_is_refused():
    with pytest.raises(ValueError, match="batch of 9"):
        next(minibatches(8, 9, seed=0))


def test_cosine_rises_over_the_warmup_and_falls_to_zero():
    values = [cosine(step, 100, warmup=10) for step in range(101)]
    assert values[:10] == pytest.approx([(k + 1) / 10 for k in range(10)])
    assert values[100] == pytest.approx(0)
    assert all(a > b for a, b in itertools.pairwise(values[10:]))


def test_ema_of_constant_weights_is_those_weights_and_lags_behind_moving_ones():
    model = nn.Linear(3, 3)
    ema = EMA(model, decay=0.9)
    ema.update(model)
    assert torch.allclose(weights(ema.model), weights(model))
    with torch.no_grad():
        model.weight += 1
    for _ in range(200):
        before = weights(model).sub(weights(ema.model)).norm()
        ema.update(model)
        assert weights(model).sub(weights(ema.model)).norm() <= before
    assert torch.allclose(weights(ema.model), weights(model), atol=1e-4)


def test_seeded_gives_the_same_weights_and_leaves_the_global_generator_alone():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    a, b = (seeded(0, lambda: nn.Linear(4, 4)) for _ in range(2))
    assert torch.equal(a.weight, b.weight)
    assert torch.equal(torch.rand(1), expected)


@resumable
def counting(steps: int, fails_after: int = 99):
    """A training whose one weight is the number of steps done, and half-way between two of them for a while."""
    model = nn.Linear(1, 1, bias=False)
    for step in range(1, steps + 1):
        with torch.no_grad():
            model.weight.fill_(step - 0.5)
            if step > fails_after:
                raise KeyboardInterrupt
            model.weight.fill_(step)
        yield TrainStep(step, {}, model, lambda: {"weight": model.weight.item()})


def test_a_state_is_that_of_its_step_or_refused():
    steps = []
    for step in counting(3):
        steps.append(step)
        assert step.state() == {"weight": step.step}
        for before in steps[:-1]:
            with pytest.raises(RuntimeError, match=f"state of step {before.step} is gone"):
                before.state()
    assert steps[-1].state() == {"weight": 3}


def test_a_state_half_way_to_the_next_step_is_refused():
    loop = counting(3, fails_after=2)
    steps = [next(loop), next(loop)]
    with pytest.raises(KeyboardInterrupt):
        next(loop)
    with pytest.raises(RuntimeError, match="state of step 2 is gone"):
        steps[-1].state()


def test_a_training_left_at_a_step_keeps_its_state():
    loop = counting(3)
    step = next(loop)
    loop.close()
    assert step.state() == {"weight": 1}

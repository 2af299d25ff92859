import itertools

import pytest
import torch
from torch import nn

from genai_core import lenet, vae
from genai_core.sprites import sprites
from genai_core.training import EMA, cosine, minibatches, seeded

TINY_VAE = vae.VAEConfig(latents=2, channels=(8, 8), hidden=16, batch=8, beta_warmup=4)
TINY_LENET = lenet.LeNetConfig(channels=(4, 4, 4), features=8, batch=8)
TECHNIQUES = [(vae, TINY_VAE), (lenet, TINY_LENET)]


def examples(n=64):
    pictures, factors = sprites(n, generator=torch.Generator().manual_seed(0))
    return pictures, factors[:, 0].long()


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


@pytest.mark.parametrize(("technique", "config"), TECHNIQUES)
def test_a_resumed_run_ends_in_the_weights_of_an_uninterrupted_one(technique, config):
    whole = list(technique.train(config, examples(), steps=12, seed=2))
    loop = technique.train(config, examples(), steps=12, seed=2)
    state = [next(loop) for _ in range(5)][-1].state()
    rest = list(technique.train(config, examples(), steps=12, seed=2, resume=state))
    assert [step.step for step in rest] == list(range(6, 13))
    assert rest[-1].losses == whole[-1].losses
    assert torch.equal(weights(rest[-1].model), weights(whole[-1].model))


@pytest.mark.parametrize(("technique", "config"), TECHNIQUES)
def test_the_loss_falls_on_one_batch(technique, config):
    steps = list(technique.train(config, examples(8), steps=60, seed=0))
    assert steps[-1].losses["loss"] < 0.8 * steps[0].losses["loss"]

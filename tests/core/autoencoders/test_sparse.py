"""The laws of the k-sparse autoencoder: k numbers, columns of norm 1, a gradient through what was chosen alone."""

import dataclasses

import pytest
import torch

from genai_core import data
from genai_core.autoencoders import sparse
from genai_core.autoencoders.sparse import SparseAutoencoder, SparseConfig, keep_largest
from genai_core.common import checkpoints
from genai_core.common.training import seeded
from genai_core.techniques import examples

SMALL = SparseConfig(inputs=12, features=40, k=5, k_min=2, batch=8)


@pytest.fixture
def model():
    return seeded(0, lambda: SparseAutoencoder(SMALL))


def random(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("k", [1, 5, 40])
def test_a_code_has_k_numbers_and_they_are_the_largest(k):
    scores = random(20, 40).abs()
    code = keep_largest(scores, k)
    assert ((code > 0).sum(1) == k).all()
    assert (code[code > 0] == scores[code > 0]).all()
    for row, chosen in zip(scores, code > 0, strict=True):
        assert not (~chosen).any() or row[chosen].min() >= row[~chosen].max()


def test_what_is_below_zero_is_never_chosen():
    code = keep_largest(random(20, 6), 6)
    assert torch.equal(code, random(20, 6).relu())


def test_each_input_may_have_its_own_k():
    scores, k = random(20, 40).abs(), torch.arange(1, 21)
    code = keep_largest(scores, k)
    assert torch.equal((code > 0).sum(1), k)
    assert all(torch.equal(code[i], keep_largest(scores[i], i + 1)) for i in range(20))


@pytest.mark.parametrize("k", [0, -1, 41, 2.5, torch.tensor([0, 41])])
def test_a_k_that_is_none_is_refused(k):
    with pytest.raises(ValueError, match="k must be a whole number from 1 to 40"):
        keep_largest(random(2, 40), k)


def test_the_gradient_goes_through_the_chosen_alone(model):
    x = random(1, 12)
    code = model.encode(x)
    model.decode(code).square().sum().backward()
    chosen = code[0] > 0
    assert 0 < chosen.sum() <= 5
    for gradient in (model.encoder.grad, model.decoder.grad):
        assert (gradient[~chosen] == 0).all()
        assert (gradient[chosen] != 0).any(1).all()


def test_a_reconstruction_is_the_sum_of_its_features(model):
    x = random(3, 12)
    model.fit_scale(random(100, 12) * 3 + 1)
    code = model.encode(x)
    parts = model.pre_bias + sum(code[:, i : i + 1] * model.scale * model.decoder[i] for i in range(SMALL.features))
    torch.testing.assert_close(model(x), parts)


def test_a_tied_encoder_is_the_decoder():
    model = seeded(0, lambda: SparseAutoencoder(dataclasses.replace(SMALL, tied=True)))
    assert {name for name, _ in model.named_parameters()} == {"decoder", "pre_bias"}
    x = random(3, 12)
    torch.testing.assert_close(model.scores(x), x @ model.decoder.T)


def test_dead_features_get_a_gradient_from_the_error_alone(model):
    x = random(6, 12)
    used = (model.encode(x) > 0).any(0)
    dead = ~used
    assert dead.any()
    sparse.loss(model, x, dead=dead)["loss"].backward()
    assert (model.decoder.grad[dead] != 0).any()
    model.zero_grad()
    sparse.loss(model, x)["loss"].backward()
    assert (model.decoder.grad[dead] == 0).all()


def test_the_error_is_the_share_of_the_variance(model):
    x = random(500, 12) * 3 + 1
    model.fit_scale(x)
    variance = (x - x.mean(0)).square().mean()
    torch.testing.assert_close(
        sparse.loss(model, x)["error"], (x - model(x)).square().mean() / variance, rtol=1e-4, atol=1e-5
    )


def test_the_decoder_keeps_norm_one_while_it_learns():
    for step in sparse.train(sparse.TINY.config, examples(sparse, sparse.TINY), steps=3):
        norms = step.model.decoder.norm(dim=1)
        torch.testing.assert_close(norms, torch.ones_like(norms))


def test_k_is_drawn_between_its_ends():
    k = sparse.draw_k(dataclasses.replace(SMALL, batch=5000, k=5), torch.Generator().manual_seed(0))
    assert (k.min(), k.max()) == (2, 5)
    fixed = sparse.draw_k(dataclasses.replace(SMALL, k_min=5), torch.Generator().manual_seed(0))
    assert (fixed == 5).all()


def dead_at_the_end(weight: float) -> float:
    """Of features that begin too weak to be chosen, the share that is chosen nowhere after 300 steps."""
    generator = torch.Generator().manual_seed(0)
    directions = torch.nn.functional.normalize(torch.randn(64, 32, generator=generator), dim=1)
    x = torch.rand(4000, 64, generator=generator) * (torch.rand(4000, 64, generator=generator) < 0.05) @ directions
    config = SparseConfig(32, 128, 4, 4, batch=64, patience=20, aux_k=32, aux_weight=weight)
    state = next(iter(sparse.train(config, x, steps=300))).state()
    state["parts"]["model"]["encoder"][::2] *= 0.01
    *_, last = sparse.train(config, x, steps=300, resume=state)
    return float((last.model.encode(x) == 0).all(0)[::2].float().mean())


def test_features_that_idle_are_revived():
    assert dead_at_the_end(0.0) == 1
    assert dead_at_the_end(1 / 32) < 0.8


@pytest.mark.parametrize(
    ("field", "value"), [("features", 0), ("k", 41), ("k_min", 6), ("k", 2.5), ("lr", -1.0), ("inputs", -3)]
)
def test_a_config_that_makes_no_sense_is_refused(field, value):
    with pytest.raises(ValueError, match=field):
        SparseAutoencoder(dataclasses.replace(SMALL, **{field: value}))


def test_the_card_of_sae_mnist_holds():
    """Recomputed from the checkpoint, where the data is."""
    try:
        x, _ = data.load("mnist", "test")
    except data.DataError as error:
        pytest.skip(str(error))
    metrics = checkpoints.read_json("sae-mnist", "metrics.json")
    model, x = sparse.load("sae-mnist"), x.flatten(1)
    for i, k in enumerate(metrics["k"]):
        code = model.encode(x, k)
        assert (code > 0).sum(1).max() <= k
        assert float((x - model.decode(code)).square().mean()) == pytest.approx(metrics["mse"][i], rel=1e-3)
        assert float((code == 0).all(0).float().mean()) == pytest.approx(metrics["dead"][i], abs=2e-3)

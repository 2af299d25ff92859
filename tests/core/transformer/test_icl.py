"""The laws of learning from examples in the prompt."""

import dataclasses

import pytest
import torch

from genai_core.common.training import seeded
from genai_core.transformer import icl

SMALL = icl.ICLConfig(features=3, examples=8, n_layer=2, n_head=2, n_embd=16, batch=8, curriculum=0)


def made():
    model = seeded(0, lambda: icl.ICL(SMALL)).eval().requires_grad_(False)
    for p in model.parameters():
        p += 0.3 * torch.randn(p.shape, generator=torch.Generator().manual_seed(p.numel()))
    return model


def test_a_prediction_sees_the_examples_before_it_and_its_own_x(generator):
    model, p = made(), icl.draw(SMALL, 2, generator)
    before = model(p.x, p.y, p.family)
    y, x = p.y.clone(), p.x.clone()
    y[:, 4] += 1
    changed = (model(p.x, y, p.family) - before).abs() > 1e-5
    assert not changed[:, :5].any()
    assert changed[:, 5:].all()
    x[:, 4] += 1
    changed = (model(x, p.y, p.family) - before).abs() > 1e-5
    assert not changed[:, :4].any()
    assert changed[:, 4].all()


def test_fewer_examples_give_the_same_predictions(generator):
    model, p = made(), icl.draw(SMALL, 2, generator)
    assert torch.allclose(model(p.x[:, :5], p.y[:, :5], p.family), model(p.x, p.y, p.family)[:, :5], atol=1e-5)


@pytest.mark.parametrize("family", icl.FAMILIES)
def test_functions_are_of_their_family(generator, family):
    p = icl.draw(dataclasses.replace(SMALL, families=(family,)), 50, generator)
    assert (p.family == icl.FAMILIES.index(family)).all()
    if family == "linear":
        assert torch.allclose(icl.least_squares(p.x, p.y)[:, 3:], p.y[:, 3:], atol=1e-3)
    if family == "sine":
        assert (p.x[..., 1:] == 0).all()
        assert p.y.abs().max() <= 2
    if family == "stump":
        assert all(len(row.unique()) <= 2 for row in p.y)


def test_least_squares_is_exact_from_as_many_examples_as_features_and_ridge_shrinks(generator):
    p = icl.draw(dataclasses.replace(SMALL, families=("linear",)), 200, generator)
    plain, ridge = icl.least_squares(p.x, p.y), icl.least_squares(p.x, p.y, 1.0)
    error = (plain - p.y).square().mean(0)
    assert (error[3:] < 1e-3).all()
    assert (error[:3] > 0.1).all()
    assert torch.equal(plain[:, 0], torch.zeros(200))
    assert ridge.square().mean() < plain.square().mean()


def test_the_nearest_example_is_one_of_those_before(generator):
    p = icl.draw(SMALL, 5, generator)
    found = icl.nearest(p.x, p.y)
    for n in range(5):
        for k in range(1, 8):
            i = int((p.x[n, :k] - p.x[n, k]).norm(dim=-1).argmin())
            assert found[n, k] == p.y[n, i]


def test_fewer_features_leave_the_others_at_0(generator):
    assert (icl.draw(SMALL, 5, generator, features=2).x[..., 2:] == 0).all()


def test_unknown_families_are_refused():
    with pytest.raises(ValueError, match="no family 'cubic'"):
        icl.ICL(dataclasses.replace(SMALL, families=("cubic",)))

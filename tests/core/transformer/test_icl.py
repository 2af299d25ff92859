"""The laws of learning from examples in the prompt."""

import dataclasses

import pytest
import torch

from genai_core.common.training import seeded
from genai_core.transformer import icl

SMALL = icl.ICLConfig(features=3, examples=8, n_layer=2, n_head=2, n_embd=16, batch=8)


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
        assert torch.allclose(icl.regression(p.x, p.f)[:, 4:], p.f[:, 4:], atol=1e-3)
    else:
        assert (p.x[..., 1:] == 0).all()
    if family == "sine":
        assert p.f.abs().max() <= 2
    if family == "stump":
        assert all(len(row.unique()) <= 2 for row in p.f)


def test_noise_is_as_wide_as_the_config_says(generator):
    p = icl.draw(SMALL, 2000, generator)
    assert float((p.y - p.f).std()) == pytest.approx(SMALL.noise, rel=0.03)


def test_a_share_of_the_prompts_is_linear_with_all_features(generator):
    p = icl.draw(dataclasses.replace(SMALL, whole=0.5), 4000, generator)
    whole = (p.family == 0) & (p.x[:, 0] != 0).all(-1)
    assert float(whole.float().mean()) == pytest.approx(0.5 + 0.5 / 9, abs=0.03)
    assert set(p.family.unique().tolist()) == {0, 1, 2}
    with pytest.raises(ValueError, match="whole"):
        icl.ICL(dataclasses.replace(SMALL, whole=1.5))


LINEAR = dataclasses.replace(SMALL, families=("linear",))


def test_ridge_with_the_noises_variance_is_the_best_linear_guess(generator):
    """Better than least squares, and than ridges of half and of twice its weight."""
    p = icl.draw(LINEAR, 20_000, generator, SMALL.features)

    def error(ridge):
        return (icl.regression(p.x, p.y, ridge) - p.f).square().mean(0)[2:].sum()

    best = error(SMALL.noise**2)
    assert best < min(error(0), error(0.5 * SMALL.noise**2), error(2 * SMALL.noise**2))


def test_ridge_is_the_mean_of_f_given_the_examples(generator):
    """By the formula of a Gaussian's conditional mean, with the kernel x x' + 1."""
    p = icl.draw(LINEAR, 1, generator)
    x, y = icl.with_one(p.x[0]).double(), p.y[0].double()
    kernel = x[:5] @ x[:5].T + SMALL.noise**2 * torch.eye(5)
    mean = x[5] @ x[:5].T @ torch.linalg.solve(kernel, y[:5])
    assert float(icl.regression(p.x, p.y, SMALL.noise**2)[0, 5]) == pytest.approx(float(mean), abs=1e-5)


def test_a_curve_is_the_prediction_at_each_of_its_points(generator):
    model, p = made(), icl.draw(dataclasses.replace(SMALL, families=("sine",)), 1, generator)
    at = torch.tensor([float(p.x[0, 5, 0]), -2.0])
    found = icl.curve(model, p.x[0, :5, 0], p.y[0, :5], "sine", at)
    assert float(found[0]) == pytest.approx(float(model(p.x, p.y, p.family)[0, 5]), abs=1e-5)


def test_a_curve_takes_no_more_examples_than_were_trained_on():
    with pytest.raises(ValueError, match="more than the 7"):
        icl.curve(made(), torch.zeros(8), torch.zeros(8), "sine", torch.zeros(1))
    with pytest.raises(ValueError, match="no family 'cubic'"):
        icl.curve(made(), torch.zeros(1), torch.zeros(1), "cubic", torch.zeros(1))


def test_fewer_features_leave_the_others_at_0(generator):
    assert (icl.draw(SMALL, 5, generator, features=2).x[..., 2:] == 0).all()


def test_unknown_families_are_refused():
    with pytest.raises(ValueError, match="no family 'cubic'"):
        icl.ICL(dataclasses.replace(SMALL, families=("cubic",)))

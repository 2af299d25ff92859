"""Each loss against its formula worked by hand, and the penalties where the slope is known."""

import math

import pytest
import torch

from genai_core.gan import losses

LN2, LN3, LN4 = math.log(2), math.log(3), math.log(4)


@pytest.mark.parametrize(
    ("name", "discriminator", "generator"),
    [
        # scores: real 0 and ln 3, so D = 1/2 and 3/4; generated 0 and -ln 3, so D = 1/2 and 1/4
        ("minimax", (LN2 + LN4 - LN3) / 2 + (LN2 + LN4 - LN3) / 2, -(LN2 + LN4 - LN3) / 2),
        ("non_saturating", (LN2 + LN4 - LN3) / 2 + (LN2 + LN4 - LN3) / 2, (LN2 + LN4) / 2),
        ("least_squares", (1 + (LN3 - 1) ** 2) / 4 + LN3**2 / 4, (1 + (LN3 + 1) ** 2) / 4),
        ("hinge", 1 / 2 + 1 / 2, LN3 / 2),
        ("wasserstein", -LN3 / 2 - LN3 / 2, LN3 / 2),
    ],
)
def test_a_loss_is_its_formula(name, discriminator, generator):
    real, fake = torch.tensor([0, LN3]), torch.tensor([0, -LN3])
    assert losses.discriminator_loss(name, real, fake).item() == pytest.approx(discriminator, abs=1e-6)
    assert losses.generator_loss(name, fake).item() == pytest.approx(generator, abs=1e-6)


def test_every_name_is_offered_and_no_other():
    score = torch.zeros(3)
    for name in losses.NAMES:
        assert losses.discriminator_loss(name, score, score).isfinite()
    for wrong in (lambda: losses.discriminator_loss("cubic", score, score), lambda: losses.generator_loss("", score)):
        with pytest.raises(ValueError, match=r"There is no loss '.*'; there are minimax, non_saturating"):
            wrong()


@pytest.mark.parametrize("name", losses.NAMES)
def test_better_scores_lower_the_losses(name):
    """A step of the scores down the slope separates real from generated, and lifts the generated ones for G."""
    real, fake = torch.zeros(4, requires_grad=True), torch.zeros(4, requires_grad=True)
    losses.discriminator_loss(name, real, fake).backward()
    assert (real.grad < 0).all()
    assert (fake.grad >= 0).all()
    fake.grad = None
    losses.generator_loss(name, fake).backward()
    assert (fake.grad < 0).all()


def test_minimax_saturates_where_non_saturating_does_not():
    for name, slope in (("minimax", 1 / (1 + math.exp(9))), ("non_saturating", 1 / (1 + math.exp(-9)))):
        score = torch.tensor([-9.0], requires_grad=True)  # a generated sample that D is sure about
        losses.generator_loss(name, score).backward()
        assert -score.grad.item() == pytest.approx(slope, rel=1e-4)


def test_penalties_of_a_linear_critic():
    weight = torch.tensor([3.0, 4.0])  # slope 5 everywhere
    norms = losses.gradient_norms(lambda x: x @ weight, torch.randn(7, 2))
    assert torch.allclose(norms, torch.full((7,), 5.0))
    assert losses.gradient_penalty(norms).item() == pytest.approx(16)
    assert losses.r1(norms).item() == pytest.approx(12.5)


def test_gradient_norms_are_of_each_sample_and_differentiable():
    x, scale = torch.randn(5, 1, 3, 3), torch.tensor(2.0, requires_grad=True)
    norms = losses.gradient_norms(lambda x: scale * x.square().sum((1, 2, 3)) / 2, x)
    assert torch.allclose(norms, 2 * x.flatten(1).norm(dim=1), atol=1e-5)
    norms.sum().backward()
    assert torch.allclose(scale.grad, x.flatten(1).norm(dim=1).sum(), atol=1e-4)


def test_a_flat_critic_has_a_finite_penalty_slope():
    scale = torch.tensor(0.0, requires_grad=True)
    losses.gradient_penalty(losses.gradient_norms(lambda x: scale * x.sum(1), torch.randn(3, 2))).backward()
    assert scale.grad.isfinite()


def test_between_lies_on_the_line():
    real, fake = torch.randn(50, 2), torch.randn(50, 2)
    x = losses.between(real, fake, torch.Generator().manual_seed(0))
    share = (x - real) / (fake - real)
    assert torch.allclose(share[:, 0], share[:, 1], atol=1e-3)
    assert 0 <= share.min() < 0.2 < 0.8 < share.max() <= 1.001

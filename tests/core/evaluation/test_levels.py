"""The table of grey levels is a distribution, and the one that the pictures have."""

import pytest
import torch

from genai_core.evaluation import levels


@pytest.fixture(scope="module")
def coins():
    """Pixels of level 40 or 200, the latter with the probability that is predicted, 0.2 or 0.7."""
    generator = torch.Generator().manual_seed(0)
    p = torch.where(torch.rand(300, 1, 28, 28, generator=generator) < 0.5, 0.2, 0.7)
    x = torch.where(torch.rand(p.shape, generator=generator) < p, 200.0, 40.0) / 255
    return p, x


def test_each_prediction_has_a_distribution_of_levels(coins):
    table = levels.count(*coins)
    assert table.log_p.exp().sum(1) == pytest.approx(torch.ones(len(table.log_p)).double(), abs=1e-9)
    assert table.log_p.isfinite().all()


def test_the_table_finds_the_probabilities_of_levels(coins):
    p, x = coins
    table = levels.count(p, x)
    entropy = -(p * p.log() + (1 - p) * (1 - p).log()).sum((1, 2, 3)).mean()
    assert float(-table.log_prob(p, x).mean()) == pytest.approx(float(entropy), rel=5e-3)
    assert table.log_prob(1 - p, x).mean() < table.log_prob(p, x).mean()  # of wrong predictions


def test_pictures_without_predictions_are_refused(coins):
    with pytest.raises(ValueError, match="Predictions"):
        levels.count(coins[0][:5], coins[1])
    with pytest.raises(ValueError, match="number of pictures"):
        levels.count(coins[0][:0], coins[1][:0])

"""Whole grey levels from predicted values: how likely each of the 256 is where a model expects a certain value.

A density of pixels, a bound for black and white ones and a bound for grey ones are in units that cannot be compared. A
model that predicts values alone becomes one of whole levels by a table: which levels follow a prediction, counted on
training pictures. It is a proper decoder p(level | prediction), as the discretised Gaussian of Ho 2020 (section 3.3)
is, without its fixed width: where a model is sure of black, the table is too.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from genai_core.common import checks

LEVELS = 256
BINS = 256  # of the predictions, each with as many pixels
PRIOR = 8.0  # pixels that each bin is given beside its own, of the levels of all


@dataclass(frozen=True, eq=False)
class LevelTable:
    """edges: [B - 1], rising, between the bins of predictions; log_p: [B, 256], log p(level | bin) in nats."""

    edges: Tensor
    log_p: Tensor

    def log_prob(self, prediction: Tensor, x: Tensor) -> Tensor:
        """log p(x | prediction) of pictures x [..., 1, 28, 28] in [0, 1], of whole 255ths: [...], in nats."""
        bins = torch.bucketize(prediction.contiguous(), self.edges.to(prediction))
        return self.log_p.to(x.device)[bins, _levels(x).expand_as(bins)].sum((-3, -2, -1)).float()


def count(prediction: Tensor, x: Tensor) -> LevelTable:
    """The table of the levels in x [N, 1, 28, 28], in [0, 1], where each pixel's prediction, of any range, is given.

    Raises: ValueError for no pictures, or predictions of another shape.
    """
    checks.count("The number of pictures", len(x))
    checks.shape("Predictions", prediction, *x.shape)
    some = prediction.flatten()[:: max(1, prediction.numel() // 2**20)]  # more than 2^24 have no quantiles in torch
    edges = some.quantile(torch.linspace(0, 1, BINS + 1)[1:-1]).unique()
    cells = torch.bucketize(prediction.flatten(), edges) * LEVELS + _levels(x).flatten()
    counts = torch.bincount(cells, minlength=(len(edges) + 1) * LEVELS).view(-1, LEVELS).double()  # [B, 256]
    share = (counts.sum(0) + 1) / (counts.sum() + LEVELS)
    return LevelTable(edges, ((counts + PRIOR * share) / (counts.sum(1, keepdim=True) + PRIOR)).log())


def _levels(x: Tensor) -> Tensor:
    return ((LEVELS - 1) * x).round().long()

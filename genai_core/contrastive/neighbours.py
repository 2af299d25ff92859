"""The nearest neighbours of a picture in a gallery, and how far away they are: what an embedding calls similar.

A picture that is like none of the gallery has no near neighbours, which makes an anomaly score (Sun 2022, "Out-of-
distribution detection with deep nearest neighbors"): here 1 less the mean cosine of the k nearest.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from genai_core.common import checks
from genai_core.contrastive import singles

PART = 250  # pictures that are compared with all others at once


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Of one query. rows, cosines (float64): [k] each, the nearest first. score: 1 - mean cosine, from 0 to 2.

    rank: the share of the gallery's own pictures that have a lower score, each among the others, from 0 to 1.
    """

    rows: Tensor
    cosines: Tensor
    score: float
    rank: float


@dataclass(frozen=True, eq=False)
class Gallery:
    """Unit vectors [N, D] of pictures, and the sorted scores [N] of each among the others."""

    vectors: Tensor
    scores: Tensor
    k: int

    @classmethod
    def of(cls, x: Tensor, k: int) -> "Gallery":
        """That of embeddings [N, D]. Raises: ValueError for a k that is not from 1 to N - 1."""
        checks.count("k", k, 1, len(x) - 1)
        vectors, scores = F.normalize(x, dim=1), []
        for start, part in zip(range(0, len(x), PART), vectors.split(PART), strict=True):
            cosines = part @ vectors.T
            cosines.diagonal(start).fill_(-torch.inf)  # of itself
            near = cosines.topk(k).indices
            scores.append(1 - exact(part[:, None], vectors[near]).mean(1))
        return cls(vectors, torch.cat(scores).sort().values, k)

    def find(self, x: Tensor, without: int | None = None) -> Neighbours:
        """The k nearest of an embedding [D]. without: the row of the gallery that the query is itself."""
        query = F.normalize(x, dim=0)
        cosines = self.vectors @ query
        if without is not None:
            cosines[without] = -torch.inf
        rows = cosines.topk(self.k).indices
        cosines = exact(query, self.vectors[rows])
        score = 1 - cosines.mean()
        below = int(torch.searchsorted(self.scores, score * (1 - 1e-4)))  # rounding is no difference
        return Neighbours(rows, cosines, float(score), below / len(self.scores))


def exact(a: Tensor, b: Tensor) -> Tensor:
    """Cosines of vectors [..., D], in float64: where all are nearly 1, float32 cannot tell them apart."""
    return F.cosine_similarity(a.double(), b.double(), dim=-1)


@dataclass(frozen=True)
class Agreement:
    """In how many of the neighbours an attribute is that of the query, and in how many of as many drawn at random."""

    count: int
    chance: float


def agreement(
    truth: dict[str, Tensor], query: dict[str, int], rows: Tensor, without: int | None = None
) -> dict[str, Agreement]:
    """Of each of singles.ATTRIBUTES. truth: of the gallery, [N] each; query, without: of the query, as in `find`."""
    found = {}
    for name in singles.ATTRIBUTES:
        same = truth[name] == query[name]
        others = same.sum() - (0 if without is None else 1)  # the query agrees with itself
        share = float(others) / (len(same) - (without is not None))
        found[name] = Agreement(int(same[rows].sum()), len(rows) * share)
    return found

"""What lies together in an embedding: its points in two dimensions, its neighbours, its clusters.

All of it goes by the unit vectors, whose cosines a contrastive loss compares.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from genai_core.common import checks

METHODS = ("pca", "tsne")
PERPLEXITY = 30  # of t-SNE: about how many neighbours a point has, at most a third of all
NEAR = 10  # neighbours that vote


def plane(x: Tensor, method: str, seed: int = 0) -> Tensor:
    """Unit vectors of x [N, D] in two dimensions, [N, 2] float32: by PCA, or by t-SNE (van der Maaten 2008), which
    starts there and is drawn from `seed`.

    Raises: ValueError for another method, or fewer than four points.
    """
    from sklearn.decomposition import PCA  # takes a second to import
    from sklearn.manifold import TSNE

    if method not in METHODS:
        raise ValueError(f"There is no method '{method}'; there are {', '.join(METHODS)}.")
    checks.count("The number of points", len(x), 4)
    unit = F.normalize(x.float(), dim=1).numpy()
    if method == "pca":
        return torch.from_numpy(PCA(2, svd_solver="full").fit_transform(unit)).float()
    perplexity = min(PERPLEXITY, (len(x) - 1) / 3)
    found = TSNE(2, init="pca", perplexity=perplexity, random_state=seed, n_jobs=1).fit_transform(unit)
    return torch.from_numpy(found).float()


def variance_shares(x: Tensor) -> tuple[float, float]:
    """Of the variance of the unit vectors of x [N, D], what the first two principal components have."""
    unit = F.normalize(x.double(), dim=1)
    values = torch.linalg.svdvals(unit - unit.mean(0)).square()
    first, second = (values[:2] / values.sum().clamp(min=1e-12)).tolist()
    return first, second


def leave_one_out(x: Tensor, labels: Tensor, k: int = NEAR) -> float:
    """Share of points x [N, D] whose k nearest others (Euclidean) vote for their label in labels [N].

    Of equal votes the lowest label wins. Raises: ValueError for a k that is not from 1 to N - 1.
    """
    checks.count("k", k, 1, len(x) - 1)
    near = torch.cdist(x.double(), x.double()).fill_diagonal_(torch.inf).topk(k, largest=False).indices  # [N, k]
    votes = F.one_hot(labels[near]).sum(1)  # [N, classes]
    return float((votes.argmax(1) == labels).float().mean())


def commonest(labels: Tensor) -> float:
    """Share of the commonest label of labels [N]: how often who always says it is right."""
    return int(labels.bincount().max()) / len(labels)


@dataclass(frozen=True, eq=False)
class Groups:
    """labels [N]: the cluster of each point. distances [N]: from its centre."""

    labels: Tensor
    distances: Tensor


def k_means(x: Tensor, k: int, seed: int = 0) -> Groups:
    """The best of three runs of k-means on the unit vectors of x [N, D], by scikit-learn.

    Raises: ValueError for a k that is not from 1 to N.
    """
    from sklearn.cluster import KMeans

    checks.count("k", k, 1, len(x))
    unit = F.normalize(x.float(), dim=1).numpy()
    fit = KMeans(k, n_init=3, random_state=seed).fit(unit)
    distances = torch.from_numpy(fit.transform(unit))  # [N, k]
    labels = torch.from_numpy(fit.labels_).long()
    return Groups(labels, distances.gather(1, labels[:, None])[:, 0])


def agreement(truth: Tensor, found: Tensor) -> tuple[float, float]:
    """NMI and ARI of two labellings [N]: both 1 where they group alike; only ARI is 0 in the mean of random groups."""
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    nmi, ari = (score(truth.numpy(), found.numpy()) for score in (normalized_mutual_info_score, adjusted_rand_score))
    return float(nmi), float(ari)

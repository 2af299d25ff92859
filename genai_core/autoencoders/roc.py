"""How well a score tells normal from other pictures: AUROC, and the histograms from which a page draws a ROC curve."""

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from genai_core.common import checkpoints, checks

TOP, BINS = 10.0, 250  # scores are counted from 0 to TOP in so many bins; what is above is in the last
FILE = "scores.safetensors"


def auroc(normal: Tensor, other: Tensor) -> float:
    """Area under the ROC curve: the chance that one of `other` has a higher score than one of `normal`, ties half.

    (Mann & Whitney 1947.) Both [N]. Raises: ValueError for no scores.
    """
    for scores in (normal, other):
        checks.count("The number of scores", len(scores))
    ordered = normal.sort().values
    other = other.contiguous()
    below, up_to = (torch.searchsorted(ordered, other, right=right).double().mean() for right in (False, True))
    return float((below + up_to) / (2 * len(normal)))


def load(name: str) -> Tensor:
    """How many test pictures have which score, int64 [known class, true class, BINS]. Raises: CheckpointError."""
    try:
        return load_file(checkpoints.ASSETS / name / FILE)["counts"].long()
    except (OSError, SafetensorError, KeyError) as error:
        raise checkpoints.damaged(name, FILE) from error


def save(name: str, scores: Tensor, labels: Tensor) -> None:
    """Write the counts of scores [K, N] of test pictures with labels [N] beside a checkpoint."""
    save_file({"counts": counted(scores, labels)}, checkpoints.ASSETS / name / FILE)


def counted(scores: Tensor, labels: Tensor) -> Tensor:
    """Scores [K, N] of pictures with labels [N] -> their histograms, int16 [K, K, BINS]."""
    bins = (scores * (BINS / TOP)).floor().clamp(0, BINS - 1).long()  # [K, N]
    classes = len(scores)
    places = torch.arange(classes)[:, None] * classes * BINS + labels * BINS + bins
    return places.flatten().bincount(minlength=classes**2 * BINS).view(classes, classes, BINS).short()


def linear_scores(train: tuple[Tensor, Tensor], x: Tensor, classes: int, components: int = 20) -> Tensor:
    """Squared error of x [N, 1, 28, 28] outside the first principal components of each class, [classes, N]."""
    scores = []
    for c in range(classes):
        own = train[0][train[1] == c].flatten(1)
        mean = own.mean(0)
        directions = torch.linalg.eigh((own - mean).T.cov()).eigenvectors[:, :-components]
        scores.append(((x.flatten(1) - mean) @ directions).square().sum(1))
    return torch.stack(scores)

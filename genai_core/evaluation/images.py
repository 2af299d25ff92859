"""Metrics of generated pictures, all by an independent LeNet (`genai_core.evaluation.classifier`).

The Fréchet distance here uses LeNet features: it is not FID (which means Inception features), and comparable only with
other figures from the same LeNet.
"""

import torch
from torch import Tensor, nn

from genai_core import data
from genai_core.common import checks
from genai_core.evaluation.classifier import LeNet

LABELS = {  # of `of_samples` and `read_as`
    "frechet_distance": ("Fréchet distance in LeNet features, 10,000 samples against the test split", "{:.3g}"),
    "frechet_reference": ("The same for 10,000 training pictures (the reference)", "{:.3g}"),
    "frechet_ratio": ("Ratio to the reference", "{:.1f}"),
    "coverage": ("Coverage (Naeem 2020), k = 5", "{:.1%}"),
    "read_as_label": ("Samples that the LeNet classifies as their label", "{:.2%}"),
    "class_shares": ("Shares of the ten classes among samples, as classified", "{:.1%}"),
}


class _Features(nn.Module):
    """torchmetrics needs a module that returns features, and their number."""

    def __init__(self, classifier: LeNet):
        super().__init__()
        self.classifier, self.num_features = classifier, classifier.config.features

    def forward(self, x: Tensor) -> Tensor:
        return features(self.classifier, x)


@torch.inference_mode()
def features(classifier: LeNet, x: Tensor, batch: int = 1000) -> Tensor:
    """Penultimate-layer features of pictures [N, 1, 28, 28] in [0, 1]: [N, features]."""
    device = next(classifier.parameters()).device
    return torch.cat([classifier.features(part.to(device)) for part in x.split(batch)])


@torch.inference_mode()
def read(classifier: LeNet, x: Tensor, batch: int = 1000) -> Tensor:
    """The classifier's class probabilities of pictures [N, 1, 28, 28] in [0, 1]: [N, 10], on the CPU."""
    device = next(classifier.parameters()).device
    return torch.cat([classifier(part.to(device)).softmax(1).cpu() for part in x.split(batch)])


def frechet_distance(classifier: LeNet, real: Tensor, fake: Tensor) -> float:
    """Fréchet distance in LeNet features between two sets of pictures [N, 1, 28, 28] in [0, 1] (Heusel 2017, eq. 6).

    |mu_r - mu_m|^2 + tr(C_r + C_m - 2 (C_r C_m)^(1/2)); 0 for equal sets, and biased upwards for small ones.
    Raises: ValueError for a set of fewer than two pictures.
    """
    checks.count("The number of pictures of each set", min(len(real), len(fake)), 2)
    from torchmetrics.image.fid import FrechetInceptionDistance  # takes 1 s to import, and only evaluation needs it

    metric = FrechetInceptionDistance(feature=_Features(classifier)).to(next(classifier.parameters()).device)
    metric.update(real, real=True)
    metric.update(fake, real=False)
    return float(metric.compute())


def coverage(classifier: LeNet, real: Tensor, fake: Tensor, k: int = 5) -> float:
    """Share of real pictures with a generated one among their k nearest neighbours (Naeem 2020, eq. 6), in [0, 1].

    A real picture is covered if some generated one is nearer, in LeNet features, than its k-th real neighbour.
    Raises: ValueError for no generated picture, or if k is not below the number of real ones.
    """
    checks.count("k", k, 1, len(real) - 1)
    checks.count("The number of generated pictures", len(fake))
    real_features, fake_features = features(classifier, real), features(classifier, fake)
    covered = []
    for part in real_features.split(1000):
        radius = (
            torch.cdist(part, real_features).kthvalue(k + 1, dim=1).values
        )  # the nearest neighbour is the picture itself
        covered.append(torch.cdist(part, fake_features).amin(1) <= radius)
    return float(torch.cat(covered).float().mean())


def class_shares(classifier: LeNet, x: Tensor) -> list[float]:
    """Share of pictures classified as each of the ten classes; sums to 1. Raises: ValueError for no picture."""
    checks.count("The number of pictures", len(x))
    return (torch.bincount(read(classifier, x).argmax(1), minlength=10) / len(x)).tolist()


def read_as(classifier: LeNet, x: Tensor, labels: Tensor) -> float:
    """Share of pictures that are classified as their label, in [0, 1]. Raises: ValueError unless each has one."""
    checks.count("The number of pictures", len(x))
    checks.labels(labels, len(x), 10)
    return float((read(classifier, x).argmax(1) == labels).float().mean())


def of_samples(classifier: LeNet, dataset: str, fake: Tensor) -> dict:
    """Metrics of 10,000 samples [10000, 1, 28, 28] against the test split, with the keys of LABELS.

    The reference is the distance of 10,000 training pictures (drawn with seed 2) from the same test split.
    Raises: DataError if the data set is not on this machine; ValueError for fewer than two samples.
    """
    x, x_train = (data.load(dataset, split)[0] for split in ("test", "train"))
    order = torch.randperm(len(x_train), generator=torch.Generator().manual_seed(2))
    reference = frechet_distance(classifier, x, x_train[order[:10_000]])
    distance = frechet_distance(classifier, x, fake)
    return {
        "frechet_distance": distance,
        "frechet_reference": reference,
        "frechet_ratio": distance / reference,
        "coverage": coverage(classifier, x, fake),
        "class_shares": class_shares(classifier, fake),
    }


def frechet_ratio_in_subsets(classifier: LeNet, dataset: str, fake: Tensor, size: int = 2000) -> float:
    """The ratio of `of_samples` from sets of `size`: their mean distance over that of equal sets of training ones.

    Small sets are biased upwards, both alike, which brings every ratio nearer to 1: for comparison with figures that
    come from sets of that size. Raises: DataError if the data set is not on this machine.
    """
    x, x_train = (data.load(dataset, split)[0] for split in ("test", "train"))
    order = torch.randperm(len(x_train), generator=torch.Generator().manual_seed(2))
    real = x_train[order[: len(fake)]]

    def mean(pictures: Tensor) -> float:
        distances = [frechet_distance(classifier, x, part) for part in pictures.split(size)]
        return sum(distances) / len(distances)

    return mean(fake) / mean(real)

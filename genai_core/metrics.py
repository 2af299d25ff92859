"""Measures of generated pictures, all in the eyes of an independent LeNet (`genai_core.lenet`).

The Frechet distance here is taken in LeNet features: it is not an FID (which means Inception features) and compares
only with other figures made with the same LeNet.
"""

import torch
from torch import Tensor, nn

from genai_core import data
from genai_core.lenet import LeNet


class _Features(nn.Module):
    """torchmetrics wants a module that gives features, and their number."""

    def __init__(self, judge: LeNet):
        super().__init__()
        self.judge, self.num_features = judge, judge.config.features

    def forward(self, x: Tensor) -> Tensor:
        return features(self.judge, x)


@torch.inference_mode()
def features(judge: LeNet, x: Tensor, batch: int = 1000) -> Tensor:
    """Penultimate-layer features of pictures [N, 1, 28, 28] in [0, 1]: [N, features]."""
    device = next(judge.parameters()).device
    return torch.cat([judge.features(part.to(device)) for part in x.split(batch)])


@torch.inference_mode()
def read(judge: LeNet, x: Tensor, batch: int = 1000) -> Tensor:
    """Class probabilities that the judge reads in pictures [N, 1, 28, 28] in [0, 1]: [N, 10], on the CPU."""
    device = next(judge.parameters()).device
    return torch.cat([judge(part.to(device)).softmax(1).cpu() for part in x.split(batch)])


def frechet_distance(judge: LeNet, real: Tensor, made: Tensor) -> float:
    """Frechet distance in LeNet features between two sets of pictures [N, 1, 28, 28] in [0, 1] (Heusel 2017, eq. 6).

    |mu_r - mu_m|^2 + tr(C_r + C_m - 2 (C_r C_m)^(1/2)); 0 for equal sets, and biased upwards for small ones.
    """
    from torchmetrics.image.fid import FrechetInceptionDistance  # 1 s to import, and only evaluation needs it

    metric = FrechetInceptionDistance(feature=_Features(judge)).to(next(judge.parameters()).device)
    metric.update(real, real=True)
    metric.update(made, real=False)
    return float(metric.compute())


def coverage(judge: LeNet, real: Tensor, made: Tensor, k: int = 5) -> float:
    """Share of real pictures with a made one among their k nearest neighbours (Naeem 2020, eq. 6), in [0, 1].

    A real picture counts as covered where some made picture is nearer, in LeNet features, than its k-th real neighbour.
    """
    real_features, made_features = features(judge, real), features(judge, made)
    covered = []
    for part in real_features.split(1000):
        radius = torch.cdist(part, real_features).kthvalue(k + 1, dim=1).values  # the nearest is the picture itself
        covered.append(torch.cdist(part, made_features).amin(1) <= radius)
    return float(torch.cat(covered).float().mean())


def class_shares(judge: LeNet, x: Tensor) -> list[float]:
    """Share of pictures read as each of the ten classes; sums to 1."""
    return (torch.bincount(read(judge, x).argmax(1), minlength=10) / len(x)).tolist()


def read_as(judge: LeNet, x: Tensor, labels: Tensor) -> float:
    """Share of pictures that the judge reads as their label, in [0, 1]."""
    return float((read(judge, x).argmax(1) == labels).float().mean())


def of_samples(judge: LeNet, dataset: str, made: Tensor) -> dict:
    """How 10,000 samples [10000, 1, 28, 28] stand against the test split, with the keys of `cards.LABELS`.

    The floor is the distance of 10,000 training pictures (drawn with seed 2) from the same test split.
    Raises: DataError if the data set is not on this machine.
    """
    x, x_train = (data.load(dataset, split)[0] for split in ("test", "train"))
    order = torch.randperm(len(x_train), generator=torch.Generator().manual_seed(2))
    floor = frechet_distance(judge, x, x_train[order[:10_000]])
    distance = frechet_distance(judge, x, made)
    return {
        "frechet_distance": distance,
        "frechet_floor": floor,
        "frechet_ratio": distance / floor,
        "coverage": coverage(judge, x, made),
        "class_shares": class_shares(judge, made),
    }


def frechet_ratio_in_lots(judge: LeNet, dataset: str, made: Tensor, lot: int = 2000) -> float:
    """Times the floor as in `of_samples`, by lots of samples: the mean distance of the lots over that of training ones.

    Small sets are biased upwards, both alike, which brings every ratio nearer to 1: for comparison with figures that
    come from so many samples. Raises: DataError if the data set is not on this machine.
    """
    x, x_train = (data.load(dataset, split)[0] for split in ("test", "train"))
    order = torch.randperm(len(x_train), generator=torch.Generator().manual_seed(2))
    real = x_train[order[: len(made)]]

    def mean(pictures: Tensor) -> float:
        distances = [frechet_distance(judge, x, part) for part in pictures.split(lot)]
        return sum(distances) / len(distances)

    return mean(made) / mean(real)

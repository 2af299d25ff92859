"""What an embedding knows: probes and neighbours that read it, clusters, and its shape.

Whatever is fitted is fitted on features of the training split, and figures are those of the test split.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from genai_core import data
from genai_core.common import checks
from genai_core.contrastive import augment, losses, singles, structure
from genai_core.contrastive.simclr import SimCLR, augmentation, load, subset, untrained

SHARES = (0.001, 0.01, 0.1, 1.0)  # of the labels
SEEDS = 5  # draws of the labels, for each share but the whole
NEIGHBOURS, TEMPERATURE = 200, 0.07  # of the weighted k-NN (Wu 2018)
SINGLES = {"train": 8_000, "test": 2_000}  # scenes of one thing
SPREAD = 2_000  # pictures whose views are measured on the sphere


@torch.inference_mode()
def features(model: SimCLR, x: Tensor, batch: int = 100) -> Tensor:
    """h of pictures [N, C, H, W] in [0, 1], a batch at a time: [N, dimension] float32 on the CPU."""
    return torch.cat(
        [torch.zeros(0, model.dimension), *(model.features(part).cpu() for part in _parts(model, x, batch))]
    )


@torch.inference_mode()
def projections(model: SimCLR, x: Tensor, batch: int = 100) -> Tensor:
    """z of pictures, [N, projection] float32 on the CPU."""
    return torch.cat([model(part).cpu() for part in _parts(model, x, batch)])


def _parts(model: SimCLR, x: Tensor, batch: int) -> Iterator[Tensor]:
    """Pictures in batches on the model's device, in the layout in which a CPU convolves nearly twice as fast."""
    device = next(model.parameters()).device
    for part in x.split(batch) if len(x) else ():
        yield part.to(device, memory_format=torch.channels_last)


@dataclass(frozen=True, eq=False)
class Scale:
    """Mean and standard deviation of each number of features [N, D]; they need no labels."""

    mean: Tensor
    std: Tensor

    @classmethod
    def of(cls, x: Tensor) -> "Scale":
        """That of some features. Raises: ValueError for none."""
        checks.count("The number of features", len(x))
        return cls(x.mean(0), x.std(0, unbiased=False))

    def __call__(self, x: Tensor) -> Tensor:
        """Standardised features; a number that never varies is 0."""
        return torch.where(self.std > 1e-6, (x - self.mean) / self.std.clamp(min=1e-6), 0)


@dataclass(frozen=True, eq=False)
class Probe:
    """A linear map of standardised features to the logits of `classes` [K], the labels that it was fitted on."""

    scale: Scale
    classes: Tensor
    weight: Tensor  # [K, D]
    bias: Tensor  # [K]

    def logits(self, x: Tensor) -> Tensor:
        """Features [N, D] -> [N, K]."""
        return self.scale(x) @ self.weight.T + self.bias

    def accuracy(self, x: Tensor, labels: Tensor) -> float:
        """Share of features [N, D] whose most likely class is their label."""
        return float((self.classes[self.logits(x).argmax(1)] == labels).float().mean())


def linear_probe(x: Tensor, labels: Tensor, scale: Scale | None = None, strength: float = 0.1) -> Probe:
    """Multinomial logistic regression of labels [N] on frozen features [N, D], by scikit-learn.

    scale: of the features, by default of these; of all pictures where only some have labels. strength: C, one over the
    weight of the squared weights; of 0.001 to 1, this one served best on pictures held out of the training split.
    Raises: ValueError for fewer than two classes, as many labels as features, or a strength that is not above 0.
    """
    from sklearn.linear_model import LogisticRegression  # takes a second to import

    checks.above("The strength", strength)
    checks.count("The number of labels", len(labels), len(x), len(x))
    checks.count("The number of classes", len(labels.unique()), 2)
    scale = scale or Scale.of(x)
    fit = LogisticRegression(C=strength, max_iter=500).fit(scale(x).numpy(), labels.numpy())
    weight, bias = torch.from_numpy(fit.coef_).float(), torch.from_numpy(fit.intercept_).float()
    if len(weight) == 1:  # of two classes scikit-learn fits the second's logit alone
        weight, bias = torch.cat([-weight, weight]) / 2, torch.cat([-bias, bias]) / 2
    return Probe(scale, torch.from_numpy(fit.classes_), weight, bias)


def knn(
    x: Tensor, labels: Tensor, queries: Tensor, k: int = NEIGHBOURS, temperature: float | None = TEMPERATURE
) -> Tensor:
    """The class of each query [M, D] by a vote of its k nearest of x [N, D] by cosine: [M].

    A vote weighs exp(s / temperature), s the cosine (Wu 2018), or 1 if the temperature is None.
    Raises: ValueError for a k that is not from 1 to N, or a temperature that is not above 0.
    """
    checks.count("k", k, 1, len(x))
    if temperature is not None:
        checks.above("The temperature", temperature)
    known, found = F.normalize(x, dim=1), list[Tensor]()
    for part in F.normalize(queries, dim=1).split(500):
        near = (part @ known.T).topk(k, dim=1)
        weights = torch.ones_like(near.values) if temperature is None else (near.values / temperature).softmax(1)
        votes = torch.zeros(len(part), int(labels.max()) + 1).scatter_add_(1, labels[near.indices], weights)
        found.append(votes.argmax(1))
    return torch.cat(found) if found else torch.zeros(0, dtype=torch.long)


@dataclass(frozen=True)
class Accuracies:
    """Of a probe on a share of the labels: the mean over several draws of them, and the standard deviation."""

    share: float
    mean: float
    spread: float


def probe_curve(
    train: tuple[Tensor, Tensor],
    test: tuple[Tensor, Tensor],
    shares: Sequence[float] = SHARES,
    seeds: int = SEEDS,
) -> list[Accuracies]:
    """How well a linear probe reads features and labels of `test` when fitted on shares of the labels of `train`.

    Raises: ValueError as `subset`.
    """
    scale, curve = Scale.of(train[0]), list[Accuracies]()
    for share in shares:
        values = []
        for seed in range(seeds if share < 1 else 1):
            rows = subset(train[1], share, seed)
            values.append(linear_probe(train[0][rows], train[1][rows], scale).accuracy(*test))
        value = torch.tensor(values, dtype=torch.float64)
        curve.append(Accuracies(share, float(value.mean()), float(value.std(unbiased=False))))
    return curve


@dataclass(frozen=True, eq=False)
class Clusters:
    """labels [N]: the cluster of each feature. nmi, ari: agreement with the classes, which k-means never saw."""

    labels: Tensor
    nmi: float
    ari: float


def clusters(x: Tensor, queries: Tensor, labels: Tensor, k: int, seed: int = 0) -> Clusters:
    """k-means of unit vectors of x [N, D]; each query [M, D], of a class in labels [M], to the nearest centre.

    Raises: ValueError for a k that is not from 1 to N.
    """
    from sklearn.cluster import KMeans

    checks.count("k", k, 1, len(x))
    means = KMeans(k, n_init=3, random_state=seed).fit(F.normalize(x, dim=1).numpy())
    found = torch.from_numpy(means.predict(F.normalize(queries, dim=1).numpy())).long()
    return Clusters(found, *structure.agreement(labels, found))


def attribute_accuracies(
    train: tuple[Tensor, dict[str, Tensor]], test: tuple[Tensor, dict[str, Tensor]]
) -> dict[str, float]:
    """How well linear probes of features read each attribute of scenes of one thing (see `singles.ATTRIBUTES`)."""
    scale = Scale.of(train[0])
    return {
        name: linear_probe(train[0], values, scale).accuracy(test[0], test[1][name])
        for name, values in train[1].items()
    }


def geometry(z1: Tensor, z2: Tensor) -> dict[str, float]:
    """Alignment of two views [N, D], uniformity and effective rank of the first ones (see `losses`)."""
    return {
        "alignment": float(losses.alignment(z1, z2)),
        "uniformity": float(losses.uniformity(z1)),
        "effective_rank": float(losses.effective_rank(z1)),
    }


LABELS = {
    "probe": ("Accuracy of a linear probe of the features", "{:.2%}"),
    "probe_random": ("The same of a network that was not trained", "{:.2%}"),
    "probe_shares": ("Of a linear probe on 0.1, 1, 10 and 100 % of the labels", "{:.1%}"),
    "probe_spreads": ("Their standard deviation over five draws of the labels", "{:.2%}"),
    "accuracy": ("Accuracy of its own classes", "{:.2%}"),
    "knn": ("Accuracy of 200 weighted neighbours", "{:.2%}"),
    "knn_plain": ("Accuracy of 20 neighbours of equal weight", "{:.2%}"),
    "nmi": ("NMI of 10 clusters and the classes", "{:.3f}"),
    "nmi_random": ("The same of a network that was not trained", "{:.3f}"),
    "nmi_pixels": ("The same of the pixels", "{:.3f}"),
    "ari": ("ARI of 10 clusters and the classes", "{:.3f}"),
    **{name: (f"{name.capitalize()} read by a linear probe", "{:.1%}") for name in singles.ATTRIBUTES},
    **{f"{name}_random": (f"{name.capitalize()}, network not trained", "{:.1%}") for name in singles.ATTRIBUTES},
    "alignment": ("Alignment of the projections of two views", "{:.3f}"),
    "uniformity": ("Uniformity of the projections", "{:.3f}"),
    "effective_rank": ("Effective rank of the projections", "{:.1f}"),
}


def evaluate(name: str) -> dict:
    """Figures of a shipped network (see LABELS). Raises: CheckpointError, DataError."""
    model = load(name)
    of_data = _of_scenes if model.config.dataset == "scenes" else _of_classes
    figures, pictures = of_data(model, untrained(model.config))
    if model.config.objective != "supervised":
        both = augment.views(pictures[:SPREAD], augmentation(model.config), torch.Generator().manual_seed(0))
        figures |= geometry(*projections(model, both).chunk(2))
    return {"parameters": sum(p.numel() for p in model.parameters()), **figures}


def _of_scenes(model: SimCLR, random: SimCLR) -> tuple[dict[str, Any], Tensor]:
    shown = {split: singles.draw(f"probe/{split}", 0, n) for split, n in SINGLES.items()}
    pictures = {split: singles.render(scenes, model.config.size) for split, scenes in shown.items()}
    truth = {split: singles.attributes(scenes) for split, scenes in shown.items()}
    read = [
        attribute_accuracies(*((features(network, pictures[split]), truth[split]) for split in SINGLES))
        for network in (model, random)
    ]
    return read[0] | {f"{name}_random": value for name, value in read[1].items()}, pictures["test"]


def _of_classes(model: SimCLR, random: SimCLR) -> tuple[dict[str, Any], Tensor]:
    (x, labels), (queries, truth) = (data.load(model.config.dataset, split) for split in ("train", "test"))
    (known, asked), (known_random, asked_random) = (
        (features(network, x), features(network, queries)) for network in (model, random)
    )
    curve, k = probe_curve((known, labels), (asked, truth)), len(data.CLASSES[model.config.dataset])
    found = clusters(known, asked, truth, k)
    figures: dict[str, Any] = {
        "probe": curve[-1].mean,
        "probe_random": linear_probe(known_random, labels).accuracy(asked_random, truth),
        "probe_shares": [one.mean for one in curve],
        "probe_spreads": [one.spread for one in curve],
        "knn": _share(knn(known, labels, asked), truth),
        "knn_plain": _share(knn(known, labels, asked, 20, None), truth),
        "nmi": found.nmi,
        "nmi_random": clusters(known_random, asked_random, truth, k).nmi,
        "nmi_pixels": clusters(x.flatten(1)[::5], queries.flatten(1), truth, k).nmi,  # a fifth is enough for centres
        "ari": found.ari,
    }
    if model.config.objective == "supervised":
        figures["accuracy"] = _share(projections(model, queries).argmax(1), truth)
    return figures, queries


def _share(predicted: Tensor, labels: Tensor) -> float:
    return float((predicted == labels).float().mean())

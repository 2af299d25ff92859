"""A modern pair: an ensemble of small convolutional nets teaches one that is a fraction of its size.

The ensemble's logits are the mean of its members', which differ only in their initial weights and are trained in
parallel. Teacher and student see the same shifted, rotated and zoomed pictures, new ones at every step: the student
matches the teacher as a function, not on 60,000 points (Beyer 2022). The layout is that of `evaluation.classifier`, the
weights are not: the classifiers that evaluate generated pictures are not used here.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genai_core import data, evaluation
from genai_core.common import checkpoints
from genai_core.common.training import Recipe, TrainStep
from genai_core.distillation import distil, metrics
from genai_core.evaluation.classifier import LeNet, LeNetConfig


@dataclass(frozen=True)
class EnsembleConfig(LeNetConfig):
    members: int = 3
    channels: tuple[int, int, int] = (16, 32, 64)
    features: int = 64


@dataclass(frozen=True)
class CompactConfig(LeNetConfig):
    channels: tuple[int, int, int] = (10, 20, 40)
    features: int = 32
    teacher: str = ""  # ensemble whose logits are matched; "": none, the labels alone
    temperature: float = 4.0
    alpha: float = 0.9  # weight of the soft targets


class Ensemble(nn.Module):
    """Several LeNets whose logits are averaged."""

    def __init__(self, config: EnsembleConfig):
        super().__init__()
        self.config = config
        self.members = nn.ModuleList(LeNet(config) for _ in range(config.members))

    def each(self, x: Tensor) -> Tensor:
        """[N, 1, 28, 28] in [0, 1] -> the logits of every member, [members, N, 10]."""
        return torch.stack([member(x) for member in self.members])

    def forward(self, x: Tensor) -> Tensor:
        """[N, 1, 28, 28] in [0, 1] -> logits [N, 10], their mean: a geometric mean of the members' probabilities."""
        return self.each(x).mean(0)


def members_loss(model: Ensemble, x: Tensor, labels: Tensor, targets: Tensor | None) -> dict[str, Tensor]:
    """Mean cross-entropy of the members; no label smoothing, which would hide similarities between classes."""
    each = model.each(x).float()  # [members, N, 10]
    return {"loss": F.cross_entropy(each.flatten(0, 1), labels.repeat(len(each)))}


def train(config: EnsembleConfig | CompactConfig, examples: tuple[Tensor, Tensor], **options) -> Iterator[TrainStep]:
    """`distil.train` of an ensemble or of a student, as the config says. Raises: CheckpointError."""
    options["augment"] = lambda x, generator: evaluation.augment(x, config, generator)
    if isinstance(config, EnsembleConfig):
        return distil.train(lambda: Ensemble(config), members_loss, config, examples, **options)
    teacher = load(config.teacher) if config.teacher else None
    objective = distil.matching(config.temperature, config.alpha)
    return distil.train(lambda: LeNet(config), objective, config, examples, teacher=teacher, **options)


DATASETS: dict[str, dict[str, Any]] = {"mnist": {}, "fashion": {"degrees": 0, "zoom": 0.05, "shift": 1.5, "flip": True}}
STEPS = {"mnist": 5000, "fashion": 3500}  # of an ensemble; a student has a thousand more
RECIPES = {
    **{
        f"ensemble-{dataset}": Recipe(EnsembleConfig(**augment), dataset, steps=STEPS[dataset])
        for dataset, augment in DATASETS.items()
    },
    **{
        f"compact-{role}{dataset}": Recipe(
            CompactConfig(teacher=teacher, **augment), dataset, steps=STEPS[dataset] + 1000
        )
        for dataset, augment in DATASETS.items()
        for role, teacher in (("", f"ensemble-{dataset}"), ("control-", ""))
    },
}
TINY = Recipe(EnsembleConfig(members=2, channels=(4, 4, 4), features=8, batch=16), "sprites", steps=60)

CARD = {
    "overview": "A small convolutional classifier in LeNet's layout with {channels} channels and {features} features, "
    "alone or as an ensemble whose members' logits are averaged; its config names the teacher, if any.",
    "use": "Teaching: how much of an ensemble's knowledge fits into a net with a fraction of its weights.",
    "limits": "It returns one of ten classes for any input.",
}
MODELS: dict[type, Callable[[Any], Ensemble | LeNet]] = {EnsembleConfig: Ensemble, CompactConfig: LeNet}
LABELS = metrics.LABELS


def load(name: str) -> Ensemble | LeNet:
    """A trained ensemble or student, ready to use. Raises: CheckpointError, which says which names there are."""
    if name not in RECIPES:
        raise checkpoints.CheckpointError(f"There is no classifier '{name}'. There are: {', '.join(RECIPES)}.")
    config_class = type(RECIPES[name].config)
    return checkpoints.load(name, MODELS[config_class], config_class)


def evaluate(name: str) -> dict:
    """Figures of a shipped ensemble or student on the test split (see `metrics.LABELS`)."""
    recipe = RECIPES[name]
    teacher = getattr(recipe.config, "teacher", "")
    test = data.load(recipe.dataset, "test")
    return metrics.of_classifier(name, load(name), test, load(teacher) if teacher else None)

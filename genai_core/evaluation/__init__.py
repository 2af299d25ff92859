"""Metrics of generated pictures, by independent classifiers: Fréchet distance, precision, recall, coverage."""

from genai_core.evaluation.classifier import (
    CARD,
    LABELS,
    RECIPES,
    TINY,
    LeNet,
    LeNetConfig,
    augment,
    evaluate,
    evaluation_classifier,
    load,
    loss,
    train,
)
from genai_core.evaluation.images import LABELS as SAMPLE_LABELS
from genai_core.evaluation.images import (
    class_shares,
    coverage,
    features,
    frechet_distance,
    frechet_ratio_in_subsets,
    of_samples,
    read,
    read_as,
)

__all__ = [
    "CARD",
    "LABELS",
    "RECIPES",
    "SAMPLE_LABELS",
    "TINY",
    "LeNet",
    "LeNetConfig",
    "augment",
    "class_shares",
    "coverage",
    "evaluate",
    "evaluation_classifier",
    "features",
    "frechet_distance",
    "frechet_ratio_in_subsets",
    "load",
    "loss",
    "of_samples",
    "read",
    "read_as",
    "train",
]

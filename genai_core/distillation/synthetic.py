"""Digits that need no data set: samples of our own generative models, to distil on and to find disagreements."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from genai_core import gan, vae
from genai_core.common import checks
from genai_core.distillation import distil, metrics

GENERATOR = "cgan-mnist"
UNCONDITIONAL = "vae-mnist"
CLASSES = 10


def digits(n: int, *, seed: int, truncation: float = 1.0) -> tuple[Tensor, Tensor]:
    """n generated digits, [n, 1, 28, 28] in [0, 1], and their labels, [n], cycling through 0 ... 9.

    Raises: CheckpointError; ValueError for n below 1, or a truncation below 0.
    """
    checks.count("The number of pictures", n)
    labels = torch.arange(n) % CLASSES
    generator = torch.Generator().manual_seed(seed)
    pictures = gan.sample(gan.load(GENERATOR), n, generator=generator, labels=labels, truncation=truncation)
    return pictures.cpu(), labels


def between(n: int, *, seed: int) -> Tensor:
    """n pictures of our VAE, [n, 1, 28, 28] in [0, 1]: digits, and many pictures between two digits.

    The samples are unconditional, so there are no labels, and for many none would be right.
    Raises: CheckpointError; ValueError for n below 1.
    """
    generator = torch.Generator().manual_seed(seed)
    return vae.sample(vae.load(UNCONDITIONAL), n, generator=generator).clone().cpu()


@dataclass(frozen=True)
class Disagreement:
    """A picture that two models classify differently."""

    picture: Tensor  # [1, 28, 28] in [0, 1]
    label: int  # its label, or the class it was conditioned on
    probabilities: dict[str, Tensor]  # each model's, [10]


def disagreements(
    models: dict[str, nn.Module],
    x: Tensor,
    labels: Tensor,
    *,
    right: str,
    wrong: str,
    most: int = 24,
    temperature: float = 1.0,
) -> list[Disagreement]:
    """Pictures of x [N, 1, 28, 28], labels [N], that the model `right` classifies correctly and `wrong` does not.

    The most confident mistakes come first: where `wrong` gives the label the least probability.
    Raises: ValueError unless temperature > 0, each picture has a label, and `right` and `wrong` are among the models.
    """
    distil.check(temperature, 1.0)
    checks.labels(labels, len(x), CLASSES)
    checks.count("The number of disagreements", most, 0)
    if not {right, wrong} <= set(models):
        raise ValueError(f"The models are {', '.join(models)}, and not '{right}' and '{wrong}'.")
    z = {name: distil.logits(model, x) for name, model in models.items()}
    part = (z[right].argmax(1) == labels) & (z[wrong].argmax(1) != labels)
    left = z[wrong].softmax(1).gather(1, labels[:, None])[:, 0]
    order = left.argsort()
    chosen = order[part[order]][:most].tolist()
    return [
        Disagreement(x[i], int(labels[i]), {name: metrics.soften(v[i], temperature) for name, v in z.items()})
        for i in chosen
    ]

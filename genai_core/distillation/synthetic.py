"""Digits that need no data set: made by our own generative models, to distil on and to find where models part."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from genai_core import gan, vae
from genai_core.distillation import distil

GENERATOR = "cgan-mnist"
DREAMER = "vae-mnist"
CLASSES = 10


def digits(n: int, *, seed: int, truncation: float = 1.0) -> tuple[Tensor, Tensor]:
    """n generated digits, [n, 1, 28, 28] in [0, 1], and the labels they were asked for, [n], in turn 0 ... 9.

    Raises: CheckpointError.
    """
    labels = torch.arange(n) % CLASSES
    generator = torch.Generator().manual_seed(seed)
    made = gan.sample(gan.load(GENERATOR), n, generator=generator, labels=labels, truncation=truncation)
    return made.cpu(), labels


def between(n: int, *, seed: int) -> Tensor:
    """n pictures of our VAE, [n, 1, 28, 28] in [0, 1]: digits, and much that lies between two of them.

    Nobody asked for a digit, so there is no label, and often none would be right. Raises: CheckpointError.
    """
    generator = torch.Generator().manual_seed(seed)
    return vae.sample(vae.load(DREAMER), n, generator=generator).clone().cpu()


@dataclass(frozen=True)
class Disagreement:
    """A picture to which two models give different answers."""

    picture: Tensor  # [1, 28, 28] in [0, 1]
    label: int  # what it is, or was asked to be
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
    """Pictures of x [N, 1, 28, 28], labels [N], that the model named `right` reads as labelled and `wrong` does not.

    The surest mistakes come first: where `wrong` leaves the label least. Raises: ValueError unless temperature > 0.
    """
    distil.check(temperature, 1.0)
    z = {name: distil.logits(model, x) for name, model in models.items()}
    part = (z[right].argmax(1) == labels) & (z[wrong].argmax(1) != labels)
    left = z[wrong].softmax(1).gather(1, labels[:, None])[:, 0]
    order = left.argsort()
    chosen = order[part[order]][:most].tolist()
    return [
        Disagreement(x[i], int(labels[i]), {name: (v[i] / temperature).softmax(0) for name, v in z.items()})
        for i in chosen
    ]

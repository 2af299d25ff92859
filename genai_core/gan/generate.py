"""Generative adversarial networks: what all variants share; each variant has its own file."""

from collections.abc import Callable, Iterator
from typing import Any, cast

import torch
from torch import Tensor, nn

from genai_core import evaluation
from genai_core.common import checkpoints, checks
from genai_core.common.training import Recipe, TrainStep
from genai_core.gan import base, cgan, dcgan, mlp, wgan
from genai_core.gan.base import GAN, GANConfig

MODELS: dict[type, Callable[[Any], GAN]] = {
    mlp.MLPConfig: mlp.MLPGAN,
    dcgan.DCGANConfig: dcgan.DCGAN,
    cgan.CGANConfig: cgan.CGAN,
    wgan.WGANConfig: wgan.WGAN,
}
RECIPES = {**mlp.RECIPES, **dcgan.RECIPES, **cgan.RECIPES, **wgan.RECIPES}
TINY = Recipe(mlp.MLPConfig(latents=4, hidden=16, d_hidden=16, pieces=2, batch=8), "sprites", steps=20)
CLASSES = 10
CARD = {
    "overview": "A generative adversarial network (Goodfellow 2014): a generator that maps {latents} Gaussian latents "
    "to a picture of 28 x 28 pixels, and the discriminator it was trained against, with the loss `{loss}`. "
    "The generator's weights are a running average.",
    "use": "Teaching: sampling, latent directions, and the discriminator's score under every sample.",
    "limits": "There is no likelihood, and nothing penalises missing modes: look at coverage and at the shares of the "
    "classes. The scores of two models are not comparable.",
}

LABELS = evaluation.SAMPLE_LABELS


def load(name: str) -> GAN:
    """A trained GAN, ready to use. Raises: CheckpointError, which says which names there are."""
    if name not in RECIPES:
        raise checkpoints.CheckpointError(f"There is no GAN '{name}'. There are: {', '.join(RECIPES)}.")
    config_class = type(RECIPES[name].config)
    return checkpoints.load(name, MODELS[config_class], config_class)


def train(config: GANConfig, data: tuple[Tensor, Tensor], **options) -> Iterator[TrainStep[GAN]]:
    """`base.train` of the variant that the config belongs to."""
    return base.train(MODELS[type(config)], config, data, **options)


def latents(model: GAN, n: int, *, generator: torch.Generator) -> Tensor:
    """n latents z ~ N(0, 1), [n, latents], on the CPU. Raises: ValueError for n below 1."""
    checks.count("The number of pictures", n)
    return torch.randn((n, model.config.latents), generator=generator)


def _check_labels(model: GAN, labels: Tensor | None, n: int) -> None:
    if (labels is not None) != model.conditional:
        raise ValueError(f"This generator {'needs' if model.conditional else 'does not take'} labels.")
    if labels is not None:
        checks.labels(labels, n, CLASSES)


def truncated(z: Tensor, threshold: float) -> Tensor:
    """Latents z ~ N(0, 1) -> of the normal distribution cut off at +-threshold, any shape.

    This is the distribution of the truncation trick (Brock 2018, section 3.1), which draws every value beyond the
    threshold again until it lies within. Here each value keeps its quantile instead, so that a sample moves steadily as
    the threshold does. Raises: ValueError for a negative threshold.
    """
    if not threshold >= 0:
        raise ValueError(f"The threshold of a truncation must be at least 0, not {threshold}.")
    low, high = (torch.special.ndtr(torch.tensor(t, dtype=torch.float64)) for t in (-threshold, threshold))
    quantile = low + torch.special.ndtr(z.double()) * (high - low)
    return torch.special.ndtri(quantile).clamp(-threshold, threshold).to(z)


@torch.inference_mode()
def decode(model: GAN, z: Tensor, labels: Tensor | None = None, batch: int = 500) -> Tensor:
    """The pictures of latents [N, latents] (and labels [N]): [N, 1, 28, 28] in [0, 1].

    Raises: ValueError for latents of another shape, for labels that are missing, too many or unknown, or if the model
    takes none.
    """
    checks.shape("Latents", z, None, model.config.latents)
    checks.count("The number of latents", len(z))
    _check_labels(model, labels, len(z))
    device = next(model.parameters()).device
    parts = torch.arange(len(z)).split(batch)
    pick = (lambda i: labels[i].to(device)) if labels is not None else (lambda i: None)
    return torch.cat([model.generate(z[i].to(device), pick(i)) for i in parts])


def sample(
    model: GAN, n: int, *, generator: torch.Generator, labels: Tensor | None = None, truncation: float = 1.0
) -> Tensor:
    """n pictures of z ~ N(0, truncation^2): [n, 1, 28, 28] in [0, 1].

    labels: [n], for a conditional model only; by default drawn uniformly from the classes.
    Raises: ValueError for n below 1, a truncation below 0, or labels as `decode`.
    """
    checks.number("The truncation", truncation, 0)
    z = truncation * latents(model, n, generator=generator)
    if labels is None and model.conditional:
        labels = torch.randint(CLASSES, (n,), generator=generator)
    return decode(model, z, labels)


def across_classes(model: GAN, z: Tensor) -> Tensor:
    """Each latent of [N, latents] decoded as every class of a conditional model: [N, 10, 1, 28, 28] in [0, 1].

    Raises: ValueError as `decode`, or if the model is not conditional.
    """
    labels = torch.arange(CLASSES).repeat(len(z))
    return decode(model, z.repeat_interleave(CLASSES, 0), labels).unflatten(0, (-1, CLASSES))


@torch.inference_mode()
def discriminate(model: GAN, x: Tensor, labels: Tensor | None = None) -> Tensor:
    """The discriminator's score of each picture [N, 1, 28, 28] in [0, 1] (and its label): [N], high for "real".

    A logit for the probabilistic losses; only comparable within one model for hinge and Wasserstein.
    Raises: ValueError for pictures of another shape, or labels as `decode`.
    """
    checks.shape("Pictures", x, None, 1, 28, 28)
    _check_labels(model, labels, len(x))
    device = next(model.parameters()).device
    return model.score(x.to(device), None if labels is None else labels.to(device))


def directions(model: GAN, k: int) -> Tensor:
    """The k unit directions of latent space that move the generator's first layer most: [k, latents], strongest first.

    SeFa (Shen 2021, eq. 4): the eigenvectors of A'A for the layer's weight A, which are its right singular vectors. Of
    the two signs, the one with a positive largest component. Raises: ValueError for k outside 1 ... latents.
    """
    checks.count("The number of directions", k, 1, model.config.latents)
    first = cast(nn.Linear, model.generator.first)
    vectors = torch.linalg.svd(first.weight.detach().cpu(), full_matrices=False).Vh[:k]
    largest = vectors.gather(1, vectors.abs().argmax(1, keepdim=True))
    return vectors * largest.sign()


def preview(model: GAN) -> Tensor:
    """The 36 pictures that a training history shows, of the same latents at every step: [36, 1, 28, 28] in [0, 1]."""
    labels = torch.arange(36) % CLASSES if model.conditional else None
    return sample(model, 36, generator=torch.Generator().manual_seed(0), labels=labels)


def evaluate(name: str) -> dict:
    """Figures of a shipped GAN (see LABELS), by the LeNet of its data set."""
    model, dataset = load(name), RECIPES[name].dataset
    classifier = evaluation.evaluation_classifier(dataset)
    labels = torch.arange(10_000) % CLASSES if model.conditional else None
    pictures = sample(model, 10_000, generator=torch.Generator().manual_seed(1), labels=labels).cpu()
    figures = evaluation.of_samples(classifier, dataset, pictures)
    return figures if labels is None else {"read_as_label": evaluation.read_as(classifier, pictures, labels), **figures}

"""Generative adversarial networks: the variants, one file each, and what serves all of them."""

from collections.abc import Iterator

import torch
from torch import Tensor

from genai_core import checkpoints, lenet, metrics
from genai_core.gan import cgan, dcgan, game, mlp, wgan
from genai_core.gan.game import GAN, GANConfig
from genai_core.training import TrainStep

MODELS = {
    mlp.MLPConfig: mlp.MLPGAN,
    dcgan.DCGANConfig: dcgan.DCGAN,
    cgan.CGANConfig: cgan.CGAN,
    wgan.WGANConfig: wgan.WGAN,
}
RECIPES = {**mlp.RECIPES, **dcgan.RECIPES, **cgan.RECIPES, **wgan.RECIPES}
CLASSES = 10
CARD = {
    "overview": "A generative adversarial network (Goodfellow 2014): a generator that turns {latents} numbers from a "
    "Gaussian into a picture of 28 x 28 pixels, and the discriminator it was trained against, with the loss `{loss}`. "
    "The generator's weights are a running average.",
    "use": "Teaching: sampling, latent directions, and the discriminator's score under every sample.",
    "limits": "There is no likelihood, and nothing tells the generator of what it never makes: look at coverage and at "
    "the shares of the classes. The scores of two models do not compare.",
}


def load(name: str) -> GAN:
    """A trained GAN, ready to use. Raises: CheckpointError, which says which names there are."""
    if name not in RECIPES:
        raise checkpoints.CheckpointError(f"There is no GAN '{name}'. There are: {', '.join(RECIPES)}.")
    config_class = type(RECIPES[name].config)
    return checkpoints.load(name, MODELS[config_class], config_class)


def train(config: GANConfig, data: tuple[Tensor, Tensor], **options) -> Iterator[TrainStep]:
    """`game.train` of the variant that the config belongs to."""
    return game.train(MODELS[type(config)], config, data, **options)


def latents(model: GAN, n: int, *, generator: torch.Generator) -> Tensor:
    """n latents z ~ N(0, 1), [n, latents], on the CPU."""
    return torch.randn((n, model.config.latents), generator=generator)


@torch.inference_mode()
def decode(model: GAN, z: Tensor, labels: Tensor | None = None, batch: int = 500) -> Tensor:
    """The pictures of given latents [N, latents] (and labels [N]): [N, 1, 28, 28] in [0, 1]."""
    device = next(model.parameters()).device
    parts = torch.arange(len(z)).split(batch)
    pick = (lambda i: labels[i].to(device)) if labels is not None else (lambda i: None)
    return torch.cat([model.generate(z[i].to(device), pick(i)) for i in parts])


def sample(
    model: GAN, n: int, *, generator: torch.Generator, labels: Tensor | None = None, truncation: float = 1.0
) -> Tensor:
    """n pictures of z ~ N(0, truncation^2): [n, 1, 28, 28] in [0, 1].

    labels: [n], for a conditional model only; drawn evenly from the classes where it is not given.
    """
    z = truncation * latents(model, n, generator=generator)
    if labels is None and model.conditional:
        labels = torch.randint(CLASSES, (n,), generator=generator)
    return decode(model, z, labels)


def across_classes(model: GAN, z: Tensor) -> Tensor:
    """Each latent of [N, latents] drawn as every class of a conditional model: [N, 10, 1, 28, 28] in [0, 1]."""
    labels = torch.arange(CLASSES).repeat(len(z))
    return decode(model, z.repeat_interleave(CLASSES, 0), labels).unflatten(0, (-1, CLASSES))


@torch.inference_mode()
def discriminate(model: GAN, x: Tensor, labels: Tensor | None = None) -> Tensor:
    """The discriminator's score of each picture [N, 1, 28, 28] in [0, 1] (and its label): [N], high for "real".

    A logit for the probabilistic losses; only comparable within one model for hinge and Wasserstein.
    """
    device = next(model.parameters()).device
    return model.score(x.to(device), None if labels is None else labels.to(device))


def directions(model: GAN, k: int) -> Tensor:
    """The k unit directions of latent space that move the generator's first layer most: [k, latents], strongest first.

    SeFa (Shen 2021, eq. 4): the eigenvectors of A'A for the layer's weight A, which are its right singular vectors. Of
    the two signs, the one with a positive largest component.
    """
    found = torch.linalg.svd(model.generator.first.weight.detach().cpu(), full_matrices=False).Vh[:k]
    largest = found.gather(1, found.abs().argmax(1, keepdim=True))
    return found * largest.sign()


def preview(model: GAN) -> Tensor:
    """The 36 pictures that a training history shows, of the same latents at every step: [36, 1, 28, 28] in [0, 1]."""
    labels = torch.arange(36) % CLASSES if model.conditional else None
    return sample(model, 36, generator=torch.Generator().manual_seed(0), labels=labels)


def evaluate(name: str) -> dict:
    """Figures of a shipped GAN (see `genai_core.cards.LABELS`), by the LeNet of its data set."""
    model, dataset = load(name), RECIPES[name].dataset
    judge = lenet.judge(dataset)
    labels = torch.arange(10_000) % CLASSES if model.conditional else None
    made = sample(model, 10_000, generator=torch.Generator().manual_seed(1), labels=labels).cpu()
    figures = metrics.of_samples(judge, dataset, made)
    return figures if labels is None else {"read_as_label": metrics.read_as(judge, made, labels), **figures}

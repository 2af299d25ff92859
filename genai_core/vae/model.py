"""Variational autoencoder (Kingma & Welling 2013), with beta (Higgins 2017) and importance weights (Burda 2015).

An encoder turns a picture x into a Gaussian q(z|x) = N(mu, sigma^2) over a few latent variables, a decoder turns a
latent z back into pixel probabilities p(x|z). Both are trained together to raise a lower bound of log p(x):

    ELBO(x)  = E_q [log p(x|z)] - KL(q(z|x) || N(0, I))                  <= log p(x)     [Kingma 2013, eq. 3]
    L_k(x)   = E   [log 1/k sum_i p(x|z_i) p(z_i) / q(z_i|x)]            <= log p(x)     [Burda 2015, eq. 8]

beta > 1 weighs the KL term (the rate, in nats) against the reconstruction (the distortion).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genai_core.common import checkpoints, checks
from genai_core.common.training import (
    EMA,
    Recipe,
    TrainStep,
    autocast,
    cosine,
    minibatches,
    restore,
    resumable,
    seeded,
    set_lr,
    snapshot,
    zero_init,
)
from genai_core.data import binarise


@dataclass(frozen=True)
class VAEConfig:
    latents: int = 16
    channels: tuple[int, int] = (32, 64)  # at 14x14 and at 7x7
    hidden: int = 256
    # objective
    binarised: bool = True  # binarise pixels at random at every step; otherwise the grey value is the target
    beta: float = 1.0
    beta_warmup: int = 1350  # steps over which the KL weight grows from 0.1 beta to beta
    k: int = 1  # importance samples used in the last part of the training
    k_from: float = 1.0  # start of that part, as a share of the steps
    # optimisation
    batch: int = 128
    lr: float = 2e-3
    weight_decay: float = 0.01
    clip: float = 50.0


class Residual(nn.Module):
    """x + conv(silu(norm(conv(silu(norm(x)))))), the identity at first (He 2016, second form)."""

    def __init__(self, channels: int):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(8, channels), nn.GroupNorm(8, channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        zero_init(self.conv2)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.silu(self.norm2(self.conv1(F.silu(self.norm1(x))))))


class VAE(nn.Module):
    """Convolutional VAE of 28x28 pictures, Bernoulli pixels."""

    def __init__(self, config: VAEConfig):
        super().__init__()
        self.config = config
        a, b = config.channels
        self.encoder = nn.Sequential(
            nn.Conv2d(1, a, 3, stride=2, padding=1),  # [N, a, 14, 14]
            Residual(a),
            Residual(a),
            nn.Conv2d(a, b, 3, stride=2, padding=1),  # [N, b, 7, 7]
            Residual(b),
            Residual(b),
            nn.SiLU(),
            nn.Flatten(),
            nn.Linear(49 * b, config.hidden),
            nn.SiLU(),
            nn.Linear(config.hidden, 2 * config.latents),
        )
        self.decoder = nn.Sequential(
            nn.Linear(config.latents, config.hidden),
            nn.SiLU(),
            nn.Linear(config.hidden, 49 * b),
            nn.Unflatten(1, (b, 7, 7)),
            Residual(b),
            Residual(b),
            nn.Conv2d(b, 4 * a, 3, padding=1),
            nn.PixelShuffle(2),  # [N, a, 14, 14]
            Residual(a),
            Residual(a),
            nn.SiLU(),
            nn.Conv2d(a, 4, 3, padding=1),
            nn.PixelShuffle(2),  # [N, 1, 28, 28]
        )

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """[N, 1, 28, 28] in [0, 1] -> mu, logvar of q(z|x), each [N, latents]."""
        mu, logvar = self.encoder(2 * x - 1).float().chunk(2, dim=1)
        return mu, logvar.clamp(-12, 6)

    def logits(self, z: Tensor) -> Tensor:
        """[N, latents] -> logits of the pixel probabilities, [N, 1, 28, 28]."""
        return self.decoder(z).float()

    def decode(self, z: Tensor) -> Tensor:
        """[N, latents] -> pixel probabilities in [0, 1], [N, 1, 28, 28]."""
        return self.logits(z).sigmoid()


def kl(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(mu, exp(logvar)) || N(0, 1)) of every dimension, in nats, same shape [Kingma 2013, appendix B]."""
    return 0.5 * (mu.square() + logvar.exp() - 1 - logvar)


def log_likelihood(logits: Tensor, x: Tensor) -> Tensor:
    """log p(x|z) of Bernoulli pixels, summed over each picture: [..., 1, 28, 28] -> [...], in nats."""
    return -F.binary_cross_entropy_with_logits(logits, x.expand_as(logits), reduction="none").sum((-3, -2, -1))


def log_weights(model: VAE, x: Tensor, mu: Tensor, logvar: Tensor, k: int, generator: torch.Generator) -> Tensor:
    """log p(x|z) + log p(z) - log q(z|x) for k draws of z from q(z|x): [k, N], in nats."""
    noise = torch.randn((k, *mu.shape), generator=generator).to(mu)  # [k, N, latents]
    z = mu + noise * (0.5 * logvar).exp()
    logits = model.logits(z.flatten(0, 1)).unflatten(0, (k, -1))  # [k, N, 1, 28, 28]
    log_ratio = 0.5 * (noise.square() + logvar - z.square()).sum(-1)  # log p(z) - log q(z|x)
    return log_likelihood(logits, x) + log_ratio


def loss(model: VAE, x: Tensor, *, generator: torch.Generator, beta: float = 1.0, k: int = 1) -> dict[str, Tensor]:
    """Negative bound on log p(x), mean over the batch, in nats: the beta-ELBO for k = 1, L_k for more.

    x [N, 1, 28, 28] in [0, 1]. "reconstruction" is -E log p(x|z), "kl" the rate (k = 1 only).
    Raises: ValueError for k below 1.
    """
    checks.count("k", k)
    mu, logvar = model.encode(x)
    if k > 1:
        log_w = log_weights(model, x, mu, logvar, k, generator)
        bound = log_w.logsumexp(0) - math.log(k)
        return {"loss": -bound.mean(), "elbo": log_w.mean()}
    z = mu + (0.5 * logvar).exp() * torch.randn(mu.shape, generator=generator).to(mu)
    reconstruction = -log_likelihood(model.logits(z), x).mean()
    rate = kl(mu, logvar).sum(1).mean()
    return {"loss": reconstruction + beta * rate, "reconstruction": reconstruction, "kl": rate}


@resumable
def train(
    config: VAEConfig,
    examples: tuple[Tensor, Tensor],
    *,
    steps: int,
    seed: int = 0,
    device: str | torch.device = "cpu",
    resume: dict | None = None,
) -> Iterator[TrainStep[VAE]]:
    """Train on `examples` (pictures [N, 1, 28, 28] in [0, 1], labels unused); yields each step with its EMA."""
    pictures, _ = examples
    model = seeded(seed, lambda: VAE(config)).to(device)
    ema = EMA(model)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=config.lr, betas=(0.9, 0.99), weight_decay=config.weight_decay, fused=True
    )
    generator = torch.Generator().manual_seed(seed)
    parts = {"model": model, "ema": ema, "optimizer": optimizer}
    done = restore(resume, generator, parts)

    for step, index in enumerate(minibatches(len(pictures), config.batch, seed, done), done):
        if step >= steps:
            return
        x = pictures[index]
        x = (binarise(x, generator) if config.binarised else x).to(device)
        beta = config.beta * min(1.0, 0.1 + 0.9 * step / max(1, config.beta_warmup))
        k = config.k if step >= config.k_from * steps else 1
        set_lr(optimizer, config.lr * cosine(step, steps, warmup=50))
        with autocast(device):
            terms = loss(model, x, generator=generator, beta=beta, k=k)
        optimizer.zero_grad()
        terms["loss"].backward()
        nn.utils.clip_grad_norm_(model.parameters(), config.clip)
        optimizer.step()
        ema.update(model)
        losses = {name: term.item() for name, term in terms.items()}
        yield TrainStep(step + 1, losses, ema.model, partial(snapshot, step + 1, generator, parts))


@torch.inference_mode()
def sample(model: VAE, n: int, *, generator: torch.Generator, temperature: float = 1.0) -> Tensor:
    """n pictures decoded from z ~ N(0, temperature^2): [n, 1, 28, 28] in [0, 1].

    Raises: ValueError for n below 1, or a temperature below 0.
    """
    checks.count("The number of pictures", n)
    checks.number("The temperature", temperature, 0)
    z = temperature * torch.randn((n, model.config.latents), generator=generator)
    return model.decode(z.to(next(model.parameters()).device))


@torch.inference_mode()
def bounds(model: VAE, x: Tensor, *, generator: torch.Generator, k: int = 500) -> dict[str, Tensor]:
    """Per picture of x [N, 1, 28, 28]: "elbo" (mean log weight of the same k draws) and "iw", L_k; in nats, [N].

    Raises: ValueError for k below 1.
    """
    checks.count("k", k)
    log_w = log_weights(model, x, *model.encode(x), k, generator)
    return {"elbo": log_w.mean(0), "iw": log_w.logsumexp(0) - math.log(k)}


SMALL: dict[str, Any] = {"latents": 10, "channels": (16, 32), "hidden": 128}
RECIPES = {
    "vae-mnist": Recipe(VAEConfig(k=5, k_from=0.8), "mnist", steps=15_000),
    "vae-mnist-2d": Recipe(VAEConfig(**{**SMALL, "latents": 2, "hidden": 256}), "mnist", steps=5000),
    "vae-fashion": Recipe(VAEConfig(binarised=False), "fashion", steps=5000),
    **{
        f"vae-mnist-beta{beta:g}": Recipe(VAEConfig(beta=beta, **SMALL), "mnist", steps=4000)
        for beta in (0.25, 1.0, 4.0, 16.0)
    },
}
TINY = Recipe(VAEConfig(latents=2, channels=(8, 8), hidden=16, batch=8, beta_warmup=4), "sprites", steps=60)

CARD = {
    "overview": "A variational autoencoder (Kingma & Welling 2013) with residual convolutions and Bernoulli pixels. "
    "It encodes a picture of 28 x 28 pixels into a Gaussian over {latents} latent variables and decodes a point of "
    "that space into a picture. Trained with KL weight beta = {beta:g}.",
    "use": "Teaching: it drives the VAE tab (latent sliders, latent plane, reconstruction, interpolation, beta).",
    "limits": "Samples are softer than data, because pixels are independent given z. It models centred, upright "
    "pictures of its data set only: anything else is pulled towards them. The bounds are for pixels binarised at "
    "random from the grey values (seed 0) if the model was trained so, otherwise for the grey values as targets; the "
    "two are not comparable. For reference, the IWAE paper (Burda 2015, table 1, one stochastic layer) "
    "reports 86.76 nats for its VAE and 84.78 for its IWAE (k = 50) on binarised MNIST, with 50 latent variables.",
}


def load(name: str) -> VAE:
    """A trained VAE, ready to use. Raises: CheckpointError, which says which names there are."""
    return checkpoints.load(name, VAE, VAEConfig)

"""What all variants share: generator against discriminator (Goodfellow 2014).

    generator      z ~ N(0, I) -> picture        is trained to have its pictures scored as real
    discriminator  picture     -> score (logit)  is trained to score real pictures high, generated ones low

In turn, the discriminator takes `d_steps` steps and the generator one. A variant is two networks and a config; the
losses are in `losses.py`. A checkpoint holds the running average of the generator (Yazici 2018) and the discriminator.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from genai_core.common.training import (
    EMA,
    TrainStep,
    autocast,
    cosine,
    minibatches,
    restore,
    resumable,
    seeded,
    set_lr,
    snapshot,
)
from genai_core.gan import losses


@dataclass(frozen=True)
class GANConfig:
    latents: int = 64
    # objective
    loss: str = "non_saturating"  # one of losses.NAMES
    d_steps: int = 1  # steps of the discriminator per step of the generator
    penalty: float = 0.0  # weight of the gradient penalty (Wasserstein) or of R1 (the others)
    # optimisation
    batch: int = 64
    lr_g: float = 2e-4
    lr_d: float = 2e-4
    betas: tuple[float, float] = (0.5, 0.99)
    ema: float = 0.999


class GAN(nn.Module):
    """A generator and its discriminator. Pictures are in [0, 1] outside and in [-1, 1] inside the networks.

    generator: (z [N, latents], labels) -> [N, 1, 28, 28] in [-1, 1]; its `first` is the layer that z enters.
    discriminator: ([N, 1, 28, 28] in [-1, 1], labels) -> scores [N]. Labels [N] only where `conditional`.
    """

    conditional = False

    def __init__(self, config: GANConfig, generator: nn.Module, discriminator: nn.Module):
        super().__init__()
        self.config, self.generator, self.discriminator = config, generator, discriminator

    def generate(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """[N, latents] (and labels [N]) -> pictures in [0, 1], [N, 1, 28, 28].

        Raises: ValueError if labels are missing, or not taken.
        """
        return (self.generator(z, self._checked(labels)).float() + 1) / 2

    def score(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """Pictures [N, 1, 28, 28] in [0, 1] (and labels [N]) -> the discriminator's scores, [N].

        Raises: ValueError if labels are missing, or not taken.
        """
        return self.discriminator(2 * x - 1, self._checked(labels)).float()

    def _checked(self, labels: Tensor | None) -> Tensor | None:
        if (labels is not None) != self.conditional:
            raise ValueError(f"This generator {'needs' if self.conditional else 'does not take'} labels.")
        return labels


def discriminator_terms(
    model: GAN, real: Tensor, fake: Tensor, labels: Tensor | None, *, generator: torch.Generator
) -> dict[str, Tensor]:
    """The discriminator's "loss", a mean over the batch, with its terms; pictures in [0, 1], same labels.

    "real" and "fake" are mean scores, "slope" the mean |gradient| where it is penalised.
    """
    config = model.config
    with autocast(real.device):
        s_real, s_fake = model.score(real, labels), model.score(fake, labels)
    value = losses.discriminator_loss(config.loss, s_real, s_fake)
    terms = {"loss": value, "real": s_real.mean(), "fake": s_fake.mean()}
    if config.penalty:
        wasserstein = config.loss == "wasserstein"
        where = losses.between(real, fake, generator) if wasserstein else real
        norms = losses.gradient_norms(lambda x: model.score(x, labels), where)
        penalty = losses.gradient_penalty(norms) if wasserstein else losses.r1(norms)
        terms |= {"loss": value + config.penalty * penalty, "slope": norms.mean()}
    return terms


@resumable
def train(
    build: Callable[[Any], GAN],
    config: GANConfig,
    data: tuple[Tensor, Tensor],
    *,
    steps: int,
    seed: int = 0,
    device: str | torch.device = "cpu",
    resume: dict | None = None,
) -> Iterator[TrainStep[GAN]]:
    """Train on (pictures [N, 1, 28, 28] in [0, 1], labels [N]); yields after every step of the generator.

    The model yielded is the averaged generator with the current discriminator.
    """
    pictures, labels = data
    model, shown = (seeded(seed, lambda: build(config)).to(device) for _ in range(2))
    ema = EMA(model.generator, config.ema)
    shown.generator, shown.discriminator = ema.model, model.discriminator
    g_optimizer = torch.optim.Adam(model.generator.parameters(), lr=config.lr_g, betas=config.betas, fused=True)
    d_optimizer = torch.optim.Adam(model.discriminator.parameters(), lr=config.lr_d, betas=config.betas, fused=True)
    generator = torch.Generator().manual_seed(seed)
    parts = {"model": model, "ema": ema, "g_optimizer": g_optimizer, "d_optimizer": d_optimizer}
    done = restore(resume, generator, parts)

    for step, index in enumerate(minibatches(len(pictures), config.batch * config.d_steps, seed, done), done):
        if step >= steps:
            return
        model.train()
        set_lr(g_optimizer, config.lr_g * cosine(step, steps))
        set_lr(d_optimizer, config.lr_d * cosine(step, steps))
        for part in index.split(config.batch):
            x, y = pictures[part].to(device), labels[part].to(device) if model.conditional else None
            z = torch.randn((config.batch, config.latents), generator=generator).to(device)
            with autocast(device):
                fake = model.generate(z, y)
            d_terms = discriminator_terms(model, x, fake.detach(), y, generator=generator)
            d_optimizer.zero_grad()
            d_terms["loss"].backward()
            d_optimizer.step()
        model.discriminator.requires_grad_(False)
        with autocast(device):
            g_loss = losses.generator_loss(config.loss, model.score(fake, y))  # of the last pictures generated above
        g_optimizer.zero_grad()
        g_loss.backward()
        g_optimizer.step()
        model.discriminator.requires_grad_(True).eval()
        ema.update(model.generator)
        terms = {"discriminator": d_terms.pop("loss"), "generator": g_loss, **d_terms}
        yield TrainStep(
            step + 1,
            {name: term.item() for name, term in terms.items()},
            shown,
            partial(snapshot, step + 1, generator, parts),
        )

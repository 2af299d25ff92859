"""WGAN-GP: a critic instead of a discriminator (Arjovsky 2017, Gulrajani 2017).

The critic's score is not a probability: its mean on real minus its mean on generated pictures is, for the best critic
of slope 1, the Wasserstein distance between the two distributions, and measures the generator's progress. The slope is
kept near 1 by a penalty at points between real and generated pictures. The critic has no batch normalisation, since the
penalty is on each picture separately.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from genai_core.common.training import Recipe
from genai_core.gan import dcgan
from genai_core.gan.base import GAN, GANConfig


@dataclass(frozen=True)
class WGANConfig(GANConfig):
    channels: tuple[int, int] = (32, 64)  # at 14x14 and at 7x7
    loss: str = "wasserstein"
    d_steps: int = 2
    penalty: float = 10.0
    lr_g: float = 5e-4
    lr_d: float = 5e-4
    betas: tuple[float, float] = (0.0, 0.9)


class Critic(nn.Module):
    def __init__(self, config: WGANConfig):
        super().__init__()
        a, b = config.channels
        self.layers = nn.Sequential(
            nn.Conv2d(1, a, 4, stride=2, padding=1),  # [N, a, 14, 14]
            nn.LeakyReLU(0.2),
            nn.Conv2d(a, b, 4, stride=2, padding=1),  # [N, b, 7, 7]
            nn.LeakyReLU(0.2),
            nn.Conv2d(b, 2 * b, 3, stride=2, padding=1),  # [N, 2b, 4, 4]
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            nn.Linear(32 * b, 1),
        )

    def forward(self, x: Tensor, labels: None = None) -> Tensor:
        return self.layers(x)[:, 0]  # [N]


class WGAN(GAN):
    def __init__(self, config: WGANConfig):
        super().__init__(config, dcgan.Generator(config, config.channels), Critic(config))


RECIPES = {"wgan-gp-mnist": Recipe(WGANConfig(), "mnist", steps=3500)}

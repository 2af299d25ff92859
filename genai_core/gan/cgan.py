"""Conditional GAN (Mirza & Osindero 2014): both networks are conditioned on the label.

The generator learns an offset per class behind its first layer and a scale and shift per class in every normalisation
(conditional batch norm, de Vries 2017). The discriminator is the projection discriminator of Miyato & Koyama 2018:

    score(x, y) = psi(phi(x)) + <embedding(y), phi(x)>          [eq. 3]

linear in the label's embedding: "is it real" plus "does it look like y". Spectral normalisation (Miyato 2018) keeps the
largest singular value of each layer at 1, which bounds the slope of the score.
"""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from genai_core.common.training import Recipe
from genai_core.gan.base import GAN, GANConfig


@dataclass(frozen=True)
class CGANConfig(GANConfig):
    channels: tuple[int, int] = (32, 64)  # at 14x14 and at 7x7
    features: int = 128  # width of phi
    classes: int = 10
    loss: str = "hinge"
    betas: tuple[float, float] = (0.0, 0.99)
    lr_g: float = 5e-4
    lr_d: float = 5e-4


class ClassNorm(nn.Module):
    """Batch normalisation with a scale and a shift for each class."""

    def __init__(self, channels: int, classes: int):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.scale, self.shift = nn.Embedding(classes, channels), nn.Embedding(classes, channels)
        nn.init.ones_(self.scale.weight)
        nn.init.zeros_(self.shift.weight)

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        return self.norm(x) * self.scale(labels)[:, :, None, None] + self.shift(labels)[:, :, None, None]


class Residual(nn.Module):
    """x + conv(relu(norm(conv(relu(norm(x))))))."""

    def __init__(self, channels: int, classes: int):
        super().__init__()
        self.norm1, self.norm2 = ClassNorm(channels, classes), ClassNorm(channels, classes)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        h = self.conv1(F.relu(self.norm1(x, labels)))
        return x + self.conv2(F.relu(self.norm2(h, labels)))


class Generator(nn.Module):
    def __init__(self, config: CGANConfig):
        super().__init__()
        a, self.b = config.channels
        self.first = nn.Linear(config.latents, 49 * self.b)
        self.classes = nn.Embedding(config.classes, 49 * self.b)
        nn.init.normal_(self.first.weight, std=config.latents**-0.5)
        nn.init.normal_(
            self.classes.weight, std=0.5
        )  # at 1 the class would outweigh z, and each class collapse to one picture
        self.block7, self.block14 = Residual(self.b, config.classes), Residual(a, config.classes)
        self.norm7, self.norm14 = ClassNorm(self.b, config.classes), ClassNorm(a, config.classes)
        self.up14 = nn.Sequential(nn.ReLU(), nn.Conv2d(self.b, 4 * a, 3, padding=1), nn.PixelShuffle(2))
        self.up28 = nn.Sequential(nn.ReLU(), nn.Conv2d(a, 4, 3, padding=1), nn.PixelShuffle(2), nn.Tanh())

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        h = (self.first(z) + self.classes(labels)).unflatten(1, (self.b, 7, 7))  # [N, b, 7, 7]
        h = self.block7(h, labels)
        h = self.up14(self.norm7(h, labels))  # [N, a, 14, 14]
        h = self.block14(h, labels)
        return self.up28(self.norm14(h, labels))  # [N, 1, 28, 28]


class Discriminator(nn.Module):
    def __init__(self, config: CGANConfig):
        super().__init__()
        a, b = config.channels
        self.phi = nn.Sequential(
            spectral_norm(nn.Conv2d(1, a, 4, stride=2, padding=1)),  # [N, a, 14, 14]
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Conv2d(a, b, 4, stride=2, padding=1)),  # [N, b, 7, 7]
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Conv2d(b, b, 3, padding=1)),
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Conv2d(b, 2 * b, 3, stride=2, padding=1)),  # [N, 2b, 4, 4]
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            spectral_norm(nn.Linear(32 * b, config.features)),
            nn.LeakyReLU(0.2),
        )
        self.psi = spectral_norm(nn.Linear(config.features, 1))
        self.embedding = spectral_norm(nn.Embedding(config.classes, config.features))

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        phi = self.phi(x)  # [N, features]
        return self.psi(phi)[:, 0] + (self.embedding(labels) * phi).sum(1)  # [N]


class CGAN(GAN):
    conditional = True

    def __init__(self, config: CGANConfig):
        super().__init__(config, Generator(config), Discriminator(config))


RECIPES = {
    "cgan-mnist": Recipe(CGANConfig(), "mnist", steps=12_000),
    "cgan-fashion": Recipe(CGANConfig(), "fashion", steps=12_000),
}

"""DCGAN: the first stable convolutional GAN (Radford 2015).

The paper's rules: strided convolutions in place of pooling, batch normalisation except at the input and output layers,
no dense hidden layers, ReLU in the generator and leaky ReLU in the discriminator, weights drawn from N(0, 0.02^2),
Adam with beta1 = 0.5. Real and generated pictures are normalised as separate batches. Not in
the paper: a small penalty on the discriminator's slope (R1, Mescheder 2018), which saves most of the steps.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from genai_core.common.training import Recipe
from genai_core.gan.base import GAN, GANConfig


@dataclass(frozen=True)
class DCGANConfig(GANConfig):
    channels: tuple[int, int] = (32, 64)  # at 14x14 and at 7x7
    penalty: float = 0.3
    lr_g: float = 5e-4
    lr_d: float = 5e-4


class Generator(nn.Module):
    def __init__(self, config: GANConfig, channels: tuple[int, int]):
        super().__init__()
        a, b = channels
        self.b = b
        self.first = nn.Linear(config.latents, 49 * b, bias=False)
        self.rest = nn.Sequential(
            nn.BatchNorm2d(b),
            nn.ReLU(),
            nn.ConvTranspose2d(b, a, 4, stride=2, padding=1, bias=False),  # [N, a, 14, 14]
            nn.BatchNorm2d(a),
            nn.ReLU(),
            nn.ConvTranspose2d(a, 1, 4, stride=2, padding=1),  # [N, 1, 28, 28]
            nn.Tanh(),
        )
        self.apply(small_weights)

    def forward(self, z: Tensor, labels: None = None) -> Tensor:
        return self.rest(self.first(z).unflatten(1, (self.b, 7, 7)))  # [N, 1, 28, 28]


class Discriminator(nn.Module):
    def __init__(self, config: DCGANConfig):
        super().__init__()
        a, b = config.channels
        self.layers = nn.Sequential(
            nn.Conv2d(1, a, 4, stride=2, padding=1),  # [N, a, 14, 14]
            nn.LeakyReLU(0.2),
            nn.Conv2d(a, b, 4, stride=2, padding=1, bias=False),  # [N, b, 7, 7]
            nn.BatchNorm2d(b),
            nn.LeakyReLU(0.2),
            nn.Conv2d(b, 2 * b, 3, stride=2, padding=1, bias=False),  # [N, 2b, 4, 4]
            nn.BatchNorm2d(2 * b),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            nn.Linear(32 * b, 1),
        )
        self.apply(small_weights)

    def forward(self, x: Tensor, labels: None = None) -> Tensor:
        return self.layers(x)[:, 0]  # [N]


def small_weights(layer: nn.Module) -> None:
    """Initialise the weights from N(0, 0.02^2), as in the paper."""
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(layer.weight, std=0.02)


class DCGAN(GAN):
    def __init__(self, config: DCGANConfig):
        super().__init__(config, Generator(config, config.channels), Discriminator(config))


RECIPES = {
    "dcgan-mnist": Recipe(DCGANConfig(), "mnist", steps=3500),
    "dcgan-fashion": Recipe(DCGANConfig(), "fashion", steps=3500),
}

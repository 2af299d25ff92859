"""The first GAN: two multi-layer perceptrons (Goodfellow 2014).

The generator is a stack of rectified layers, the discriminator of maxout layers, as in the paper; instead of its
dropout, a small penalty on the discriminator's slope (R1, Mescheder 2018) regularises it: without either, it wins, and
the generator collapses to a few blobs. `loss="minimax"` is the paper's equation 1, `"non_saturating"` the loss that its
section 3 recommends: early in training the discriminator wins easily, and the gradient of log(1 - D(G(z))) vanishes.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from genai_core.common.training import Recipe
from genai_core.gan.base import GAN, GANConfig


@dataclass(frozen=True)
class MLPConfig(GANConfig):
    hidden: int = 512
    pieces: int = 4  # linear functions of which a maxout unit takes the maximum
    d_hidden: int = 128
    batch: int = 128
    penalty: float = 0.3
    lr_d: float = 4e-4


class Generator(nn.Module):
    def __init__(self, config: MLPConfig):
        super().__init__()
        self.first = nn.Linear(config.latents, config.hidden)
        self.rest = nn.Sequential(
            nn.ReLU(),
            nn.Linear(config.hidden, config.hidden),
            nn.ReLU(),
            nn.Linear(config.hidden, 784),
            nn.Tanh(),
            nn.Unflatten(1, (1, 28, 28)),
        )

    def forward(self, z: Tensor, labels: None = None) -> Tensor:
        return self.rest(self.first(z))  # [N, 1, 28, 28]


class Maxout(nn.Module):
    """max_k (W_k x + b_k), a learned convex function per unit (Goodfellow 2013)."""

    def __init__(self, inside: int, outside: int, pieces: int):
        super().__init__()
        self.linear = nn.Linear(inside, outside * pieces)
        self.pieces = pieces

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x).unflatten(1, (-1, self.pieces)).amax(2)  # [N, outside]


class Discriminator(nn.Module):
    def __init__(self, config: MLPConfig):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(),
            Maxout(784, config.d_hidden, config.pieces),
            Maxout(config.d_hidden, config.d_hidden, config.pieces),
            nn.Linear(config.d_hidden, 1),
        )

    def forward(self, x: Tensor, labels: None = None) -> Tensor:
        return self.layers(x)[:, 0]  # [N]


class MLPGAN(GAN):
    def __init__(self, config: MLPConfig):
        super().__init__(config, Generator(config), Discriminator(config))


RECIPES = {"gan-mnist": Recipe(MLPConfig(), "mnist", steps=10_000)}

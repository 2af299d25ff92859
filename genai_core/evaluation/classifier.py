"""LeNet: a small convolutional classifier that evaluates all generated pictures (LeCun 1998).

`lenet-mnist` and `lenet-fashion` are never used to train a generator. They classify samples, and their penultimate
layer is the feature space of our Fréchet distance. The layout is LeNet's (convolution, pooling, convolution, pooling,
two dense layers) with ReLU and batch normalisation (Ioffe 2015).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genai_core import data
from genai_core.common import checkpoints
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
)


@dataclass(frozen=True)
class LeNetConfig:
    channels: tuple[int, int, int] = (32, 64, 128)
    features: int = 128  # width of the penultimate layer
    # augmentation
    degrees: float = 10.0
    zoom: float = 0.1
    shift: float = 2.0  # pixels
    flip: bool = False
    # optimisation
    batch: int = 128
    lr: float = 3e-3
    weight_decay: float = 0.02


class LeNet(nn.Module):
    """Classifier of 28x28 pictures in [0, 1]."""

    def __init__(self, config: LeNetConfig):
        super().__init__()
        self.config = config
        a, b, c = config.channels
        self.body = nn.Sequential(
            *_block(1, a),  # [N, a, 14, 14]
            *_block(a, b),  # [N, b, 7, 7]
            *_block(b, c),  # [N, c, 3, 3]
            nn.Flatten(),
            nn.Linear(9 * c, config.features),
            nn.ReLU(),
        )
        self.head = nn.Linear(config.features, 10)

    def features(self, x: Tensor) -> Tensor:
        """[N, 1, 28, 28] in [0, 1] -> [N, features], the penultimate layer, non-negative."""
        return self.body(2 * x - 1)

    def forward(self, x: Tensor) -> Tensor:
        """[N, 1, 28, 28] in [0, 1] -> logits [N, 10]."""
        return self.head(self.features(x))


def _block(inside: int, outside: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(inside, outside, 3, padding=1, bias=False), nn.BatchNorm2d(outside), nn.ReLU(), nn.MaxPool2d(2)


def loss(model: LeNet, batch: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
    """Cross-entropy with label smoothing 0.1 (Szegedy 2016), and the batch's accuracy."""
    x, y = batch
    logits = model(x).float()
    accuracy = (logits.argmax(1) == y).float().mean()
    return {"loss": F.cross_entropy(logits, y, label_smoothing=0.1), "accuracy": accuracy}


def augment(x: Tensor, config: LeNetConfig, generator: torch.Generator) -> Tensor:
    """Pictures [N, 1, H, W] with small random rotations, zooms and shifts (and flips), by bilinear resampling."""
    n = len(x)
    uniform = 2 * torch.rand(4, n, generator=generator) - 1
    angle, zoom = uniform[0] * math.radians(config.degrees), 1 + config.zoom * uniform[1]
    dx, dy = uniform[2:] * config.shift * 2 / x.shape[-1]
    side = torch.where(torch.rand(n, generator=generator) < 0.5, -1.0, 1.0) if config.flip else torch.ones(n)
    row_x = torch.stack([side * zoom * angle.cos(), -zoom * angle.sin(), dx], 1)
    row_y = torch.stack([side * zoom * angle.sin(), zoom * angle.cos(), dy], 1)
    grid = F.affine_grid(torch.stack([row_x, row_y], 1).to(x), list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, align_corners=False)


@resumable
def train(
    config: LeNetConfig,
    examples: tuple[Tensor, Tensor],
    *,
    steps: int,
    seed: int = 0,
    device: str | torch.device = "cpu",
    resume: dict | None = None,
) -> Iterator[TrainStep]:
    """Train on `examples` (pictures [N, 1, 28, 28], labels [N]); yields each step, the EMA as the model."""
    pictures, labels = examples
    model = seeded(seed, lambda: LeNet(config)).to(device).train()
    ema = EMA(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.lr, weight_decay=config.weight_decay, fused=True)
    generator = torch.Generator().manual_seed(seed)
    parts = {"model": model, "ema": ema, "optimizer": optimizer}
    done = restore(resume, generator, parts)

    for step, index in enumerate(minibatches(len(pictures), config.batch, seed, done), done):
        if step >= steps:
            return
        x = augment(pictures[index], config, generator).to(device)
        set_lr(optimizer, config.lr * cosine(step, steps, warmup=200))
        with autocast(device):
            terms = loss(model, (x, labels[index].to(device)))
        optimizer.zero_grad()
        terms["loss"].backward()
        optimizer.step()
        ema.update(model)
        losses = {name: term.item() for name, term in terms.items()}
        yield TrainStep(step + 1, losses, ema.model, partial(snapshot, step + 1, generator, parts))


RECIPES = {
    "lenet-mnist": Recipe(LeNetConfig(), "mnist", steps=7000),
    "lenet-fashion": Recipe(LeNetConfig(degrees=0, zoom=0.05, shift=1.5, flip=True), "fashion", steps=7000),
}
TINY = Recipe(LeNetConfig(channels=(4, 4, 4), features=8, batch=8), "sprites", steps=60)

CARD = {
    "overview": "A small convolutional classifier in LeNet's layout (LeCun 1998), by which this project evaluates "
    "generated pictures: it classifies them, and its penultimate layer ({features} features) is the space in which "
    "Fréchet distance and coverage are measured.",
    "use": "Evaluating generated pictures of its own data set; comparing models under the same classifier.",
    "limits": "Distances in its features are not FID and cannot be compared with figures from another network. It "
    "returns one of ten classes for any input.",
}

LABELS = {
    "accuracy": ("Test accuracy", "{:.2%}"),
    "errors": ("Test errors of 10,000", "{:d}"),
}


def load(name: str) -> LeNet:
    """`lenet-mnist` or `lenet-fashion`, ready to use. Raises: CheckpointError."""
    return checkpoints.load(name, LeNet, LeNetConfig)


def evaluation_classifier(dataset: str) -> LeNet:
    """The classifier that evaluates pictures of `dataset` ("mnist" or "fashion"). Raises: CheckpointError."""
    return load(f"lenet-{dataset}")


def evaluate(name: str) -> dict:
    """Test accuracy, in [0, 1], and errors of a shipped classifier."""
    x, y = data.load(RECIPES[name].dataset, "test")
    model, device = load(name), checkpoints.default_device()
    with torch.inference_mode():
        answers = torch.cat([model(part.to(device)).argmax(1).cpu() for part in x.split(1000)])
    wrong = int((answers != y).sum())
    return {"accuracy": 1 - wrong / len(x), "errors": wrong}

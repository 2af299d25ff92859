"""ViT: an image as a sequence of patches, read by a transformer (Dosovitskiy 2020).

    x_0 = [class token; patches E] + positions
    x_l = layer(x_(l-1));  logits = head(norm(x_L)[class token])                                        [eq. 1-4]

With few pictures convolutions before the patches pay, as they know that neighbours belong together (CCT, Hassani
2021): `stem` "conv" makes the same number of tokens from two of them. `CNN` is a plain network for comparison, trained
alike.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genai_core import data
from genai_core.common import checkpoints, checks
from genai_core.common.training import (
    EMA,
    Recipe,
    TrainStep,
    autocast,
    minibatches,
    restore,
    resumable,
    seeded,
    snapshot,
    stepwise_seed,
)
from genai_core.transformer.attention import attention
from genai_core.transformer.blocks import Layer, Optimizers, Rates

CLASSES = 10


@dataclass(frozen=True)
class ViTConfig:
    network: str = "vit"  # or "cnn"
    dataset: str = "cifar10"
    channels: int = 3
    size: int = 32  # pixels, both ways
    patch: int = 4
    stem: str = "conv"  # or "patch": one linear map of each patch, as in the paper
    n_layer: int = 6
    n_head: int = 4
    n_embd: int = 192
    dropout: float = 0.0
    # the training
    batch: int = 128
    lr: float = 2e-3
    muon_lr: float = 0.01
    weight_decay: float = 0.1
    smoothing: float = 0.1  # of the labels (Szegedy 2016)
    crop: int = 4  # pixels by which a picture is shifted at most; mirrored half of the time
    erase: int = 8  # pixels, the side of a square that is set to grey (Cutout, DeVries 2017)
    ema: float = 0.998


class ViT(nn.Module):
    """Pictures [N, C, size, size] in [0, 1] -> logits [N, 10]. Raises: ValueError as `check`."""

    def __init__(self, config: ViTConfig):
        super().__init__()
        check(config)
        self.config = config
        c, width, side = config.channels, config.n_embd, config.size // config.patch
        if config.stem == "patch":
            self.stem: nn.Module = nn.Conv2d(c, width, config.patch, config.patch)
        else:  # 3x3 convolutions, each followed by halving, until a token is a patch's size
            half = [nn.Conv2d(c, width // 2, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
            rest = [nn.Conv2d(width // 2, width, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
            self.stem = nn.Sequential(*half, *rest)
        self.class_token = nn.Parameter(torch.zeros(width))
        self.positions = nn.Parameter(0.02 * torch.randn(side * side, width))
        self.layers = nn.ModuleList(Layer(width, config.n_head, config.dropout) for _ in range(config.n_layer))
        self.norm = nn.RMSNorm(width, eps=1e-6)
        self.head = nn.Linear(width, CLASSES)

    def patches(self, x: Tensor) -> Tensor:
        """Pictures -> tokens with their positions, [N, side^2, width], row by row."""
        return self.stem(2 * x - 1).flatten(2).transpose(1, 2) + self.positions

    def read(self, tokens: Tensor) -> Tensor:
        """Tokens [N, T, width], in any order and number -> logits [N, 10]."""
        x = torch.cat([self.class_token.expand(len(tokens), 1, -1), tokens], 1)  # [N, 1 + T, width]
        for layer in self.layers:
            x = layer(x)
        return self.head(self.norm(x[:, 0])).float()

    def forward(self, x: Tensor) -> Tensor:
        return self.read(self.patches(x))

    @torch.no_grad()
    def attentions(self, x: Tensor) -> Tensor:
        """`attentions_of` all the patches of pictures."""
        return self.attentions_of(self.patches(x))

    @torch.no_grad()
    def attentions_of(self, tokens: Tensor) -> Tensor:
        """The weights of every layer and head, [layers, N, heads, 1 + T, 1 + T]; the class token is the first."""
        x = torch.cat([self.class_token.expand(len(tokens), 1, -1), tokens], 1)
        found, layers = list[Tensor](), cast("Any", self.layers)
        for layer in layers:
            normed = layer.norm1(x)
            found.append(attention(*layer.attention.project(normed, normed)).weights)
            x = layer(x)
        return torch.stack(found)


def rollout(attentions: Tensor) -> Tensor:
    """How much of each patch is in the class token, [N, T]: the weights, averaged over heads, half of each layer being
    the residual, multiplied up (Abnar & Zuidema 2020). Each row sums to 1 with the class token's own share left out.
    """
    mean = attentions.mean(2)  # [layers, N, 1 + T, 1 + T]
    eye = torch.eye(mean.shape[-1], device=mean.device)
    product = eye.expand_as(mean[0])
    for weights in mean:
        product = (0.5 * weights + 0.5 * eye) @ product
    seen = product[:, 0, 1:]
    return seen / seen.sum(-1, keepdim=True)


def cut(x: Tensor, patch: int) -> Tensor:
    """Pictures [N, C, H, W] -> their patches, row by row, [N, T, C, patch, patch]."""
    rows = x.unfold(2, patch, patch).unfold(3, patch, patch)  # [N, C, H / patch, W / patch, patch, patch]
    return rows.flatten(2, 3).transpose(1, 2)


def join(patches: Tensor, side: int) -> Tensor:
    """The inverse of `cut`; side: patches in a row."""
    n, _, c, p, _ = patches.shape
    return patches.unflatten(1, (side, side)).permute(0, 3, 1, 4, 2, 5).reshape(n, c, side * p, side * p)


def moved(t: int, share: float, generator: torch.Generator) -> Tensor:
    """[t]: which patch stands at each place, when `share` of them have changed places with one another.

    Raises: ValueError for a share outside [0, 1].
    """
    checks.number("The share", share, 0, 1)
    places = torch.randperm(t, generator=generator)[: round(share * t)]
    order = torch.arange(t)
    order[places] = places.roll(1)  # a cycle, so that none of them stays
    return order


def left(t: int, share: float, generator: torch.Generator) -> Tensor:
    """[t]: true where a patch is left when `share` of them are taken away, one at least. Raises: ValueError."""
    checks.number("The share", share, 0, 1)
    gone = torch.randperm(t, generator=generator)[: min(t - 1, round(share * t))]
    return torch.ones(t, dtype=torch.bool).scatter(0, gone, False)


GREY = 0.5  # of what is taken away, where a network must see something, and of the squares in training


def disturb(x: Tensor, config: ViTConfig, order: Tensor, kept: Tensor) -> Tensor:
    """Pictures with their patches in another order, those that are not kept grey."""
    patches = cut(x, config.patch)[:, order]
    return join(torch.where(kept[:, None, None, None], patches, torch.tensor(GREY)), config.size // config.patch)


@torch.inference_mode()
def logits(model: Any, x: Tensor, order: Tensor, kept: Tensor) -> Tensor:
    """Of disturbed pictures, [N, 10]. A ViT is not given the tokens of what was taken away; a CNN sees grey."""
    seen = disturb(x, model.config, order, kept)
    if not isinstance(model, ViT):
        return model(seen)
    return model.read(model.patches(seen)[:, kept])


class CNN(nn.Module):
    """Residual 3x3 convolutions at three sizes; of the default config it has as many parameters as the ViT."""

    def __init__(self, config: ViTConfig):
        super().__init__()
        check(config)
        self.config = config
        widths = [max(8, round(config.n_embd * f / 8) * 8) for f in (0.6, 1.2, 1.8)]
        layers: list[nn.Module] = [nn.Conv2d(config.channels, widths[0], 3, 1, 1)]
        for into, out in zip([widths[0], *widths], widths, strict=False):
            layers += [Residual(into, out), nn.MaxPool2d(2)]
        self.layers = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(widths[-1], CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layers(2 * x - 1)).float()


class Residual(nn.Module):
    """Two convolutions with group norm, added to what came in."""

    def __init__(self, into: int, out: int):
        super().__init__()
        self.inside = nn.Sequential(
            nn.GroupNorm(8, into), nn.ReLU(), nn.Conv2d(into, out, 3, 1, 1),
            nn.GroupNorm(8, out), nn.ReLU(), nn.Conv2d(out, out, 3, 1, 1),
        )  # fmt: skip
        self.skip = nn.Conv2d(into, out, 1) if into != out else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.skip(x) + self.inside(x)


def build(config: ViTConfig) -> nn.Module:
    """The network of a config. Raises: ValueError as `check`."""
    return CNN(config) if config.network == "cnn" else ViT(config)


def check(config: ViTConfig) -> None:
    """Raises: ValueError for an unknown network or stem, sizes that do not divide one another, rates out of range."""
    if config.network not in ("vit", "cnn"):
        raise ValueError(f"There is no network '{config.network}'; there are vit, cnn.")
    if config.stem not in ("conv", "patch"):
        raise ValueError(f"There is no stem '{config.stem}'; there are conv, patch.")
    if config.size % config.patch or (config.stem == "conv" and config.patch != 4):
        raise ValueError(f"A picture of {config.size} pixels has no patches of {config.patch} with this stem.")
    for name in ("n_layer", "n_head", "n_embd", "batch"):
        checks.count(name, getattr(config, name))
    if config.n_embd % config.n_head:
        raise ValueError(f"n_embd = {config.n_embd} is not divisible into {config.n_head} heads.")
    for name in ("dropout", "smoothing", "ema"):
        checks.number(name, getattr(config, name), 0, 1)


def augment(x: Tensor, config: ViTConfig, generator: torch.Generator) -> Tensor:
    """Each picture mirrored half of the time, shifted by up to `crop` pixels, and with a square of it set to grey."""
    n, side = len(x), x.shape[-1]
    x = torch.where((torch.rand(n, generator=generator) < 0.5)[:, None, None, None], x.flip(-1), x)
    rows = torch.arange(side)
    if config.crop:
        down, right = torch.randint(2 * config.crop + 1, (2, n, 1), generator=generator)
        padded = F.pad(x, (config.crop,) * 4)
        picture = torch.arange(n)[:, None, None]
        x = padded[picture, :, (rows + down)[:, :, None], (rows + right)[:, None, :]].permute(0, 3, 1, 2)
    if config.erase:
        middle = torch.randint(side, (2, n, 1), generator=generator)
        tall, wide = ((rows - at).abs() <= config.erase // 2 for at in middle)
        x = torch.where((tall[:, :, None] & wide[:, None, :])[:, None], torch.tensor(GREY), x)
    return x


@resumable
def train(
    config: ViTConfig,
    examples: tuple[Tensor, Tensor],
    *,
    steps: int,
    seed: int = 0,
    device: str | torch.device = "cpu",
    resume: dict | None = None,
) -> Iterator[TrainStep]:
    """Train on pictures [N, C, size, size] in [0, 1] and labels [N]; yields each step with the average of the model."""
    pictures, labels = examples
    model: Any = seeded(seed, lambda: build(config)).to(device)
    average = EMA(model, config.ema)
    generator = torch.Generator().manual_seed(seed)
    rates = Rates(config.muon_lr, config.lr, config.weight_decay)
    optimizers = Optimizers(model, model.layers, rates)
    parts = {"model": model, "average": average, "optimizers": optimizers}
    done = restore(resume, generator, parts)
    order = minibatches(len(labels), config.batch, seed, done)
    for step in range(done, steps):
        model.train()
        picked = next(order)
        x = augment(pictures[picked], config, generator).to(device)
        with stepwise_seed(seed, step, device), autocast(device):  # of the dropout
            logits = model(x)
        loss = F.cross_entropy(logits, labels[picked].to(device), label_smoothing=config.smoothing)
        optimizers.step(loss, step, steps)
        model.eval()
        average.update(model)
        yield TrainStep(step + 1, {"loss": loss.item()}, average.model, partial(snapshot, step + 1, generator, parts))


@torch.inference_mode()
def accuracy(model: Any, pictures: Tensor, labels: Tensor, moving: float = 0.0, taken: float = 0.0) -> float:
    """Share of the pictures whose most likely class is their label, with a share of patches moved or taken away.

    Each batch of 250 has patches of its own.
    """
    device, t = next(model.parameters()).device, (model.config.size // model.config.patch) ** 2
    generator, right = torch.Generator().manual_seed(0), 0
    for x, y in zip(pictures.split(250), labels.split(250), strict=True):
        order, kept = moved(t, moving, generator), left(t, taken, generator)
        right += int((logits(model, x.to(device), order, kept).argmax(1).cpu() == y).sum())
    return right / len(labels)


NAMES = {
    "fashion": (
        "T-shirt", "Trousers", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    ),
    "cifar10": ("Airplane", "Automobile", "Bird", "Cat", "Deer", "Dog", "Frog", "Horse", "Ship", "Truck"),
}  # fmt: skip
CIFAR = ViTConfig(n_embd=128)
FASHION = ViTConfig(dataset="fashion", channels=1, size=28, n_layer=4, n_embd=96, crop=2, erase=6)
RECIPES = {
    "vit-fashion": Recipe(FASHION, "fashion", steps=3_000),
    "cnn-fashion": Recipe(replace(FASHION, network="cnn"), "fashion", steps=3_000),
    "vit-cifar": Recipe(CIFAR, "cifar10", steps=6_000),
    "cnn-cifar": Recipe(replace(CIFAR, network="cnn"), "cifar10", steps=6_000),
}
TINY = Recipe(ViTConfig("vit", "sprites", 1, 28, n_layer=1, n_head=2, n_embd=16, batch=16), "sprites", steps=60)


def load(name: str) -> Any:
    """A trained network, ready to use. Raises: CheckpointError, which says which names there are."""
    return checkpoints.load(name, build, ViTConfig)


CARD = {
    "overview": "A classifier ({network}) of {dataset} (genai_core/transformer/vit.py). A ViT cuts a picture of {size} "
    "pixels into patches of {patch}, each of which becomes a token by a stem ({stem}), and reads them with {n_layer} "
    "layers of width {n_embd} and {n_head} heads; a CNN of three sizes stands beside it. Both were trained on pictures "
    "shifted by up to {crop} pixels, mirrored, with squares of {erase} pixels in grey.",
    "use": "Teaching: it drives Vision in the transformer tab, where patches are moved and taken away.",
    "limits": "It knows ten classes and takes anything for one of them; its pictures were centred and of one kind.",
}
LABELS = {
    "accuracy": ("Accuracy on the test split", "{:.2%}"),
    "accuracy_moved": ("The same with 0, 25, 50, 75 and 100 % of the patches moved", "{:.1%}"),
    "accuracy_taken": ("The same with 0, 25, 50, 75 and 90 % of the patches taken away", "{:.1%}"),
}
MOVED, TAKEN = (0.0, 0.25, 0.5, 0.75, 1.0), (0.0, 0.25, 0.5, 0.75, 0.9)


def evaluate(name: str) -> dict:
    """Figures of a shipped network on the test split (see LABELS)."""
    model = load(name)
    pictures, labels = data.load(model.config.dataset, "test")
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "accuracy": accuracy(model, pictures, labels),
        "accuracy_moved": [accuracy(model, pictures, labels, moving=share) for share in MOVED],
        "accuracy_taken": [accuracy(model, pictures, labels, taken=share) for share in TAKEN],
    }

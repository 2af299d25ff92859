"""SimCLR: an embedding learned from pictures alone, as two views of one picture should be near (Chen 2020).

    h = backbone(view),  z = projection(h);  loss = NT-Xent of the z of a batch                       [algorithm 1]

z is thrown away afterwards, and h is the embedding: what the loss makes z forget is often still in h [section 4.2].
The backbone is a ResNet (He 2016) with a stem for small pictures: a 3x3 convolution that keeps their size, and no
pooling [appendix B.9]. On labels ("supervised") the same backbone ends in a linear map to the classes.

The paper's LARS scales the rate of each layer, so that batches of 4,096 train stably; for a few hundred AdamW does.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import partial
from itertools import count
from typing import Any

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
    cosine,
    minibatches,
    restore,
    resumable,
    seeded,
    set_lr,
    snapshot,
)
from genai_core.contrastive import augment, losses, singles
from genai_core.contrastive.augment import Augmentation
from genai_core.data.scenes import SIZE

OBJECTIVES = ("simclr", "supervised", "vicreg", "positives")


@dataclass(frozen=True)
class SimCLRConfig:
    objective: str = "simclr"  # or "vicreg"; "positives", without negatives, which collapses; "supervised", on labels
    dataset: str = "cifar10"  # or another of data.NAMES, or "scenes"
    channels: int = 3
    size: int = 32  # pixels, both ways
    width: int = 32  # channels of the first stage; each stage after it halves the sides and doubles the channels
    stages: int = 4
    blocks: int = 1  # residual blocks of two convolutions, per stage
    projection: int = 128  # numbers of z
    temperature: float = 0.2
    # the augmentation, as in `Augmentation`
    crop: bool = True
    scale: float = 0.08
    flip: bool = True
    jitter: bool = True
    strength: float = 0.5
    grey: bool = True
    blur: bool = False
    # the training
    labels: float = 1.0  # share of the labelled pictures that a supervised training is given
    batch: int = 256
    lr: float = 2e-3
    weight_decay: float = 0.05
    warmup: int = 200
    ema: float = 0.998


def augmentation(config: SimCLRConfig) -> Augmentation:
    """The augmentation of a config."""
    return Augmentation(**{field.name: getattr(config, field.name) for field in fields(Augmentation)})


class Block(nn.Module):
    """Two 3x3 convolutions with batch norm, added to what came in (He 2016)."""

    def __init__(self, into: int, out: int, stride: int):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(into, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out)
        self.conv2, self.norm2 = nn.Conv2d(out, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out)
        self.skip: nn.Module = nn.Identity()
        if stride > 1 or into != out:
            self.skip = nn.Sequential(nn.Conv2d(into, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.skip(x) + self.norm2(self.conv2(y)))


class SimCLR(nn.Module):
    """Pictures [N, C, size, size] in [0, 1] -> features h and their projection z. Raises: ValueError as `check`."""

    def __init__(self, config: SimCLRConfig):
        super().__init__()
        check(config)
        self.config, into = config, config.width
        layers: list[nn.Module] = [nn.Conv2d(config.channels, into, 3, 1, 1, bias=False), nn.BatchNorm2d(into)]
        layers += [nn.ReLU()]
        for stage in range(config.stages):
            out = config.width * 2**stage
            for block in range(config.blocks):
                layers += [Block(into, out, stride=2 if stage and not block else 1)]
                into = out
        self.backbone = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.dimension = into
        if config.objective == "supervised":
            self.head: nn.Module = nn.Linear(into, len(data.CLASSES[config.dataset]))
        else:
            hidden = [nn.Linear(into, into, bias=False), nn.BatchNorm1d(into), nn.ReLU()]
            self.head = nn.Sequential(*hidden, nn.Linear(into, config.projection))

    def maps(self, x: Tensor) -> Tensor:
        """The feature maps of the last stage, [N, dimension, side, side], of which h is the mean over all places."""
        return self.backbone[:-2](2 * x - 1)

    def features(self, x: Tensor) -> Tensor:
        """h, [N, dimension]: what the backbone makes of pictures."""
        return self.backbone[-2:](self.maps(x)).float()

    def forward(self, x: Tensor) -> Tensor:
        """z, [N, projection], or, of a supervised one, the logits of the classes."""
        return self.head(self.features(x)).float()


def untrained(config: SimCLRConfig, seed: int = 0) -> SimCLR:
    """A network with PyTorch's initial weights, drawn from a generator of its own: the same as `seeded` makes.

    So a server's threads may call it. Raises: ValueError as `check`.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.device("meta"):  # where nothing is drawn
        model = SimCLR(config)
    model = model.to_empty(device="cpu")
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            layer.reset_parameters()
        elif isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_uniform_(layer.weight, a=math.sqrt(5), generator=generator)
            if layer.bias is not None:
                bound = 1 / math.sqrt(layer.weight[0].numel())
                nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
    return model.eval().requires_grad_(False)


def check(config: SimCLRConfig) -> None:
    """Raises: ValueError for an unknown objective or data set, sizes that do not fit, or rates out of range."""
    if config.objective not in OBJECTIVES:
        raise ValueError(f"There is no objective '{config.objective}'; there are {', '.join(OBJECTIVES)}.")
    labelled = config.objective == "supervised"
    known = data.NAMES if labelled else (*data.NAMES, "scenes")
    if config.dataset not in known:
        raise ValueError(f"There is no data set '{config.dataset}' for this objective; there are {', '.join(known)}.")
    for name in ("width", "stages", "blocks", "projection"):
        checks.count(name, getattr(config, name))
    checks.count("batch", config.batch, 2)  # a single picture has no negatives, and no variance
    checks.count("warmup", config.warmup, 0)
    checks.count("size", config.size, 2 ** (config.stages - 1))
    if config.channels not in (1, 3) or (config.dataset == "scenes" and (config.channels != 3 or SIZE % config.size)):
        raise ValueError(f"Pictures of {config.channels} channels and {config.size} pixels cannot be read.")
    for name in ("temperature", "labels"):
        checks.above(name, getattr(config, name))
    for name in ("labels", "ema"):
        checks.number(name, getattr(config, name), 0, 1)
    augment.check(augmentation(config))


def loss(model: SimCLR, x: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
    """Terms of views x [2 N, C, H, W], first ones before second ones, or of pictures x [N, ...] and their labels [N].

    "loss" is minimised. "positives" and "negatives": mean cosine of two views of one picture, and of two pictures;
    "accuracy" of a supervised one.
    """
    config, out = model.config, model(x)
    if labels is not None:
        right = (out.argmax(1) == labels).float().mean()
        return {"loss": F.cross_entropy(out, labels), "accuracy": right}
    z1, z2 = out.chunk(2)
    with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
        between = losses.similarities(z1, z2)[: len(z1), len(z1) :]
        same = between.diag().mean()
        others = (between.sum() - between.diag().sum()) / (between.numel() - len(between))
    with torch.autocast(x.device.type, enabled=False):  # the logits need more precision than bfloat16 has
        if config.objective == "simclr":
            terms = {"loss": losses.nt_xent(z1, z2, config.temperature)}
        elif config.objective == "vicreg":
            terms = losses.vicreg(z1, z2)
        else:
            terms = {"loss": losses.alignment(z1, z2)}
    return terms | {"positives": same, "negatives": others}


def subset(labels: Tensor, share: float, seed: int = 0) -> Tensor:
    """Which pictures keep their labels [N]: a share of each class, one at least, drawn from `seed`; sorted indices.

    A larger share contains the smaller ones of the same seed. Raises: ValueError for a share outside (0, 1].
    """
    checks.above("The share", share)
    checks.number("The share", share, 0, 1)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    of = [order[labels[order] == label] for label in labels.unique()]
    return torch.cat([rows[: max(1, round(share * len(rows)))] for rows in of]).sort().values


def batches(
    config: SimCLRConfig, given: str | tuple[Tensor, ...], seed: int, done: int
) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Endless batches of pictures, and of their labels for a supervised training; `done` of them are skipped.

    given: as `examples` returns it. Raises: ValueError for labels that nobody may see, or none where they are needed.
    """
    if isinstance(given, str):
        for step in count(done):
            shown = singles.draw(f"{given}/{seed}", step * config.batch, config.batch)
            yield singles.render(shown, config.size), None
        return
    supervised = config.objective == "supervised"
    if len(given) != 1 + supervised:
        raise ValueError("A contrastive training takes pictures alone, and a supervised one labels with them.")
    pictures, *labels = given
    kept = subset(labels[0], config.labels) if supervised else torch.arange(len(pictures))
    for rows in minibatches(len(kept), config.batch, seed, done):
        picked = kept[rows]
        yield pictures[picked], labels[0][picked] if supervised else None


@resumable
def train(
    config: SimCLRConfig,
    given: str | tuple[Tensor, ...],
    *,
    steps: int,
    seed: int = 0,
    device: str | torch.device = "cpu",
    resume: dict | None = None,
) -> Iterator[TrainStep[SimCLR]]:
    """Train on `examples`: (pictures,), or a stream of scenes that are drawn on demand, each used once; with labels,
    (pictures, labels), if supervised. Yields each step with its EMA. Raises: ValueError as `check` and `batches`.
    """
    model = seeded(seed, lambda: SimCLR(config)).to(device).to(memory_format=torch.channels_last).train()
    ema = EMA(model, config.ema)
    groups = [
        {"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in model.parameters() if p.ndim == 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=config.lr, betas=(0.9, 0.95), fused=True)
    generator = torch.Generator().manual_seed(seed)
    parts = {"model": model, "ema": ema, "optimizer": optimizer}
    done = restore(resume, generator, parts)
    chosen, stream = augmentation(config), batches(config, given, seed, done)
    for step in range(done, steps):
        x, labels = next(stream)
        x = x.to(device)
        if labels is None:
            x = augment.views(x, chosen, generator)
        else:
            x, labels = augment.apply(x, augment.draw(chosen, len(x), generator)), labels.to(device)
        set_lr(optimizer, config.lr * cosine(step, steps, config.warmup))
        with autocast(device):
            terms = loss(model, x.to(memory_format=torch.channels_last), labels)
        optimizer.zero_grad()
        terms["loss"].backward()
        optimizer.step()
        ema.update(model)
        values = {name: term.item() for name, term in terms.items()}
        yield TrainStep(step + 1, values, ema.model, partial(snapshot, step + 1, generator, parts))


CIFAR = SimCLRConfig()
SUPERVISED = replace(CIFAR, objective="supervised", scale=0.3, strength=0.2, grey=False)
SCENES = SimCLRConfig(dataset="scenes", width=16, scale=0.4, flip=False)
RECIPES = {
    "simclr-scenes": Recipe(SCENES, "scenes", steps=2_500),
    "simclr-scenes-no-jitter": Recipe(replace(SCENES, jitter=False, grey=False), "scenes", steps=2_500),
    "simclr-scenes-no-crop": Recipe(replace(SCENES, crop=False), "scenes", steps=2_500),
}
TINY = Recipe(
    SimCLRConfig(
        dataset="sprites", channels=1, size=28, width=8, stages=2, projection=16, scale=0.5, batch=16, lr=5e-3, warmup=5
    ),
    "sprites",
    steps=60,
)
CARD = {
    "overview": "A ResNet of {stages} stages with {blocks} block(s) each, width {width}, trained by {objective} on "
    "{dataset} (genai_core/contrastive/simclr.py). SimCLR sees two views of each picture and no label, and learns to "
    "find the one by the other among the views of {batch} pictures, at temperature {temperature}. Augmentation: crops "
    "{crop} (of {scale} of the area at least), flips {flip}, colour jitter {jitter} (strength {strength}), grey "
    "{grey}. One trained on labels was given {labels:.0%} of them.",
    "use": "Teaching: it drives the Contrastive tab, where its features are probed, mapped, searched and clustered.",
    "limits": "It knows small pictures of one kind, and what the augmentations change its features tend to forget.",
}


def load(name: str) -> SimCLR:
    """A trained network, ready to use. Raises: CheckpointError, which says which names there are."""
    return checkpoints.load(name, SimCLR, SimCLRConfig)


def examples(recipe: Recipe) -> Any:
    """What a recipe trains on: a stream of scenes, or (pictures,), with labels only for a supervised training.

    Raises: DataError.
    """
    if recipe.dataset == "scenes":
        return "train"
    pictures, labels = data.load(recipe.dataset, "train")
    return (pictures, labels) if recipe.config.objective == "supervised" else (pictures,)

"""Anomaly detection: an autoencoder that saw one class only cannot rebuild another (protocol of Ruff 2018, Deep SVDD).

The picture is cut into 4 x 4 blocks. Some are hidden, and the autoencoder guesses them from those that are seen, as it
learned from its class: it cannot copy what it does not see, so that it has to know [Vincent 2008; Zavrtanik 2021,
RIAD]. To score a picture, every block is hidden once; the guesses together are the rebuilt picture:

    score(x) = sum of (G * (rebuilt(x) - x))^2 / usual,        G: a narrow Gaussian, which forgives a shift of a pixel

usual: the median over pictures of the class, so that 1 is usual and more is odd. There is one autoencoder for each
class, all of one size, so that they are trained side by side as one batched product of matrices.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genai_core import data
from genai_core.autoencoders import roc
from genai_core.autoencoders.blocks import BLOCKS, SIDE, blurred, enlarged, hidden_in_turn
from genai_core.common import checkpoints, checks
from genai_core.common.training import EMA, Recipe, TrainStep, autocast, cosine, restore, resumable, set_lr, snapshot

USUAL = 500  # pictures of each class over which the usual error is taken


@dataclass(frozen=True)
class AnomalyConfig:
    classes: int = 10
    hidden: int = 256
    code: int = 64
    blur: float = 1.0  # standard deviation of G, in pixels
    batch: int = 64  # pictures of each class
    lr: float = 1.5e-3
    weight_decay: float = 0.01


class Detectors(nn.Module):
    """An autoencoder for each class: 784 pixels and 16 flags, `hidden`, `code`, `hidden`, 784 pixels."""

    usual: Tensor

    def __init__(self, config: AnomalyConfig):
        super().__init__()
        self.config = config
        pixels, flags = SIDE**2, BLOCKS**2
        widths = (pixels + flags, config.hidden, config.code, config.hidden, pixels)
        sizes = list(itertools.pairwise(widths))
        self.weights = nn.ParameterList(torch.empty(config.classes, a, b) for a, b in sizes)
        self.biases = nn.ParameterList(torch.zeros(config.classes, 1, b) for _, b in sizes)
        self.register_buffer("usual", torch.ones(config.classes))

    def forward(self, x: Tensor, seen: Tensor, normal: int | None = None) -> Tensor:
        """Pictures x [K, N, 28, 28] in [0, 1] whose blocks are seen where seen [K, N, 4, 4] is 1 -> the whole pictures.

        [K, N, 28, 28]. K: the classes; with `normal`, that one alone, and K = 1.
        """
        chosen = slice(None) if normal is None else slice(normal, normal + 1)
        h = torch.cat([(x * enlarged(seen)).flatten(2), seen.flatten(2)], 2)  # [K, N, 784 + 16]
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            h = torch.baddbmm(bias[chosen], F.silu(h) if i else h, weight[chosen])
        return h.float().unflatten(2, (SIDE, SIDE))  # [K, N, 28, 28]


@torch.inference_mode()
def rebuild(model: Detectors, x: Tensor, normal: int | None = None) -> Tensor:
    """Pictures x [N, 1, 28, 28] in [0, 1] -> each block guessed from others, by each class, [K, N, 28, 28] in [0, 1].

    normal: by the autoencoder of that class alone, K = 1. Raises: ValueError for other pictures, or another class.
    """
    checks.shape("Pictures", x, None, 1, SIDE, SIDE)
    if normal is not None:
        checks.count("The class", normal, 0, model.config.classes - 1)
    pictures = x[:, 0].expand(model.config.classes if normal is None else 1, -1, -1, -1)
    rebuilt = torch.zeros_like(pictures)
    for hidden in hidden_in_turn().to(x):
        seen = (1 - hidden).expand(*pictures.shape[:2], -1, -1)
        rebuilt = rebuilt + model(pictures, seen, normal) * enlarged(hidden)
    return rebuilt.clamp(0, 1)


def error_map(model: Detectors, x: Tensor, rebuilt: Tensor) -> Tensor:
    """Where rebuilt pictures [K, N, 28, 28] are too bright (above 0) or too dark, of the same shape: G * difference."""
    return blurred(rebuilt - x[:, 0], model.config.blur)


@torch.inference_mode()
def score(model: Detectors, x: Tensor, normal: int | None = None) -> Tensor:
    """How odd pictures x [N, 1, 28, 28] are to each class, [K, N]; 1: as usual. Raises: ValueError as `rebuild`."""
    usual = model.usual if normal is None else model.usual[normal : normal + 1]
    return error_map(model, x, rebuild(model, x, normal)).square().sum((2, 3)) / usual[:, None]


def loss(model: Detectors, x: Tensor, *, generator: torch.Generator) -> dict[str, Tensor]:
    """Squared error where 15 to 75 % of the blocks are hidden, summed over each picture: x [K, N, 28, 28] in [0, 1]."""
    share = 0.15 + 0.6 * torch.rand((*x.shape[:2], 1, 1), generator=generator)
    seen = (torch.rand((*x.shape[:2], BLOCKS, BLOCKS), generator=generator) > share).to(x)
    return {"loss": (model(x, seen) - x).square().sum((2, 3)).mean()}


@resumable
def train(
    config: AnomalyConfig,
    examples: tuple[Tensor, Tensor],
    *,
    steps: int,
    seed: int = 0,
    device: str | torch.device = "cpu",
    resume: dict | None = None,
) -> Iterator[TrainStep[Detectors]]:
    """Train every class on its own of `examples` (pictures [N, 1, 28, 28] in [0, 1], labels [N]); yields each step.

    Raises: ValueError for a class without pictures.
    """
    pictures, labels = examples
    of_class = [pictures[labels == c, 0] for c in range(config.classes)]
    for c, own in enumerate(of_class):
        checks.count(f"The number of pictures of class {c}", len(own))
    generator = torch.Generator().manual_seed(seed)
    model = Detectors(config)
    for weight in model.weights:
        nn.init.normal_(weight, std=weight.shape[1] ** -0.5, generator=generator)
    model.to(device)
    ema = EMA(model, 0.998)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=config.lr, betas=(0.9, 0.99), weight_decay=config.weight_decay, fused=True
    )
    parts = {"model": model, "ema": ema, "optimizer": optimizer}
    done = restore(resume, generator, parts)

    for step in range(done, steps):
        picks = [own[torch.randint(len(own), (config.batch,), generator=generator)] for own in of_class]
        set_lr(optimizer, config.lr * cosine(step, steps, warmup=50))
        with autocast(device):
            terms = loss(model, torch.stack(picks).to(device), generator=generator)
        optimizer.zero_grad()
        terms["loss"].backward()
        optimizer.step()
        ema.update(model)
        if step + 1 == steps:
            scores = [score(ema.model, own[:USUAL, None].to(device), c)[0] for c, own in enumerate(of_class)]
            ema.model.usual.copy_(torch.stack([one.median() for one in scores]))
        losses = {name: term.item() for name, term in terms.items()}
        yield TrainStep(step + 1, losses, ema.model, partial(snapshot, step + 1, generator, parts))


RECIPES = {
    "anomaly-mnist": Recipe(AnomalyConfig(), "mnist", steps=400),
    "anomaly-fashion": Recipe(AnomalyConfig(), "fashion", steps=250),
}
TINY = Recipe(AnomalyConfig(classes=3, hidden=32, code=8, batch=24, lr=5e-3), "sprites", steps=60)

CARD = {
    "overview": "{classes} autoencoders, one for each class, with a code of {code} numbers and hidden layers of "
    "{hidden}. Each saw pictures of its class alone, and learned to guess hidden blocks of 7 x 7 pixels from the "
    "others. What it cannot guess, it has not seen: the squared error, blurred by {blur:g} pixel, is the score.",
    "use": "Teaching: it drives Anomaly in the Autoencoder tab.",
    "limits": "It judges 28 x 28 pictures in the manner of its data set: any other position or stroke width is odd to "
    "it as well. A class whose pictures can be rebuilt from parts of another is told from it less well. For "
    "reference, Ruff 2018 (table 1) reports a mean AUROC on MNIST of 89.7 % for a deep convolutional autoencoder and "
    "94.8 % for Deep SVDD. The network's size, the blocks and the blur were chosen on the last 5,000 pictures of "
    "MNIST's training split.",
}

LABELS = {
    "auroc": ("AUROC, one class known, mean over the classes (higher is better)", "{:.2%}"),
    "auroc_per_class": ("AUROC with each class known", "{:.2%}"),
    "auroc_linear": ("The same, mean, by the error of 20 principal components of the class", "{:.2%}"),
    "caught": ("Others caught where 5 % of the known class are flagged, mean", "{:.2%}"),
}


def load(name: str) -> Detectors:
    """Trained detectors, ready to use. Raises: CheckpointError, which says which names there are."""
    return checkpoints.load(name, Detectors, AnomalyConfig)


@torch.inference_mode()
def evaluate(name: str) -> dict:
    """AUROC of shipped detectors on the test split (see LABELS). The counts of their scores are written beside them."""
    model, dataset = load(name), RECIPES[name].dataset
    x, y = data.load(dataset, "test")
    device = checkpoints.default_device()
    scores = torch.cat([score(model, part.to(device)).cpu() for part in x.split(500)], 1)  # [K, N]
    roc.save(name, scores, y)
    linear = roc.linear_scores(data.load(dataset, "train"), x, model.config.classes)
    areas, areas_linear = (
        [roc.auroc(one[y == c], one[y != c]) for c, one in enumerate(kind)] for kind in (scores, linear)
    )
    caught = [float((one[y != c] > one[y == c].quantile(0.95)).float().mean()) for c, one in enumerate(scores)]
    return {
        "auroc": sum(areas) / len(areas),
        "auroc_per_class": areas,
        "auroc_linear": sum(areas_linear) / len(areas_linear),
        "caught": sum(caught) / len(caught),
    }

"""The MNIST section of "Distilling the Knowledge in a Neural Network" (Hinton, Vinyals & Dean 2015, section 3).

A large net of two layers of 1200 rectified units, regularised by dropout and a bound on each unit's weights (Srivastava
2014) and trained on digits shifted by up to two pixels, teaches a small one of two layers of 800 units, which sees no
shifted digits and has no regularisation but the teacher's soft targets. The control is the same small net trained on
the labels. Other students have 300 or 30 units a layer, or a transfer set without any 3, or with 7s and 8s only: what
they know of the other digits comes from the teacher's small probabilities.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genai_core import data
from genai_core.common import checkpoints, checks
from genai_core.common.training import Recipe, TrainStep
from genai_core.distillation import distil, metrics

CLASSES = 10


@dataclass(frozen=True)
class MLPConfig:
    hidden: tuple[int, ...] = (800, 800)
    # regularisation
    dropout: float = 0.0  # dropout rate of each hidden layer
    input_dropout: float = 0.0  # dropout rate of the pixels
    max_norm: float = 0.0  # bound on the norm of each unit's incoming weights; 0: none
    jitter: int = 0  # maximum shift in pixels, in either direction, fractions included
    # objective
    teacher: str = ""  # checkpoint whose logits are matched; "": none, the labels alone
    temperature: float = 20.0
    alpha: float = 1.0  # weight of the soft targets
    transfer: tuple[int, ...] = tuple(range(CLASSES))  # classes in the transfer set
    # optimisation
    batch: int = 512
    lr: float = 1e-3
    weight_decay: float = 0.0


class MLP(nn.Module):
    """Rectified layers with dropout, over 28x28 pictures in [0, 1]."""

    def __init__(self, config: MLPConfig):
        super().__init__()
        self.config = config
        layers, inside = [nn.Flatten(), nn.Dropout(config.input_dropout)], 784
        for outside in config.hidden:
            layers += [nn.Linear(inside, outside), nn.ReLU(), nn.Dropout(config.dropout)]
            inside = outside
        self.layers = nn.Sequential(*layers, nn.Linear(inside, CLASSES))

    def forward(self, x: Tensor) -> Tensor:
        """[N, 1, 28, 28] in [0, 1] -> logits [N, 10]."""
        return self.layers(x)


def jitter(x: Tensor, generator: torch.Generator, pixels: int = 2) -> Tensor:
    """Each picture of [N, 1, H, W] shifted by whole pixels, up to `pixels` in either direction, padded with black.

    Raises: ValueError for pixels below 0.
    """
    checks.count("The number of pixels", pixels, 0)
    n, height, width = len(x), *x.shape[2:]
    windows = F.pad(x[:, 0], (pixels,) * 4).unfold(1, height, 1).unfold(2, width, 1)  # [N, 2p + 1, 2p + 1, H, W]
    down, right = torch.randint(2 * pixels + 1, (2, n), generator=generator)
    return windows[torch.arange(n), down, right][:, None]


def glide(x: Tensor, generator: torch.Generator, pixels: int = 2) -> Tensor:
    """The same by any distance up to `pixels`, fractions of a pixel included, by bilinear interpolation.

    Raises: ValueError for pixels below 1.
    """
    checks.count("The number of pixels", pixels)
    n, height, width = len(x), *x.shape[2:]
    windows = (
        F.pad(x[:, 0], (pixels,) * 4).unfold(1, height + 1, 1).unfold(2, width + 1, 1)
    )  # one pixel larger, for the interpolation
    distance = 2 * pixels * torch.rand((2, n), generator=generator)
    pixel = distance.long().clamp(max=2 * pixels - 1)
    fraction = (distance - pixel)[:, :, None, None]
    shifted = windows[torch.arange(n), *pixel]  # [N, H + 1, W + 1]
    shifted = shifted[:, :-1].lerp(shifted[:, 1:], fraction[0])
    return shifted[:, :, :-1].lerp(shifted[:, :, 1:], fraction[1])[:, None]


@torch.no_grad()
def max_norm(model: nn.Module, bound: float) -> None:
    """Limit, in place, the norm of every unit's incoming weights to `bound` [Srivastava 2014, section 5.1].

    Raises: ValueError for a bound that is not above 0.
    """
    checks.above("The bound", bound)
    for layer in model.modules():
        if isinstance(layer, nn.Linear):
            layer.weight.renorm_(2, 0, bound)


def train(config: MLPConfig, examples: tuple[Tensor, Tensor], **options) -> Iterator[TrainStep]:
    """`distil.train` of an MLP on the examples whose label is in `config.transfer`. Raises: CheckpointError."""
    pictures, labels = examples
    kept = torch.isin(labels, torch.tensor(config.transfer))
    return distil.train(
        lambda: MLP(config),
        distil.matching(config.temperature, config.alpha),
        config,
        (pictures[kept], labels[kept]),
        teacher=load(config.teacher) if config.teacher else None,
        augment=partial(glide, pixels=config.jitter) if config.jitter else None,
        constrain=partial(max_norm, bound=config.max_norm) if config.max_norm else None,
        **options,
    )


def missing(config: MLPConfig) -> list[int]:
    """The classes that are missing from the transfer set."""
    return [label for label in range(CLASSES) if label not in config.transfer]


def with_bias(logits: Tensor, classes: list[int], bias: float) -> Tensor:
    """Logits [N, 10] with `bias` added to those of `classes`, as if it were part of the biases of the last layer."""
    added = torch.zeros(CLASSES)
    added[classes] = bias
    return logits + added


def best_bias(logits: Tensor, labels: Tensor, classes: list[int]) -> float:
    """The bias of `classes` (0.0, 0.1 ... 20.0) with the fewest errors on logits [N, 10] with labels [N].

    Of several equally good ones, the median.
    """
    grid = torch.arange(201) / 10
    errors = torch.stack([(with_bias(logits, classes, float(b)).argmax(1) != labels).sum() for b in grid])
    return float(grid[errors == errors.min()].median())


def correction(model: MLP, test: tuple[Tensor, Tensor], train: tuple[Tensor, Tensor]) -> dict:
    """Test errors of a student before and after correcting the bias of the classes that it never saw.

    The paper chose the bias on the test set. Here it is chosen on the training digits, whose missing classes the
    student has not seen, each shifted by up to a pixel (seed 0), since it has memorised the others; the result of the
    paper's method is reported beside it ("..._test_bias").
    """
    classes, (x, y) = missing(model.config), test
    unseen = torch.isin(y, torch.tensor(classes))
    x_train, y_train = jitter(train[0], torch.Generator().manual_seed(0), pixels=1), train[1]
    z = distil.logits(model, x)
    biases = {"": best_bias(distil.logits(model, x_train), y_train, classes), "_test_bias": best_bias(z, y, classes)}
    figures: dict[str, float] = {"errors_missing": int((z.argmax(1) != y)[unseen].sum())}
    for suffix, bias in biases.items():
        wrong = with_bias(z, classes, bias).argmax(1) != y
        figures |= {
            f"bias{suffix}": bias,
            f"errors_corrected{suffix}": int(wrong.sum()),
            f"errors_missing_corrected{suffix}": int(wrong[unseen].sum()),
        }
    return figures


TEACHER = MLPConfig((1200, 1200), dropout=0.5, max_norm=2.0, jitter=2, lr=2e-3)
STUDENT: dict[str, Any] = {"teacher": "distill-teacher", "alpha": 0.5, "lr": 4e-3}
RECIPES = {
    "distill-teacher": Recipe(TEACHER, "mnist", steps=40_000),
    "distill-student": Recipe(MLPConfig(**STUDENT), "mnist", steps=12_000),
    "distill-control": Recipe(MLPConfig(), "mnist", steps=3500),
    "distill-no3": Recipe(MLPConfig(**STUDENT, transfer=(0, 1, 2, 4, 5, 6, 7, 8, 9)), "mnist", steps=12_000),
    "distill-78": Recipe(MLPConfig(**STUDENT, transfer=(7, 8)), "mnist", steps=4000),
    **{
        f"distill-{role}-{width}": Recipe(MLPConfig((width, width), **options), "mnist", steps=12_000)
        for width in (300, 30)
        for role, options in (("student", STUDENT), ("control", {}))
    },
}

SEEDS = ("distill-student", "distill-control")
TEMPERATURES = ("distill-student-300", "distill-student-30")


def variants(name: str) -> dict[str, Recipe]:
    """What `sweep` trains beside a shipped checkpoint: "seed 1" ... or "temperature 8" ... -> its recipe.

    They are fixed here: nothing is chosen by the test split.
    """
    own = RECIPES[name]
    if name in SEEDS:
        return {f"seed {seed}": replace(own, seed=seed) for seed in range(3) if seed != own.seed}
    if name in TEMPERATURES:
        return {
            f"temperature {t:g}": replace(own, config=replace(own.config, temperature=t))
            for t in (1.0, 2.5, 4.0, 8.0, 20.0)
            if t != own.config.temperature
        }
    return {}


TINY = Recipe(MLPConfig((16,), dropout=0.1, jitter=1, max_norm=4.0, batch=16, lr=1e-2), "sprites", steps=60)


CARD = {
    "overview": "A classifier of digits from the MNIST section of the distillation paper (Hinton, Vinyals & Dean "
    "2015): rectified layers of {hidden} units. Teacher, whose logits a student matches at temperature "
    "{temperature:g}: {teacher} (none: trained on the labels alone); digits in its training "
    "set: {transfer}; dropout {dropout:g}, shifted by up to {jitter} pixels.",
    "use": "Teaching: what a small net learns from the probabilities of a large one, but not from labels.",
    "limits": "The paper's teacher makes 67 errors and its student 74; this teacher and its students make more "
    "(`docs/experiments.md` lists what was tried). It knows centred, upright digits only, and returns one of them for "
    "any input. The student without regularisation is compared with a control without any: there are better ways to "
    "train small nets on labels.",
}
LABELS = metrics.LABELS


def load(name: str) -> MLP:
    """A trained MLP, ready to use. Raises: CheckpointError, which says which names there are."""
    return checkpoints.load(name, MLP, MLPConfig)


def evaluate(name: str) -> dict:
    """Figures of a shipped MLP on the test split (see `metrics.LABELS`)."""
    model, test = load(name), data.load("mnist", "test")
    teacher = load(model.config.teacher) if model.config.teacher else None
    figures = metrics.of_classifier(name, model, test, teacher)
    if missing(model.config):
        figures |= correction(model, test, data.load("mnist", "train"))
    own, runs = RECIPES[name], metrics.study(name)
    if runs and set(runs) == set(variants(name)):
        counts = {variants(name)[title]: run["errors"] for title, run in runs.items()} | {own: figures["errors"]}
        if name in SEEDS:
            by_seed = [counts[recipe] for recipe in sorted(counts, key=lambda recipe: recipe.seed)]
            figures |= {"errors_by_seed": by_seed, "errors_mean": sum(by_seed) / len(by_seed)}
        else:
            by_temperature = sorted((recipe.config.temperature, wrong) for recipe, wrong in counts.items())
            figures["temperatures"], figures["errors_by_temperature"] = map(list, zip(*by_temperature, strict=True))
    return figures

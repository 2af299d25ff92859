"""Do deep nets really need to be deep? One wide layer that mimics a deep teacher (Ba & Caruana 2014).

The mimic net matches the teacher's logits v by least squares, before any softmax:

    loss = 1/2 |z - v|^2                                                                              [eq. 1]

so that it learns the odds of all classes, even those whose probabilities vanish. A linear bottleneck of
k units before the wide layer factorises its weights W = U V, with fewer parameters and faster learning [section 2.3].
The control is the same net trained on the labels.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor, nn

from genai_core import data
from genai_core.common import checkpoints
from genai_core.common.training import Recipe, TrainStep
from genai_core.distillation import compact, distil, metrics


@dataclass(frozen=True)
class ShallowConfig:
    bottleneck: int = 128  # k; 0: none
    hidden: int = 2000
    teacher: str = ""  # checkpoint whose logits are matched; "": none, the labels alone
    # optimisation
    batch: int = 256
    lr: float = 1e-3
    weight_decay: float = 0.0


class Shallow(nn.Module):
    """One wide rectified layer behind a linear bottleneck, over 28x28 pictures in [0, 1]."""

    def __init__(self, config: ShallowConfig):
        super().__init__()
        self.config = config
        k = config.bottleneck
        narrow = [nn.Linear(784, k, bias=False)] if k else []
        self.layers = nn.Sequential(
            nn.Flatten(), *narrow, nn.Linear(k or 784, config.hidden), nn.ReLU(), nn.Linear(config.hidden, 10)
        )

    def forward(self, x: Tensor) -> Tensor:
        """[N, 1, 28, 28] in [0, 1] -> logits [N, 10]."""
        return self.layers(x)


def loss(student_logits: Tensor, teacher_logits: Tensor) -> dict[str, Tensor]:
    """Half the squared distance of the logits [N, classes], mean over the batch [eq. 1]."""
    return {"loss": 0.5 * (student_logits.float() - teacher_logits).square().sum(1).mean()}


def objective(model: nn.Module, x: Tensor, labels: Tensor, targets: Tensor | None) -> dict[str, Tensor]:
    """`loss`, or without a teacher the cross-entropy with the labels."""
    return (
        {"loss": nn.functional.cross_entropy(model(x).float(), labels)} if targets is None else loss(model(x), targets)
    )


def train(config: ShallowConfig, examples: tuple[Tensor, Tensor], **options) -> Iterator[TrainStep]:
    """`distil.train` of a shallow net. Raises: CheckpointError."""
    teacher = compact.load(config.teacher) if config.teacher else None
    return distil.train(lambda: Shallow(config), objective, config, examples, teacher=teacher, **options)


RECIPES = {
    f"mimic-{role}{dataset}": Recipe(ShallowConfig(teacher=teacher), dataset, steps=8000)
    for dataset in ("mnist", "fashion")
    for role, teacher in (("", f"ensemble-{dataset}"), ("control-", ""))
}
TINY = Recipe(ShallowConfig(bottleneck=8, hidden=32, batch=16, lr=1e-2), "sprites", steps=60)

CARD = {
    "overview": "One wide layer of {hidden} rectified units behind a linear bottleneck of {bottleneck} (Ba & Caruana "
    "2014). Teacher, whose logits it matches by least squares: {teacher} (none: trained on the labels alone).",
    "use": "Teaching: a shallow net can represent more than it learns from labels; compare the mimic with its control.",
    "limits": "It has no notion of neighbouring pixels, and knows centred pictures of its data set only.",
}
LABELS = metrics.LABELS


def load(name: str) -> Shallow:
    """A trained shallow net, ready to use. Raises: CheckpointError, which says which names there are."""
    return checkpoints.load(name, Shallow, ShallowConfig)


def evaluate(name: str) -> dict:
    """Figures of a shipped shallow net on the test split (see `metrics.LABELS`)."""
    model, teacher = load(name), RECIPES[name].config.teacher
    return metrics.of_classifier(
        name, model, data.load(RECIPES[name].dataset, "test"), compact.load(teacher) if teacher else None
    )

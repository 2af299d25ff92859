"""What the parts of the distillation tab share: its classifiers, the digits to ask them about."""

import functools

import torch

from demos._ui.settings import Setting, choice
from genai_core import data, distillation
from genai_core.common.checkpoints import CheckpointError
from genai_core.distillation import synthetic

TEACHER, STUDENT, CONTROL = "distill-teacher", "distill-student", "distill-control"
NAMES = {TEACHER: "teacher, 2 × 1200", STUDENT: "student, 2 × 800", CONTROL: "control, 2 × 800"}
SMALL = {
    "distill-student-30": "student, 2 × 30",
    "distill-control-30": "control, 2 × 30",
    "compact-mnist": "compact student, convolutional",
}
CLASSES = data.CLASSES["mnist"]
GENERATED, REAL = "generated", "test digits"
JUDGED = 2000  # digits that figures of a page are taken over


def sources() -> tuple[str, ...]:
    """Where example digits can come from on this machine."""
    return (GENERATED, REAL) if data.available("mnist") else (GENERATED,)


@functools.lru_cache(maxsize=2)
def digits(source: str) -> tuple[torch.Tensor, torch.Tensor]:
    """JUDGED digits [N, 1, 28, 28] in [0, 1] and their labels [N]: test digits, or those our GAN was asked for."""
    if source == REAL:
        x, y = data.load("mnist", "test")
        return x[:JUDGED], y[:JUDGED]
    return synthetic.digits(JUDGED, seed=0)


@functools.lru_cache(maxsize=16)
def logits(name: str, source: str) -> torch.Tensor:
    """What a classifier says of `digits(source)`: [N, 10]."""
    return distillation.logits(distillation.load(name), digits(source)[0])


def there(name: str) -> bool:
    """Whether a checkpoint can be used."""
    try:
        distillation.load(name)
    except CheckpointError:
        return False
    return True


def source_setting(default: str) -> Setting:
    return Setting("source", choice(sources()), default, "Digits")


def digits_code(source: str) -> str:
    """Code of the digits that the page asks about."""
    if source == REAL:
        return f'x, y = (part[:{JUDGED}] for part in data.load("mnist", "test"))'
    return f"x, y = distillation.digits({JUDGED}, seed=0)  # our GAN's, and what they were asked to be"


def shorten(title: str) -> str:
    return title.split(",")[0]

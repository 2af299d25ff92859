"""A distillation to watch: a student and its control race on pictures of a VAE, and no data set is needed.

Nobody labelled these pictures, and many lie between two digits. Of the teacher's output for each, the control learns
the most likely class as a label, the student the full distribution. Both start from the same weights and see the same
pictures in the same order. Several such races go on side by side, each of a seed of its own, since the lead in a single
one may be chance. Accuracy is measured on the MNIST test digits where these are on this machine, else on
digits of a class-conditional GAN.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from genai_core import data
from genai_core.common import checks
from genai_core.common.live import paced
from genai_core.distillation import distil, hinton, metrics
from genai_core.distillation.synthetic import between, digits

TEACHER = "distill-teacher"
FRAME = 20  # steps between two frames
GENERATED = 2000  # digits on which the two are measured where there are no real ones
HIDDEN, EXAMPLES, RACES = (4, 400), (50, 5000), (1, 5)  # minimum and maximum


@dataclass(frozen=True)
class RaceFrame:
    """What a page shows of the race."""

    step: int
    steps: int
    student: float  # accuracies in [0, 1], the means over the races
    control: float
    students: list[float]  # of each race
    controls: list[float]
    losses: dict[str, float]  # of the first race: the student's "soft" and "hard", the control's "control", in nats
    real: bool  # whether the accuracies are on real test digits
    seconds: float
    timed_out: bool  # the time limit was reached before the last step


def check(hidden: int, temperature: float, alpha: float, examples: int, races: int = 1) -> None:
    """Raises: ValueError with one sentence for invalid settings."""
    distil.check(temperature, alpha)
    checks.count("The number of units", hidden, 0)
    checks.count("The number of pictures", examples, 0)
    if not HIDDEN[0] <= hidden <= HIDDEN[1]:
        raise ValueError(f"A student has {HIDDEN[0]} to {HIDDEN[1]} units a layer, not {hidden}.")
    if not EXAMPLES[0] <= examples <= EXAMPLES[1]:
        raise ValueError(f"A race takes {EXAMPLES[0]} to {EXAMPLES[1]:,} pictures, not {examples:,}.")
    if not RACES[0] <= races <= RACES[1]:
        raise ValueError(f"There can be {RACES[0]} to {RACES[1]} races side by side, not {races}.")


def test_digits(seed: int) -> tuple[tuple[Tensor, Tensor], bool]:
    """The pictures and labels on which both are measured, and whether they are real."""
    if data.available("mnist"):
        return data.load("mnist", "test"), True
    return digits(GENERATED, seed=seed + 1), False


def race(
    *,
    hidden: int = 48,
    temperature: float = 4.0,
    alpha: float = 0.9,
    examples: int = 300,
    races: int = 1,
    seed: int = 0,
    steps: int = 600,
    seconds: float = 50.0,
) -> Iterator[RaceFrame]:
    """Distil a student of two layers of `hidden` units; a frame every FRAME steps, an end after `steps` or `seconds`.

    Race k has pictures and first weights of seed + k; all are measured on the same digits.
    Raises: ValueError as `check`, CheckpointError without the teacher or a generator.
    """
    check(hidden, temperature, alpha, examples, races)
    begun = time.monotonic()
    test, real = test_digits(seed)
    small: dict[str, Any] = {"hidden": (hidden, hidden), "batch": min(50, examples), "lr": 2e-3}
    student = hinton.MLPConfig(**small, teacher=TEACHER, temperature=temperature, alpha=alpha)
    pairs = []  # the two trainings of each race
    for own in range(seed, seed + races):
        x = between(examples, seed=own)
        training = x, distil.logits(hinton.load(TEACHER), x).argmax(1)
        pairs += [
            hinton.train(config, training, steps=steps, seed=own) for config in (student, hinton.MLPConfig(**small))
        ]
    for moment in paced(zip(*pairs, strict=True), total=steps, every=FRAME, seconds=seconds, begun=begun):
        sides = moment.steps[-1]
        accuracies = [1 - metrics.errors(side.model, test) / len(test[0]) for side in sides]
        students, controls = accuracies[::2], accuracies[1::2]
        losses = {name: sides[0].losses[name] for name in ("soft", "hard")} | {"control": sides[1].losses["loss"]}
        means = [sum(each) / races for each in (students, controls)]
        end = losses, real, moment.seconds, moment.timed_out
        yield RaceFrame(sides[0].step, steps, means[0], means[1], students, controls, *end)

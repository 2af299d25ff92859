"""A distillation to watch: a student and its control race on pictures that a VAE made, and no data set is needed.

Nobody labelled these pictures, and many lie between two digits. The teacher looks at each: the control learns its
first choice as a label, the student also all that it thinks of the picture. Both begin with the same weights and see
the same pictures in the same order. They are judged on the MNIST test digits where these are on this machine, else on
digits that a GAN made to order.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from genai_core import data
from genai_core.distillation import distil, hinton, measures
from genai_core.distillation.synthetic import between, digits

TEACHER = "distill-teacher"
FRAME = 20  # steps between two frames
HELD = 2000  # generated digits that the two are judged on where there are no real ones
HIDDEN, EXAMPLES = (4, 400), (50, 5000)  # least and most


@dataclass(frozen=True)
class RaceFrame:
    """What a page draws of the race."""

    step: int
    steps: int
    student: float  # accuracies, in [0, 1]
    control: float
    losses: dict[str, float]  # the student's "soft" and "hard", the control's "control", in nats
    real: bool  # whether the accuracies are those on real test digits
    seconds: float
    late: bool  # the time was up before the last step


def check(hidden: int, temperature: float, alpha: float, examples: int) -> None:
    """Raises: ValueError with one sentence for settings that cannot be raced."""
    distil.check(temperature, alpha)
    if not HIDDEN[0] <= hidden <= HIDDEN[1]:
        raise ValueError(f"A student has {HIDDEN[0]} to {HIDDEN[1]} units a layer, not {hidden}.")
    if not EXAMPLES[0] <= examples <= EXAMPLES[1]:
        raise ValueError(f"A race takes {EXAMPLES[0]} to {EXAMPLES[1]:,} pictures, not {examples:,}.")


def judging(seed: int) -> tuple[tuple[Tensor, Tensor], bool]:
    """The pictures and labels that both are judged on, and whether they are real."""
    if data.available("mnist"):
        return data.load("mnist", "test"), True
    return digits(HELD, seed=seed + 1), False


def race(
    *,
    hidden: int = 48,
    temperature: float = 4.0,
    alpha: float = 0.9,
    examples: int = 300,
    seed: int = 0,
    steps: int = 600,
    seconds: float = 50.0,
) -> Iterator[RaceFrame]:
    """Distil a student of two layers of `hidden` units; a frame every FRAME steps, an end after `steps` or `seconds`.

    Raises: ValueError as `check`, CheckpointError without the teacher or a generator.
    """
    check(hidden, temperature, alpha, examples)
    begun = time.monotonic()
    x, (held, real) = between(examples, seed=seed), judging(seed)
    given = x, distil.logits(hinton.load(TEACHER), x).argmax(1)
    small = {"hidden": (hidden, hidden), "batch": min(50, examples), "lr": 2e-3}
    student = hinton.MLPConfig(**small, teacher=TEACHER, temperature=temperature, alpha=alpha)
    pair = (hinton.train(config, given, steps=steps, seed=seed) for config in (student, hinton.MLPConfig(**small)))
    for distilled, control in zip(*pair, strict=True):
        last = distilled.step == steps or time.monotonic() - begun > seconds
        if distilled.step % FRAME and not last:
            continue
        accuracies = (1 - measures.errors(side.model, held) / len(held[0]) for side in (distilled, control))
        losses = {name: distilled.losses[name] for name in ("soft", "hard")} | {"control": control.losses["loss"]}
        late = last and distilled.step < steps
        yield RaceFrame(distilled.step, steps, *accuracies, losses, real, time.monotonic() - begun, late)
        if last:
            return

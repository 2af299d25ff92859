"""What programs can ask of the distillation tab."""

from collections.abc import Iterator
from typing import Any

from demos._server import lanes
from demos._ui.api import Value, endpoint
from demos._ui.settings import Table
from demos.distillation import ask, race

PROBABILITIES = {"type": "array", "items": {"type": "number"}}


@endpoint(
    Table(ask.PART.settings[:2]),  # without what the page alone compares with
    Value(
        "Of each classifier the probabilities of 0 to 9",
        {"type": "object", "additionalProperties": PROBABILITIES},
    ),
    names={"pixels": "picture"},
)
def distillation_ask(pixels: str, temperature: float) -> dict[str, list[float]]:
    """Ask teacher, student and control which digit a picture shows, at a temperature."""
    return ask.probabilities(pixels, temperature)


@endpoint(
    race.PART.table,
    Value(
        "step, steps, the accuracies of student and control (means, and of each race), losses, seconds, timed_out, note"
    ),
    lane=lanes.TRAIN,
)
def distillation_train(**settings: Any) -> Iterator[dict | None]:
    """Distil a small student beside its control in several races, for at most a minute; streams their accuracies."""
    yield from race.race(**settings)


ENDPOINTS = (distillation_ask, distillation_train)

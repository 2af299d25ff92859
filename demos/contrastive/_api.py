"""What programs can ask of the Contrastive tab."""

from collections.abc import Iterator
from typing import Any

from demos._server import lanes
from demos._ui.api import Value, endpoint
from demos._ui.settings import Table
from demos.contrastive import train
from genai_core.contrastive.live import ContrastiveFrame


@endpoint(
    Table(train.PART.settings),
    Value(
        "step, steps, loss; cosines: mean cosine of two views of one picture, and of two pictures; rank: effective "
        "rank of z; shape, colour: share of the ten nearest to a picture that have its shape, its colour; timed_out"
    ),
    lane=lanes.TRAIN,
)
def contrastive_train(**settings: Any) -> Iterator[dict | None]:
    """Train an embedding of small pictures without labels for at most a minute; streams figures every ten steps."""

    def shown(frame: ContrastiveFrame) -> dict:
        names = ("step", "steps", "loss", "cosines", "rank", "shape", "colour", "timed_out")
        return {name: getattr(frame, name) for name in names}

    yield from train.frames(shown, **settings)


ENDPOINTS = (contrastive_train,)

"""What programs can ask of the Contrastive tab."""

from collections.abc import Iterator
from typing import Any

from demos._server import lanes
from demos._ui.api import Value, endpoint
from demos._ui.settings import Table
from demos.contrastive import _models, forget, train, views
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


@endpoint(
    Table(views.PART.settings),
    Value(
        "cosines: of the two views by every model; losses: NT-Xent of every row of the batch, all first views before "
        "all second ones, the picture's views first of each"
    ),
)
def contrastive_views(temperature: float, **settings: Any) -> dict[str, Any]:
    """Make two views of one picture, and see how alike networks find them, and what the loss makes of them."""
    pair = {name: settings[name] for name in ("scene", "picture", "first", "second")}
    return {
        "cosines": {name: round(value, 4) for name, value in views.cosines(**pair).items()},
        "losses": [round(value, 4) for value in views.of_rows(temperature, **settings).tolist()],
    }


@endpoint(
    Table(forget.PART.settings, forget.PART.check),
    Value("cosines: of the z of the two things, by every training; any: the mean of any two things"),
)
def contrastive_forget(**settings: Any) -> dict[str, dict[str, float]]:
    """See how alike three trainings find two things that differ in one attribute."""
    return {
        "cosines": {name: round(value, 4) for name, value in forget.cosines(**settings).items()},
        "any": {name: round(forget.of_any_two(name), 4) for name in _models.SCENES},
    }


ENDPOINTS = (contrastive_train, contrastive_views, contrastive_forget)

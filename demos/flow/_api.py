"""What programs can ask of the flow tab."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

from PIL import Image

from demos._server import lanes
from demos._ui.api import Picture, Value, endpoint
from demos._ui.settings import Table
from demos.flow import compare, lab, layers, likelihood, match, sample

MEASURES = ("nll", "hutchinson", "exact", "integral", "quality")


@endpoint(
    Table(tuple(replace(setting, hint="") for setting in lab.PART.settings)),  # it has no reset
    Picture("The plane: the density, the data (blue) and samples (brown)"),
    Value(
        "step, steps, loss; entropy of the data; nll of held-out points, hutchinson (the same by that estimator, of an "
        "ODE), exact (of the true density), all in nat; integral, quality (samples within 3 σ), timed_out"
    ),
    lane=lanes.TRAIN,
)
def flow_train(**settings: Any) -> Iterator[tuple[Image.Image, dict] | None]:
    """Train a flow of points in the plane for at most a minute; streams a picture at every measured step."""
    with closing(lab.train(None, "run", **settings)) as values:
        for value in values:
            if value is None or value[0]["measures"] is None:
                yield None
                continue
            frame = value[0]
            said = {name: frame[name] for name in ("step", "steps", "loss", "entropy", "timed_out")}
            measures = {name: frame["measures"][name] for name in MEASURES}
            yield lab.picture(**settings, shown=lab.at_x(frame)), said | measures


ENDPOINTS = (
    flow_train,
    layers.flow_layers,
    sample.flow_sample,
    likelihood.flow_likelihood,
    match.flow_match,
    compare.flow_compare,
)

"""What programs can ask of the GAN tab."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

from PIL import Image

from demos._server import lanes
from demos._ui import images, interpolation
from demos._ui.api import Picture, Value, endpoint
from demos._ui.settings import Setting, Table, integer
from demos.gan import _models, directions, lab, samples

STEPS = Setting("steps", integer(50, 10_000), 1000, "Steps; a picture is streamed about every fifty")
EVERY = 50  # steps from one picture to the next
LAB = (*(replace(setting, hint="") for setting in lab.PART.settings), STEPS)  # it has no reset


@endpoint(
    samples.PART.table,
    Picture("A sheet of 6 x 6 samples, 28 x 28 each"),
    Value("The discriminator's scores and the labels, row by row"),
    takes=("seed", "model", "truncation", "label", "truncated_by"),
)
def gan_sample(model: str, seed: int, truncation: float, truncated_by: str, label: int) -> tuple[Image.Image, dict]:
    """Draw 36 samples and let the discriminator score them."""
    x, labels = samples.pictures(model, seed, truncation, truncated_by, label), samples.labels_of(model, label)
    scores = samples.scores(model, x, labels)
    return images.tile(x, _models.SIDE), {"scores": scores, "labels": None if labels is None else labels.tolist()}


@endpoint(directions.PART.table, Picture("The sample, 28 x 28"), Value("Its coordinates z along the ten directions"))
def gan_direction(**settings: Any) -> tuple[Image.Image, dict]:
    """Move one sample of a sheet along the strongest directions of the latent space (SeFa)."""
    return images.tile(directions.pictures(settings), 1), {"z": settings["z"]}


gan_interpolate = interpolation.endpoint("gan_interpolate", _models.SPACE)


@endpoint(
    Table(LAB),
    Picture("The plane: the discriminator's heat map, real and generated points"),
    Value("step, d_loss, g_loss, modes covered of total, quality, timed_out"),
    takes=tuple(setting.name for setting in LAB if setting.name not in ("preset", "speed")),
    lane=lanes.TRAIN,
)
def gan_train(steps: int, **settings: Any) -> Iterator[tuple[Image.Image, dict] | None]:
    """Train a GAN in two dimensions for at most two minutes; streams a picture about every fifty steps."""
    due = EVERY
    with closing(lab.play(None, "run", **settings | {"speed": "fast"})) as values:
        for value in values:
            if value is None:
                yield None
                continue
            frame, _ = value
            if frame["step"] < min(due, steps) and not frame["timed_out"]:
                continue
            due += EVERY
            figures = {
                name: frame[name] for name in ("step", "d_loss", "g_loss", "modes", "total", "quality", "timed_out")
            }
            yield lab.picture(**settings, shown=frame), figures
            if frame["step"] >= steps:
                return


ENDPOINTS = (gan_sample, gan_direction, gan_interpolate, gan_train)

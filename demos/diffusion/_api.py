"""What programs can ask of the diffusion tab."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from PIL import Image
from torch import Tensor

from demos._server import lanes
from demos._ui import images, interpolation
from demos._ui.api import Picture, Pictures, Value, endpoint
from demos._ui.settings import Table
from demos.diffusion import _models, denoise, inpaint, lab
from genai_core import diffusion

SIX = Pictures(f"{_models.COUNT} pictures, 28 x 28 each, with their classes")


SAID = ("step", "steps", "loss", "exact_loss", "error", "timed_out")  # of a frame of the lab


def each(x: Tensor, caption: str) -> list[tuple[Image.Image, str]]:
    """Pictures [N, 1, 28, 28], all with one caption, as an output."""
    return [(images.tile(one[None], 1), caption) for one in x]


@endpoint(
    denoise.PART.table,
    SIX,
    Value("nfe, the network evaluations (with guidance each is two passes of the network), and the settings"),
    takes=("seed", "model", "label", "sampler", "steps", "guidance", "schedule", "eta"),
    lane=lanes.STREAM,
)
def diffusion_sample(**settings: Any) -> tuple[list, dict]:
    """Draw six pictures by denoising."""
    *_, last = denoise.steps_of(**settings)
    return each(diffusion.picture(last.after).cpu(), settings["label"]), {"nfe": last.nfe, **settings}


@endpoint(
    inpaint.PART.table,
    Pictures(f"{inpaint.TRIES} answers, 28 x 28 each"),
    names={"pixels": "picture"},
    lane=lanes.STREAM,
)
def diffusion_inpaint(**settings: Any) -> list:
    """Fill in what is white in the mask, four times, from different noise; the rest of the picture stays."""
    x0, known, options = inpaint.question(**settings)
    return each(inpaint.inpaint(diffusion.load(inpaint.NAME), x0, known, **options), settings["label"])


diffusion_interpolate = interpolation.endpoint("diffusion_interpolate", _models.SPACE, lanes.STREAM)


@endpoint(
    Table(tuple(replace(setting, hint="") for setting in lab.PART.settings)),  # it has no reset
    Picture("Where the particles begin (grey) and end (orange), and real points (blue)"),
    Value("step, steps, loss, that of an exact denoiser, the error at each of the noise levels, timed_out"),
    lane=lanes.TRAIN,
)
def diffusion_train(**settings: Any) -> Iterator[tuple[Image.Image, dict] | None]:
    """Train a denoiser of points in the plane for at most 40 seconds; streams a picture every fifty steps."""
    for value in lab.train(None, "run", **settings):
        if value is None:
            yield None
        else:
            frame, _ = value
            yield lab.picture(**settings, shown=frame), {key: frame[key] for key in SAID}


ENDPOINTS = (diffusion_sample, diffusion_inpaint, diffusion_interpolate, diffusion_train)

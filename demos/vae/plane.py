"""Latent plane: two dimensions of the latent space, decoded everywhere at once; the pointer needs no round trip."""

import base64
import functools

import torch

from demos import _checks, _common, _keep
from demos._look import CLASS_COLOURS
from demos.vae import _models
from demos.vae._models import LIMIT
from genai_core import checkpoints, data, vae

TILES = 25  # a side; the page blends between neighbours
POINTS = 1000


@functools.lru_cache(maxsize=4)
@torch.inference_mode()
def encoded(name: str, dataset: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Posterior means [POINTS, latents] and labels of the first test pictures. Raises: DataError."""
    x, y = data.load(dataset, "test")
    mu, _ = vae.load(name).encode(x[:POINTS].to(checkpoints.default_device()))
    return mu.cpu(), y[:POINTS]


def points(name: str, a: int, b: int) -> dict:
    """Encoded test pictures in the plane with their classes, where the data set is there, else none."""
    dataset = vae.RECIPES[name].dataset
    try:
        mu, y = encoded(name, dataset)
    except data.DataError:
        return {"xy": [], "classes": [], "names": []}
    xy = (mu[:, [a, b]] * 100).round().int().flatten().tolist()
    return {"xy": xy, "classes": y.tolist(), "names": list(data.CLASSES[dataset])}


def plane(request: dict) -> dict:
    """{"model", "z", "a", "b"} -> the control's value: TILES x TILES pictures with z[a] across and z[b] upwards."""
    request = _checks.record(request)
    name, model = _models.model_of(request)
    latents = model.config.latents
    a, b = (_checks.whole(request.get(key), f"Dimension {key}", 0, latents - 1) for key in "ab")
    if a == b:
        raise _checks.InputError("A plane needs two different dimensions.")
    z = _models.codes(request.get("z"), model).repeat(TILES * TILES, 1)
    axis = torch.linspace(-LIMIT, LIMIT, TILES)
    z[:, a], z[:, b] = axis.repeat(TILES), axis.flip(0).repeat_interleave(TILES)
    pictures = torch.cat([_models.decode(model, part) for part in z.split(125)])
    return {
        "model": name,
        "z": request["z"],
        "a": a,
        "b": b,
        "dims": _models.dimensions(name),
        "sheet": _common.png(_common.tile(pictures, TILES)),
        "tiles": TILES,
        "limit": LIMIT,
        "points": points(name, a, b),
        "colours": CLASS_COLOURS,
    }


def open_plane(value: dict) -> dict:
    """The plane of the two strongest dimensions through the point that the sliders show."""
    value = _checks.record(value)
    name, model = _models.model_of(value)
    strongest = _models.dimensions(name)[:2]
    z = _models.codes(value.get("z"), model)[0]
    return plane({"model": name, "z": _models.rounded(z), "a": strongest[0]["i"], "b": strongest[1]["i"]})


def settings_of(request: dict) -> dict:
    """What a link or a saved picture says of the plane, checked: the request of `plane`."""
    name, z, _ = _models.settings_of(request)
    a, b = (
        _checks.whole(_keep.from_link(request.get(key), f"Dimension {key}"), f"Dimension {key}", 0, 999) for key in "ab"
    )
    return {"model": name, "z": z, "a": a, "b": b}


def save(request: dict) -> str:
    """The request of `plane` -> its sheet of pictures, PNG in base64 with these settings inside."""
    settings = settings_of(_checks.record(request))
    sheet = _checks.picture(base64.b64decode(plane(settings)["sheet"]))
    return _keep.saved(sheet, {"tab": _models.TAB, "part": "plane", **settings})


def restore(request: dict) -> dict:
    """{"png"}: a picture that `save` made -> the control's value with its settings."""
    return plane(settings_of(_keep.opened(request, _models.TAB, "plane")))


@_checks.handler
def refresh(value: dict, sheet: dict | None):
    """The slider control's value -> the plane's, in the dimensions it had where the model is still the same."""
    if isinstance(sheet, dict) and _checks.record(value).get("model") == sheet.get("model"):
        return plane({**settings_of(value | {"a": sheet.get("a"), "b": sheet.get("b")})})
    return open_plane(value)


@_checks.handler
def to_sliders(value: dict):
    """A click in the plane -> the slider control's value."""
    value = _checks.record(value)
    name, model = _models.model_of(value)
    z = _models.codes(value.get("z"), model)[0]
    return _models.state(name, _models.rounded(z), 0, "Set from the plane.")


def build():
    """The control; empty until the sub-tab is opened, since its 625 pictures take a moment."""
    _common.lead(
        "<b>Move over the plane</b>: every place in it is a picture. Look for the borders where one kind of digit "
        "turns into another."
    )
    return _common.control("plane", None, [plane, save, restore])

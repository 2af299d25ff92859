"""Which classes resemble one another, as teacher, student and control have learned it: their mean soft labels."""

import functools

from demos import _checks, _common, _keep
from demos.distillation import _models
from demos.distillation._models import CLASSES, NAMES, TAB
from genai_core import distillation

MOST = 20.0


def settings_of(request: dict) -> dict:
    """What the page, a link or a saved picture asks for, checked."""
    given = {"temperature": 4.0, "source": _models.GENERATED} | _checks.record(request)
    t = _keep.from_link(given["temperature"], "The temperature")
    return {
        "temperature": _checks.number(t, "The temperature", 1, MOST),
        "source": _models.source_of(given["source"]),
    }


@functools.lru_cache(maxsize=256)
def matrices(temperature: float, source: str) -> dict[str, list[float]]:
    """Each model's mean soft label of each true class at T: 100 numbers, row by row."""
    y = _models.digits(source)[1]
    found = {name: distillation.similarity(_models.logits(name, source), y, temperature) for name in NAMES}
    return {name: [round(v, 5) for v in matrix.flatten().tolist()] for name, matrix in found.items()}


def alike(request: dict) -> dict:
    """Settings -> the control's value."""
    clean = settings_of(request)
    found = matrices(round(clean["temperature"], 1), clean["source"])
    return {**clean, "matrices": found, "models": NAMES, "classes": list(CLASSES), "sources": list(_models.sources())}


def start(_request: dict) -> dict:
    return alike({})


def save(request: dict) -> str:
    """Settings -> the three matrices as a picture, PNG in base64 with the settings."""
    import torch

    clean = settings_of(request)
    found = matrices(round(clean["temperature"], 1), clean["source"])
    x = torch.stack([torch.tensor(found[name]).view(1, 10, 10) for name in NAMES])
    return _keep.saved(_common.tile(x.sqrt(), 3, gap=1, zoom=20), {"tab": TAB, "part": "alike", **clean})


def restore(request: dict) -> dict:
    """{"png"}: a picture that `save` made -> the control's value."""
    return alike(_keep.opened(request, TAB, "alike"))


def build():
    """Returns the control, which `alike` fills."""
    _common.lead(
        "<b>Drag the temperature</b>: a row is what a model says, on average, of all digits of one class. Look for "
        "pairs that the teacher finds alike, and whether its student learned it."
    )
    return _common.control("alike", None, [start, alike, save, restore])

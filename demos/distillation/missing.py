"""The student that never saw a 3: what it knows of it all the same, and the bias that brings it out."""

import functools

import torch

from demos import _checks, _common, _keep
from demos.distillation import _models
from demos.distillation._models import CLASSES, TAB
from genai_core import checkpoints, distillation
from genai_core.distillation.hinton import missing, with_bias

STUDENTS = {"distill-no3": "never saw a 3", "distill-78": "saw 7s and 8s alone"}
SHOWN = 24  # digits of the missing classes
TOP = 12.0  # the highest bias


def settings_of(request: dict) -> dict:
    """What the page, a link or a saved picture asks for, checked."""
    given = {"model": next(iter(STUDENTS)), "source": _models.sources()[-1], "bias": 0.0} | _checks.record(request)
    return {
        "model": _checks.choice(given["model"], "The student", tuple(STUDENTS)),
        "source": _models.source_of(given["source"]),
        "bias": _checks.number(_keep.from_link(given["bias"], "The bias"), "The bias", 0, TOP),
    }


@functools.lru_cache(maxsize=8)
def curve(name: str, source: str) -> dict:
    """Accuracy on all digits and on the missing classes at each bias 0.0, 0.1 ... TOP."""
    z, y = _models.logits(name, source), _models.digits(source)[1]
    classes = missing(distillation.load(name).config)
    unseen = torch.isin(y, torch.tensor(classes))
    right = [with_bias(z, classes, k / 10).argmax(1) == y for k in range(round(10 * TOP) + 1)]
    return {
        "all": [round(float(r.float().mean()), 4) for r in right],
        "missing": [round(float(r[unseen].float().mean()), 4) for r in right],
    }


def look(request: dict) -> dict:
    """Settings -> the control's value: the curves, digits of the missing classes and what the student says of them."""
    clean = settings_of(request)
    name, source = clean["model"], clean["source"]
    classes = missing(distillation.load(name).config)
    x, y = _models.digits(source)
    chosen = torch.isin(y, torch.tensor(classes)).nonzero()[:SHOWN, 0]
    figures = checkpoints.read_json(name, "metrics.json")
    return {
        **clean,
        **curve(name, source),
        "sheet": _common.png(_common.tile(x[chosen], 8)),
        "labels": y[chosen].tolist(),
        "logits": [[round(v, 3) for v in row] for row in _models.logits(name, source)[chosen].tolist()],
        "classes": classes,
        "names": list(CLASSES),
        "chosen": figures["bias"],
        "students": STUDENTS,
        "sources": list(_models.sources()),
        "judged": len(y),
        "top": TOP,
    }


def start(_request: dict) -> dict:
    return look({})


def save(request: dict) -> str:
    """Settings -> the digits of the missing classes, PNG in base64 with the settings."""
    clean = settings_of(request)
    x, y = _models.digits(clean["source"])
    classes = missing(distillation.load(clean["model"]).config)
    chosen = torch.isin(y, torch.tensor(classes)).nonzero()[:SHOWN, 0]
    return _keep.saved(_common.tile(x[chosen], 8, gap=2, zoom=4), {"tab": TAB, "part": "missing", **clean})


def restore(request: dict) -> dict:
    """{"png"}: a picture that `save` made -> the control's value."""
    return look(_keep.opened(request, TAB, "missing"))


def build():
    """Returns the control, which `look` fills."""
    _common.lead(
        "<b>Drag the bias</b>: this student never saw a 3, and says it less often than it should. Look for how "
        "many it reads right once its prejudice is lifted."
    )
    return _common.control("missing", None, [start, look, save, restore])

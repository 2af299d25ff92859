"""The student that never saw a 3: what it knows of it all the same, and the bias that brings it out."""

import functools

import torch
from PIL import Image

from demos._ui import charts, images
from demos._ui.settings import Setting, choice, number
from demos._ui.tab import Answer, Part, Preset
from demos.distillation import _models
from demos.distillation._models import CLASSES
from genai_core import distillation
from genai_core.common import checkpoints
from genai_core.distillation.hinton import missing, with_bias

STUDENTS = {"distill-no3": "never saw a 3", "distill-78": "saw 7s and 8s alone"}
SHOWN = 24  # digits of the missing classes
TOP = 12.0  # the highest bias


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


def unseen_digits(model: str, source: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, list[int]]:
    """SHOWN digits of the missing classes, their labels, the student's logits, and these classes."""
    classes = missing(distillation.load(model).config)
    x, y = _models.digits(source)
    chosen = torch.isin(y, torch.tensor(classes)).nonzero()[:SHOWN, 0]
    return x[chosen], y[chosen], _models.logits(model, source)[chosen], classes


def show(model: str, source: str, bias: float) -> dict:
    """The curves, digits of the missing classes and what the student says of them."""
    x, y, logits, classes = unseen_digits(model, source)
    return {
        **curve(model, source),
        "sheet": images.png(images.tile(x, 8)),
        "labels": y.tolist(),
        "logits": [[round(v, 3) for v in row] for row in logits.tolist()],
        "classes": classes,
        "names": list(CLASSES),
        "chosen": checkpoints.read_json(model, "metrics.json")["bias"],
        "students": STUDENTS,
        "sources": list(_models.sources()),
        "judged": _models.JUDGED,
        "top": TOP,
    }


def picture(model: str, source: str, bias: float) -> Image.Image:
    """Accuracy against the bias, and what is read with this one."""
    found, x = curve(model, source), [k / 10 for k in range(round(10 * TOP) + 1)]
    digits, y, logits, classes = unseen_digits(model, source)
    read = with_bias(logits, classes, bias).argmax(1)
    cells = [
        charts.labelled(
            images.tile(one[None], 1, zoom=2), f"read as {int(k)}", charts.MADE if k == label else charts.SOFT
        )
        for one, k, label in zip(digits, read, y, strict=True)
    ]
    plot = charts.lines(
        [
            charts.Line("on what it never saw", x, found["missing"], charts.MADE),
            charts.Line("on all digits", x, found["all"], charts.NOISE),
        ],
        across="bias added to the logit",
        up="share read right",
        high=1,
        at=bias,
        said=charts.percent,
        mark=charts.exact_percent,
    )
    right = int((read == y).sum())
    k = round(10 * bias)
    head = (
        f"With a bias of {bias:.1f} it reads {found['missing'][k]:.1%} of what it never saw, {found['all'][k]:.1%} of "
        f"all {_models.JUDGED:,} digits, and {right} of these {len(cells)}"
    )
    return charts.below([plot, charts.sentence(head.replace("%", " %")), charts.grid(cells, 8)])


def code(model: str, source: str, bias: float) -> str:
    return f'''import torch

from genai_core import data, distillation
from genai_core.distillation.hinton import missing, with_bias

{_models.digits_code(source)}
student = distillation.load("{model}")
classes = missing(student.config)  # that it never saw
right = with_bias(distillation.logits(student, x), classes, {round(bias, 1)}).argmax(1) == y
unseen = torch.isin(y, torch.tensor(classes))
print(f"all digits {{float(right.float().mean()):.4f}}, never seen {{float(right[unseen].float().mean()):.4f}}")
'''


def says(model: str, source: str, bias: float) -> str:
    found, at = curve(model, source), round(10 * bias)
    return f"all digits {found['all'][at]:.4f}, never seen {found['missing'][at]:.4f}"


PART = Part(
    id="missing",
    title="Missing",
    lead="<b>Drag the bias</b>: this student never saw a 3, and says it less often than it should. Look for how "
    "many it reads right once its bias is corrected.",
    stage="distillation/missing",
    settings=(
        Setting("model", choice(STUDENTS), next(iter(STUDENTS)), "The student"),
        _models.source_setting(_models.sources()[-1]),
        Setting("bias", number(0, TOP, 0.1), 0.0, "The bias"),
    ),
    presets=(
        Preset(
            "Never saw a 3",
            "No 3 was among its pictures. How many of the threes does it read?",
            {"model": "distill-no3", "source": _models.GENERATED, "bias": 0.0},
            "More than nine in ten: of other digits the teacher said how much of a 3 there is in them.",
            (
                Answer("None.", "It saw no 3, but the teacher's answers on 5s and 8s speak of 3s all the time."),
                Answer("More than nine in ten."),
                Answer("About half.", "It is far better than that: soft labels carry a lot."),
            ),
        ),
        Preset(
            "Its bias corrected",
            "It was never asked for a 3, and so says it too seldom. What does a higher bias do?",
            {"model": "distill-no3", "source": _models.GENERATED, "bias": 2.8},
            "Nearly all threes are read, and all digits together are read better than before.",
            (
                Answer("More threes, at the cost of all else.", "That comes with a far higher bias: drag it on."),
                Answer(
                    "Nothing: the weights are the same.", "A bias is a weight, and moves every border of that class."
                ),
                Answer("More threes, and no worse in all."),
            ),
        ),
        Preset(
            "Sevens and eights alone",
            "This one was shown two digits of ten. How many of the other eight's does it read?",
            {"model": "distill-78", "source": _models.GENERATED, "bias": 0.0},
            "Two thirds, and more with another bias: eight digits learned from what a teacher says of 7s and 8s.",
            (
                Answer("Two thirds."),
                Answer("None: it knows two digits.", "It was told ten numbers with each of its pictures."),
                Answer("One in ten: it guesses.", "A guess would be that; what it was told is far more."),
            ),
        ),
    ),
    show=show,
    picture=picture,
    code=code,
    says=says,
)

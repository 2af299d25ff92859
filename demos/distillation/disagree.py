"""Where teacher, student and control disagree: the surest mistakes of one that another does not make."""

import html

from PIL import Image

from demos._ui import charts, images
from demos._ui.settings import Setting, choice
from demos._ui.tab import Answer, Part, Preset
from demos.distillation import _models
from demos.distillation._models import CONTROL, STUDENT, TEACHER
from genai_core import distillation

# what is shown -> who is right, who is wrong
KINDS = {
    "control wrong, student right": (STUDENT, CONTROL),
    "student wrong, control right": (CONTROL, STUDENT),
    "student wrong, teacher right": (TEACHER, STUDENT),
    "teacher wrong, student right": (STUDENT, TEACHER),
}
SHORT = {TEACHER: ("teacher", "--real"), STUDENT: ("student", "--made"), CONTROL: ("control", "--noise")}
MOST = 18


def disagreements(kind: str, source: str) -> list[distillation.Disagreement]:
    right, wrong = KINDS[kind]
    x, y = _models.digits(source)
    models = {name: distillation.load(name) for name in SHORT}
    return distillation.disagreements(models, x, y, right=right, wrong=wrong, most=MOST)


def show(kind: str, source: str) -> str:
    """The gallery as HTML."""
    shown = disagreements(kind, source)
    if not shown:
        return '<div class="card stage empty">There is none among these digits.</div>'
    cards = []
    for one in shown:
        lines = f"<span>a <b>{one.label}</b></span>" + "".join(
            f'<span><i style="background:var({ink})"></i>{name} <b>{int(p.argmax())}</b> '
            f"{charts.share(float(p.max()))}</span>"
            for (name, ink), p in zip(SHORT.values(), (one.probabilities[key] for key in SHORT), strict=True)
        )
        image = images.data_uri(images.tile(one.picture[None], 1))
        cards.append(
            f'<figure><img class="pixels" src="{image}" alt="a {one.label}"><figcaption>{lines}</figcaption></figure>'
        )
    gallery = f'<div class="parted">{"".join(cards)}</div>'
    return f'<div class="card stage">{gallery}<p class="caption">{html.escape(caption(len(shown), source))}</p></div>'


def caption(n: int, source: str) -> str:
    """What is shown, in one sentence or two."""
    if not n:
        return "There is none among these digits."
    asked = "it was asked to be" if source == _models.GENERATED else "it is"
    return f"{n} of {_models.JUDGED:,} digits, the surest mistake first. Right is what {asked}."


def readings(one: distillation.Disagreement) -> list[str]:
    """What each of the three says of a picture."""
    return [
        f"{name} {int(p.argmax())}, {charts.share(float(p.max()))}"
        for (name, _), p in zip(SHORT.values(), (one.probabilities[key] for key in SHORT), strict=True)
    ]


def picture(kind: str, source: str) -> Image.Image:
    """The digits, and what each of the three says of them."""
    cells = [
        charts.labelled(images.tile(one.picture[None], 1, zoom=4), "\n".join([f"a {one.label}", *readings(one)]))
        for one in disagreements(kind, source)
    ]
    said = charts.sentence(caption(len(cells), source))
    return charts.below([charts.grid(cells, 6), said]) if cells else said


def code(kind: str, source: str) -> str:
    right, wrong = KINDS[kind]
    return f'''from genai_core import data, distillation

{_models.digits_code(source)}
models = {{name: distillation.load(name) for name in {tuple(SHORT)}}}
pairs = distillation.disagreements(models, x, y, right="{right}", wrong="{wrong}", most={MOST})
for one in pairs:
    said = {{name: int(p.argmax()) for name, p in one.probabilities.items()}}
    print("a", one.label, said)
'''


def says(kind: str, source: str) -> str:
    return "\n".join(
        f"a {one.label} { {name: int(p.argmax()) for name, p in one.probabilities.items()} }"
        for one in disagreements(kind, source)
    )


PART = Part(
    id="disagree",
    title="Disagree",
    lead="<b>Choose who errs</b>: real disagreements, the surest first. Look for digits that the control gets wrong "
    "with confidence, and the student, of the same size, does not.",
    settings=(
        Setting("kind", choice(tuple(KINDS)), next(iter(KINDS)), "Who errs"),
        _models.source_setting(_models.sources()[-1]),
    ),
    presets=(
        Preset(
            "Wrong, and sure of it",
            "Where the control errs and the student does not: how sure is the control?",
            {"kind": "control wrong, student right", "source": _models.GENERATED},
            "Of most it is more than 80 % sure. Labels taught it to be sure, of all that it ever saw.",
            (
                Answer("Near 50 %: errors are doubtful.", "A net that learned from labels is hardly ever in doubt."),
                Answer("More than 80 %, mostly."),
                Answer("Exactly as sure as the student.", "The student learned doubts as well; look at both."),
            ),
        ),
        Preset(
            "The other way round",
            "The student wrong and the control right: does that happen as often?",
            {"kind": "student wrong, control right", "source": _models.GENERATED},
            "Less than half as often; and where it does, the teacher was often wrong as well.",
            (
                Answer("Just as often: they are of one size.", "They are, and one of them had the better lessons."),
                Answer("Never: the student had a teacher.", "A teacher errs, too, and passes that on."),
                Answer("Less than half as often."),
            ),
        ),
        Preset(
            "Better than its teacher",
            "Can a student be right where its teacher is wrong?",
            {"kind": "teacher wrong, student right", "source": _models.GENERATED},
            "Seldom, but it can: it also had the labels, and it is a net of its own.",
            (
                Answer("Yes, now and then."),
                Answer(
                    "No: it only knows what it was told.",
                    "It learned a function of pictures, which is not its teacher's.",
                ),
                Answer("Yes, mostly.", "The teacher is right far more often than that."),
            ),
        ),
    ),
    form=True,
    wide=True,
    show=show,
    picture=picture,
    code=code,
    says=says,
)

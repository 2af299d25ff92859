"""Where teacher, student and control part: the surest mistakes of one that another does not make."""

import html

import gradio as gr

from demos import _checks, _common, _keep
from demos._common import LIGHT, QUIET
from demos.distillation import _models
from demos.distillation._models import CONTROL, STUDENT, TAB, TEACHER
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


def settings_of(kind, source) -> dict:
    """The page's controls, checked."""
    return {"kind": _checks.choice(kind, "The kind", tuple(KINDS)), "source": _models.source_of(source)}


def values(found: dict) -> tuple:
    """Settings of a link or a saved picture -> values of the controls."""
    return tuple(settings_of(found.get("kind", next(iter(KINDS))), found.get("source", _models.sources()[-1])).values())


def found(kind: str, source: str) -> list:
    right, wrong = KINDS[kind]
    x, y = _models.digits(source)
    models = {name: distillation.load(name) for name in SHORT}
    return distillation.disagreements(models, x, y, right=right, wrong=wrong, most=MOST)


def page(kind: str, source: str) -> str:
    """The gallery as HTML."""
    shown = found(kind, source)
    if not shown:
        return '<div class="card empty">Among these digits there is none.</div>'
    cards = []
    for one in shown:
        lines = "".join(
            f'<span><i style="background:var({ink})"></i>{name} <b>{int(p.argmax())}</b> '
            f"{100 * float(p.max()):.0f} %</span>"
            for (name, ink), p in zip(SHORT.values(), (one.probabilities[key] for key in SHORT), strict=True)
        )
        image = _common.data_uri(_common.tile(one.picture[None], 1))
        cards.append(
            f'<figure><img class="pixels" src="{image}" alt="a {one.label}"><figcaption>{lines}</figcaption></figure>'
        )
    asked = "it was asked to be" if source == _models.GENERATED else "it is"
    told = f"{len(shown)} of {_models.JUDGED:,} digits, the surest mistake first. Right is what {asked}."
    gallery = f'<div class="parted">{"".join(cards)}</div>'
    return f'<div class="card stage">{gallery}<p class="caption">{html.escape(told)}</p></div>'


@_checks.handler
def show(kind, source) -> str:
    """The page's controls -> the gallery as HTML."""
    return page(**settings_of(kind, source))


def picture(kind, source):
    """The gallery's digits as one picture."""
    import torch

    shown = found(**settings_of(kind, source))
    x = torch.stack([one.picture for one in shown]) if shown else torch.zeros(1, 1, 28, 28)
    return _common.tile(x, 6, gap=2, zoom=4)


def build() -> tuple[list, gr.HTML]:
    """Returns the controls, which `values` fills, and the place of the gallery."""
    _common.lead(
        "<b>Choose who errs</b>: real disagreements, the surest first. Look for digits that the control gets wrong "
        "with confidence, and the student, of the same size, does not."
    )
    with gr.Row():
        kind = gr.Radio(list(KINDS), value=next(iter(KINDS)), label="Who errs")
        source = gr.Radio(list(_models.sources()), value=_models.sources()[-1], label="Digits")
    gallery = gr.HTML()
    parts = [kind, source]
    _keep.bar(TAB, "disagree", parts, settings_of, picture, values)
    for part in parts:
        part.input(show, parts, gallery, **LIGHT, **QUIET)
    return parts, gallery

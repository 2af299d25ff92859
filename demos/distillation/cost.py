"""What compression costs: parameters, bytes, milliseconds and errors of every classifier, on one plot."""

import html
import math

import gradio as gr

from demos import _checks, _common, _keep, _pictures
from demos._common import LIGHT, QUIET, STREAM
from demos.distillation._models import TAB
from genai_core import checkpoints, distillation

AXES = {
    "parameters": "parameters",
    "bytes on disk": "bytes",
    "ms a picture, batch 1": "ms_batch1",
    "ms a picture, batch 256": "ms_batch256",
}
DATASETS = {"digits": "mnist", "garments": "fashion"}
WIDTHS = {"broad": 560, "narrow": 310}  # of the plot, in pixels, on a screen and on a phone
H, LEFT, LOW, DOT = 400, 64, 46, 6


def title(name: str) -> str:
    return name.removeprefix("distill-").replace("-mnist", "").replace("-fashion", "").replace("-", " ")


def role(name: str) -> str:
    """Whose colour a classifier has: a teacher's, a student's, or that of one that learned from labels alone."""
    if "teacher" in name or "ensemble" in name:
        return "--real"
    return "--noise" if "control" in name else "--made"


def figures(dataset: str) -> dict[str, dict]:
    """name -> what its metrics.json says, of every trained classifier of a data set."""
    names = [name for name in distillation.RECIPES if name in checkpoints.names()]
    names = [name for name in names if distillation.RECIPES[name].dataset == dataset]
    return {name: checkpoints.read_json(name, "metrics.json") for name in names}


def settings_of(data, axis) -> dict:
    """The page's controls, checked."""
    return {
        "data": _checks.choice(data, "The data", tuple(DATASETS)),
        "axis": _checks.choice(axis, "The axis", tuple(AXES)),
    }


def values(found: dict) -> tuple:
    """Settings of a link or a saved picture -> values of the controls."""
    return tuple(settings_of(found.get("data", "digits"), found.get("axis", "parameters")).values())


def frontier(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Of (cost, errors), those that no other point beats in both, by rising cost: the Pareto front."""
    front: list[tuple[float, float]] = []
    for cost, errors in sorted(points):
        if not front or errors < front[-1][1]:
            front.append((cost, errors))
    return front


def labels(at: dict[str, tuple[float, float]], width: int) -> dict[str, tuple[float, float, str]]:
    """Places of dots, name -> (x, y) -> those of their names, with the SVG anchor: near, and on nothing else.

    Each takes the first free one of right, left, and ever higher and lower on either side; the lowest dot's is first.
    """
    taken = [(x - DOT, x + DOT, y - DOT, y + DOT) for x, y in at.values()]
    found = {}
    for name, (x, y) in sorted(at.items(), key=lambda item: -item[1][1]):
        wide = 7.5 * len(title(name))
        for far in (0, *(sign * step for step in range(6, 90, 3) for sign in (-1, 1))):
            right = (x + 10, x + 10 + wide, y + far - 7, y + far + 6)
            left = (x - 10 - wide, x - 10, *right[2:])
            free = [b for b in (right, left) if b[0] > LEFT and b[1] < width and b[2] > 0 and b[3] < H - LOW]
            free = [b for b in free if all(b[0] > t[1] or b[1] < t[0] or b[2] > t[3] or b[3] < t[2] for t in taken)]
            if free:
                break
        box = free[0] if free else right
        taken.append(box)
        found[name] = (x + 10, y + far + 4, "start") if box is right else (x - 10, y + far + 4, "end")
    return found


def plot(found: dict[str, dict], axis: str, size: str) -> str:
    """Errors against a cost, both on a log scale, as SVG of one of the `WIDTHS`."""
    width = WIDTHS[size]
    right = width - (90 if size == "broad" else 20)  # names may stand beyond the axis
    key = AXES[axis]
    points = {name: (m[key], max(m["errors"], 1)) for name, m in found.items()}
    spans = []
    for side in (0, 1):
        logs = [math.log10(point[side]) for point in points.values()]
        spans.append((min(logs) - 0.15, max(logs) + 0.15))

    def x(v: float) -> float:
        return LEFT + (math.log10(v) - spans[0][0]) / (spans[0][1] - spans[0][0]) * (right - LEFT)

    def y(v: float) -> float:
        return 14 + (1 - (math.log10(v) - spans[1][0]) / (spans[1][1] - spans[1][0])) * (H - LOW - 14)

    def inside(v: float, span: tuple[float, float]) -> bool:
        return span[0] <= math.log10(v) <= span[1]

    ticks = ""
    for power in range(-4, 9):
        for first in (1, 2, 5):
            v = first * 10.0**power
            if first == 1 and inside(v, spans[0]):
                said = f"{v:,.0f}" if v >= 1 else f"{v:g}"
                ticks += f'<text x="{x(v):.0f}" y="{H - LOW + 18}" text-anchor="middle">{said}</text>'
            if inside(v, spans[1]):
                ticks += f'<text x="{LEFT - 8}" y="{y(v) + 4:.0f}" text-anchor="end">{v:g}</text>'
    line = " ".join(f"{x(a):.0f},{y(b):.0f}" for a, b in frontier(list(points.values())))
    dots, at = "", {name: (x(a), y(b)) for name, (a, b) in points.items()}
    for name, (left, low, anchor) in labels(at, width).items():
        dots += (
            f'<circle cx="{at[name][0]:.0f}" cy="{at[name][1]:.0f}" r="{DOT}" fill="var({role(name)})"/>'
            f'<text class="name" x="{left:.0f}" y="{low:.0f}" text-anchor="{anchor}">{html.escape(title(name))}</text>'
        )
    return (
        f'<svg class="{size}" viewBox="0 0 {width} {H}" role="img" aria-label="Test errors against {axis}">'
        f'<path d="M{LEFT} 8V{H - LOW}H{right + 10}" fill="none" stroke="var(--line)"/>'
        f'<polyline points="{line}" fill="none" stroke="var(--accent)" opacity=".5"/>{dots}{ticks}'
        f'<text x="{(right + LEFT) / 2:.0f}" y="{H - 6}" text-anchor="middle">{axis}</text>'
        f'<text transform="translate(14 {H / 2 - 10}) rotate(-90)" text-anchor="middle">'
        "test errors of 10,000</text></svg>"
    )


def table(found: dict[str, dict]) -> str:
    """All figures as an HTML table, the fewest errors first."""
    head = "".join(f"<th>{h}</th>" for h in ("", "errors", "parameters", "kB", "ms, batch 1", "ms, batch 256"))
    rows = "".join(
        f"<tr><td><i style='background:var({role(name)})'></i>{html.escape(title(name))}</td><td>{m['errors']:,}</td>"
        f"<td>{m['parameters']:,}</td><td>{m['bytes'] / 1000:,.0f}</td><td>{m['ms_batch1']:.2f}</td>"
        f"<td>{m['ms_batch256']:.4f}</td></tr>"
        for name, m in sorted(found.items(), key=lambda item: item[1]["errors"])
    )
    return f'<table class="costs num"><tr>{head}</tr>{rows}</table>'


def page(data: str, axis: str, here: bool) -> str:
    """Plot and table as HTML; here: with the milliseconds measured now, on this machine."""
    found = figures(DATASETS[data])
    if not found:
        return '<div class="card empty">No classifier of this data is trained yet.</div>'
    if here:
        found = {name: m | distillation.cost(name, distillation.load(name)) for name, m in found.items()}
    told = "measured just now, on this machine" if here else "as measured when the cards were written"
    plots = "".join(plot(found, axis, size) for size in WIDTHS)
    return (
        f'<div class="card stage abreast"><div>{plots}'
        '<p class="caption">Down is better, left is cheaper. On the line nothing is both cheaper and better. Blue: '
        "teachers; orange: students, distilled; grey: trained on labels alone.</p></div>"
        f'<div><div class="wide" tabindex="0">{table(found)}</div>'
        f'<p class="caption">Milliseconds: {told}.</p></div></div>'
    )


@_checks.handler
def show(data, axis) -> str:
    """The page's controls -> plot and table as HTML."""
    return page(**settings_of(data, axis), here=False)


@_checks.handler
def measure(data, axis) -> str:
    """The same with every classifier timed on this machine."""
    return page(**settings_of(data, axis), here=True)


def picture(data, axis):
    """The table's figures as a picture."""
    found = figures(DATASETS[settings_of(data, axis)["data"]])
    lines = [f"{title(name)}: {m['errors']} errors, {m['parameters']:,} parameters\n" for name, m in found.items()]
    return _pictures.of_text([(line, "#0f172a") for line in lines])


def build() -> tuple[list, gr.HTML]:
    """Returns the controls, which `values` fills, and the place of the plot."""
    _common.lead(
        "<b>Choose a cost</b> and see who pays it well: each point is a trained net. Look for a student that sits "
        "where no net trained on labels does."
    )
    with gr.Row():
        data = gr.Radio(list(DATASETS), value="digits", label="Data", scale=1, min_width=240)
        axis = gr.Radio(list(AXES), value="parameters", label="Cost", scale=3, min_width=300)
        here = gr.Button("Measure on this machine", scale=1, min_width=270)
    out = gr.HTML()
    parts = [data, axis]
    _keep.bar(TAB, "cost", parts, settings_of, picture, values)
    for part in parts:
        part.input(show, parts, out, **LIGHT, **QUIET)
    here.click(measure, parts, out, **STREAM, **QUIET)
    return parts, out

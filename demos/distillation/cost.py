"""What compression costs: parameters, bytes, milliseconds and errors of every classifier, on one plot."""

import html
import math
from collections.abc import Iterator
from typing import Any

from PIL import Image, ImageDraw

from demos._ui import charts, letters, validation
from demos._ui.settings import Setting, choice
from demos._ui.tab import Action, Answer, Part, Preset
from genai_core import distillation
from genai_core.common import checkpoints

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


def frontier(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Of (cost, errors), those that no other point beats in both, by rising cost: the Pareto front."""
    front: list[tuple[float, float]] = []
    for cost, wrong in sorted(points):
        if not front or wrong < front[-1][1]:
            front.append((cost, wrong))
    return front


def labels(at: dict[str, tuple[float, float]], width: int) -> dict[str, tuple[float, float, str]]:
    """Positions of dots, name -> (x, y) -> those of their names, with the SVG anchor: near, and on nothing else.

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


def marks(span: tuple[float, float], firsts: tuple[int, ...] = (1,)) -> list[float]:
    """Round numbers, which begin with one of `firsts`, whose logarithm to the base of 10 lies in a span."""
    every = [first * 10.0**power for power in range(-5, 9) for first in firsts]
    return [v for v in every if span[0] <= math.log10(v) <= span[1]]


def written(v: float) -> str:
    """A mark of an axis: "1,000,000", "0.01"."""
    return f"{v:,.0f}" if v >= 1 else f"{v:g}"


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

    ticks = "".join(
        f'<text x="{x(v):.0f}" y="{H - LOW + 18}" text-anchor="middle">{written(v)}</text>' for v in marks(spans[0])
    ) + "".join(
        f'<text x="{LEFT - 8}" y="{y(v) + 4:.0f}" text-anchor="end">{written(v)}</text>'
        for v in marks(spans[1], (1, 2, 5))
    )
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


COLUMNS = ("errors", "parameters", "kB", "ms, batch 1", "ms, batch 256")


def cells(m: dict) -> tuple[str, ...]:
    """The figures of a classifier under `COLUMNS`."""
    return (
        f"{m['errors']:,}",
        f"{m['parameters']:,}",
        f"{m['bytes'] / 1000:,.0f}",
        f"{m['ms_batch1']:.2f}",
        f"{m['ms_batch256']:.4f}",
    )


def table(found: dict[str, dict]) -> str:
    """All figures as an HTML table, the fewest errors first."""
    head = "".join(f"<th>{h}</th>" for h in ("", *COLUMNS))
    rows = "".join(
        f"<tr><td><i style='background:var({role(name)})'></i>{html.escape(title(name))}</td>"
        + "".join(f"<td>{cell}</td>" for cell in cells(m))
        + "</tr>"
        for name, m in sorted(found.items(), key=lambda item: item[1]["errors"])
    )
    return f'<table class="costs num"><tr>{head}</tr>{rows}</table>'


def pairs(found: dict[str, dict]) -> dict[str, str]:
    """Each student whose like was also trained on labels alone -> that control: the same net, the same pictures."""
    likes = {name: name.replace("student", "control") for name in found if "student" in name}
    likes |= {name: name.replace("-", "-control-", 1) for name in found if name.replace("-", "-control-", 1) in found}
    return {name: control for name, control in likes.items() if control in found}


def verdict(student: int, control: int) -> str:
    """Whether two counts of errors differ by more than two standard errors of such counts, sqrt(a + b) each."""
    if abs(student - control) <= 2 * math.sqrt(student + control):
        return "no clear difference"
    return "the teacher helps" if student < control else "the teacher does harm"


def compared(found: dict[str, dict]) -> list[tuple[str, str, str, str]]:
    """For each of the `pairs`: the net, its errors with a teacher and without, and the verdict."""
    rows = []
    for name, control in pairs(found).items():
        each = [found[one].get("errors_by_seed", [found[one]["errors"]]) for one in (name, control)]
        means = [round(sum(errors) / len(errors)) for errors in each]
        said = [f"{m} ({min(e)} to {max(e)})" if len(e) > 1 else f"{m:,}" for m, e in zip(means, each, strict=True)]
        rows.append((title(name), *said, verdict(*means)))
    return rows


def conclusion(found: dict[str, dict], axis: str) -> str:
    """What the figures say, in two sentences: where a teacher helps, and whether a student is on the line."""
    rows = compared(found)
    helped, harmed = ([row[0] for row in rows if row[3] == f"the teacher {what}"] for what in ("helps", "does harm"))
    said = f"Of {len(rows)} nets trained both ways, the teacher clearly helps {len(helped)}"
    said += f" ({', '.join(helped)})" if helped else ""
    said += f" and does harm to {len(harmed)} ({', '.join(harmed)})" if harmed else ""
    front = set(frontier([(m[AXES[axis]], m["errors"]) for m in found.values()]))
    on = [name for name, m in found.items() if (m[AXES[axis]], m["errors"]) in front]
    students = [title(name) for name in on if role(name) == "--made"]
    return f"{said}. On the line by {axis}: {', '.join(map(title, on))}" + ("." if students else ", and no student.")


SEEDS = (
    "Errors of 10,000 with a teacher and without, the mean over three seeds and their range where these were trained. "
    "Counts that differ by less than two standard errors show no clear difference."
)
HEAD = ("the same net", "with a teacher", "labels alone", "")


def render(data: str, axis: str, measured: dict[str, dict]) -> str:
    """Plot and table as HTML; measured: name -> milliseconds of now, on this machine, instead of the cards'."""
    found = with_measured(data, measured)
    if not found:
        return '<div class="card stage empty">No classifier of this data is trained yet.</div>'
    caption = times(measured)
    plots = "".join(plot(found, axis, size) for size in WIDTHS)
    rows = [HEAD, *compared(found)]
    cells = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows[1:])
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in HEAD)
    return (
        f'<div class="card stage abreast"><div>{plots}'
        '<p class="caption">Down is better, left is cheaper. On the line nothing is both cheaper and better. Blue: '
        "teachers; orange: students, distilled; grey: trained on labels alone.</p>"
        f'<p class="note">{html.escape(conclusion(found, axis))}</p>'
        f'<div class="wide" tabindex="0"><table class="costs num"><tr>{head}</tr>{cells}</table></div>'
        f'<p class="caption">{SEEDS}</p></div>'
        f'<div><div class="wide" tabindex="0">{table(found)}</div><p class="caption">{caption}</p></div></div>'
    )


def with_measured(data: str, measured: dict[str, dict]) -> dict[str, dict]:
    return {name: m | measured.get(name, {}) for name, m in figures(DATASETS[data]).items()}


def times(measured: dict[str, dict]) -> str:
    here = "measured just now, on this machine" if measured else "as measured when the cards were written"
    return f"Milliseconds: {here}."


def show(data: str, axis: str) -> str:
    """Plot and table as HTML, with the milliseconds of the cards."""
    return render(data, axis, {})


def measure(data: str, axis: str) -> Iterator[dict]:
    """The same with every classifier timed on this machine, and its milliseconds, which a saved picture shows."""
    measured = {}
    for name in figures(DATASETS[data]):
        cost = distillation.cost(name, distillation.load(name))
        measured[name] = {key: value for key, value in cost.items() if key.startswith("ms_")}
    yield {"html": render(data, axis, measured), "shown": measured}


def checked(shown: Any, data: str) -> dict[str, dict]:
    """The milliseconds that a stage says it shows: {name: {"ms_batch1", "ms_batch256"}}. Raises: InputError."""
    shown = validation.json_object(shown or {}, "The stage")
    return {
        name: {
            key: validation.number(validation.json_object(shown[name], "The stage").get(key), "A time", 1e-6, 1e6)
            for key in ("ms_batch1", "ms_batch256")
        }
        for name in figures(DATASETS[data])
        if name in shown
    }


def picture(data: str, axis: str, shown: dict | None = None) -> Image.Image:
    """The plot, what it says, and the table of all figures."""
    measured = checked(shown, data)
    found = with_measured(data, measured)
    points = {name: (m[AXES[axis]], max(m["errors"], 1)) for name, m in found.items()}
    width = 720
    image = Image.new("RGB", (width, H), "white")
    pen = ImageDraw.Draw(image)
    logs = [[math.log10(point[side]) for point in points.values()] for side in (0, 1)]
    (x0, x1), (y0, y1) = ((min(v) - 0.15, max(v) + 0.15) for v in logs)

    def place(cost: float, wrong: float) -> tuple[float, float]:
        across, up = (math.log10(cost) - x0) / (x1 - x0), (math.log10(wrong) - y0) / (y1 - y0)
        return LEFT + across * (width - LEFT - 20), 24 + (1 - up) * (H - LOW - 24)

    pen.line((LEFT, 24, LEFT, H - LOW, width - 10, H - LOW), fill=charts.LINE, width=2)
    for v in marks((x0, x1)):
        letters.write(pen, (place(v, 10**y0)[0], H - LOW + 14), written(v), charts.SOFT, 13, "mm")
    for v in marks((y0, y1), (1, 2, 5)):
        letters.write(pen, (LEFT - 8, place(10**x0, v)[1]), written(v), charts.SOFT, 13, "rm")
    front = [place(*point) for point in frontier(list(points.values()))]
    if len(front) > 1:
        pen.line(front, fill="#a5b4fc", width=2)
    inks = {"--real": charts.REAL, "--made": charts.MADE, "--noise": charts.NOISE}
    at = {name: place(*point) for name, point in points.items()}
    for name, (x, y, anchor) in labels(at, width).items():
        left, top = at[name]
        pen.ellipse((left - DOT, top - DOT, left + DOT, top + DOT), fill=inks[role(name)])
        letters.write(pen, (x, y - 4), title(name), charts.INK, 13, "rm" if anchor == "end" else "lm")
    letters.write(pen, (width / 2, H - 14), f"{axis} (logarithmic)", charts.SOFT, 13, "mm")
    letters.write(pen, (8, 0), "test errors of 10,000 (logarithmic)", charts.SOFT, 13)
    ordered = sorted(found.items(), key=lambda item: item[1]["errors"])
    rows = [("blue: teachers; orange: students; grey: labels alone", *COLUMNS)]
    rows += [(title(name), *cells(m)) for name, m in ordered]
    return charts.below(
        [
            image,
            charts.sentence(conclusion(found, axis), width),
            charts.table([HEAD, *compared(found)]),
            charts.sentence(SEEDS, width, charts.SOFT),
            charts.table(rows, [inks[role(name)] for name, _ in ordered]),
            charts.sentence(times(measured), width, charts.SOFT),
        ]
    )


def code(data: str, axis: str) -> str:
    return f'''from genai_core import distillation
from genai_core.common import checkpoints

names = [name for name, recipe in distillation.RECIPES.items() if recipe.dataset == "{DATASETS[data]}"]
for name in names:
    if name in checkpoints.names():
        metrics = checkpoints.read_json(name, "metrics.json")  # measured when the card was written
        print(name, metrics["errors"], "errors,", metrics["{AXES[axis]}"], "{axis}")
'''


def says(data: str, axis: str, **_shown: Any) -> str:
    found = figures(DATASETS[data])
    return "\n".join(f"{name} {m['errors']} errors, {m[AXES[axis]]} {axis}" for name, m in found.items())


PART = Part(
    id="cost",
    title="Cost",
    lead="<b>Choose a cost</b>: each point is a trained net. Look for an orange point far below the grey one of "
    "the same size: there a teacher helped. It does not help everywhere.",
    settings=(
        Setting("data", choice(tuple(DATASETS)), "digits", "Data"),
        Setting("axis", choice(tuple(AXES)), "parameters", "Cost"),
    ),
    presets=(
        Preset(
            "Does a teacher help?",
            "Five nets were trained on digits with a teacher and without. Of how many is the difference clear?",
            {"data": "digits", "axis": "parameters"},
            "Of three it helps, by up to half of the errors. Of the others it makes no clear difference.",
            (
                Answer("Of all five.", "Some nets learn from labels alone all that they can hold."),
                Answer("Of three."),
                Answer("Of none: labels are enough.", "Look at the orange point far below the grey one of its size."),
            ),
        ),
        Preset(
            "On garments",
            "The same on Fashion-MNIST. Does the teacher help as it did with digits?",
            {"data": "garments", "axis": "parameters"},
            "No: one net is no better for it, and one is clearly worse. Distillation has to be measured each time.",
            (
                Answer("Yes: it is the same method.", "The method is, and this teacher errs twenty times as often."),
                Answer("More: garments are harder.", "They are, for the teacher as well."),
                Answer("No, and one gets worse."),
            ),
        ),
        Preset(
            "By bytes",
            "Now the cost is the size on disk. Which kind of net has joined the line of the best?",
            {"data": "digits", "axis": "bytes on disk"},
            "One whose weights are 8-bit integers: nearly as good, in about half of the bytes.",
            (
                Answer("A quantised one."),
                Answer("A wider one.", "More weights are more bytes."),
                Answer(
                    "None: bytes are parameters.",
                    "Times the bytes of each, which are one for int8 and two for float16.",
                ),
            ),
        ),
    ),
    form=True,
    wide=True,
    actions=(Action("run", "Measure on this machine"),),
    run=measure,
    again=("data", "axis"),
    show=show,
    picture=picture,
    code=code,
    says=says,
)

"""Which classes resemble one another, as teacher, student and control have learned it: their mean soft labels."""

import functools

import numpy as np
from PIL import Image

from demos._ui import charts
from demos._ui.settings import Setting, number
from demos._ui.tab import Answer, Part, Preset
from demos.distillation import _models
from demos.distillation._models import CLASSES, NAMES
from genai_core import distillation

MOST = 20.0


@functools.lru_cache(maxsize=256)
def matrices(temperature: float, source: str) -> dict[str, list[float]]:
    """Each model's mean soft label of each true class at T: 100 numbers, row by row."""
    y = _models.digits(source)[1]
    means = {name: distillation.similarity(_models.logits(name, source), y, temperature) for name in NAMES}
    return {name: [round(v, 5) for v in matrix.flatten().tolist()] for name, matrix in means.items()}


def most_alike(matrix: list[float]) -> str:
    """Which classes a model finds most alike, in one sentence. matrix: 100 numbers, row by row."""
    m = np.array(matrix).reshape(10, 10)
    pairs = sorted(((m[a, b] + m[b, a], a, b) for a in range(10) for b in range(a + 1, 10)), reverse=True)[:3]
    said = ", then ".join(f"{CLASSES[a]} and {CLASSES[b]}" for _, a, b in pairs)
    return f"What the teacher finds most alike: {said}."


def show(temperature: float, source: str) -> dict:
    found = matrices(round(temperature, 1), source)
    return {
        "matrices": found,
        "note": most_alike(found[_models.TEACHER]),
        "models": NAMES,
        "classes": list(CLASSES),
        "sources": list(_models.sources()),
    }


def picture(temperature: float, source: str) -> Image.Image:
    """The three matrices without their diagonals, on a root scale, as on the page."""
    found = matrices(round(temperature, 1), source)
    rows = {name: np.array(m, np.float32).reshape(10, 10) for name, m in found.items()}
    off = ~np.eye(10, dtype=bool)
    most = max(float(m[off].max()) for m in rows.values())
    panels = []
    for name, m in rows.items():
        cells = charts.viridis(np.sqrt(m / most))
        cells[~off] = 241
        panels.append(charts.matrix(cells, CLASSES, CLASSES, title=NAMES[name]))
    sheet = charts.beside(panels, 28)
    read = f"Rows: the true digit. Columns: what the model gives to each class, from 0 (dark) to {charts.share(most)} "
    note = charts.sentence(most_alike(found[_models.TEACHER]), sheet.width)
    return charts.below([sheet, note, charts.sentence(f"{read}(yellow), on a root scale.", sheet.width, charts.SOFT)])


def code(temperature: float, source: str) -> str:
    return f"""from genai_core import data, distillation

{_models.digits_code(source)}
for name in {tuple(NAMES)}:
    logits = distillation.logits(distillation.load(name), x)
    matrix = distillation.similarity(logits, y, {round(temperature, 1)})  # [10, 10], rows: the true digit
    print(name, [round(v, 4) for v in matrix[7].tolist()], "<- what it says of sevens")
"""


def says(temperature: float, source: str) -> str:
    y, lines = _models.digits(source)[1], []
    for name in NAMES:
        matrix = distillation.similarity(_models.logits(name, source), y, round(temperature, 1))
        lines.append(f"{name} {[round(v, 4) for v in matrix[7].tolist()]} <- what it says of sevens")
    return "\n".join(lines)


PART = Part(
    id="alike",
    title="Alike",
    lead="<b>Drag the temperature</b>: a row is what a model says, on average, of all digits of one class. Look for "
    "pairs that the teacher finds alike, and whether its student learned it.",
    stage="distillation/alike",
    settings=(
        Setting("temperature", number(1, MOST, 0.1), 4.0, "The temperature"),
        _models.source_setting(_models.GENERATED),
    ),
    presets=(
        Preset(
            "As trained on labels",
            "At T = 1, what is there beside the diagonal for a student to learn from?",
            {"temperature": 1.0, "source": _models.GENERATED},
            "Hardly anything: each row has more than 97 % on its diagonal, and so nearly the label.",
            (
                Answer(
                    "All the pairs that look alike.", "They are there, in probabilities too small to weigh in a loss."
                ),
                Answer("Hardly anything."),
                Answer("Nothing: a good teacher is sure.", "It is sure, and still prefers one wrong digit to another."),
            ),
        ),
        Preset(
            "Softened",
            "At T = 4 the small probabilities show. Which two digits does the teacher find most alike?",
            {"temperature": 4.0, "source": _models.GENERATED},
            "4 and 9. No label says so: this is what Hinton called dark knowledge.",
            (
                Answer("1 and 7.", "They are also alike; a closed 4 is more so to a 9."),
                Answer(
                    "6 and 9: one is the other, turned.",
                    "No digit is turned in the data, and pixels are compared in place.",
                ),
                Answer("4 and 9."),
            ),
        ),
        Preset(
            "Too soft",
            "T = 20. How much of the answer is left?",
            {"temperature": 20.0, "source": _models.GENERATED},
            "The right digit still leads, with about a quarter, and all the others have nearly the same.",
            (
                Answer("The right digit leads, with about a quarter."),
                Answer("None: all ten are alike.", "That is the limit, for T far larger than the logits differ."),
                Answer("All of it: dividing keeps the order.", "The order is kept, and the differences are not."),
            ),
        ),
    ),
    show=show,
    picture=picture,
    code=code,
    says=says,
)

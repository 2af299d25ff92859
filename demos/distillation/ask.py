"""One digit, three classifiers: what each says, and what a temperature brings to light."""

import torch
from PIL import Image

from demos._ui import charts, digits, images, validation
from demos._ui.settings import Setting, choice, number
from demos._ui.tab import Answer, Part, Preset
from demos.distillation import _models
from demos.distillation._models import CLASSES, CONTROL, NAMES, SMALL, STUDENT, TEACHER
from genai_core import distillation

MOST = 20.0  # the highest temperature
THIRD = {CONTROL: NAMES[CONTROL]} | SMALL  # whom teacher and student can be compared with


def answers(request: dict) -> dict:
    """The part's settings -> logits of each classifier, {name: [10]}."""
    x = digits.drawing(PART.parse(request)["pixels"])
    names = [*NAMES, *(name for name in SMALL if _models.there(name))]
    return {name: [round(v, 4) for v in distillation.logits(distillation.load(name), x)[0].tolist()] for name in names}


def example(request: dict) -> str:
    """{"seed", "source"} -> a digit that our GAN made or a test digit, 784 bytes in base64."""
    request = validation.json_object(request)
    source = validation.choice(request.get("source", _models.GENERATED), "The digits", _models.sources())
    x, _ = _models.digits(source)
    return digits.packed(x[validation.seed(request.get("seed")) % len(x)][None])


def show(pixels: str, temperature: float, third: str) -> dict:
    """What there is to choose from; the answers follow the drawing."""
    return {
        "models": NAMES | {name: title for name, title in SMALL.items() if _models.there(name)},
        "sources": list(_models.sources()),
        "classes": list(CLASSES),
        "most": MOST,
    }


def digit(kind: str) -> torch.Tensor:
    """The picture of a preset, [1, 1, 28, 28], found among generated digits by what the teacher says of them."""
    x, y = _models.digits(_models.GENERATED)
    p = (_models.logits(_models.TEACHER, _models.GENERATED) / 4).softmax(1)
    best = p.topk(2, dim=1).values
    right = p.argmax(1) == y
    if kind == "7 or 1":
        return x[torch.where(right & (y == 7), p[:, 1], -1.0).argmax()][None]
    if kind == "unsure":
        return x[(best[:, 0] - best[:, 1]).argmin()][None]
    if kind == "half a 3":
        three = x[torch.where(right & (y == 3), best[:, 0], -1.0).argmax()][None].clone()
        three[..., :12, :] = 0
        return three
    return torch.zeros(1, 1, 28, 28)


def probabilities(pixels: str, temperature: float, third: str = CONTROL) -> dict[str, list[float]]:
    """What teacher, student and a third say: {name: [10]}."""
    x, names = digits.drawing(pixels), (TEACHER, STUDENT, third)
    return {name: distillation.probabilities(distillation.load(name), x, temperature)[0].tolist() for name in names}


def second_choice(pixels: str) -> str:
    """What the teacher finds second and third most likely, as the page says it."""
    p = distillation.probabilities(distillation.load(TEACHER), digits.drawing(pixels))[0]
    (first, second, third), shares = p.topk(3).indices.tolist(), [charts.share(v) for v in p.topk(3).values.tolist()]
    return (
        f"The teacher says {CLASSES[first]}. If it were not, it would be {CLASSES[second]} ({shares[1]} at T = 1), or "
        f"else {CLASSES[third]} ({shares[2]}): odds that a label does not contain."
    )


def picture(pixels: str, temperature: float, third: str) -> Image.Image:
    """The digit, and what each of the three says."""
    inks = (charts.REAL, charts.MADE, charts.NOISE)
    panels = []
    for (name, p), ink in zip(probabilities(pixels, temperature, third).items(), inks, strict=True):
        entropy = float(torch.special.entr(torch.tensor(p)).sum())
        bars = charts.bars(p, CLASSES, ink, title=(NAMES | SMALL)[name])
        panels.append(charts.below([bars, charts.sentence(f"entropy {entropy:.2f} nat", 260, charts.SOFT)], 2))
    sheet = charts.beside([images.tile(digits.drawing(pixels), 1, zoom=8), *panels])
    return charts.below([sheet, charts.sentence(second_choice(pixels), sheet.width)])


def code(pixels: str, temperature: float, third: str) -> str:
    return f'''import base64

import torch

from genai_core import distillation

pixels = base64.b64decode(
    "{pixels}"
)
x = torch.tensor(list(pixels), dtype=torch.float32).view(1, 1, 28, 28) / 255
for name in {(TEACHER, STUDENT, third)}:
    p = distillation.probabilities(distillation.load(name), x, {temperature:g})[0]
    print(name, [round(v, 4) for v in p.tolist()])
'''


def says(pixels: str, temperature: float, third: str) -> str:
    said = probabilities(pixels, temperature, third)
    return "\n".join(f"{name} {[round(v, 4) for v in p]}" for name, p in said.items())


def preset(kind: str, temperature: float = 4.0):
    return lambda: {"pixels": digits.packed(digit(kind)), "temperature": temperature}


PART = Part(
    id="ask",
    title="Ask",
    lead="<b>Draw a digit, raise the temperature</b>: what the teacher finds second most likely comes to light. Look "
    "for a student that agrees, and for a control that does not.",
    stage="distillation/ask",
    settings=(
        Setting("pixels", digits.DRAWING, lambda others: digits.packed(digit("7 or 1")), "The drawing"),
        Setting("temperature", number(1, MOST, 0.1), 4.0, "The temperature"),
        Setting("third", choice(THIRD), CONTROL, "Compared with"),
    ),
    presets=(
        Preset(
            "A seven like a one",
            "At T = 1 all say 7. Raise T: which of them knows that it could have been a 1?",
            preset("7 or 1"),
            "Teacher and student give the 1 a share of the same size; the control learned no such thing.",
            (
                Answer("The control.", "It learned from labels, which say 7 and nothing of 1."),
                Answer("Teacher and student."),
                Answer(
                    "All three: temperature does it.",
                    "Temperature enlarges what is there. In the control there is another order of classes.",
                ),
            ),
        ),
        Preset(
            "Between two classes",
            "The generated digit that the teacher is least sure of. Do all three doubt the same?",
            preset("unsure"),
            "No: for the teacher and the student it is a 4 as much as a 9, and the control is sure of the 9.",
            (
                Answer(
                    "They do: the picture is what it is.",
                    "Each has learned where classes meet from something else: labels, or the teacher.",
                ),
                Answer("Teacher and student rather than the control."),
                Answer("The student doubts most: it is smaller.", "It was trained to doubt as much as its teacher."),
            ),
        ),
        Preset(
            "A three without its top",
            "What else could it be? Ask the teacher at T = 8.",
            preset("half a 3", 8.0),
            "At T = 8 every class that shares the lower bow has its bar.",
            (
                Answer("Only another 3.", "A high temperature shows all that the lower bow is part of."),
                Answer("A 7: what is left of it is a line.", "What is left is a bow, and 7 has none."),
                Answer("What has a lower bow: 3, 5 and others."),
            ),
        ),
        Preset(
            "An empty picture",
            "Nothing is drawn, and yet each must answer. What do they answer?",
            preset("empty"),
            "Whatever their biases say: a softmax cannot say “none”.",
            (
                Answer("Each digit has a tenth.", "Nothing made them learn that: no picture in training was empty."),
                Answer("What their biases say."),
                Answer("They give an error.", "A network computes with any numbers, and a softmax always sums to 1."),
            ),
        ),
    ),
    functions=(answers, example, digits.open_picture, digits.centre),
    show=show,
    picture=picture,
    code=code,
    says=says,
)

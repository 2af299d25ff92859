"""Model: one digit through the teacher and the student, and the two losses that the student learns from."""

from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from demos._ui import charts, graph, images
from demos._ui.graph import Graph, Node
from demos._ui.settings import Setting, choice, number, seed
from demos._ui.tab import Answer, Part, Preset
from demos.distillation._models import CLASSES, CONTROL, STUDENT, TEACHER
from genai_core import distillation
from genai_core.distillation import distil, hinton, metrics

STUDENTS = {
    STUDENT: "2 × 800 units",
    "distill-student-30": "2 × 30 units",
    "distill-no3": "2 × 800, never saw a 3",
    CONTROL: "2 × 800, labels alone",
}
MOST = 20.0  # the highest temperature
DIGITS = tuple(CLASSES)
OWN = "own"
LABELS = {OWN: "that of the digit", **{name: name for name in CLASSES}}

GRAPH = Graph(
    (
        Node("x", "x", "picture", (0, 0.5), "The picture: both networks are given the same one.", "x", ink="real"),
        Node(
            "y",
            "label y",
            "bars",
            (0, 2),
            "What the data set says of the picture, as a one-hot vector: one class is 1, all others are 0.",
            "y",
            ink="real",
            ticks=DIGITS,
        ),
        Node(
            "teacher",
            "teacher",
            "network",
            (1, 0),
            "The large network, trained before on labels and held fixed: two layers of 1200 units.",
            "v = teacher(x)",
            hinton.MLP,
            "real",
            line="return self.layers(x)",
        ),
        Node(
            "student",
            "student",
            "network",
            (1, 1),
            "The small network. Its weights alone are learned, by gradients of the loss.",
            "z = student(x)",
            hinton.MLP,
            "made",
            line="return self.layers(x)",
        ),
        Node(
            "v",
            "logits v",
            "bars",
            (2, 0),
            "The teacher’s logits, one for each class and of either sign: the higher, the more likely.",
            "v = teacher(x)",
            distil.logits,
            "real",
            ticks=DIGITS,
        ),
        Node(
            "z",
            "logits z",
            "bars",
            (2, 1),
            "The student’s logits.",
            "z = student(x)",
            distil.logits,
            "made",
            ticks=DIGITS,
        ),
        Node(
            "p",
            "softmax(v/T)",
            "bars",
            (3, 0),
            "The soft labels: the teacher’s probabilities at temperature T. A higher T raises the small ones, which "
            "say what the picture is similar to.",
            "p = softmax(v / T)",
            metrics.soften,
            "real",
            line="softmax",
            ticks=DIGITS,
        ),
        Node(
            "q",
            "softmax(z/T)",
            "bars",
            (3, 1),
            "The student’s probabilities at the same temperature. The soft loss wants them to be the teacher’s.",
            "q = softmax(z / T)",
            metrics.soften,
            "made",
            line="softmax",
            ticks=DIGITS,
        ),
        Node(
            "answer",
            "softmax(z)",
            "bars",
            (3, 2),
            "The student’s probabilities without a temperature: its answer. The hard loss wants 1 for the label.",
            "softmax(z)",
            metrics.soften,
            "made",
            line="softmax",
            ticks=DIGITS,
        ),
        Node(
            "soft",
            "soft loss",
            "number",
            (4, 0.5),
            "How far the student is from the teacher. T² makes up for gradients that shrink as 1/T².",
            "T² KL(softmax(v/T) || softmax(z/T))",
            distillation.loss,
            "real",
            "nat",
            line="kl_div",
        ),
        Node(
            "hard",
            "hard loss",
            "number",
            (4, 1.7),
            "How far the student is from the label: the cross-entropy that a classifier without a teacher learns from.",
            "CE(y, softmax(z)) = −log softmax(z)[y]",
            distillation.loss,
            "made",
            "nat",
            line="hard = ",
        ),
        Node(
            "loss",
            "loss",
            "number",
            (5, 1.1),
            "Both together, weighted by α: what training makes small.",
            "α T² KL + (1 − α) CE",
            distillation.loss,
            "accent",
            "nat",
            line="alpha * soft",
        ),
    ),
    (
        ("x", "teacher"),
        ("x", "student"),
        ("teacher", "v"),
        ("student", "z"),
        ("v", "p"),
        ("z", "q"),
        ("z", "answer"),
        ("p", "soft"),
        ("q", "soft"),
        ("answer", "hard"),
        ("y", "hard"),
        ("soft", "loss"),
        ("hard", "loss"),
    ),
)


def labelled(digit: str, label: str) -> int:
    return int(digit if label == OWN else label)


@torch.inference_mode()
def values(model: str, temperature: float, alpha: float, digit: str, label: str, seed: int) -> dict[str, Tensor]:
    """Every value of the graph, on the CPU."""
    x = distillation.digits(len(CLASSES), seed=seed)[0][int(digit)][None]  # the GAN's, of which k is asked to be a k
    v, z = (distillation.logits(distillation.load(name), x) for name in (TEACHER, model))
    y = torch.tensor([labelled(digit, label)])
    return {
        "x": x[0],
        "y": F.one_hot(y, len(CLASSES))[0],
        "v": v[0],
        "z": z[0],
        "p": metrics.soften(v[0], temperature),
        "q": metrics.soften(z[0], temperature),
        "answer": metrics.soften(z[0], 1.0),
        **distillation.loss(z, v, y, temperature=temperature, alpha=alpha),
    }


def path(**settings: Any) -> tuple[Tensor, dict[str, Tensor | None]]:
    """The loss, and what it depends on by each box: the teacher learns nothing."""
    found = values(**settings)
    v, z, y = found["v"].clone(), found["z"].clone().requires_grad_(), labelled(settings["digit"], settings["label"])
    temperature, alpha = settings["temperature"], settings["alpha"]
    terms = distillation.loss(z[None], v[None], torch.tensor([y]), temperature=temperature, alpha=alpha)
    return terms["loss"], {"z": z, "q": None, "answer": None, **terms}


def trained(model: str) -> str:
    """How the network in the place of the student was trained."""
    config = distillation.load(model).config
    if not config.teacher:
        return "This control has the student’s layers and was trained on labels alone; the soft loss only measures it."
    missing = hinton.missing(config)
    without = f", without any {missing[0]}" if missing else ""
    return (
        f"This student was trained at T = {config.temperature:g} and α = {config.alpha:g} on MNIST’s digits{without}."
    )


def show(**settings: Any) -> dict[str, Any]:
    return {"values": graph.values(GRAPH, values(**settings)), "note": trained(settings["model"])}


def picture(**settings: Any) -> Image.Image:
    """The digit, and the probabilities of both at temperature T, and the losses below."""
    found = values(**settings)
    bars = [
        charts.bars(found[name].tolist(), CLASSES, ink, title=f"{who}, T = {settings['temperature']:g}")
        for name, who, ink in (("p", "teacher", charts.REAL), ("q", "student", charts.MADE))
    ]
    sheet = charts.beside([images.tile(found["x"][None], 1, zoom=8), *bars])
    return charts.below([sheet, charts.sentence(says(**settings), sheet.width)])


def says(**settings: Any) -> str:
    found = values(**settings)
    return ", ".join(f"{name} {float(found[name]):z.3f}" for name in ("soft", "hard", "loss")) + " nat"


def code(model: str, temperature: float, alpha: float, digit: str, label: str, seed: int) -> str:
    return f'''import torch

from genai_core import distillation

x = distillation.digits({len(CLASSES)}, seed={seed})[0][{digit}][None]  # drawn by our GAN
v = distillation.logits(distillation.load("{TEACHER}"), x)
z = distillation.logits(distillation.load("{model}"), x)
y = torch.tensor([{labelled(digit, label)}])
loss = distillation.loss(z, v, y, temperature={temperature:g}, alpha={alpha:g})
print("soft {{soft:z.3f}}, hard {{hard:z.3f}}, loss {{loss:z.3f}} nat".format(**loss))
'''


PART = Part(
    id="model",
    title="Model",
    lead="<b>Drag T</b> and follow a digit through both networks. <b>Click a box</b> for its equation and its source. "
    "With what is the student compared?",
    stage="model",
    settings=(
        Setting("temperature", number(1, MOST, 0.5), 4.0, "Temperature T"),
        Setting("alpha", number(0, 1), 0.5, "α, weight of the soft loss"),
        Setting("digit", choice(CLASSES), "7", "Digit"),
        Setting("label", choice(LABELS), OWN, "Label y"),
        Setting("model", choice(STUDENTS), STUDENT, "Student"),
        Setting("seed", seed(), 0, "Seed of the digit", more=True),
    ),
    presets=(
        Preset(
            "T = 1",
            "The teacher’s probabilities as they are. How much do they say beside “7”?",
            {"temperature": 1.0},
            "Next to nothing: one bar is left, as in the label, and the soft loss is below a thousandth of a nat.",
            (
                Answer("As much as before: T divides all logits alike.", "Equal factors on logits change their odds."),
                Answer("Next to nothing."),
                Answer(
                    "More: these are the true probabilities.",
                    "They are, and nearly 1 for one class: a label says that as well.",
                ),
            ),
        ),
        Preset(
            "The wrong label",
            "The same 7, labelled as a 1. Which of the two losses grows?",
            {"label": "1"},
            "The hard loss, and with it their sum. The soft loss compares student and teacher, and sees no label.",
            (
                Answer("The hard loss."),
                Answer("Both.", "Teacher and student are given x, and not y: their bars have not changed."),
                Answer(
                    "The soft loss: the teacher objects.",
                    "What the teacher says has not changed, nor has what the student says.",
                ),
            ),
        ),
        Preset(
            "Labels alone",
            "The control has the student’s size and learned from labels. Which of its losses shows that?",
            {"model": CONTROL},
            "The soft loss, more than ten times the student’s. By the hard loss the two cannot be told apart: both "
            "are sure of the 7.",
            (
                Answer("The hard loss: it had no teacher.", "That loss is all that it was trained on."),
                Answer("Neither: it reads the 7 as well.", "It does, but look at the bars beside the 7 at T = 4."),
                Answer("The soft loss."),
            ),
        ),
        Preset(
            "It never saw a 3",
            "A student whose training held no 3 is shown one. What does it answer?",
            {"model": "distill-no3", "digit": "3"},
            "“3”, and the hard loss is small: it learned of the 3 from soft labels of other digits. But its soft loss "
            "is far above that of the student that saw all ten.",
            (
                Answer("3, less surely than its teacher."),
                Answer(
                    "8 or 5, which look alike: it has no 3.",
                    "It has an output for the 3, which soft labels of the other digits trained.",
                ),
                Answer("All ten at the same share.", "No picture in its training had such a soft label."),
            ),
        ),
    ),
    form=True,
    wide=True,
    functions=(graph.description(GRAPH), graph.backward(GRAPH, path, lambda request: PART.parse(request))),
    show=show,
    picture=picture,
    code=code,
    says=says,
)

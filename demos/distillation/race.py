"""Distil live: a student and its control race on pictures that our own VAE makes, labelled by the teacher."""

from collections.abc import Iterator, Sequence
from typing import Any

from PIL import Image

from demos._server import lanes
from demos._ui import charts, digits, images, validation
from demos._ui.live import frames
from demos._ui.settings import Setting, integer, number, seed
from demos._ui.tab import Action, Answer, Part, Preset
from genai_core import distillation
from genai_core.distillation import live, synthetic

STEPS = 600
SHOWN = 10  # of the pictures
SOFT_T = 4.0  # the temperature of the soft labels below a picture


def show(hidden: int, temperature: float, alpha: float, examples: int, races: int, seed: int) -> dict:
    """Before a race: some of the pictures, each with the teacher's two most likely classes."""
    x = synthetic.between(SHOWN, seed=seed)
    p = distillation.probabilities(distillation.load(live.TEACHER), x, SOFT_T)
    likely, classes = p.topk(2, dim=1)
    labels = [
        [{"digit": k, "p": round(v, 4)} for k, v in zip(*pair, strict=True)]
        for pair in zip(classes.tolist(), likely.tolist(), strict=True)
    ]
    return {"shown": [{"pixels": digits.packed(one[None]), "labels": two} for one, two in zip(x, labels, strict=True)]}


def race(hidden: int, temperature: float, alpha: float, examples: int, races: int, seed: int) -> Iterator[dict | None]:
    """Train both for at most a minute; streams frames."""
    yield from frames(
        "genai_core.distillation.live:race",
        lambda frame: vars(frame) | {"note": outcome(frame.students, frame.controls) if frame.step == STEPS else ""},
        hidden=hidden,
        temperature=temperature,
        alpha=alpha,
        examples=examples,
        races=races,
        seed=seed,
        steps=STEPS,
    )


def outcome(students: Sequence[float], controls: Sequence[float]) -> str:
    """Who is ahead, by how much, and in how many of the races: the last accuracies of each as a sentence."""
    leads = [100 * (a - b) for a, b in zip(students, controls, strict=True)]
    mean, ahead = sum(leads) / len(leads), sum(lead > 0 for lead in leads)
    if len(leads) == 1:
        return (
            f"At the end the student is {'ahead' if mean >= 0 else 'behind'} by {abs(mean):.1f} points. That is one "
            "seed: with several races the spread is seen."
        )
    where = f"ahead in {ahead} of {len(leads)} races"
    spread = f"its lead is {mean:+.1f} points in the mean, from {min(leads):+.1f} to {max(leads):+.1f}"
    clear = "" if ahead in (0, len(leads)) else " Which of the two is better, so few races cannot tell."
    return f"The student is {where}; {spread}.{clear}".replace("-", "−")


def picture(
    hidden: int,
    temperature: float,
    alpha: float,
    examples: int,
    races: int,
    seed: int,
    shown: dict | None = None,
) -> Image.Image:
    """The pictures with their soft labels, and the curves so far, of the stage's {"step", "students", "controls"}.

    step: a list; the two others: a list of accuracies for each race.
    """
    shown = validation.json_object(shown or {}, "The stage")
    cells = [
        charts.labelled(
            images.tile(digits.drawing(one["pixels"]), 1, zoom=2),
            "\n".join(f"{label['digit']} {charts.share(label['p'])}" for label in one["labels"]),
        )
        for one in show(hidden, temperature, alpha, examples, races, seed)["shown"]
    ]
    head = f"Some of the pictures, and the teacher's two most likely classes of each at T = {SOFT_T:g}"
    rows = [charts.sentence(head, ink=charts.SOFT), charts.beside(cells, 10)]
    if not shown.get("step"):
        return charts.below([*rows, charts.sentence("Nothing has been trained yet.")])
    x = column(shown.get("step"), 1e6)
    sides = {name: [column(one, 1) for one in listed(shown.get(name))] for name in ("students", "controls")}
    if {len(one) for side in sides.values() for one in side} != {len(x)} or len(set(map(len, sides.values()))) != 1:
        raise validation.InputError("The curves must be of one length.")
    plot = charts.lines(
        [
            charts.Line(name, x, [sum(v) / len(v) for v in zip(*side, strict=True)], ink, side if len(side) > 1 else ())
            for (name, ink), side in zip(
                (("student", charts.MADE), ("control", charts.NOISE)), sides.values(), strict=True
            )
        ],
        across="steps",
        up="share of digits read right" + (", thick: the mean of the races" if len(sides["students"]) > 1 else ""),
        said=charts.percent,
        mark=charts.exact_percent,
    )
    said = outcome(*([one[-1] for one in side] for side in sides.values())) if x[-1] == STEPS else f"Step {x[-1]:g}."
    return charts.below([*rows, plot, charts.sentence(said)])


def listed(value: Any) -> list:
    """A list of as many as there can be races. Raises: InputError."""
    if not isinstance(value, list) or not live.RACES[0] <= len(value) <= live.RACES[1]:
        raise validation.InputError("The curves must be a list for each race.")
    return value


def column(value: Any, most: float) -> list[float]:
    """Numbers of a curve. Raises: InputError."""
    if not isinstance(value, list) or not 0 < len(value) <= 1000:
        raise validation.InputError("A curve must be a list of numbers.")
    return validation.numbers(value, "The curve", len(value), 0, most)


def code(hidden: int, temperature: float, alpha: float, examples: int, races: int, seed: int) -> str:
    return f"""from genai_core.distillation.live import race

frames = race(
    hidden={hidden},
    temperature={temperature:g},
    alpha={alpha:g},
    examples={examples},
    races={races},
    seed={seed},
    steps={STEPS},
)
for frame in frames:
    print(f"step {{frame.step}}: student {{frame.student:.4f}}, control {{frame.control:.4f}}")
"""


def says(shown: dict | None = None, **_settings) -> str:
    shown = shown or {}
    return f"step {shown['step']}: student {shown['student']:.4f}, control {shown['control']:.4f}"


PART = Part(
    id="race",
    title="Race",
    lead="<b>Press Race</b>: two nets, the same weights at first, the same pictures that our VAE drew. One is given "
    "the teacher's most likely class, the other all of its soft labels. Look for when they diverge.",
    stage="distillation/race",
    settings=(
        Setting("hidden", integer(*live.HIDDEN, step=4), 48, "Units a layer"),
        Setting("temperature", number(1, 20, 0.5), 4.0, "Temperature T"),
        Setting("alpha", number(0, 1), 0.9, "α, weight of the soft labels"),
        Setting("examples", integer(*live.EXAMPLES, step=50), 300, "Pictures to learn from"),
        Setting("seed", seed(), 0, "Seed of the first"),
        Setting("races", integer(*live.RACES), 3, "Races side by side, each of its own seed"),
    ),
    presets=(
        Preset(
            "Few pictures",
            "300 for both. How far ahead is the one that is given the soft labels?",
            {},
            "Compare the lead with the spread of the thin lines, which are the single races.",
            (
                Answer(
                    "Not at all: the pictures are the same.",
                    "A soft label says more of each picture than a label does.",
                ),
                Answer("Ahead, by more than the spread."),
                Answer(
                    "Behind: the teacher errs, too.", "It errs seldom, and what it says of the other classes helps."
                ),
            ),
        ),
        Preset(
            "Many pictures",
            "3,000 for both. Does the teacher still help?",
            {"examples": 3000},
            "No longer: 3,000 labels alone say most of what soft labels say.",
            (
                Answer(
                    "More than before.",
                    "Labels get more telling with every picture; what is left for the teacher gets less.",
                ),
                Answer("As much as before.", "Soft labels tell no more than before, and labels tell more."),
                Answer("Hardly, if at all."),
            ),
        ),
        Preset(
            "A tiny student",
            "Eight units a layer. Is there room for what the teacher knows?",
            {"hidden": 8},
            "Both end lower than with 48 units: now the size of the net is what limits them.",
            (
                Answer(
                    "Yes: knowledge needs no room.",
                    "It is stored in weights, and eight units a layer have few of them.",
                ),
                Answer("No: it learns nothing.", "It learns most digits, and stays below the larger one."),
                Answer("Some: both end lower."),
            ),
        ),
        Preset(
            "T = 1",
            "The teacher's probabilities as they are. What is left of the lead?",
            {"temperature": 1.0},
            "A smaller lead: at T = 1 the small probabilities count for less, and soft labels are nearer to labels.",
            (
                Answer("Part of it."),
                Answer(
                    "All of it: these are its true probabilities.",
                    "They are, and nearly 1 for the right class: what they say beside it weighs little.",
                ),
                Answer("It is doubled.", "Without T the small probabilities hardly weigh in the loss."),
            ),
        ),
    ),
    form=True,
    actions=(Action("run", "Race", primary=True), Action("stop", "Stop")),
    run=race,
    lane=lanes.TRAIN,
    again=("seed",),
    long=True,
    show=show,
    picture=picture,
    code=code,
    says=says,
)

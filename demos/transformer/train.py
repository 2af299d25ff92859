"""Train: an encoder and a decoder learn to reverse, to sort or to add, and their cross-attention shows how."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image

from demos._server import lanes
from demos._ui import charts, validation
from demos._ui.live import frames
from demos._ui.settings import Setting, choice, seed, text
from demos._ui.tab import Action, Answer, Part, Preset
from genai_core.transformer import seq2seq

STEPS = 800
TASKS = {"reverse": "Reverse digits", "sort": "Sort digits", "add": "Add two numbers"}
OF_DIGITS = ("reverse", "sort")
SIDE = 22  # pixels of a cell in a saved picture
KEPT = 16  # networks
_trained: dict[tuple[str, int], seq2seq.Frame] = {}  # (task, seed) -> the last frame of its training, the oldest first


def given(task: str, digits: str, sum: str) -> str:
    """The input of a task. Raises: InputError."""
    chosen = digits if task in OF_DIGITS else sum
    try:
        seq2seq.answer(task, chosen)
    except ValueError as error:
        raise validation.InputError(str(error)) from None
    return chosen


def check(settings: dict[str, Any]) -> dict[str, Any]:
    given(settings["task"], settings["digits"], settings["sum"])
    return settings


def shown_of(frame: seq2seq.Frame, task: str, string: str) -> dict[str, Any]:
    """A frame for the page."""
    shown = {name: value for name, value in vars(frame).items() if name != "weights"}
    return shown | {"given": string, "wanted": seq2seq.answer(task, string)}


def keep(frame: seq2seq.Frame, task: str, seed: int) -> seq2seq.Frame:
    """Keep the last frame of a training, which follows from task and seed alone, to answer other inputs."""
    if frame.weights:
        _trained[task, seed] = frame
        if len(_trained) > KEPT:
            _trained.pop(next(iter(_trained)), None)
    return frame


def answer(request: dict) -> dict[str, Any]:
    """The part's settings -> what the network says to this input after a training that has ended; {} without one."""
    settings = PART.parse(request)
    task, string = settings["task"], given(**{name: settings[name] for name in ("task", "digits", "sum")})
    frame = _trained.get((task, settings["seed"]))
    if frame is None:
        return {}
    output, attention = seq2seq.look(seq2seq.of_weights(task, frame.weights), string)
    return shown_of(dataclasses.replace(frame, output=output, attention=attention), task, string)


def show(task: str, digits: str, sum: str, seed: int) -> dict[str, Any]:
    """The network before its training."""
    string = given(task, digits, sum)
    return shown_of(seq2seq.before(task=task, given=string, seed=seed), task, string)


def train(task: str, digits: str, sum: str, seed: int) -> Iterator[dict | None]:
    """Train for less than a minute; streams frames."""
    string = given(task, digits, sum)
    yield from frames(
        "genai_core.transformer.seq2seq:train_live",
        lambda frame: shown_of(keep(frame, task, seed), task, string),
        task=task,
        given=string,
        seed=seed,
        steps=STEPS,
    )


def read(shown: Any, before: dict[str, Any]) -> tuple[str, np.ndarray]:
    """The output and the attention [heads, T, S] of what is on the stage, or before. Raises: InputError."""
    shown = validation.json_object(shown or before, "The stage")
    output = validation.text(shown.get("output", ""), "The output", seq2seq.LONGEST)
    heads, wide = seq2seq.Seq2SeqConfig.n_head, len(before["given"])
    try:
        attention = np.asarray(shown.get("attention"), np.float64).reshape(heads, len(before["wanted"]), wide)
    except (ValueError, TypeError):
        raise validation.InputError("The attention must be a number for each symbol of input and answer.") from None
    if not np.isfinite(attention).all() or (attention < 0).any() or (attention > 1).any():
        raise validation.InputError("The attention must be shares from 0 to 1.")
    return output, attention


def picture(task: str, digits: str, sum: str, seed: int, shown: dict | None = None) -> Image.Image:
    """The cross-attention of both heads, from each symbol of the right output to those of the input."""
    before = show(task, digits, sum, seed)
    output, attention = read(shown, before)
    ink = np.array([int(charts.ACCENT[k : k + 2], 16) for k in (1, 3, 5)])
    boards = [
        charts.matrix(
            (255 + head[..., None] * (ink - 255)).round().astype(np.uint8),
            list(before["wanted"]),
            list(before["given"]),
            title=f"Head {k}",
            side=SIDE,
        )
        for k, head in enumerate(attention, 1)
    ]
    said = f"{TASKS[task]}: {before['given']} → {output or 'nothing'}; right: {before['wanted']}"
    return charts.below([charts.sentence(said), charts.beside(boards, 40)])


def code(task: str, digits: str, sum: str, seed: int) -> str:
    return f"""from genai_core.transformer import seq2seq

task, given = "{task}", "{given(task, digits, sum)}"
for frame in seq2seq.train_live(task=task, given=given, seed={seed}, steps={STEPS}):
    print(f"step {{frame.step}}: loss {{frame.loss:.3f}}, exact match {{frame.exact:.1%}}")
print(f"{{given}} -> {{frame.output}}; right: {{seq2seq.answer(task, given)}}")
for head in frame.attention:  # of the last layer, [T][S]
    print([row.index(max(row)) for row in head])  # where it looks most before each symbol of the answer
"""


def says(task: str, digits: str, sum: str, seed: int, shown: dict | None = None) -> str:
    before = show(task, digits, sum, seed)
    return f"{before['given']} -> {read(shown, before)[0]}; right: {before['wanted']}"


PART = Part(
    id="train",
    title="Train",
    lead="<b>Press Train</b>: an encoder reads the digits, a decoder writes its answer one by one. Look at the "
    "cross-attention turning from fog to a pattern, and whether the answers become correct at the same time.",
    stage="transformer/train",
    settings=(
        Setting("task", choice(TASKS), "reverse", "Task"),
        Setting(
            "digits",
            text(seq2seq.LONGEST),
            "31415926",
            "Your digits",
            f"1 to {seq2seq.LONGEST}",
            only=("task", OF_DIGITS),
        ),
        Setting(
            "sum", text(9), "47+85", "Your sum", "two numbers with the same number of digits", only=("task", ("add",))
        ),
        Setting("seed", seed(), 0, "Seed"),
    ),
    check=check,
    presets=(
        Preset(
            "Backwards",
            "The output is the input backwards. What will the cross-attention look like?",
            {"task": "reverse", "digits": "31415926"},
            "A line from the upper right to the lower left: the first symbol of the output looks at the last of the "
            "input, and so on. The answers become correct as the line appears.",
            (
                Answer("A line that falls to the left."),
                Answer("A line that falls to the right.", "That would copy the input as it stands."),
                Answer("Even: every symbol counts.", "It begins so. A symbol needs one digit, and learns where it is."),
            ),
        ),
        Preset(
            "In order",
            "A sorted digit may come from anywhere. Where does the decoder look for it?",
            {"task": "sort", "digits": "95270316"},
            "There is no line: some rows look where their digit stands, others at several that are still to come. It "
            "looks by content, not by position, so that the pattern is different for each input; try other digits.",
            (
                Answer("Along a line again.", "Where a digit ends up depends on all the others."),
                Answer("By content: a different pattern for each input."),
                Answer("At all positions alike.", "Then it could not tell which digits there are."),
            ),
        ),
        Preset(
            "Carry",
            "47 + 85: to write the first digit of the sum, one must know the carry. Can it learn that in a minute?",
            {"task": "add", "sum": "47+85"},
            "Yes, mostly: more than nine sums in ten are right at the end. It looks at few symbols, since the encoder "
            "has mixed the digits of both numbers before; the attention to its output tells only a part.",
            (
                Answer("No: it would have to add from the right.", "It computes the carry from all digits at once."),
                Answer("Yes, for most sums."),
                Answer("Only sums that it has seen.", "Of a million sums of three digits it sees a few in a hundred."),
            ),
        ),
        Preset(
            "Longer than it was trained on",
            "It is trained on 2 to 8 digits. What does it make of 12?",
            {"task": "reverse", "digits": "271828182845"},
            "It reverses the first eight, or nearly, and stops there: no more was ever asked of it, and the positions "
            "after them have never been trained. It learned positions one by one, not a rule.",
            (
                Answer(
                    "It reverses all of them.", "It has learned positions one by one, and those after the eighth never."
                ),
                Answer("It reverses the first eight, or nearly."),
                Answer("It refuses: that is too long.", "A network always gives an answer, right or wrong."),
            ),
        ),
    ),
    functions=(answer,),
    form=True,
    actions=(Action("run", "Train", primary=True), Action("stop", "Stop")),
    run=train,
    lane=lanes.TRAIN,
    again=("task", "digits", "sum", "seed"),
    long=True,
    show=show,
    picture=picture,
    code=code,
    says=says,
)

"""Examples: points in the prompt, and the function that a transformer takes them for, beside regression."""

import dataclasses
import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from demos._ui import charts, letters, validation
from demos._ui.api import Value, endpoint
from demos._ui.settings import Setting, checked, choice, integer, seed, switch
from demos._ui.tab import Answer, Part, Preset
from genai_core.transformer import icl
from genai_core.transformer.icl import FAMILIES, ICLConfig

LIMIT = 3.0  # of x and y, to either side
MOST = ICLConfig().examples - 1  # points: the last place of a prompt is the question's
COUNT = 6  # points that are drawn of a function, unless more are asked for
OWN = "own"  # points of no function that is known here
TITLES = {OWN: "one’s own"} | {family: f"a random {family} function" for family in FAMILIES}
GRID = torch.linspace(-LIMIT, LIMIT, 61)  # where the curves are drawn
MARKS = torch.linspace(-LIMIT, LIMIT, 7)  # where the program prints them
NAMES = {"transformer": "transformer", "least_squares": "least squares", "ridge": "ridge regression"}
INKS = {"transformer": charts.MADE, "least_squares": charts.NOISE, "ridge": charts.GOOD}
PROMPTS = 64  # that a seed draws; the first whose points lie in the plane is taken


def _points(value: Any, _others: Mapping[str, Any]) -> list[float]:
    """x, y, x, y, ... with two decimals. Raises: InputError."""
    flat = validation.parse_numbers(value, "The list of points")
    if not isinstance(flat, list | tuple) or len(flat) % 2:
        raise validation.InputError("The points must be pairs of numbers: x, y, x, y, …")
    if len(flat) > 2 * MOST:
        raise validation.InputError(f"The model reads at most {MOST} examples, not {len(flat) // 2:,}.")
    clean = validation.numbers(flat, "the points", len(flat), -LIMIT, LIMIT)
    return [round(v, 2) + 0.0 for v in clean]  # no -0.0, which a link would hold as 0


def of_seen(settings: dict[str, Any]) -> dict[str, Any]:
    """Raises: InputError for more examples seen than there are points."""
    count = len(settings["points"]) // 2
    if settings["seen"] > count:
        raise validation.InputError(f"Of {count} points no more can be seen, and {settings['seen']} were asked for.")
    return settings


def pairs(points: Sequence[float]) -> tuple[Tensor, Tensor]:
    """x, y, x, y, ... -> x and y, [K] each."""
    return torch.tensor(points[::2]), torch.tensor(points[1::2])


def drawn_prompts(family: str, seed: int, wide: float = 1.0) -> icl.Prompts:
    """PROMPTS prompts of one feature: the same functions for every `wide`, which x is multiplied by."""
    config = dataclasses.replace(icl.load().config, families=(family,))
    return icl.draw(config, PROMPTS, torch.Generator().manual_seed(seed), 1, wide)


def chosen(prompts: icl.Prompts, count: int) -> int:
    """Which prompt is taken: the first whose first points lie in the plane, or else that which leaves it least."""
    farthest = torch.stack([prompts.x[:, :count, 0].abs().amax(1), prompts.y[:, :count].abs().amax(1)]).amax(0)
    inside = farthest <= LIMIT
    return int(inside.int().argmax() if inside.any() else farthest.argmin())


@functools.lru_cache(maxsize=256)
def drawn(family: str, seed: int, count: int) -> list[float]:
    """Points x, y, x, y, ... of a random function of the family, y with the noise of the training."""
    prompts = drawn_prompts(family, seed)
    k = chosen(prompts, COUNT)  # whatever the count: more points are of the same function
    flat = torch.stack([prompts.x[k, :count, 0], prompts.y[k, :count]], 1).clamp(-LIMIT, LIMIT).flatten()
    return [round(v, 2) + 0.0 for v in flat.tolist()]


@functools.lru_cache(maxsize=256)
def true_function(family: str, seed: int) -> list[float]:
    """The function that `drawn` takes its points from, at GRID.

    `draw` gives f at its examples alone, but multiplies all x by `wide`: so that one example is moved along the grid.
    """
    prompts = drawn_prompts(family, seed)
    k = chosen(prompts, COUNT)
    return [float(drawn_prompts(family, seed, float(x / prompts.x[k, 0, 0])).f[k, 0]) for x in GRID]


def curves(points: Sequence[float], family: str, at: Tensor = GRID) -> dict[str, Tensor]:
    """The prediction of each method for y at `at` [M] after these examples, [M] each."""
    x, y = pairs(points)
    model = icl.load()
    found = {"transformer": icl.curve(model, x, y, family, at)}
    for name, ridge in (("least_squares", 0.0), ("ridge", model.config.noise**2)):
        w, b = icl.fit(x[:, None], y, ridge)
        found[name] = w * at + b
    return found


@functools.lru_cache(maxsize=512)
def shown_curves(points: tuple[float, ...], family: str) -> dict[str, list[float]]:
    return {name: rounded(values) for name, values in curves(points, family).items()}


@functools.lru_cache(maxsize=512)
@torch.inference_mode()
def surprises(points: tuple[float, ...], family: str) -> dict[str, list[float]]:
    """For each point the squared error of what each method predicted of it from the points before it."""
    if not points:
        return {name: [] for name in NAMES}
    x, y = (values[None] for values in pairs(points))  # [1, K]
    model = icl.load()
    prompt, number = torch.zeros(1, x.shape[1], model.config.features), torch.tensor([FAMILIES.index(family)])
    prompt[..., 0] = x
    inputs = (values.to(model.positions.device) for values in (prompt, y, number))
    predicted = {
        "transformer": model(*inputs).cpu(),
        "least_squares": icl.regression(x[..., None], y),
        "ridge": icl.regression(x[..., None], y, model.config.noise**2),
    }
    return {name: rounded((values - y).square()[0]) for name, values in predicted.items()}


def rounded(values: Tensor | Sequence[float]) -> list[float]:
    return [round(float(v), 4) + 0.0 for v in values]


def draw_points(request: dict) -> list[float]:
    """{"family", "seed", "count"} -> points x, y, x, y, ... of a random function."""
    request = validation.json_object(request)
    family = validation.choice(request.get("family"), "The family", FAMILIES)
    count = validation.integer(request.get("count", COUNT), "The number of points", 1, MOST)
    return drawn(family, validation.seed(request.get("seed")), count)


def show(function: str, seed: int, points: list[float], family: str, seen: int, **_toggles: bool) -> dict:
    """The curves after the examples seen, f where it is known, and the squared error at each point before it."""
    return {
        "limit": LIMIT,
        "most": MOST,
        "noise": icl.load().config.noise,
        "curves": shown_curves(tuple(points[: 2 * seen]), family),
        "f": None if function == OWN else rounded(true_function(function, seed)),
        "errors": surprises(tuple(points), family),
    }


# --- the picture to keep ---

SIZE, ERRORS = (680, 440), (680, 170)  # of the plane and of the plot below it
LEFT, TOP, RIGHT, BOTTOM = 44, 30, 12, 26  # margins
FINE = 3  # lines are drawn so much larger, for smooth edges
DASHES = {"least_squares": 7}  # pixels of a dash; the other lines are whole


class Axes:
    """A framed plot with axes: numbers of x in [x0, x1] and y in [y0, y1] -> pixels."""

    def __init__(self, size: tuple[int, int], x: tuple[float, float], y: tuple[float, float]):
        self.image = Image.new("RGB", size, "white")
        self.pen = ImageDraw.Draw(self.image)
        self.x, self.y = x, y
        self.box: tuple[int, int, int, int] = (LEFT, TOP, size[0] - RIGHT, size[1] - BOTTOM)

    def place(self, x: float, y: float) -> tuple[float, float]:
        left, top, right, bottom = self.box
        (x0, x1), (y0, y1) = self.x, self.y
        return left + (x - x0) / (x1 - x0) * (right - left), bottom - (y - y0) / (y1 - y0) * (bottom - top)

    def grid(self, across: Sequence[float], up: Sequence[float]) -> None:
        for v in across:
            x = self.place(v, 0)[0]
            self.pen.line((x, self.box[1], x, self.box[3]), fill=charts.LINE)
            letters.write(self.pen, (x, self.box[3] + 13), charts.exact(v), charts.SOFT, charts.SIZE, "mm")
        for v in up:
            y = self.place(0, v)[1]
            self.pen.line((self.box[0], y, self.box[2], y), fill=charts.LINE)
            letters.write(self.pen, (self.box[0] - 8, y), charts.exact(v), charts.SOFT, charts.SIZE, "rm")

    def line(self, xs: Sequence[float], ys: Sequence[float], ink: str, width: int, dash: int = 0) -> None:
        """A line, cut where it leaves the frame. dash: pixels of a dash and of a gap, of a straight line."""
        mask = Image.new("L", (FINE * self.image.width, FINE * self.image.height))
        pen = ImageDraw.Draw(mask)
        places = [[FINE * v for v in self.place(x, max(-99.0, min(99.0, y)))] for x, y in zip(xs, ys, strict=True)]
        pieces = [[tuple(place) for place in places]]
        if dash:
            (x0, y0), (x1, y1) = places[0], places[-1]
            length = max(1.0, math.hypot(x1 - x0, y1 - y0)) / (FINE * dash)  # in dashes and gaps
            ends = [[min(1.0, k / length), min(1.0, (k + 1) / length)] for k in range(0, math.ceil(length), 2)]
            pieces = [[(x0 + t * (x1 - x0), y0 + t * (y1 - y0)) for t in pair] for pair in ends]
        for piece in pieces:
            pen.line(piece, fill=255, width=FINE * width, joint="curve")
        small = mask.resize(self.image.size, Image.Resampling.BOX).crop(self.box)
        self.image.paste(ink, self.box, small)

    def legend(self, entries: Sequence[tuple[str, str]]) -> None:
        left = self.box[0]
        for name, ink in entries:
            self.pen.line((left, 14, left + 20, 14), fill=ink, width=3)
            letters.write(self.pen, (left + 26, 14), name, charts.written(ink), charts.SIZE, "lm")
            left += 46 + int(letters.length(name, charts.SIZE))


def plane_picture(shown: dict, points: list[float], seen: int, names: Sequence[str], with_f: bool) -> Image.Image:
    axes = Axes(SIZE, (-LIMIT, LIMIT), (-LIMIT, LIMIT))
    axes.grid(range(-3, 4), range(-3, 4))
    if with_f:
        axes.line(GRID.tolist(), shown["f"], charts.INK, 1)
    for name in reversed(names):  # the model's in front
        width = 3 if name == "transformer" else 2
        axes.line(GRID.tolist(), shown["curves"][name], INKS[name], width, DASHES.get(name, 0))
    for k, (x, y) in enumerate(zip(points[::2], points[1::2], strict=True)):
        left, top = axes.place(x, y)
        fill = charts.REAL if k < seen else "white"
        axes.pen.ellipse((left - 9, top - 9, left + 9, top + 9), fill=fill, outline=charts.REAL, width=2)
        letters.write(axes.pen, (left, top), str(k + 1), "white" if k < seen else charts.REAL, 11, "mm")
    axes.legend([(NAMES[name], INKS[name]) for name in names] + [("f", charts.INK)] * with_f)
    return axes.image


def error_top(errors: Mapping[str, Sequence[float]]) -> float:
    """Where the axis of the errors ends: least squares may be far beyond, after two points."""
    return max(0.5, *(v for name in ("transformer", "ridge") for v in errors[name]), 0)


def error_picture(errors: Mapping[str, Sequence[float]], names: Sequence[str]) -> Image.Image:
    count, top = len(errors["transformer"]), error_top(errors)
    axes = Axes(ERRORS, (0.5, count + 0.5), (0, 1.05 * top))
    axes.grid(range(1, count + 1), charts.ticks(0, top, 4))
    letters.write(axes.pen, (8, 4), "squared error at each point before it was seen", charts.SOFT, charts.SIZE)
    for name in reversed(names):
        values = [min(v, 1.05 * top) for v in errors[name]]
        axes.line(range(1, count + 1), values, INKS[name], 2)
        for k, v in enumerate(values, 1):
            x, y = axes.place(k, v)
            axes.pen.ellipse((x - 4, y - 4, x + 4, y + 4), fill=INKS[name])
    return axes.image


def picture(points: list[float], seen: int, show_f: bool, **settings: Any) -> Image.Image:
    """The plane, and below it the errors."""
    shown = show(points=points, seen=seen, **settings)
    names = [name for name in NAMES if settings[name]]
    plane = plane_picture(shown, points, seen, names, show_f and shown["f"] is not None)
    return charts.below([plane, error_picture(shown["errors"], names)] if points else [plane])


def code(points: list[float], family: str, seen: int, **_settings: Any) -> str:
    x, y = points[: 2 * seen : 2], points[1 : 2 * seen : 2]
    return f'''import torch

from genai_core.transformer import icl

model = icl.load()
x = torch.tensor({x})  # the examples in the prompt
y = torch.tensor({y})
at = torch.linspace({-LIMIT:g}, {LIMIT:g}, {len(MARKS)})
predicted = {{"transformer": icl.curve(model, x, y, "{family}", at)}}
for name, ridge in (("least squares", 0.0), ("ridge regression", model.config.noise**2)):
    w, b = icl.fit(x[:, None], y, ridge)
    predicted[name] = w * at + b
for name, values in predicted.items():
    print(f"{{name}}:", " ".join(f"{{v:.2f}}" for v in values))
'''


def says(points: list[float], family: str, seen: int, **_settings: Any) -> str:
    found = curves(points[: 2 * seen], family, MARKS)
    return "\n".join(f"{NAMES[name]}: {' '.join(f'{v:.2f}' for v in values)}" for name, values in found.items())


TWO = [-1.0, -1.0, 1.0, 1.0]
ON_A_LINE = [-1.5, -1.2, -1.0, -0.8, -0.5, -0.4, 0.0, 0.0, 0.5, 0.4, 1.0, 0.8, 1.5, 1.2]
WITH_OUTLIER = [*ON_A_LINE[:9], 2.8, *ON_A_LINE[10:]]
FAR = [-3.0, -2.8, -2.9, -2.71, -2.8, -2.42, -2.7, -2.33, -2.6, -2.44, -2.5, -2.35]  # around 0.9 x
FAR += [2.5, 2.35, 2.6, 2.44, 2.7, 2.33, 2.8, 2.42, 2.9, 2.71, 3.0, 2.8]


def of_points(points: list[float], family: str = "linear") -> dict[str, Any]:
    """The settings of a preset."""
    return {"function": OWN, "points": points, "family": family}


def in_legend(_settings: Mapping[str, Any]) -> bool:
    """A saved picture says in its legend which lines it shows."""
    return False


PART = Part(
    id="examples",
    title="Examples",
    lead="<b>Tap points into the plane</b>: a transformer reads them as its prompt and predicts y for every x. "
    "See how many examples it takes.",
    stage="transformer/examples",
    settings=(
        Setting("function", choice(TITLES), "linear", "Points of"),
        Setting("seed", seed(), 26, "Seed", applies=lambda settings: settings["function"] != OWN),
        Setting(
            "points",
            checked(
                _points,
                lambda points: ",".join(f"{v:g}" for v in points),
                schema={"type": "array", "items": {"type": "number", "minimum": -LIMIT, "maximum": LIMIT}},
            ),
            lambda others: [] if others["function"] == OWN else drawn(others["function"], others["seed"], COUNT),
            "Points, x, y, x, y, …",
        ),
        Setting("family", choice(FAMILIES), "linear", "Family token"),
        Setting("seen", integer(0, MOST), lambda others: len(others["points"]) // 2, "Examples seen"),
        Setting("transformer", switch(), True, "Transformer", applies=in_legend),
        Setting("least_squares", switch(), True, "Least squares", applies=in_legend),
        Setting("ridge", switch(), True, "Ridge regression", applies=in_legend),
        Setting("show_f", switch(), False, "f", applies=in_legend),
    ),
    check=of_seen,
    presets=(
        Preset(
            "Two points",
            "Two points, and the model is told that f is linear. Does it know the line?",
            of_points(TWO),
            "Nearly: its curve goes through both, as least squares does, and no weight has changed. Set the slider to "
            "1: after a single example it already rises, near to ridge regression, the mean of all lines that fit.",
            (
                Answer(
                    "No: to learn a line it would have to be trained on it.",
                    "It was trained to fit lines, not on this one; the fit itself happens as it reads.",
                ),
                Answer("Nearly: it draws the line through them."),
                Answer(
                    "No: after two of 19 examples it still predicts about 0.",
                    "Zero is its guess before the first example; two settle a line but for the noise.",
                ),
            ),
        ),
        Preset(
            "One outlier",
            "Seven points, six of them on a line, and one far above it. What does the transformer make of it?",
            of_points(WITH_OUTLIER),
            "It is pulled up, no less than least squares. It was trained on Gaussian noise of 0.3, where no point lies "
            "eight standard deviations off, so that it never had a reason to discount one. Drag the point back to the "
            "line.",
            (
                Answer("It is pulled up, as least squares is."),
                Answer(
                    "It ignores the outlier, since the other six agree.",
                    "That is robust regression, which takes noise with heavy tails; its noise was Gaussian.",
                ),
                Answer(
                    "It bends up to the outlier and back.",
                    "It bulges a little, and passes far below it all the same: it is told that f is linear.",
                ),
            ),
        ),
        Preset(
            "The sine token",
            "Seven points on a line, and the model is told that f is a sine wave. What does it draw beyond them?",
            of_points(ON_A_LINE, "sine"),
            "Among the points it stays near the line, and beyond them it turns back towards 0, as waves do. Choose "
            "linear: the same points continue as a line. Stump: as two levels. The token is the prior.",
            (
                Answer(
                    "The line goes on: that is what the points say.",
                    "They say what f is where they are; what it is elsewhere follows from the family.",
                ),
                Answer(
                    "A wave with many periods through all seven points.",
                    "The waves of its training have at most 2 radians for each unit of x: none is so short.",
                ),
                Answer("It turns back, as a wave does."),
            ),
        ),
        Preset(
            "Far from its training",
            "Twelve points around 0.9 x, all beyond x = ±2.5; the model was trained on x from N(0, 1). Which of the "
            "three finds the line?",
            of_points(FAR),
            "Least squares and ridge regression, which take any x alike. The transformer’s curve bends, and to the "
            "left misses points that it has read by half a unit, where the two lines go through them. Prompts such as "
            "this one hardly ever came in its training.",
            (
                Answer(
                    "All three: twelve points settle a line.",
                    "For a formula they do. The transformer has learned to fit points as they came in its training.",
                ),
                Answer("Least squares and ridge regression."),
                Answer(
                    "The transformer and ridge regression, which know the noise.",
                    "With twelve points the noise hardly matters; what is new to the transformer is x.",
                ),
            ),
        ),
    ),
    functions=(draw_points,),
    show=show,
    picture=picture,
    code=code,
    says=says,
)


@endpoint(
    PART.table,
    Value(
        "x: where y is predicted; transformer, least_squares, ridge: the predictions there after all points; errors: "
        "of each the squared error at every point before it was seen"
    ),
    takes=("points", "family"),
)
def transformer_examples(points: list[float], family: str, **_settings: Any) -> dict:
    """Predict y from examples in the prompt by a transformer, least squares, and ridge regression."""
    flat = tuple(points)
    return {"x": rounded(GRID), **shown_curves(flat, family), "errors": surprises(flat, family)}

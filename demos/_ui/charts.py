"""Plots as pictures to keep, in the light theme's colours: what a saved PNG shows of a stage that a script draws."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from demos._ui import letters

INK, SOFT, LINE, ACCENT = "#0f172a", "#475569", "#e2e8f0", "#4f46e5"
GOOD, BAD = "#059669", "#dc2626"
SIZE = 14  # of letters, in pixels
REAL, MADE, NOISE = "#2563eb", "#ea580c", "#94a3b8"
VIRIDIS = np.array([[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]], np.float32)


def viridis(values: np.ndarray) -> np.ndarray:
    """Magnitudes in [0, 1] of any shape -> uint8 [..., 3]."""
    at = np.clip(values, 0, 1) * (len(VIRIDIS) - 1.001)
    low = at.astype(int)
    part = (at - low)[..., None]
    return (VIRIDIS[low] * (1 - part) + VIRIDIS[low + 1] * part).round().astype(np.uint8)


@dataclass(frozen=True)
class Line:
    """A line of a plot, and the others of its kind, of which it is the mean: thinner, behind it."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    ink: str
    others: Sequence[Sequence[float]] = ()


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """At most `most` round numbers in [low, high], whose distance is 1, 2 or 5 times a power of ten."""
    span = (high - low) or 1.0
    power = 10.0 ** math.floor(math.log10(span / most))
    for step in (power, 2 * power, 5 * power, 10 * power, 20 * power):
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first < most:
            break
    return [round(k * step, 10) for k in range(first, last + 1)]


def percent(value: float) -> str:
    """0.9254 -> "92.5 %", 0.5 -> "50 %"."""
    return f"{round(100 * value, 1):g} %"


def exact(value: float) -> str:
    """A mark of an axis, with as many digits as it has: "1250", "0.0005"."""
    return f"{value:.10g}"


def exact_percent(value: float) -> str:
    """A mark of an axis in per cent: 0.9325 -> "93.25 %"."""
    return f"{exact(100 * value)} %"


def lines(
    series: Sequence[Line],
    *,
    across: str,
    up: str,
    low: float | None = None,
    high: float | None = None,
    at: float | None = None,
    said: Callable[[float], str] = "{:.3g}".format,
    mark: Callable[[float], str] = exact,
    size: tuple[int, int] = (680, 320),
) -> Image.Image:
    """Lines with the name and the last value of each beside its end, and axes with their titles.

    low, high: of the upright axis, where it shall reach farther than the lines. at: a place on the axis across that is
    marked, with each line's value there instead of its last. said: how a value is written; mark: how one
    on the upright axis is.
    """
    image = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(image)
    xs = [v for line in series for v in line.x]
    ys = [v for line in series for values in (line.y, *line.others) for v in values]
    (x0, x1), (y0, y1) = (min(xs), max(xs)), (min(ys), max(ys))
    y0, y1 = (y0 if low is None else min(low, y0)), (y1 if high is None else max(high, y1))
    marked = [len(line.x) - 1 if at is None else nearest(line.x, at) for line in series]
    ends = [f"{line.name} {said(line.y[k])}" for line, k in zip(series, marked, strict=True)]
    left, right = 64, size[0] - 16 - max(int(letters.length(end, SIZE)) for end in ends)
    top, bottom = 34, size[1] - 46

    def place(x: float, y: float) -> tuple[float, float]:
        return left + (x - x0) / ((x1 - x0) or 1) * (right - left), bottom - (y - y0) / ((y1 - y0) or 1) * (
            bottom - top
        )

    for value in ticks(y0, y1):
        y = place(x0, value)[1]
        pen.line((left, y, right, y), fill=LINE)
        letters.write(pen, (left - 8, y), mark(value), SOFT, SIZE, "rm")
    for value in ticks(x0, x1):
        letters.write(pen, (place(value, y0)[0], bottom + 14), exact(value), SOFT, SIZE, "mm")
    letters.write(pen, ((left + right) / 2, size[1] - 14), across, SOFT, SIZE, "mm")
    letters.write(pen, (8, 4), up, SOFT, SIZE)
    if at is not None:
        pen.line((*place(at, y0), *place(at, y1)), fill=ACCENT)
    taken: list[float] = []
    for line, k, end in zip(series, marked, ends, strict=True):
        for values in line.others:
            pen.line([place(*point) for point in zip(line.x, values, strict=True)], fill=pale(line.ink), width=1)
        if len(line.x) > 1:
            pen.line([place(*point) for point in zip(line.x, line.y, strict=True)], fill=line.ink, width=3)
        x, y = place(line.x[k], line.y[k])
        pen.ellipse((x - 4, y - 4, x + 4, y + 4), fill=line.ink)
        row = place(line.x[-1], line.y[-1])[1]
        while any(abs(row - other) < 18 for other in taken):
            row += 18
        taken.append(row)
        letters.write(pen, (right + 10, row), end, written(line.ink), SIZE, "lm")
    return image


def nearest(values: Sequence[float], to: float) -> int:
    """Where the value stands that is nearest to a number."""
    return min(range(len(values)), key=lambda k: abs(values[k] - to))


def pale(ink: str) -> str:
    """An ink ("#rrggbb") half way to white."""
    return "#" + "".join(f"{(int(ink[k : k + 2], 16) + 255) // 2:02x}" for k in (1, 3, 5))


def written(ink: str) -> str:
    """The darker ink of a word about what has this ink, so that it can be read on white."""
    return {MADE: "#c2410c", NOISE: SOFT}.get(ink, ink)


def bars(
    values: Sequence[float],
    names: Sequence[str],
    inks: str | Sequence[str],
    *,
    title: str,
    width: int = 260,
    beyond: Sequence[str] = (),
) -> Image.Image:
    """Shares in [0, 1] as bars, one below the other, with their names and per cents, and what is `beyond` these."""
    image = Image.new("RGB", (width, 40 + 22 * len(values)), "white")
    pen, inks = ImageDraw.Draw(image), [inks] * len(values) if isinstance(inks, str) else inks
    first = 20 + max(int(letters.length(name, SIZE)) for name in names)
    more = 16 + max(int(letters.length(text, SIZE)) for text in beyond) if beyond else 0
    letters.write(pen, (8, 10), title, INK, SIZE)
    for k, (value, name, ink) in enumerate(zip(values, names, inks, strict=True)):
        y = 36 + 22 * k
        letters.write(pen, (8, y), name, INK, SIZE)
        pen.rectangle((first, y + 4, first + (width - first - 76 - more) * value + 1, y + 15), fill=ink)
        letters.write(pen, (width - 8 - more, y), share(value), INK, SIZE, "ra")
        if beyond:
            letters.write(pen, (width - 8, y), beyond[k], SOFT, SIZE, "ra")
    return image


def share(p: float) -> str:
    """A probability in per cent, as the page writes it: "47.5 %", "0.07 %"."""
    if p >= 0.9995:
        return "100 %"
    if p >= 0.001:
        return f"{100 * p:.1f} %"
    return f"{float(f'{100 * p:.0e}'):.4f}".rstrip("0") + " %" if p >= 1e-6 else "<0.0001 %"


def table(rows: Sequence[Sequence[str]], inks: Sequence[str] = ()) -> Image.Image:
    """A table: the first row is its head, the first column to the left, all others to the right; a dot of each ink."""
    wide = [max(int(letters.length(row[k], SIZE)) for row in rows) + 28 for k in range(len(rows[0]))]
    image = Image.new("RGB", (20 + sum(wide), 24 * len(rows) + 8), "white")
    pen = ImageDraw.Draw(image)
    for i, row in enumerate(rows):
        x, y = 20, 24 * i + 4
        if i:
            pen.line((0, y - 2, image.width, y - 2), fill=LINE)
            if inks:
                pen.ellipse((2, y + 4, 12, y + 14), fill=inks[i - 1])
        for k, cell in enumerate(row):
            ink = INK if i else SOFT
            letters.write(pen, (x if not k else x + wide[k] - 8, y), cell, ink, SIZE, "ra" if k else "la")
            x += wide[k]
    return image


def matrix(
    cells: np.ndarray, rows: Sequence[str], columns: Sequence[str], *, title: str, side: int = 22
) -> Image.Image:
    """Colours, uint8 [rows, columns, 3], as squares with the names of their rows and columns.

    Where a column's name is wider than the column, all of them are written upwards.
    """
    left = max([16, *(round(letters.length(name, SIZE)) for name in rows)]) + 8
    widest = round(max(letters.length(name, SIZE) for name in columns))
    top = 50 if widest <= side else 34 + widest
    image = Image.new("RGB", (left + side * len(columns), top + side * len(rows)), "white")
    pen = ImageDraw.Draw(image)
    letters.write(pen, (0, 4), title, INK, SIZE)
    for j, name in enumerate(columns):
        if widest <= side:
            letters.write(pen, (left + side * (j + 0.5), 38), name, SOFT, SIZE, "mm")
            continue
        strip = Image.new("RGB", (widest, side - 2), "white")
        letters.write(ImageDraw.Draw(strip), (0, side / 2 - 1), name, SOFT, SIZE, "lm")
        image.paste(strip.rotate(90, expand=True), (left + side * j, top - 8 - widest))
    for i, name in enumerate(rows):
        letters.write(pen, (left - 8, top + side * (i + 0.5)), name, SOFT, SIZE, "rm")
        for j in range(len(columns)):
            x, y = left + side * j, top + side * i
            pen.rectangle((x, y, x + side - 3, y + side - 3), fill=tuple(cells[i, j].tolist()))
    return image


def sentence(text: str, width: int = 680, ink: str = INK) -> Image.Image:
    """A text in as many lines as it takes, as a strip."""
    rows = letters.wrapped(text, SIZE, width)
    image = Image.new("RGB", (width, 20 * len(rows) + 4), "white")
    pen = ImageDraw.Draw(image)
    for k, row in enumerate(rows):
        letters.write(pen, (0, 20 * k), row, ink, SIZE)
    return image


def beside(pictures: Sequence[Image.Image], gap: int = 16) -> Image.Image:
    """Pictures in a row, on white."""
    sheet = Image.new(
        "RGB", (sum(p.width for p in pictures) + gap * (len(pictures) - 1), max(p.height for p in pictures)), "white"
    )
    left = 0
    for picture in pictures:
        sheet.paste(picture.convert("RGB"), (left, 0))
        left += picture.width + gap
    return sheet


def below(pictures: Sequence[Image.Image], gap: int = 12) -> Image.Image:
    """Pictures one below the other, on white."""
    sheet = Image.new(
        "RGB", (max(p.width for p in pictures), sum(p.height for p in pictures) + gap * (len(pictures) - 1)), "white"
    )
    top = 0
    for picture in pictures:
        sheet.paste(picture.convert("RGB"), (0, top))
        top += picture.height + gap
    return sheet


def labelled(picture: Image.Image, text: str, ink: str = INK) -> Image.Image:
    """A picture with a short text below it."""
    rows = text.split("\n")
    width = max(picture.width, *(int(letters.length(row, SIZE)) + 2 for row in rows))
    image = Image.new("RGB", (width, picture.height + 4 + 18 * len(rows)), "white")
    image.paste(picture.convert("RGB"), (0, 0))
    pen = ImageDraw.Draw(image)
    for k, row in enumerate(rows):
        letters.write(pen, (0, picture.height + 4 + 18 * k), row, ink, SIZE)
    return image


def grid(pictures: Sequence[Image.Image], columns: int, gap: int = 12) -> Image.Image:
    """Pictures row by row."""
    return below([beside(pictures[i : i + columns], gap) for i in range(0, len(pictures), columns)], gap)

"""Texts as pictures, and pictures with texts beside them, as a white page."""

from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image, ImageDraw

from demos._ui import charts, letters

INK, SOFT, GOOD, BAD = "#0f172a", "#475569", "#059669", "#dc2626"  # of the light page
SIDE = 160  # of a picture


def page(rows: list[tuple[Image.Image, list[tuple[str, str]]]], width: int = 900) -> Image.Image:
    """Rows of a picture and texts in their inks, one below the other."""
    made = []
    for picture, parts in rows:
        text = of_text(parts, width - SIDE - 36)
        row = Image.new("RGB", (width, max(SIDE + 48, text.height)), "white")
        row.paste(picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC), (36, 24))
        row.paste(text, (SIDE + 36, 0))
        made.append(row)
    sheet = Image.new("RGB", (width, sum(row.height for row in made)), "white")
    top = 0
    for row in made:
        sheet.paste(row, (0, top))
        top += row.height
    return sheet


def shaded(tokens: Iterable[tuple[str, float]]) -> list[tuple[str, ...]]:
    """Tokens with a depth in [0, 1], as parts of `of_text` in the shades of the page's chips (js/chips.js).

    One without text is a piece of a character that the next ones complete: they have the deepest of their shades.
    """
    parts, deepest = list[tuple[str, ...]](), 0.0
    for string, depth in tokens:
        deepest = max(deepest, min(depth, 1.0))
        if string:
            parts.append((string, INK) if deepest < 0.03 else (string, *shade(deepest)))
            deepest = 0.0
    return parts


def shade(depth: float) -> tuple[str, str]:
    """Ink and paper of a depth in [0, 1]."""
    alpha = 0.15 + 0.85 * depth
    red, green, blue = (round(255 + alpha * (int(c) - 255)) for c in charts.viridis(np.array(1 - depth)))
    return "#ffffff" if depth > 0.755 else INK, f"#{red:02x}{green:02x}{blue:02x}"


def of_text(parts: Sequence[tuple[str, ...]], width: int = 900) -> Image.Image:
    """Texts in their inks ("#rrggbb"), one after the other, broken into lines, as a white page.

    parts: (text, ink), or (text, ink, paper): the colour behind it.
    """
    size, line, edge = 18, 27, 36
    lines: list[list[tuple[float, float, str, str, str | None]]] = [[]]
    across: float = edge
    for string, ink, *papers in parts:
        for c in string:
            wide = letters.length(c, size)
            if c == "\n" or across + wide > width - edge:
                lines.append([])
                across = edge
            if c != "\n":
                lines[-1].append((across, across + wide, c, ink, papers[0] if papers else None))
                across += wide
    image = Image.new("RGB", (width, min(2 * edge + line * len(lines), 4000)), "white")
    pen = ImageDraw.Draw(image)
    for i, characters in enumerate(lines):
        top = edge + i * line
        for x, end, _, _, paper in characters:
            if paper:
                pen.rectangle([x, top - 2, end - 1, top + line - 4], fill=paper)
        for x, _, c, ink, _ in characters:
            letters.write(pen, (x, top), c, ink, size)
    return image

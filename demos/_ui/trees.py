"""The tree of a beam search as a picture to keep, laid out as js/tree.js draws it."""

from collections.abc import Sequence
from typing import Any

from PIL import Image, ImageDraw

from demos._ui import charts, letters

SIZE, ROW, EDGE = 15, 26, 24  # of letters, between rows, around the tree; in pixels
INKS = {"best": charts.REAL, "kept": charts.INK, "pruned": charts.NOISE}


def kind(node: dict[str, Any]) -> str:
    return "best" if node["best"] else "kept" if node["kept"] else "pruned"


def picture(levels: Sequence[Sequence[dict[str, Any]]], finals: Sequence[tuple[str, str]]) -> Image.Image:
    """The tree from left to right, then the best texts, each after what is said of it.

    levels: a column for each token, of nodes {"parent" (the row of the last column), "text", "kept", "ended", "best"}.
    """
    step = max(44.0, 22 + max(letters.length(node["text"], SIZE) for level in levels for node in level))
    rows = max(len(level) for level in levels)
    lines = [(said, letters.wrapped(text.replace("\n", "↵"), SIZE, 640)) for said, text in finals]
    indent = 20 + max(letters.length(said, SIZE) for said, _ in finals)
    width = max(900, int(indent + 640 + 2 * EDGE), int(2 * EDGE + step * (len(levels) + 0.5)))
    height = 2 * EDGE + ROW * (rows + 1 + sum(len(wrapped) for _, wrapped in lines))
    image = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(image)

    def at(column: int, row: int) -> tuple[float, float]:
        return EDGE + step * (column + 0.75), EDGE + ROW * (row + 0.5)

    def half(node: dict[str, Any]) -> float:
        return letters.length(node["text"], SIZE) / 2 + 3

    for which in ("pruned", "kept", "best"):  # the path to the best text is drawn over the others
        for k, level in enumerate(levels):
            for row, node in enumerate(level):
                if kind(node) == which:
                    x, y = at(k, row)
                    parent = levels[k - 1][node["parent"]] if k else None
                    start = at(k - 1, node["parent"]) if k else (EDGE - 4.0, at(0, 0)[1])
                    begin = start[0] + (half(parent) if parent else 4)
                    path = [(begin, start[1]), (begin + 6, start[1]), (x - half(node) - 6, y), (x - half(node), y)]
                    pen.line(path, fill=INKS[which], width=3 if which == "best" else 1, joint="curve")
    for k, level in enumerate(levels):
        for row, node in enumerate(level):
            x, y = at(k, row)
            letters.write(pen, (x, y), node["text"], INKS[kind(node)], SIZE, "mm")
            if kind(node) == "pruned":
                pen.line([x - half(node) + 2, y, x + half(node) - 2, y], fill=INKS["pruned"])
            if node["kept"] and node["ended"]:
                pen.ellipse([x + half(node) + 1, y - 4, x + half(node) + 9, y + 4], fill=INKS[kind(node)])
    y = EDGE + ROW * (rows + 1.0)
    for said, wrapped in lines:
        letters.write(pen, (EDGE, y), said, charts.SOFT, SIZE)
        for line in wrapped:
            letters.write(pen, (EDGE + indent, y), line, charts.INK, SIZE)
            y += ROW
    return image

"""A search as a picture to keep: the query, what was found, why the chosen one was, and near misses of the query."""

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from demos._ui import charts, letters

CELL, WHY, THUMB = 128, 192, 64  # sides of a result, of the chosen picture, of pictures among words
WIDTH = 5 * CELL + 4 * 12
FOR, AGAINST = np.array([234, 88, 12], np.float32), np.array([37, 99, 235], np.float32)


def opened(data: str, side: int) -> Image.Image:
    """A picture of the stage, JPEG in base64, as a square."""
    return Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB").resize((side, side))


def query(terms: Sequence[Sequence], pictures: dict[str, str]) -> Image.Image:
    """The weighted terms, one below the other. pictures: {the value of a term: JPEG in base64}."""
    rows = []
    for weight, kind, value in terms:
        sign = f"{'−' if weight < 0 else '+'}{abs(weight):.2f}"
        if kind == "text":
            rows.append(charts.sentence(f"{sign}  {value}", WIDTH))
        else:
            rows.append(charts.beside([charts.sentence(sign, 48), opened(pictures[value], THUMB)], 0))
    return charts.below(rows, 4)


def hits(found: Sequence[dict[str, Any]]) -> Image.Image:
    """The results, each with its similarity and whether it is true."""
    cells = []
    for hit in found:
        sign = {None: "", True: " ✓ true", False: " ✗ false"}[hit["true"]]
        ink = {None: charts.SOFT, True: charts.GOOD, False: charts.BAD}[hit["true"]]
        alike = f"\n+ {hit['alike']} alike" if hit["alike"] else ""
        cells.append(charts.labelled(opened(hit["image"], CELL), f"{hit['similarity']:.3f}{sign}{alike}", ink))
    return charts.grid(cells, 5)


def reason(found: dict[str, Any], image: str) -> Image.Image:
    """The chosen picture with its relevance over it, and beside it what each word contributes."""
    side = round(len(found["relevance"]) ** 0.5)
    relevance = np.array(found["relevance"], np.float32).reshape(side, side)
    most = max(float(np.abs(relevance).max()), 0.02)
    strength = Image.fromarray((255 * 0.8 * np.abs(relevance) / most).astype(np.uint8)).resize((WHY, WHY))
    inks = np.where(relevance[..., None] > 0, FOR, AGAINST).astype(np.uint8)
    colours = Image.fromarray(inks).resize((WHY, WHY))
    veiled = Image.blend(opened(image, WHY), Image.new("RGB", (WHY, WHY), "#808080"), 0.45)
    map_ = charts.labelled(
        Image.composite(colours, veiled, strength), "Hide a part: orange where the\nsimilarity falls", charts.SOFT
    )
    rows = [
        charts.sentence(
            f"Why the chosen one? Similarity to the whole query: {found['similarity']:.3f}.", WIDTH - WHY - 16
        )
    ]
    rows += [words(contributions, WIDTH - WHY - 16) for _, _, contributions in found["words"]]
    if found["words"]:
        said = "Leave a word out: how far does the similarity fall (orange), or rise (blue)?"
        rows.append(charts.sentence(said, WIDTH - WHY - 16, charts.SOFT))
    return charts.beside([map_, charts.below(rows)])


def words(contributions: Sequence[tuple[str, float]], width: int) -> Image.Image:
    """The words of a text with bars of what each contributes."""
    reach = max(0.05, *(abs(v) for _, v in contributions))
    placed, x, y = [], 0, 0
    for word, v in contributions:
        wide = max(44, int(letters.length(word, charts.SIZE)) + 12)
        if x and x + wide > width:
            x, y = 0, y + 92
        placed.append((x, y, wide, word, v))
        x += wide
    image = Image.new("RGB", (width, y + 88), "white")
    pen = ImageDraw.Draw(image)
    for x, y, wide, word, v in placed:
        centre, tall = x + wide / 2, 44 * abs(v) / reach + 1
        pen.rectangle((centre - 7, y + 46 - tall, centre + 7, y + 46), fill=charts.REAL if v < 0 else charts.MADE)
        letters.write(pen, (centre, y + 58), word, charts.INK, charts.SIZE, "mm")
        letters.write(pen, (centre, y + 76), f"{'−' if v < 0 else '+'}{abs(v):.2f}", charts.SOFT, 12, "mm")
    return image


def matrix(found: dict[str, Any], pictures: dict[str, str]) -> Image.Image:
    """Cosines of some results with captions; ✓ where a caption is true. pictures: {id: JPEG in base64}."""
    wide = (WIDTH - 56) // len(found["captions"])
    heads = [letters.wrapped(caption, 12, wide - 8) for caption in found["captions"]]
    top = 26 + 16 * max(map(len, heads))
    image = Image.new("RGB", (WIDTH, top + 50 * len(found["ids"])), "white")
    pen = ImageDraw.Draw(image)
    letters.write(pen, (0, 0), "These pictures against near misses of the query: cosines", charts.INK, charts.SIZE)
    cosines = np.array(found["cosines"])
    low, high = cosines.min(), cosines.max()
    for j, head in enumerate(heads):
        for k, line in enumerate(head):
            letters.write(pen, (56 + wide * j, 22 + 16 * k), line, charts.SOFT, 12)
    for i, id_ in enumerate(found["ids"]):
        y = top + 50 * i
        image.paste(opened(pictures[id_], 46), (0, y))
        for j, v in enumerate(cosines[i]):
            back = charts.viridis(1 - (v - low) / max(1e-6, high - low))
            pen.rectangle((56 + wide * j, y, 56 + wide * (j + 1) - 4, y + 46), fill=tuple(back.tolist()))
            light = float(((back / 255) ** 2.2) @ (0.2126, 0.7152, 0.0722))
            at = (56 + wide * (j + 0.5) - 2, y + 23)
            sign = " ✓" if found["true"][i][j] else ""
            letters.write(pen, at, f"{v:.2f}{sign}", "#000000" if light > 0.18 else "#ffffff", charts.SIZE, "mm")
    return image

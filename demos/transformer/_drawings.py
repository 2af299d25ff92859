"""Drawings in colour of the classes of CIFAR-10, as examples for Vision: a few shapes each, and no photograph."""

import functools
import random
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFilter
from torch import Tensor

SIDE, ZOOM = 32, 8  # pixels of a drawing, and how much larger it is drawn
Colour = tuple[int, int, int]


class Pen:
    """Draws in units of the side: x to the right and y down, in [0, 1]."""

    def __init__(self, sky: Colour, ground: Colour, horizon: float):
        size = SIDE * ZOOM
        rows = np.linspace(0, 1, size)[:, None, None]
        above = np.array(sky) * (0.8 + 0.25 * rows)
        below = np.array(ground) * (1.1 - 0.35 * rows)
        shaded = np.where(rows < horizon, above, below) + np.zeros((1, size, 1))
        self.image = Image.fromarray(shaded.clip(0, 255).astype(np.uint8))
        self.draw = ImageDraw.Draw(self.image)

    def polygon(self, colour: Colour, *points: tuple[float, float]) -> None:
        self.draw.polygon([(SIDE * ZOOM * x, SIDE * ZOOM * y) for x, y in points], fill=colour)

    def box(self, colour: Colour, left: float, top: float, right: float, bottom: float, round_: float = 0.0) -> None:
        size = SIDE * ZOOM
        self.draw.rounded_rectangle((size * left, size * top, size * right, size * bottom), size * round_, fill=colour)

    def oval(self, colour: Colour, x: float, y: float, wide: float, high: float) -> None:
        size = SIDE * ZOOM
        self.draw.ellipse((size * (x - wide), size * (y - high), size * (x + wide), size * (y + high)), fill=colour)

    def line(self, colour: Colour, width: float, *points: tuple[float, float]) -> None:
        size = SIDE * ZOOM
        self.draw.line([(size * x, size * y) for x, y in points], fill=colour, width=round(size * width), joint="curve")


def shade(colour: Colour, light: float) -> Colour:
    red, green, blue = (min(255, round(light * c)) for c in colour)
    return red, green, blue


SKY, SEA, GRASS, ROAD, EARTH = (135, 180, 225), (50, 95, 140), (95, 135, 60), (120, 120, 122), (150, 125, 95)
BLACK, WHITE, GLASS = (25, 25, 28), (240, 240, 240), (60, 75, 90)
PAINTS = ((190, 30, 35), (35, 75, 160), (230, 180, 30), (225, 225, 225), (40, 110, 70))
COATS = ((120, 75, 40), (70, 50, 40), (165, 110, 60), (95, 65, 45))


def airplane(d: random.Random) -> Pen:
    pen = Pen(SKY, SKY, 1)
    body = (205, 210, 218)
    pen.polygon(shade(body, 0.75), (0.5, 0.46), (0.62, 0.16), (0.69, 0.16), (0.64, 0.48))  # the far wing
    pen.polygon(d.choice(PAINTS[:2]), (0.1, 0.5), (0.08, 0.3), (0.15, 0.3), (0.26, 0.48))  # the tail
    pen.oval(body, 0.52, 0.52, 0.42, 0.075)
    pen.polygon(shade(body, 0.85), (0.42, 0.54), (0.3, 0.86), (0.38, 0.86), (0.62, 0.55))  # the near wing
    pen.polygon(shade(body, 0.8), (0.12, 0.53), (0.05, 0.64), (0.11, 0.64), (0.22, 0.54))
    pen.line(GLASS, 0.025, (0.3, 0.5), (0.78, 0.5))
    return pen


def automobile(d: random.Random) -> Pen:
    pen, paint = Pen((190, 200, 205), ROAD, 0.52), d.choice(PAINTS)
    pen.oval(shade(ROAD, 0.5), 0.5, 0.79, 0.45, 0.05)
    pen.polygon(shade(paint, 0.9), (0.22, 0.5), (0.34, 0.3), (0.66, 0.3), (0.82, 0.5))
    pen.polygon(GLASS, (0.28, 0.49), (0.37, 0.34), (0.49, 0.34), (0.49, 0.49))
    pen.polygon(GLASS, (0.52, 0.49), (0.52, 0.34), (0.64, 0.34), (0.75, 0.49))
    pen.box(paint, 0.06, 0.48, 0.95, 0.72, 0.07)
    pen.box(shade(paint, 0.7), 0.06, 0.64, 0.95, 0.72, 0.03)
    for x in (0.26, 0.75):
        pen.oval(BLACK, x, 0.72, 0.11, 0.11)
        pen.oval((170, 170, 175), x, 0.72, 0.055, 0.055)
    pen.oval((250, 240, 190), 0.91, 0.55, 0.03, 0.03)
    return pen


def bird(d: random.Random) -> Pen:
    pen, coat = Pen((170, 190, 150), GRASS, 0.75), d.choice(((90, 85, 80), (150, 90, 50), (60, 90, 140)))
    pen.line((90, 65, 45), 0.05, (0, 0.82), (1, 0.76))  # a branch
    pen.polygon(shade(coat, 0.7), (0.28, 0.56), (0.02, 0.74), (0.06, 0.8), (0.36, 0.66))
    pen.oval(coat, 0.47, 0.55, 0.24, 0.18)
    pen.oval((215, 195, 165), 0.53, 0.63, 0.16, 0.1)
    pen.oval(shade(coat, 0.75), 0.4, 0.55, 0.17, 0.1)
    pen.oval(coat, 0.68, 0.34, 0.13, 0.12)
    pen.polygon((215, 150, 40), (0.79, 0.31), (0.95, 0.36), (0.79, 0.4))
    pen.oval(BLACK, 0.72, 0.32, 0.025, 0.025)
    for x in (0.46, 0.56):
        pen.line((120, 90, 50), 0.02, (x, 0.7), (x, 0.8))
    return pen


def cat(d: random.Random) -> Pen:
    pen, coat = Pen((175, 150, 130), (150, 120, 100), 0.7), d.choice(((150, 145, 140), (190, 125, 60), (80, 75, 72)))
    pen.oval(shade(coat, 0.9), 0.5, 0.95, 0.34, 0.3)
    for side in (-1, 1):
        pen.polygon(coat, (0.5 + 0.09 * side, 0.26), (0.5 + 0.3 * side, 0.05), (0.5 + 0.31 * side, 0.42))
        pen.polygon((205, 150, 140), (0.5 + 0.16 * side, 0.26), (0.5 + 0.26 * side, 0.14), (0.5 + 0.27 * side, 0.34))
    pen.oval(coat, 0.5, 0.46, 0.32, 0.27)
    pen.oval((235, 228, 220), 0.5, 0.6, 0.15, 0.11)
    for side in (-1, 1):
        pen.oval((175, 190, 90), 0.5 + 0.14 * side, 0.43, 0.06, 0.05)
        pen.oval(BLACK, 0.5 + 0.14 * side, 0.43, 0.022, 0.048)
        for k in (-1, 1):
            pen.line(WHITE, 0.008, (0.5 + 0.08 * side, 0.6), (0.5 + 0.38 * side, 0.6 + 0.06 * k))
    pen.polygon((200, 110, 110), (0.46, 0.55), (0.54, 0.55), (0.5, 0.6))
    return pen


def four_legs(pen: Pen, coat: Colour, legs: float, thick: float) -> None:
    """A body seen from the side, its head to the right."""
    for x, light in ((0.28, 0.7), (0.38, 0.9), (0.58, 0.7), (0.66, 0.9)):
        pen.line(shade(coat, light), thick, (x, 0.6), (x - 0.01, legs))
    pen.oval(coat, 0.46, 0.54, 0.26, 0.13)


def deer(d: random.Random) -> Pen:
    pen, coat = Pen((120, 140, 85), (110, 125, 60), 0.6), (150, 105, 65)
    four_legs(pen, coat, 0.92, 0.04)
    pen.polygon(coat, (0.6, 0.5), (0.7, 0.26), (0.8, 0.28), (0.72, 0.58))
    pen.oval(coat, 0.8, 0.27, 0.1, 0.06)
    for tip in ((0.62, 0.04), (0.78, 0.03), (0.9, 0.06)):
        pen.line((95, 75, 55), 0.025, (0.75, 0.22), ((0.75 + tip[0]) / 2 - 0.02, 0.14), tip)
    pen.oval(WHITE, 0.21, 0.5, 0.03, 0.05)
    pen.oval(BLACK, 0.89, 0.28, 0.018, 0.018)
    return pen


def dog(d: random.Random) -> Pen:
    pen, coat = Pen((165, 175, 160), GRASS, 0.62), d.choice(((205, 165, 110), (120, 80, 50), (60, 50, 48)))
    pen.oval(coat, 0.5, 0.92, 0.3, 0.28)
    pen.oval(coat, 0.5, 0.4, 0.24, 0.26)
    for side in (-1, 1):
        pen.oval(shade(coat, 0.65), 0.5 + 0.25 * side, 0.43, 0.075, 0.2)
    pen.oval(shade(coat, 1.2), 0.5, 0.54, 0.13, 0.12)
    pen.oval(BLACK, 0.5, 0.49, 0.055, 0.04)
    for side in (-1, 1):
        pen.oval(BLACK, 0.5 + 0.1 * side, 0.34, 0.032, 0.035)
    pen.oval((215, 110, 115), 0.5, 0.65, 0.045, 0.06)
    return pen


def frog(d: random.Random) -> Pen:
    pen, skin = Pen((120, 105, 75), EARTH, 0.3), d.choice(((85, 150, 55), (105, 130, 60), (70, 130, 80)))
    for side in (-1, 1):
        pen.oval(shade(skin, 0.75), 0.5 + 0.32 * side, 0.72, 0.13, 0.16)
        pen.line(shade(skin, 0.7), 0.07, (0.5 + 0.2 * side, 0.75), (0.5 + 0.27 * side, 0.92))
    pen.oval(skin, 0.5, 0.62, 0.33, 0.25)
    pen.oval(shade(skin, 1.25), 0.5, 0.74, 0.22, 0.13)
    for side in (-1, 1):
        pen.oval(skin, 0.5 + 0.18 * side, 0.36, 0.1, 0.1)
        pen.oval((230, 200, 80), 0.5 + 0.18 * side, 0.35, 0.065, 0.065)
        pen.oval(BLACK, 0.5 + 0.18 * side, 0.35, 0.04, 0.03)
    pen.line(shade(skin, 0.5), 0.018, (0.28, 0.56), (0.5, 0.61), (0.72, 0.56))
    return pen


def horse(d: random.Random) -> Pen:
    pen, coat = Pen((175, 195, 205), GRASS, 0.55), d.choice(COATS)
    pen.line(shade(coat, 0.4), 0.05, (0.22, 0.48), (0.13, 0.56), (0.12, 0.76))  # the tail
    four_legs(pen, coat, 0.93, 0.055)
    pen.polygon(coat, (0.56, 0.5), (0.7, 0.17), (0.82, 0.22), (0.72, 0.6))
    pen.polygon(coat, (0.7, 0.17), (0.76, 0.12), (0.94, 0.34), (0.88, 0.4), (0.74, 0.32))
    pen.line(shade(coat, 0.4), 0.06, (0.72, 0.14), (0.62, 0.3), (0.54, 0.44))  # the mane
    pen.polygon(coat, (0.7, 0.18), (0.71, 0.08), (0.76, 0.15))
    pen.oval(BLACK, 0.8, 0.22, 0.015, 0.015)
    return pen


def ship(d: random.Random) -> Pen:
    pen, paint = Pen(SKY, SEA, 0.6), d.choice((PAINTS[0], PAINTS[1], BLACK))
    pen.box(WHITE, 0.24, 0.42, 0.68, 0.56)
    pen.box(WHITE, 0.32, 0.3, 0.56, 0.44)
    for x in (0.29, 0.37, 0.45, 0.53, 0.61):
        pen.box(GLASS, x, 0.47, x + 0.04, 0.51)
    pen.box(d.choice(PAINTS[:3]), 0.4, 0.14, 0.5, 0.3)
    pen.line((90, 90, 95), 0.015, (0.76, 0.16), (0.76, 0.56))
    pen.polygon(paint, (0.06, 0.54), (0.95, 0.52), (0.84, 0.74), (0.16, 0.74))
    pen.polygon((140, 40, 40), (0.14, 0.7), (0.86, 0.7), (0.84, 0.75), (0.17, 0.75))
    pen.box(shade(SEA, 1.15), 0, 0.74, 1, 0.77)
    return pen


def truck(d: random.Random) -> Pen:
    pen, paint = Pen((185, 200, 215), ROAD, 0.6), d.choice(PAINTS)
    pen.oval(shade(ROAD, 0.5), 0.5, 0.85, 0.47, 0.05)
    pen.box((228, 228, 224), 0.03, 0.16, 0.64, 0.7)
    pen.box((190, 190, 188), 0.03, 0.62, 0.64, 0.7)
    pen.box(paint, 0.66, 0.32, 0.96, 0.76, 0.04)
    pen.polygon(GLASS, (0.74, 0.37), (0.9, 0.37), (0.94, 0.52), (0.74, 0.52))
    pen.box(BLACK, 0.05, 0.7, 0.96, 0.77)
    for x in (0.17, 0.4, 0.8):
        pen.oval(BLACK, x, 0.79, 0.1, 0.1)
        pen.oval((165, 165, 170), x, 0.79, 0.045, 0.045)
    return pen


DRAWN = (airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck)  # by label


def sea(d: random.Random) -> Pen:
    """Where a ship would be."""
    return Pen(SKY, SEA, 0.6)


@functools.lru_cache(maxsize=64)
def drawing(draws: Callable[[random.Random], Pen], seed: int) -> Tensor:
    """[1, 3, 32, 32] in [0, 1]; colours, side and grain by the seed."""
    d = random.Random(seed)
    image = draws(d).image
    if d.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    image = image.filter(ImageFilter.GaussianBlur(ZOOM / 3)).resize((SIDE, SIDE), Image.Resampling.BOX)
    x = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 255
    grain = torch.randn(x.shape, generator=torch.Generator().manual_seed(seed))
    return (x + 0.02 * grain).clamp(0, 1)

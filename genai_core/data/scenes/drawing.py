"""From descriptions to pictures: every thing is a signed distance, with smooth edges at any position and angle."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from genai_core.data.scenes.world import FILLS, SHAPES, Scene

SIZE = 64  # pixels of a side
PAINT = {
    "red": (226, 55, 56),
    "orange": (246, 140, 31),
    "yellow": (250, 208, 44),
    "green": (58, 168, 82),
    "teal": (22, 178, 182),
    "blue": (52, 104, 230),
    "purple": (139, 76, 205),
    "pink": (248, 128, 186),
}
GROUND = {
    "white": (250, 250, 251),
    "cream": (250, 238, 212),
    "mint": (216, 241, 227),
    "charcoal": (64, 68, 77),
    "navy": (27, 37, 79),
    "black": (17, 17, 21),
}
CHUNK = 64  # scenes drawn at a time: more would not fit into the processor's cache
_PALE = 0.82  # how white the stripes and dots are
_SHADOW = 0.32


def render(scenes: Sequence[Scene]) -> Tensor:
    """Pictures of scenes: [N, 3, 64, 64] float32 in [0, 1]."""
    if not scenes:
        return torch.zeros(0, 3, SIZE, SIZE)
    return torch.cat([_render(scenes[first : first + CHUNK]) for first in range(0, len(scenes), CHUNK)])


def _render(scenes: Sequence[Scene]) -> Tensor:
    n = len(scenes)
    things = [(i, thing) for i, scene in enumerate(scenes) for thing in scene.things]
    owner = torch.tensor([i for i, _ in things])
    shape = torch.tensor([SHAPES.index(thing.kind.shape) for _, thing in things])
    fill = torch.tensor([FILLS.index(thing.kind.fill) for _, thing in things])[:, None, None]
    paint = torch.tensor([PAINT[thing.kind.colour] for _, thing in things]) / 255  # [T, 3]
    numbers = [(SIZE * t.x, SIZE * t.y, SIZE * t.radius, math.radians(t.angle), t.tint) for _, t in things]
    x, y, radius, angle, tint = torch.tensor(numbers)[:, :, None, None].unbind(1)  # each [T, 1, 1]

    axis = torch.arange(SIZE) + 0.5
    right, down = axis - x, axis[:, None] - y  # [T, 1, 64], [T, 64, 1] in pixels
    u = (
        angle.cos() * right + angle.sin() * down
    ) / radius  # [T, 64, 64]: in the axes of the thing, in units of its radius
    v = (angle.cos() * down - angle.sin() * right) / radius
    distance = torch.empty_like(u)
    for i, of in enumerate(DISTANCES.values()):
        which = (shape == i).nonzero()[:, 0]
        if len(which):
            distance[which] = of(u[which], v[which])
    distance = distance * radius  # in pixels, negative inside

    inside = (0.5 - distance).clamp(0, 1)
    rim, period = 0.75 + 0.09 * radius, 3.2 + 0.25 * radius  # width of the edge that is never patterned, of a pattern
    edge = (distance + rim + 0.5).clamp(0, 1)
    alpha = torch.where(fill == FILLS.index("outlined"), inside * edge, inside)
    stripes = (0.5 + 1.6 * (2 * math.pi * (right + down) / period).sin()).clamp(0, 1)
    dots = (1.65 - torch.hypot(_fold(right + down, period), _fold(right - down, period)) / 2**0.5).clamp(0, 1)
    pattern = torch.where(fill == FILLS.index("striped"), stripes, dots)
    pale = _PALE * pattern * (1 - edge) * (fill >= FILLS.index("striped"))  # [T, 64, 64]
    light = 1 + 0.06 * tint - 0.09 * (u + v).clamp(-1.4, 1.4)  # from the top left

    colour = (paint[:, :, None, None] * light[:, None]).clamp(0, 1)  # [T, 3, 64, 64]
    colour = alpha[:, None] * torch.lerp(colour, torch.ones(()), pale[:, None])
    covered = torch.zeros(n, SIZE, SIZE).index_add_(0, owner, alpha)[:, None].clamp(max=1)  # they never overlap
    painted = torch.zeros(n, 3, SIZE, SIZE).index_add_(0, owner, colour)
    shadow = F.avg_pool2d(F.pad(covered, (4, 1, 4, 1), mode="replicate"), 6, stride=1)  # blurred, down and to the right
    return (_ground(scenes) * (1 - _SHADOW * shadow) * (1 - covered) + painted).clamp(0, 1)


def _fold(x: Tensor, period: Tensor | float) -> Tensor:
    """x relative to the nearest multiple of the period, in [-period / 2, period / 2]."""
    return x - period * (x / period).round()


def _ground(scenes: Sequence[Scene]) -> Tensor:
    """The backgrounds, a little lighter at the top: [N, 3, 64, 64]."""
    base = torch.tensor([GROUND[scene.background] for scene in scenes]) / 255
    tint = torch.tensor([scene.tint for scene in scenes])[:, None, None]
    slope = torch.linspace(0.035, -0.035, SIZE)[:, None].expand(SIZE, SIZE)
    return (base[:, :, None, None] + (slope + 0.015 * tint)[:, None]).clamp(0, 1)


def _box(u: Tensor, v: Tensor, width: float, height: float) -> Tensor:
    """Signed distance to a rectangle with these half sides."""
    a, b = u.abs() - width, v.abs() - height
    return torch.hypot(a.clamp(min=0), b.clamp(min=0)) + torch.maximum(a, b).clamp(max=0)


def _star(u: Tensor, v: Tensor) -> Tensor:
    """Five points at distance 1.06, with notches at 0.5: a tenth of the circle, mirrored and repeated."""
    tenth = math.pi / 5
    turn = _fold(torch.atan2(u, -v), 2 * tenth).abs()
    r = torch.hypot(u, v)
    tip, notch = torch.tensor([1.06, 0.0]), 0.5 * torch.tensor([math.cos(tenth), math.sin(tenth)])
    along = (notch - tip) / (notch - tip).norm()
    return (r * turn.cos() - tip[0]) * along[1] - r * turn.sin() * along[0]


def _heart(u: Tensor, v: Tensor) -> Tensor:
    """Two discs blending into a right angle that points down (Quilez 2019, "2D distance functions")."""
    x, y = 0.62 * u.abs(), 0.6 - 0.62 * v  # the point is the origin, y upwards
    lobe = torch.hypot(x - 0.25, y - 0.75) - 2**0.5 / 4
    along = 0.5 * (x + y).clamp(min=0)
    below = torch.minimum(torch.hypot(x, y - 1), torch.hypot(x - along, y - along)) * (x - y).sign()
    return torch.where(x + y > 1, lobe, below) / 0.62


# shape -> (u, v) [T, 64, 64], in radii, v downwards -> signed distance to its edge in radii, negative inside
DISTANCES = {
    "circle": lambda u, v: torch.hypot(u, v) - 0.92,
    "square": lambda u, v: _box(u, v, 0.7, 0.7) - 0.1,
    "triangle": lambda u, v: torch.maximum(v - 0.66, 0.866 * u.abs() - 0.5 * v - 0.46),
    "star": _star,
    "cross": lambda u, v: torch.minimum(_box(u, v, 0.26, 0.86), _box(u, v, 0.86, 0.26)) - 0.06,
    "ring": lambda u, v: (torch.hypot(u, v) - 0.68).abs() - 0.27,
    "heart": _heart,
    "diamond": lambda u, v: (u.abs() / 0.68 + v.abs() / 1.02 - 1) * 0.566,
}

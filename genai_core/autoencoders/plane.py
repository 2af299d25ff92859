"""A denoising autoencoder of points in the plane, where it can be held against the truth (Alain & Bengio 2014).

The data is a mixture of Gaussians, so that the score of the data with noise is known in closed form. The arrows
r(x) - x of an autoencoder trained with noise of width sigma should be sigma^2 times it, everywhere.
"""

import itertools

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor, nn

from genai_core.common import checks
from genai_core.common.training import EMA, cosine, set_lr
from genai_core.data.plane import Distribution

HIDDEN = 96
FEATURES = 24  # random Fourier features of a point: a plain network is slow to learn fine structure (Tancik 2020)
BATCH = 512
LR = 3e-3


class PlaneDAE(nn.Module):
    """Points [N, 2] -> r(x), cleaned points [N, 2]. The network gives the step r(x) - x in units of sigma."""

    directions: Tensor

    def __init__(self, sigma: float, generator: torch.Generator):
        super().__init__()
        self.sigma = sigma
        self.register_buffer("directions", 3 * torch.randn((2, FEATURES), generator=generator))
        layers: list[nn.Module] = []
        widths = (2 + 2 * FEATURES, HIDDEN, HIDDEN, 2)
        for a, b in itertools.pairwise(widths):
            layer = nn.Linear(a, b)
            nn.init.kaiming_normal_(layer.weight, generator=generator)
            nn.init.zeros_(layer.bias)
            layers += [layer, nn.SiLU()]
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, x: Tensor) -> Tensor:
        phase = x @ self.directions
        return x + self.sigma * self.layers(torch.cat([x, phase.sin(), phase.cos()], 1))


def train(data: Distribution, sigma: float, *, steps: int = 600, seed: int = 0) -> PlaneDAE:
    """A denoising autoencoder for noise of width sigma, trained on new points at every step; its EMA.

    Raises: ValueError for a sigma that is not above 0, or steps below 1.
    """
    checks.above("sigma", sigma)
    checks.count("The number of steps", steps)
    generator = torch.Generator().manual_seed(seed)
    model = PlaneDAE(sigma, generator)
    ema = EMA(model, 0.99)
    optimizer = torch.optim.Adam(model.parameters(), lr=LR, betas=(0.9, 0.99), fused=True)
    for step in range(steps):
        x = data.draw(BATCH, generator)
        noisy = x + sigma * torch.randn(x.shape, generator=generator)
        error = (model(noisy) - x).square().sum(1).mean() / sigma**2
        set_lr(optimizer, LR * cosine(step, steps, warmup=20))
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
        ema.update(model)
    return ema.model


@torch.inference_mode()
def arrows(model: PlaneDAE, data: Distribution, side: int, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """r(x) - x of the model, and sigma^2 times the exact score, on a grid from -reach to reach.

    Each is float32 [side, side, 2], row 0 at y = -reach, column 0 left.
    """
    line = torch.linspace(-reach, reach, side)
    x = torch.cartesian_prod(line, line).flip(1)  # [side^2, 2], x running fastest
    learned, exact = model(x) - x, model.sigma**2 * data.score(x, model.sigma)
    return learned.view(side, side, 2).numpy(), exact.view(side, side, 2).numpy()


@torch.inference_mode()
def error(model: PlaneDAE, data: Distribution, n: int = 2000) -> float:
    """How far r(x) - x is from sigma^2 times the score, over n noisy points: sqrt(E |difference|^2 / E |exact|^2)."""
    generator = torch.Generator().manual_seed(1)
    x = data.draw(n, generator)
    x = x + model.sigma * torch.randn(x.shape, generator=generator)
    exact = model.sigma**2 * data.score(x, model.sigma)
    return float(((model(x) - x - exact).square().sum() / exact.square().sum()).sqrt())


@torch.inference_mode()
def walk(model: PlaneDAE, times: int, reach: float, n: int = 150) -> np.ndarray:
    """n points drawn evenly from the square, and where r takes them, applied again and again: [times + 1, n, 2]."""
    points = [reach * (2 * torch.rand((n, 2), generator=torch.Generator().manual_seed(0)) - 1)]
    for _ in range(times):
        points.append(model(points[-1]))
    return torch.stack(points).numpy()


def cut(field: np.ndarray, longest: float) -> np.ndarray:
    """Arrows [..., 2], those longer than `longest` cut to it."""
    return field * np.minimum(1, longest / np.linalg.norm(field, axis=-1, keepdims=True).clip(min=1e-9))


def picture(model: PlaneDAE, data: Distribution, side: int, reach: float, times: int, pixels: int = 640) -> Image.Image:
    """Both fields of `arrows`, cut to a cell of their grid, over the data in blue: exact in grey, learned in orange.

    Where r was applied `times` times, the points of `walk` are dark.
    """
    image = Image.new("RGB", (pixels, pixels), "white")
    draw = ImageDraw.Draw(image)

    def at(x: np.ndarray) -> np.ndarray:
        return (x * [1, -1] / reach + 1) / 2 * (pixels - 40) + 20

    def dots(points: np.ndarray, radius: float, ink: str) -> None:
        for x, y in at(points):
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=ink)

    dots(data.draw(600, torch.Generator().manual_seed(0)).numpy(), 2, "#93b4f5")
    line = np.linspace(-reach, reach, side)
    for field, ink, width in zip(arrows(model, data, side, reach)[::-1], ("#94a3b8", "#ea580c"), (5, 2), strict=True):
        ends = cut(field, 2 * reach / (side - 1))
        for row, column in np.ndindex(side, side):
            start = np.array([line[column], line[row]])
            begin, end = at(start), at(start + ends[row, column])
            draw.line((*begin, *end), fill=ink, width=width)
            draw.ellipse((*(end - width), *(end + width)), fill=ink)  # instead of a head
    if times:
        dots(walk(model, times, reach)[-1], 4, "#0f172a")
    return image

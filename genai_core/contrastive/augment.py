"""The augmentations of SimCLR (Chen 2020, appendix A), on batches, with explicit parameters for each picture.

`draw` draws the parameters of a batch, and `apply` makes the views; both can be done by hand. Two things differ from
the paper, so that a batch costs a few operations: hue is turned in YIQ, not in HSV, so that brightness, contrast,
saturation and hue together are one affine map of a pixel's colour; and they come in this order, clipped at the end,
where the paper shuffles them and clips after each.
"""

import math
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor

from genai_core.common import checks

RATIO = 4 / 3  # of a crop's sides, at most
BLUR = (0.1, 2.0)  # sigma of a blur, for pictures of 32 pixels
YIQ = torch.tensor([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
LUMA = YIQ[0]


@dataclass(frozen=True)
class Augmentation:
    """Which augmentations there are, and how strong. Blur is off, as in the paper for CIFAR-10 [appendix B.9]."""

    crop: bool = True
    scale: float = 0.08  # of a crop: its share of the area, at least
    flip: bool = True  # half of the time
    jitter: bool = True  # of brightness, contrast, saturation and hue, 80 % of the time
    strength: float = 0.5  # of the jitter; 1 for ImageNet
    grey: bool = True  # 20 % of the time
    blur: bool = False  # half of the time


@dataclass(frozen=True, eq=False)
class Parameters:
    """Of N pictures, each value [N] but for the box.

    box: [N, 4], left, top, width and height of the crop, as shares of the sides. flip and grey: bool. brightness,
    contrast, saturation: factors, 1 changes nothing. hue: in turns. sigma: of the blur, in pixels; 0: none.
    """

    box: Tensor
    flip: Tensor
    brightness: Tensor
    contrast: Tensor
    saturation: Tensor
    hue: Tensor
    grey: Tensor
    sigma: Tensor

    def __len__(self) -> int:
        return len(self.box)

    def __getitem__(self, rows: slice | Tensor) -> "Parameters":
        return Parameters(*(getattr(self, field.name)[rows] for field in fields(self)))


def identity(n: int) -> Parameters:
    """Parameters that change nothing."""
    one, zero, no = torch.ones(n), torch.zeros(n), torch.zeros(n, dtype=torch.bool)
    return Parameters(torch.tensor([0.0, 0, 1, 1]).repeat(n, 1), no, one, one, one, zero, no, zero)


def check(augmentation: Augmentation) -> None:
    """Raises: ValueError for a scale outside (0, 1], or a strength outside [0, 1]."""
    checks.above("The scale", augmentation.scale)
    checks.number("The scale", augmentation.scale, 0, 1)
    checks.number("The strength", augmentation.strength, 0, 1)


def draw(augmentation: Augmentation, n: int, generator: torch.Generator) -> Parameters:
    """Parameters of n pictures. As many random numbers are drawn whatever is on. Raises: ValueError as `check`."""
    check(augmentation)
    u = torch.rand(13, n, generator=generator)
    none = identity(n)
    jittered = (u[0] < 0.8) & augmentation.jitter
    strong, turn = 0.8 * augmentation.strength, 0.2 * augmentation.strength
    brightness, contrast, saturation = (torch.where(jittered, 1 + strong * (2 * v - 1), 1) for v in u[1:4])
    return Parameters(
        _boxes(augmentation.scale, u[5:9]) if augmentation.crop else none.box,
        (u[9] < 0.5) & augmentation.flip,
        brightness,
        contrast,
        saturation,
        torch.where(jittered, turn * (2 * u[4] - 1), 0),
        (u[10] < 0.2) & augmentation.grey,
        torch.where((u[11] < 0.5) & augmentation.blur, BLUR[0] + (BLUR[1] - BLUR[0]) * u[12], 0),
    )


def _boxes(scale: float, u: Tensor) -> Tensor:
    """Boxes [N, 4] of a uniform area from `scale` to 1, and a ratio that is uniform in its logarithm and fits."""
    area = scale + (1 - scale) * u[0]
    most = (-area.log()).clamp(max=math.log(RATIO))  # a wider one would not fit into the picture
    ratio = (most * (2 * u[1] - 1)).exp()
    width, height = (area * ratio).sqrt().clamp(max=1), (area / ratio).sqrt().clamp(max=1)
    return torch.stack([(1 - width) * u[2], (1 - height) * u[3], width, height], 1)


def crop(x: Tensor, box: Tensor, flip: Tensor) -> Tensor:
    """The box of each picture [N, C, H, W], enlarged to H x W, and mirrored where `flip` says so."""
    left, top, width, height = box.to(x).unbind(1)
    zero, mirrored = torch.zeros_like(width), torch.where(flip.to(x.device), -width, width)
    across = torch.stack([mirrored, zero, 2 * left + width - 1], 1)
    down = torch.stack([zero, height, 2 * top + height - 1], 1)
    grid = F.affine_grid(torch.stack([across, down], 1), list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)


def colour(x: Tensor, brightness: Tensor, contrast: Tensor, saturation: Tensor, hue: Tensor, grey: Tensor) -> Tensor:
    """Pictures [N, 1 or 3, H, W] with other colours, clipped to [0, 1]; one channel has no saturation and no hue.

    Contrast is the distance to the picture's mean grey, saturation that to a pixel's own grey.
    """
    n, c, *_ = x.shape
    brightness, contrast, hue = (value.to(x)[:, None, None] for value in (brightness, contrast, hue))
    saturation = saturation.to(x).where(~grey.to(x.device), 0)[:, None, None]
    luma = LUMA.to(x) if c == 3 else torch.ones(1).to(x)
    middle = (x.mean((2, 3)) @ luma)[:, None, None]  # [N, 1, 1]
    mixed = torch.eye(c).to(x).expand(n, c, c)
    if c == 3:
        mixed = _turned(2 * math.pi * hue) @ (saturation * mixed + (1 - saturation) * luma.expand(3, 3))
    shift = ((1 - contrast) * brightness * middle).expand(n, c, 1)  # turning and greying leave a grey as it is
    return torch.baddbmm(shift, contrast * brightness * mixed, x.flatten(2)).clamp(0, 1).view_as(x)


def _turned(angle: Tensor) -> Tensor:
    """Angles [N, 1, 1] -> the maps of colours that turn their hue, [N, 3, 3]."""
    yiq, cos, sin = YIQ.to(angle), angle.cos(), angle.sin()
    zero, one = torch.zeros_like(cos), torch.ones_like(cos)
    rows = [torch.cat(row, 2) for row in ((one, zero, zero), (zero, cos, -sin), (zero, sin, cos))]
    return torch.linalg.inv(yiq) @ torch.cat(rows, 1) @ yiq


def blur(x: Tensor, sigma: Tensor) -> Tensor:
    """Pictures blurred by Gaussians of their sigma, in pixels; 0 leaves one as it is."""
    if not sigma.any():
        return x
    down, across = (_gaussian(sigma.to(x), side)[:, None] for side in x.shape[2:])
    return down @ x @ across.mT


def _gaussian(sigma: Tensor, side: int) -> Tensor:
    """[N, side, side]: how much of each pixel of a row is in each; weights beyond the edge are shared out."""
    at = torch.arange(side, device=sigma.device)
    weights = (-(at - at[:, None]).square() / (2 * sigma.clamp(min=1e-3).square()[:, None, None])).exp()
    return weights / weights.sum(2, keepdim=True)


def apply(x: Tensor, parameters: Parameters) -> Tensor:
    """Views of pictures [N, 1 or 3, H, W] in [0, 1]. Raises: ValueError for another shape or number of parameters."""
    checks.shape("Pictures", x, len(parameters), 3 if x.ndim == 4 and x.shape[1] == 3 else 1, None, None)
    p = parameters
    x = crop(x, p.box, p.flip)
    return blur(colour(x, p.brightness, p.contrast, p.saturation, p.hue, p.grey), p.sigma)


def views(x: Tensor, augmentation: Augmentation, generator: torch.Generator) -> Tensor:
    """Two views of each picture, [2 N, C, H, W]: all first ones, then all second ones. Raises: ValueError."""
    return apply(x.repeat(2, 1, 1, 1), draw(augmentation, 2 * len(x), generator))

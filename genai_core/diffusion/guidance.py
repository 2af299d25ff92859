"""A network as a denoiser: its label, guidance, clipping, and mixed precision.

Classifier-free guidance (Ho & Salimans 2022, eq. 6) extrapolates from the prediction without the label through the one
with the label; our `guidance` is the paper's w + 1, so that 1 is the plain conditional model:

    v = v_none + guidance (v_label - v_none)
"""

import torch
from torch import Tensor

from genai_core.common import checks
from genai_core.diffusion.parallel import by_parts
from genai_core.diffusion.samplers import Denoiser, Prediction, from_v, from_x0
from genai_core.diffusion.schedules import factors


def denoiser(model, labels: Tensor, *, grid: Tensor, guidance: float = 1.0, clip: bool = True) -> Denoiser:
    """The denoiser that `samplers` call, for a `UNet` and one label [N] per picture (`classes`: none).

    grid: the sampler's, which tells a few-step student where each step ends. clip: clip the predicted picture to
    [-1, 1], and use the noise that corresponds to it (Saharia 2022, section 2.3, "static thresholding").
    Raises: ValueError for unknown labels, or a guidance that is not a number.
    """
    checks.number("The guidance", guidance)
    checks.labels(labels, len(labels), model.config.classes + 1)
    device = next(model.parameters()).device
    labels = labels.to(device)
    none = torch.full_like(labels, model.config.classes)

    def denoise(x: Tensor, t: Tensor) -> Prediction:
        alpha, _ = factors(torch.as_tensor(t, dtype=torch.float64))
        norm = None
        if guidance == 1:
            v = _velocity(model, x, t, labels, grid)
        else:
            with_label, without = _velocity(model, torch.cat([x, x]), t, torch.cat([labels, none]), grid).chunk(2)
            v = without + guidance * (with_label - without)
            norm = float(alpha) * (with_label - without).flatten(1).norm(dim=1)  # of the noises, which are alpha v + ..
        p = from_v(x, t, v)
        if clip:
            p = from_x0(x, t, p.x0.clamp(-1, 1))
        return Prediction(p.noise, p.x0, norm)

    return denoise


def _velocity(model, x: Tensor, t: Tensor, labels: Tensor, grid: Tensor) -> Tensor:
    levels = torch.full((len(x),), float(t), device=x.device)
    if not model.jumps:
        return by_parts(model, x, levels, labels)
    below = grid[grid < t - 1e-9]
    return by_parts(model, x, levels, labels, torch.full_like(levels, float(below[0])))

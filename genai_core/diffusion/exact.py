"""The exact denoiser of a mixture of Gaussians: the optimum that a network can learn, in closed form."""

import torch
from torch import Tensor

from genai_core.common import checks
from genai_core.diffusion.samplers import Denoiser, Prediction, from_x0
from genai_core.diffusion.schedules import factors


def mixture(centres: Tensor, sigma: float) -> Denoiser:
    """The denoiser of equally weighted Gaussians N(c, sigma^2 I) at centres c [K, D], for x [N, D].

    At level t the mixture is one of Gaussians at alpha c_k with variance alpha^2 sigma^2 + sigma_t^2, and the best
    guess of x_0 is its mean given x (Efron 2011, Tweedie's formula): those of the centres, weighted by p(k | x).
    Raises: ValueError for no centres, or a sigma that is not above 0.
    """
    checks.shape("Centres", centres, None, None)
    checks.count("The number of centres", len(centres))
    checks.above("sigma", sigma)

    def denoise(x: Tensor, t: Tensor) -> Prediction:
        alpha, noise = (float(f) for f in factors(torch.as_tensor(t, dtype=torch.float64)))
        at = centres.to(x)
        variance = (alpha * sigma) ** 2 + noise**2
        # differences of squares would lose precision near t = 0
        weights = -torch.cdist(x, alpha * at, compute_mode="donot_use_mm_for_euclid_dist").square() / (2 * variance)
        mean = weights.softmax(1) @ at  # [N, D], E[c_k | x]
        return from_x0(x, t, mean + alpha * sigma**2 / variance * (x - alpha * mean))

    return denoise

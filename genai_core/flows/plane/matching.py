"""Flow matching with straight paths in the plane (Lipman 2022, eq. 23; Liu 2022, "Flow straight and fast", eq. 1)."""

import itertools
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from genai_core.common import checks
from genai_core.data.plane import Distribution
from genai_core.flows.plane.continuous import Continuous

SOLVERS = ("euler", "heun")


class FlowMatching(Continuous):
    """A velocity trained to be that of points on straight lines from noise to data, averaged where these cross."""

    def loss(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Mean squared error of the velocity at x_t = (1 - t) z + t x, whose line has the velocity x - z."""
        z = torch.randn(x.shape, generator=generator)
        t = torch.rand(len(x), generator=generator)
        x_t = (1 - t[:, None]) * z + t[:, None] * x  # [N, 2]
        return F.mse_loss(self.velocity(t, x_t), x - z)


def exact_velocity(data: Distribution) -> Callable[[Tensor, Tensor], Tensor]:
    """The velocity that minimises the loss, E[x - z | x_t], of a mixture of Gaussians: (t, [N, 2]) -> [N, 2].

    Of the mixture's k-th Gaussian, x_t is N(t c_k, s^2 I) with s^2 = (1 - t)^2 + t^2 sigma^2, and the mean of x - z
    given x_t is c_k + (t sigma^2 - (1 - t)) (x_t - t c_k) / s^2.
    """

    def velocity(t: Tensor, x: Tensor) -> Tensor:
        t = t.expand(len(x))[:, None, None]  # one time for all points, or one for each, as Velocity has it
        variance = (1 - t) ** 2 + (t * data.sigma) ** 2
        from_centres = x[:, None] - t * data.centres  # [N, K, 2]
        share = (-from_centres.square().sum(2, keepdim=True) / (2 * variance)).softmax(1)  # [N, K, 1]
        means = data.centres + (t * data.sigma**2 - (1 - t)) / variance * from_centres
        return (share * means).sum(1)

    return velocity


def check(solver: str, steps: int) -> None:
    """Raises: ValueError for an unknown solver, or fewer steps than one."""
    if solver not in SOLVERS:
        raise ValueError(f"There is no solver '{solver}'; there are {', '.join(SOLVERS)}.")
    checks.count("The number of the sampler's steps", steps)


def sample(velocity: Callable[[Tensor, Tensor], Tensor], z: Tensor, solver: str, steps: int) -> Tensor:
    """Noise [N, 2] carried to t = 1 in equal steps; all states, [steps + 1, N, 2].

    velocity: (t, points [N, 2]) -> [N, 2]. solver: "euler", one evaluation a step, or "heun", two.
    Raises: ValueError.
    """
    check(solver, steps)
    return torch.stack([z, *_states(velocity, z, solver, steps)])


def _states(velocity: Callable[[Tensor, Tensor], Tensor], x: Tensor, solver: str, steps: int) -> Iterator[Tensor]:
    times = torch.linspace(0, 1, steps + 1)
    for t, after in itertools.pairwise(times):
        slope = velocity(t, x)
        if solver == "heun":  # the mean of the slopes at both ends
            slope = (slope + velocity(after, x + (after - t) * slope)) / 2
        x = x + (after - t) * slope
        yield x

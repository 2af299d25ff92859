"""A flow whose layers have become a time: points follow a velocity from noise at t = 0 to data at t = 1.

Their log-density falls by the divergence of the velocity on the way, the instantaneous change of variables (Chen 2018,
"Neural ordinary differential equations", theorem 1). FFJORD (Grathwohl 2018) trains the velocity by the likelihood that
follows; flow matching (`matching.py`) trains the same network without integrating anything.
"""

import torch
from torch import Tensor, nn

from genai_core.flows.plane.discrete import standard_normal
from genai_core.flows.plane.velocity import Velocity, exact, hutchinson

STEPS = 6  # of the solver (RK4) between noise and data
TRACES = ("exact", "hutchinson")


def odeint(*arguments, **options):
    """That of torchdiffeq, which brings 450 modules of scipy: half a second that only those wait who integrate."""
    from torchdiffeq import odeint

    return odeint(*arguments, **options)


class Continuous(nn.Module):
    """The flow of a velocity. steps: of RK4, four evaluations each."""

    def __init__(self, velocity: Velocity, steps: int = STEPS):
        super().__init__()
        self.velocity, self.steps = velocity, steps

    def forward(self, x: Tensor, noise: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """x [N, 2] -> z [N, 2] and log |det dz/dx| [N], in nats.

        noise: [N, 2] for Hutchinson's estimate of the trace, the same along the whole way (Grathwohl 2018, section
        3.1); without it the trace is exact.
        """
        return self.integrate(x, noise)

    def integrate(
        self, x: Tensor, noise: Tensor | None = None, tolerance: float | None = None
    ) -> tuple[Tensor, Tensor]:
        """As `forward`; tolerance: of an adaptive solver (Dormand-Prince 5), instead of RK4's equal steps."""

        def rates(t: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
            if noise is None:
                return exact(self.velocity, t, state[0])
            return hutchinson(self.velocity, t, state[0], noise)

        start = (x, x.new_zeros(len(x)))
        if tolerance is None:
            z, log_det = odeint(rates, start, torch.linspace(1, 0, self.steps + 1).to(x), method="rk4")
        else:
            z, log_det = odeint(rates, start, x.new_tensor([1.0, 0.0]), method="dopri5", rtol=tolerance, atol=tolerance)
        return z[-1], log_det[-1]  # the divergence, integrated from 1 to 0: minus its integral from 0 to 1

    def inverse(self, z: Tensor) -> Tensor:
        """z [N, 2] -> x [N, 2]."""
        return self.path(z)[-1]

    def path(self, z: Tensor) -> Tensor:
        """Points on their way from z to x, at times 0, 1 / steps, ..., 1: [steps + 1, N, 2]."""
        return odeint(self.velocity, z, torch.linspace(0, 1, self.steps + 1).to(z), method="rk4")

    def log_prob(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        """log p(x) [N], in nats; noise: as `forward`."""
        z, log_det = self(x, noise)
        return standard_normal(z) + log_det


class FFJORD(Continuous):
    """Trained by the likelihood (Grathwohl 2018). trace: "exact" or "hutchinson". Raises: ValueError."""

    def __init__(self, velocity: Velocity, trace: str = "exact", steps: int = STEPS):
        super().__init__(velocity, steps)
        if trace not in TRACES:
            raise ValueError(f"There is no trace '{trace}'; there are {', '.join(TRACES)}.")
        self.trace = trace

    def loss(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """The mean negative log-likelihood of a batch [N, 2]."""
        noise = rademacher(x, generator) if self.trace == "hutchinson" else None
        return -self.log_prob(x, noise).mean()


def rademacher(x: Tensor, generator: torch.Generator) -> Tensor:
    """Noise of the shape of x, each number -1 or 1."""
    return 2.0 * torch.randint(2, x.shape, generator=generator) - 1

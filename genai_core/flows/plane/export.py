"""The numbers of a flow in the plane as one row, so that another program, such as a page's script, can compute it."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from genai_core.flows.plane.continuous import Continuous
from genai_core.flows.plane.discrete import Discrete
from genai_core.flows.plane.layers import ActNorm, Coupling, Mixing


@dataclass(frozen=True)
class Weights:
    """The layers from x to z.

    kinds: of each layer "coupling 0" or "coupling 1" (the coordinate that is changed), "actnorm" or "mixing"; of an ODE
    alone "ode" and the number of its RK4 steps.
    widths: of the multilayer perceptron of a coupling or of the velocity.
    numbers: float32, layer after layer: of a perceptron the weights [out, in] and biases of each linear layer; of
    actnorm and mixing the matrix [2, 2] and the shift [2] of z = matrix x + shift.
    """

    kinds: tuple[str, ...]
    widths: tuple[int, ...]
    numbers: np.ndarray


def weights(model: Discrete | Continuous) -> Weights:
    """The numbers of a model."""
    if isinstance(model, Continuous):
        return Weights((f"ode {model.steps}",), widths(model.velocity.net), joined([perceptron(model.velocity.net)]))
    couplings = [layer for layer in model.layers if isinstance(layer, Coupling)]
    kinds, rows = zip(*(described(layer) for layer in model.layers), strict=True)
    return Weights(kinds, widths(couplings[0].net), joined(rows))


def described(layer: nn.Module) -> tuple[str, torch.Tensor]:
    """The kind of a layer, and its numbers."""
    if isinstance(layer, Coupling):
        return f"coupling {layer.moved}", perceptron(layer.net)
    if isinstance(layer, ActNorm):
        return "actnorm", torch.cat([torch.diag(layer.log_scale.exp()).flatten(), layer.shift])
    assert isinstance(layer, Mixing)
    return "mixing", torch.cat([layer.weight().flatten(), torch.zeros(2)])


def linear(net: nn.Sequential) -> list[nn.Linear]:
    return [layer for layer in net if isinstance(layer, nn.Linear)]


def widths(net: nn.Sequential) -> tuple[int, ...]:
    return (linear(net)[0].in_features, *(layer.out_features for layer in linear(net)))


def perceptron(net: nn.Sequential) -> torch.Tensor:
    return torch.cat([p.flatten() for layer in linear(net) for p in (layer.weight, layer.bias)])


def joined(rows) -> np.ndarray:
    return torch.cat(list(rows)).detach().numpy().astype(np.float32)

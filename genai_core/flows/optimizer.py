"""Muon for convolutions: each kernel is one matrix, [out, in x 3 x 3] (Jordan 2024)."""

from collections.abc import Callable, Sequence

import torch
from torch import nn


class KernelMuon(torch.optim.Muon):
    """torch's Muon, which takes matrices only, given kernels [out, in, height, width].

    The matrices share the kernels' memory, so that a step changes both.
    """

    def __init__(self, kernels: Sequence[nn.Parameter], lr: float):
        self.kernels = kernels
        matrices = [nn.Parameter(kernel.detach().flatten(1)) for kernel in kernels]
        super().__init__(matrices, lr=lr, momentum=0.95, weight_decay=0.0)

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """As Muon's, with the gradients that the kernels have. A kernel without one stays."""
        for kernel, matrix in zip(self.kernels, self.param_groups[0]["params"], strict=True):
            matrix.grad = None if kernel.grad is None else kernel.grad.flatten(1)
        return super().step(closure)


def kernels_of(model: nn.Module) -> list[nn.Parameter]:
    """The kernels that Muon trains: all but those of last layers, which start at zero and are AdamW's."""
    return [p for name, p in model.named_parameters() if p.ndim == 4 and "conv_out" not in name]

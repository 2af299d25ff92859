"""Muon of kernels is torch's Muon of matrices, and each parameter of a flow has one optimizer."""

import torch
from torch import nn

from genai_core.flows import base
from genai_core.flows.glow import Glow, GlowConfig
from genai_core.flows.optimizer import KernelMuon, kernels_of


def test_a_step_is_that_of_torch_on_the_matrices():
    generator = torch.Generator().manual_seed(0)
    kernel = nn.Parameter(torch.randn(6, 4, 3, 3, generator=generator))
    matrix = nn.Parameter(kernel.detach().flatten(1).clone())
    other = nn.Parameter(torch.randn(4, 4, 1, 1, generator=generator))
    ours, theirs = KernelMuon([kernel, other], lr=0.1), torch.optim.Muon([matrix], lr=0.1, weight_decay=0.0)
    untouched = other.detach().clone()
    for _ in range(3):
        kernel.grad = torch.randn(kernel.shape, generator=generator)
        matrix.grad = kernel.grad.flatten(1).clone()
        ours.step()
        theirs.step()
    assert torch.equal(kernel.detach().flatten(1), matrix.detach())
    assert torch.equal(other.detach(), untouched)  # it had no gradient


def test_each_parameter_has_one_optimizer():
    model = Glow(GlowConfig(steps=(1, 1), width=8, muon_lr=0.03))
    optimizers = base.optimizers(model, model.config)
    assert {name: o.param_groups[0]["lr"] for name, o in optimizers.items()} == {"adamw": 1e-3, "muon": 0.03}
    counts = [p.numel() for optimizer in optimizers.values() for p in optimizer.param_groups[0]["params"]]
    assert sum(counts) == sum(p.numel() for p in model.parameters())
    kernels = kernels_of(model)
    assert kernels
    assert not any(p is kernel for p in optimizers["adamw"].param_groups[0]["params"] for kernel in kernels)

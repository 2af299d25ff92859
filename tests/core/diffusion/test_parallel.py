"""A batch divided over threads, and the recorded network: both must be told by nothing but the clock."""

import gc
import os
import sys
import threading
import weakref

import pytest
import torch
from torch import nn

from genai_core import diffusion
from genai_core.common.training import seeded
from genai_core.diffusion import parallel, schedules, unet
from genai_core.diffusion.fewstep import FewStepConfig, Student
from genai_core.diffusion.guidance import denoiser
from genai_core.diffusion.parallel import by_parts, record
from tests.core.diffusion.conftest import TINY


def seed(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def inputs(n: int, *more: torch.Tensor) -> tuple[torch.Tensor, ...]:
    return torch.randn((n, 1, 28, 28), generator=seed(n)), torch.full((n,), 0.6), torch.arange(n) % 11, *more


def shaken(model: nn.Module) -> nn.Module:
    """Not trained, but with no layer left at zero."""
    model.eval().requires_grad_(False)
    for p in model.parameters():
        p.add_(0.05 * torch.randn(p.shape, generator=seed(1)))
    return model


class Watched(nn.Module):
    """x + label, and what was asked of it."""

    jumps, config = False, TINY

    def __init__(self):
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(()))
        self.begun, self.ended, self.threads = [], [], set()

    def forward(self, x, t, labels):
        self.begun.append(len(x))
        self.threads.add((threading.current_thread().name, torch.get_num_threads(), torch.is_grad_enabled()))
        v = x + labels.view(-1, 1, 1, 1)
        self.ended.append(len(x))
        return v


@pytest.mark.parametrize(
    ("n", "sizes"), [(1, [1]), (2, [1, 1]), (3, [1, 2]), (16, [8, 8]), (33, [16, 17]), (97, [1, 32, 32, 32])]
)
def test_a_batch_is_divided_by_its_size_alone_and_put_together_in_order(n, sizes):
    model, (x, t, labels) = Watched(), inputs(n)
    torch.testing.assert_close(by_parts(model, x, t, labels), x + labels.view(-1, 1, 1, 1))
    assert sorted(model.begun) == sizes


@pytest.mark.skipif(sys.platform != "linux", reason="where priorities are the whole process's, none is changed")
def test_whatever_is_short_goes_first_while_a_part_is_at_work():
    own = parallel._threads.submit(os.getpriority, os.PRIO_PROCESS, 0).result()  # 0: the calling thread
    assert own == min(19, os.getpriority(os.PRIO_PROCESS, 0) + parallel.NICE)


def test_a_part_has_one_torch_thread_and_no_gradient_and_its_caller_keeps_what_it_has():
    model, before = Watched(), torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        by_parts(model, *inputs(8))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert all(name.startswith("parts") and (n, grad) == (1, False) for name, n, grad in model.threads)


def test_a_run_that_is_left_midway_leaves_nothing_running():
    model = Watched()
    steps = diffusion.sample_steps(model, 6, generator=seed(0), steps=50)
    next(steps), next(steps)
    steps.close()
    assert model.begun == model.ended == [3, 3, 3, 3]


@pytest.mark.parametrize("student", [False, True])
def test_the_recorded_network_is_the_network_for_any_number_of_pictures(student):
    fields = {name: getattr(TINY, name) for name in ("channels", "embedding", "heads")}
    build = (lambda: Student(FewStepConfig(**fields))) if student else (lambda: unet.UNet(TINY))
    model, same = (shaken(seeded(0, build)) for _ in range(2))
    end = [torch.full((97,), 0.2)] * student
    record(model, *inputs(2, *(e[:2] for e in end)))
    for n in (1, 2, 5, 97):
        given = inputs(n, *(e[:n] for e in end))
        first, *again = (by_parts(model, *given) for _ in range(4))
        torch.testing.assert_close(first, by_parts(same, *given), atol=0.05, rtol=0.05)  # bfloat16
        assert all(torch.equal(first, v) for v in again)  # TorchScript changes its mind after the first runs


@pytest.mark.parametrize("guidance", [1.0, 2.0])
def test_a_picture_is_the_same_in_any_company(guidance):
    model = shaken(seeded(0, lambda: unet.UNet(TINY)))
    x, _, labels = inputs(7)
    t, grid = torch.tensor(0.6, dtype=torch.float64), schedules.grid(schedules.schedule("cosine"), 4)
    whole = denoiser(model, labels, grid=grid, guidance=guidance)(x, t)
    for some in (slice(0, 1), slice(2, 5)):
        alone = denoiser(model, labels[some], grid=grid, guidance=guidance)(x[some], t)
        torch.testing.assert_close(whole.x0[some], alone.x0, atol=0.06, rtol=0)  # bfloat16 sums depend on the batch


def test_a_forgotten_network_takes_its_graph_along():
    model = shaken(seeded(0, lambda: unet.UNet(TINY)))
    record(model, *inputs(2))
    graph = weakref.ref(parallel._graphs[model])
    del model
    gc.collect()
    assert graph() is None

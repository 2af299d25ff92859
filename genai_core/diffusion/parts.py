"""A network on the cores of a CPU: the parts of a batch side by side, each in a thread of its own.

Two threads that share every single operation, as torch's do, wait for one another some hundred times a step. Threads
that each have pictures of their own need not, but for Python, which one thread at a time can run. So a network whose
weights will not change is recorded as a TorchScript graph, which runs without Python.
"""

import contextlib
import os
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from genai_core.training import autocast

PART = 32  # pictures that a thread takes at once, at most: more are no faster
NICE = 5  # lower in priority than what answers a slider meanwhile, higher than a live training


def _begin() -> None:
    """Of a thread: one of torch's own, and a priority that leaves the cores to short answers first (on Linux)."""
    torch.set_num_threads(1)
    if sys.platform == "linux":  # where it is a thread's own, elsewhere the process's
        with contextlib.suppress(OSError):
            os.nice(NICE)


_threads = ThreadPoolExecutor(os.cpu_count(), "parts", initializer=_begin)
_graphs: WeakKeyDictionary[nn.Module, torch.jit.ScriptModule] = WeakKeyDictionary()


def record(model: nn.Module, *inputs: Tensor) -> None:
    """From now on `by_parts` runs the graph of model(*inputs), with its weights as they are. On a GPU: nothing."""
    device = inputs[0].device
    if device.type != "cpu":
        return
    with warnings.catch_warnings(), torch.no_grad(), autocast(device, cache_enabled=False):
        warnings.simplefilter("ignore")  # TorchScript is no longer developed; its successors need a compiler
        _graphs[model] = torch.jit.freeze(torch.jit.trace(model, inputs, check_trace=False))


def by_parts(model: nn.Module, *inputs: Tensor) -> Tensor:
    """model(*inputs), each [N, ...], without gradients; on a CPU in two parts or more, side by side.

    How a batch is divided depends on N alone, never on the cores, and so do the last bits of what comes out.
    """
    n = len(inputs[0])
    if inputs[0].device.type != "cpu" or n == 1:
        return _run(model, *inputs)
    part = min(PART, -(-n // 2))
    return torch.cat(list(_threads.map(partial(_run, model), *(whole.split(part) for whole in inputs))))


@torch.inference_mode()
def _run(model: nn.Module, *inputs: Tensor) -> Tensor:
    if model in _graphs:  # its precision was recorded with it
        return _graphs[model](*inputs)
    with autocast(inputs[0].device):
        return model(*inputs)

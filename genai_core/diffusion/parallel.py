"""A network on several CPU cores: the parts of a batch in parallel, one thread each.

Threads that share every operation, like torch's own, synchronise some hundred times a step. Threads with pictures of
their own need not, except for Python's global lock. So a network whose weights no longer change is recorded as a
TorchScript graph, which runs without Python.
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

from genai_core.common.training import autocast

PART = 32  # maximum pictures per thread at a time: more are no faster
NICE = 5  # lower priority than slider requests, higher than a live training


def _begin() -> None:
    """Set up a thread: a single torch thread, and (on Linux) a lower priority than short requests have."""
    torch.set_num_threads(1)
    if sys.platform == "linux":  # where it applies to the thread, elsewhere to the process
        with contextlib.suppress(OSError):
            os.nice(NICE)


_threads = ThreadPoolExecutor(os.cpu_count(), "parts", initializer=_begin)
_graphs: WeakKeyDictionary[nn.Module, torch.jit.ScriptModule] = WeakKeyDictionary()


def record(model: nn.Module, *inputs: Tensor) -> None:
    """Let `by_parts` run the graph of model(*inputs), with the current weights. On a GPU this does nothing."""
    device = inputs[0].device
    if device.type != "cpu":
        return
    with warnings.catch_warnings(), torch.no_grad(), autocast(device, cache_enabled=False):
        warnings.simplefilter("ignore")  # TorchScript is no longer developed; its successors need a compiler
        _graphs[model] = torch.jit.freeze(torch.jit.trace(model, inputs, check_trace=False))


def by_parts(model: nn.Module, *inputs: Tensor) -> Tensor:
    """model(*inputs), each [N, ...], without gradients; on a CPU in two or more parallel parts.

    The division of a batch depends on N only, not on the number of cores, and so do the last bits of the result.
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

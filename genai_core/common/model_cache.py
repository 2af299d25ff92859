"""A cache of loaded models: the least recently used are dropped when together they need too much memory."""

import os
import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from typing import Any

from torch import nn

BUDGET = int(os.environ.get("GENAI_MODEL_BUDGET") or 512)  # MiB of weights to keep loaded


def weight_bytes(model: nn.Module) -> int:
    """Bytes of a model's parameters and buffers."""
    return sum(v.numel() * v.element_size() for v in (*model.parameters(), *model.buffers()))


class ModelCache:
    """Models by key. The least recently used are dropped when all together have more than `budget` MiB of weights.

    The newest one stays, however large. A dropped model lives on where it is still in use.
    """

    def __init__(self, budget: float = BUDGET):
        self.budget = budget
        self._models: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()  # the least recently used first
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Any:
        """The model, or None."""
        with self._lock:
            if key not in self._models:
                return None
            self._models.move_to_end(key)
            return self._models[key][0]

    def put(self, key: Hashable, model: Any, weights: nn.Module | None = None) -> None:
        """weights: what holds the model's weights, where it is no nn.Module itself."""
        with self._lock:
            self._models[key] = model, weight_bytes(weights or model)
            self._models.move_to_end(key)
            while len(self._models) > 1 and sum(size for _, size in self._models.values()) > self.budget * 2**20:
                self._models.popitem(last=False)

    def __iter__(self) -> Iterator[Hashable]:
        """The keys, the least recently used first."""
        return iter(list(self._models))

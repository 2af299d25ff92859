"""The key-value cache: what attention needs of the tokens already read, so that none is read twice.

The cache belongs to inference (see `genai_core.language.decoding`); a training never uses it.
"""

import torch
from torch import Tensor


class Cache:
    """Keys and values of the tokens read so far, in memory reserved for the whole context.

    memory: [n_layer, 2, n_head, block_size, head_size]. length: tokens in it.
    """

    def __init__(self, n_layer: int, n_head: int, block_size: int, head_size: int, like: Tensor):
        self.memory = torch.zeros((n_layer, 2, n_head, block_size, head_size), dtype=like.dtype, device=like.device)
        self.length = 0

    def copy(self) -> "Cache":
        """A copy in separate memory."""
        copied = object.__new__(Cache)
        copied.memory, copied.length = self.memory.clone(), self.length
        return copied

    def extend(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Append k, v [1, n_head, T, head_size] of a layer; all of that layer, [1, n_head, length + T, head_size]."""
        end = self.length + k.shape[2]
        keys, values = self.memory[layer]
        keys[:, self.length : end], values[:, self.length : end] = k[0], v[0]
        return keys[None, :, :end], values[None, :, :end]

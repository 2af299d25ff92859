"""Reading and writing with a GPT one token at a time, as fast as a page of Python goes.

The first tokens go through the model as they do in training. After that each new token needs only its own row: keys and
values of all earlier ones are kept in memory that was reserved at the start (the cache). One row is so little work that
reading the weights and calling the operations is what takes the time; so the weights lie the way round in which a row
is multiplied fastest, and whatever is the same for every token is worked out once, in a Plan.
"""

import math
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genai_core import text

if TYPE_CHECKING:
    from genai_core.gpt import GPT, GPTConfig

Row = Callable[[Tensor], Tensor]  # [1, in] -> [1, out]


class Cache:
    """Keys and values of the tokens read so far, in memory reserved for the whole context."""

    def __init__(self, config: "GPTConfig", like: Tensor):
        shape = (config.layers, 2, config.heads, config.context, config.width // config.heads)
        self.memory = torch.zeros(shape, dtype=like.dtype, device=like.device)
        self.length = 0

    def copy(self) -> "Cache":
        made = object.__new__(Cache)
        made.memory, made.length = self.memory.clone(), self.length
        return made

    def extend(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Keep k, v [1, heads, T, d] of a layer after those kept; all of that layer, [1, heads, length + T, d]."""
        end = self.length + k.shape[2]
        keys, values = self.memory[layer]
        keys[:, self.length : end], values[:, self.length : end] = k[0], v[0]
        return keys[None, :, :end], values[None, :, :end]


class Plan:
    """The model's parts as functions of one row, for a CPU."""

    def __init__(self, model: "GPT", turned: bool, half: bool = False):
        """turned: copy the matrices into the faster layout; else they are the model's own, and follow its training.

        half: keep the matrices in bfloat16, half as much to read, with about three decimal digits.
        """
        config = model.config
        self.relu2 = config.activation == "relu2"
        self.embedding = model.embedding.weight
        self.places = None if model.places is None else model.places.weight
        if self.places is None:
            cos, sin = model.table  # [context, d / 2] each
            self.cos, self.sin = torch.cat([cos, cos], 1), torch.cat([-sin, sin], 1)  # [context, d]
        self.norm, self.head = _norm(model.norm), _dense(model.head, turned, half)
        self.layers = [
            (
                _norm(block.norm1),
                _dense(block.attention.qkv, turned, half),
                _dense_onto(block.attention.out, turned, half),
                _norm(block.norm2),
                _dense(block.mlp.up, turned, half),
                _dense_onto(block.mlp.out, turned, half),
            )
            for block in model.blocks
        ]


def _dense(layer: nn.Linear, turned: bool, half: bool) -> Row:
    weight, bias = _weight(layer, turned, half), layer.bias
    if half:
        return lambda x: _added(torch.mm(x.bfloat16(), weight).float(), bias)
    return (lambda x: torch.mm(x, weight)) if bias is None else (lambda x: torch.addmm(bias, x, weight))


def _dense_onto(layer: nn.Linear, turned: bool, half: bool) -> Callable[[Tensor, Tensor], Tensor]:
    """(x, y) -> x + layer(y)"""
    weight, bias = _weight(layer, turned, half), layer.bias
    if half:
        return lambda x, y: _added(x + torch.mm(y.bfloat16(), weight), bias)
    if bias is None:
        return lambda x, y: torch.addmm(x, y, weight)
    return lambda x, y: torch.addmm(bias, y, weight).add_(x)


def _added(x: Tensor, bias: Tensor | None) -> Tensor:
    return x if bias is None else x.add_(bias)


def _weight(layer: nn.Linear, turned: bool, half: bool) -> Tensor:
    weight = layer.weight.bfloat16() if half else layer.weight
    return weight.t().contiguous() if turned else weight.t()  # [in, out]: its rows are read one by one


def _norm(norm: nn.Module) -> Row:
    weight, width, eps = norm.weight, norm.normalized_shape, norm.eps
    if isinstance(norm, nn.LayerNorm):
        bias = norm.bias
        return lambda x: torch.layer_norm(x, width, weight, bias, eps)
    n = width[0]
    return lambda x: (x * weight).mul_(1 / math.sqrt(float(torch.dot(x[0], x[0])) / n + eps))


_plans: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def plan(model: "GPT", half: bool = False) -> Plan:
    """The model's Plan: kept for a frozen one (such as `load` gives, which nobody changes), else made anew."""
    if any(p.requires_grad for p in model.parameters()):
        return Plan(model, turned=False, half=half)
    kept = _plans.setdefault(model, {})
    if half not in kept:
        kept[half] = Plan(model, turned=True, half=half)
    return kept[half]


class Reader:
    """Reads a text with the model, token by token. Not for two threads at once.

    half: read with the matrices in bfloat16, faster where memory is what takes the time, and a little less exact.
    states: what the head read at each token that the model sees, [tokens seen, width].
    """

    def __init__(self, model: "GPT", half: bool = False):
        like = model.embedding.weight.detach()
        self.model = model
        self.cache = Cache(model.config, like)
        self._plan = plan(model, half) if like.device.type == "cpu" else None
        self._states = like.new_zeros(model.config.context, model.config.width)
        self._seen: list[int] = []  # the tokens in the cache
        self._start = 0  # place of the first of them in the text

    @property
    def states(self) -> Tensor:
        return self._states[: self.cache.length]

    def copy(self) -> "Reader":
        """A reader that has read the same and goes its own way."""
        made = object.__new__(Reader)
        made.model, made.cache, made._plan = self.model, self.cache.copy(), self._plan
        made._states, made._seen, made._start = self._states.clone(), list(self._seen), self._start
        return made

    @torch.inference_mode()
    def next_logits(self, ids: Sequence[int]) -> Tensor:
        """As `GPT.next_logits`, the same to rounding; what is as it was the last time is not worked out again."""
        if not len(ids):
            raise ValueError("A text model needs at least one token to go on from.")
        start = text.first_seen(len(ids), self.model.config.context)
        seen = list(ids[start:])
        same = text.shared(seen[:-1], self._seen) if start == self._start else 0  # the last token is always read
        self.cache.length = same
        self._seen, self._start = seen, start
        if self._plan is not None and same == len(seen) - 1:
            state = self._states[same : same + 1] = self._read_one(seen[-1])
            return self._plan.head(state)[0]
        states = self.model.states(torch.tensor([seen[same:]], device=self._states.device), self.cache)[0]
        self._states[same : len(seen)] = states
        return self.model.head(states[-1]).float().cpu()

    def _read_one(self, token: int) -> Tensor:
        """As `GPT.states` of one token after those in the cache: [1, width]."""
        known, memory, n = self._plan, self.cache.memory, self.cache.length
        heads, d = memory.shape[2], memory.shape[4]
        new = memory[:, :, :, n].unbind(0)  # of each layer, [2, heads, d]
        kept = memory[:, :, None, :, : n + 1].flatten(0, 1).unbind(0)  # of each layer k and v, [1, heads, n + 1, d]
        x = known.embedding[token : token + 1]  # [1, width]
        if known.places is not None:
            x = x + known.places[n]
        else:
            cos, sin = known.cos[n], known.sin[n]
        for i, (norm1, qkv, out, norm2, up, down) in enumerate(known.layers):
            y = qkv(norm1(x)).view(3, heads, d)
            if known.places is None:
                turning = y[:2]
                turning.copy_(torch.addcmul(turning * cos, turning.roll(d // 2, -1), sin))  # see gpt.rotate
            new[i].copy_(y[1:])
            z = F.scaled_dot_product_attention(y[:1].view(1, heads, 1, d), kept[2 * i], kept[2 * i + 1])
            x = out(x, z.view(1, heads * d))
            y = up(norm2(x))
            x = down(x, y.relu_().square_() if known.relu2 else F.gelu(y, approximate="tanh"))
        self.cache.length = n + 1
        return known.norm(x)

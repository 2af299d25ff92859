"""Reading and writing with a GPT one token, or a few, at a time, as fast as a page of Python goes.

The first tokens go through the model as they do in training. After that each new token needs only its own row: keys and
values of all earlier ones are kept in memory that was reserved at the start (the cache). One row is so little work that
reading the weights and calling the operations is what takes the time; so the weights lie the way round in which a row
is multiplied fastest, and whatever is the same for every token is worked out once, in a Plan. A few rows read the same
weights once, and take hardly longer than one: see `genai_core.speculative`.
"""

import math
import weakref
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genai_core import text

if TYPE_CHECKING:
    from genai_core.gpt import GPT, GPTConfig

Rows = Callable[[Tensor], Tensor]  # [n, in] -> [n, out]
FEW = 8  # rows that packed weights are laid out for; others may come, and take a little longer


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
    """The model's parts as functions of rows, for a CPU."""

    def __init__(self, model: "GPT", turned: bool, half: bool = False, packed: bool = False):
        """turned: copy the matrices into the layout that is faster for one row; else they are the model's own, and
        follow its training. packed: copy them into oneDNN's blocks instead, far faster for a few rows.

        half: keep the matrices in bfloat16, half as much to read, with about three decimal digits.
        """
        config = model.config
        self.relu2 = config.activation == "relu2"
        self.embedding = model.embedding.weight
        self.places = None if model.places is None else model.places.weight
        if self.places is None:
            cos, sin = model.table  # [context, d / 2] each
            self.cos = torch.cat([cos, cos], 1)  # [context, d]
            self.sin = torch.cat([-sin, sin], 1)
        how = {"turned": turned, "half": half, "packed": packed}
        self.norm, self.head = _norm(model.norm), _dense(model.head, **how)
        self.layers = [
            (
                _norm(block.norm1),
                _dense(block.attention.qkv, **how),
                _dense_onto(block.attention.out, **how),
                _norm(block.norm2),
                _dense(block.mlp.up, **how),
                _dense_onto(block.mlp.out, **how),
            )
            for block in model.blocks
        ]


def _dense(layer: nn.Linear, turned: bool, half: bool, packed: bool) -> Rows:
    """layer(x); half: in bfloat16, of x in either."""
    bias = layer.bias
    if packed and _packs(layer):
        product = _packed(layer, half)
    else:
        weight = _weight(layer, turned, half)
        if bias is not None and not half:
            return lambda x: torch.addmm(bias, x, weight)
        product = partial(torch.mm, mat2=weight)
    if half:
        return lambda x: _added(product(x.bfloat16()), bias)
    return lambda x: _added(product(x), bias)


def _dense_onto(layer: nn.Linear, turned: bool, half: bool, packed: bool) -> Callable[[Tensor, Tensor], Tensor]:
    """(x, y) -> x + layer(y)"""
    if not half and not (packed and _packs(layer)) and layer.bias is None:
        weight = _weight(layer, turned, half)
        return lambda x, y: torch.addmm(x, y, weight)
    dense = _dense(layer, turned, half, packed)
    return lambda x, y: x + dense(y)


def _added(x: Tensor, bias: Tensor | None) -> Tensor:
    return x if bias is None else x + bias


def _weight(layer: nn.Linear, turned: bool, half: bool) -> Tensor:
    weight = layer.weight.bfloat16() if half else layer.weight
    return weight.t().contiguous() if turned else weight.t()  # [in, out]: its rows are read one by one


def _packs(layer: nn.Linear) -> bool:
    return torch.backends.mkldnn.is_available() and layer.weight.dtype is torch.float32


def _packed(layer: nn.Linear, half: bool) -> Rows:
    """x -> x W' in oneDNN's blocks, as torch.compile has it: what a row gives does not depend on those beside it."""
    weight = torch.ops.mkldnn._reorder_linear_weight(layer.weight.bfloat16() if half else layer.weight, FEW)
    product = torch.ops.mkldnn._linear_pointwise.default
    return lambda x: product(x, weight, None, "none", [], "")


def _norm(norm: nn.Module) -> Rows:
    weight, width, eps = norm.weight, norm.normalized_shape, norm.eps
    if isinstance(norm, nn.LayerNorm):
        bias = norm.bias
        return lambda x: torch.layer_norm(x, width, weight, bias, eps)
    n = width[0]  # x w / sqrt(|x|^2 / n + eps) in few operations
    scaled, least = weight * math.sqrt(n), weight.new_tensor(math.sqrt(n * eps))
    return lambda x: (x * scaled).div_(torch.hypot(torch.linalg.vector_norm(x, dim=-1, keepdim=True), least))


_plans: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def plan(model: "GPT", half: bool = False, packed: bool = False) -> Plan:
    """The model's Plan: kept for a frozen one (such as `load` gives, which nobody changes), else made anew."""
    if any(p.requires_grad for p in model.parameters()):
        return Plan(model, turned=False, half=half)
    kept = _plans.setdefault(model, {})
    if (half, packed) not in kept:
        kept[half, packed] = Plan(model, turned=True, half=half, packed=packed)
    return kept[half, packed]


class Reader:
    """Reads a text with the model, token by token. Not for two threads at once.

    half: read with the matrices in bfloat16, faster where memory is what takes the time, and a little less exact.
    states: what the head read at each token that the model sees, [tokens seen, width].
    """

    def __init__(self, model: "GPT", half: bool = False):
        like = model.embedding.weight.detach()
        self.model = model
        self.cache = Cache(model.config, like)
        self._plan = plan(model, half, packed=half) if like.device.type == "cpu" else None
        self._half = half
        self._states = like.new_zeros(model.config.context, model.config.width)
        self._seen: list[int] = []  # the tokens in the cache
        self._start = 0  # place of the first of them in the text

    @property
    def states(self) -> Tensor:
        return self._states[: self.cache.length]

    def copy(self) -> "Reader":
        """A reader that has read the same and goes its own way."""
        made = object.__new__(Reader)
        made.model, made.cache, made._plan, made._half = self.model, self.cache.copy(), self._plan, self._half
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
            state = self._states[same : same + 1] = self._read(seen[same:], self._plan)
            return self._plan.head(state)[0].float()
        states = self.model.states(torch.tensor([seen[same:]], device=self._states.device), self.cache)[0]
        self._states[same : len(seen)] = states
        return self.model.head(states[-1]).float().cpu()

    def room(self, ids: Sequence[int]) -> int:
        """How many tokens after `ids` can be read along with the last of them: none if it is not all that is new."""
        start = text.first_seen(len(ids), self.model.config.context)
        before = list(ids[start:-1])
        known = start == self._start and text.shared(before, self._seen) == len(before)
        return start + self.model.config.context - len(ids) if known else 0

    @torch.inference_mode()
    def logits_along(self, ids: Sequence[int], ahead: Sequence[int]) -> Tensor:
        """`next_logits` after `ids` and after each of the tokens `ahead` in turn, in one pass: [1 + ahead, vocab].

        What is read of `ahead` is forgotten as soon as a text goes on otherwise. Raises: ValueError if there is no
        `room` for so many.
        """
        if not ahead:
            return self.next_logits(ids)[None]
        if len(ahead) > self.room(ids):
            raise ValueError(f"There is no room to read {len(ahead)} tokens ahead.")
        seen = [*ids[self._start :], *ahead]
        first = self.cache.length = len(seen) - len(ahead) - 1
        self._seen = seen
        if self._plan is None:
            new = torch.tensor([seen[first:]], device=self._states.device)
            states = self._states[first : len(seen)] = self.model.states(new, self.cache)[0]
            return self.model.head(states).float().cpu()
        known = self._plan if self._half else plan(self.model, packed=True)
        states = self._states[first : len(seen)] = self._read(seen[first:], known)
        return known.head(states).float()

    def _read(self, tokens: list[int], known: Plan) -> Tensor:
        """As `GPT.states` of a few tokens after those in the cache: [tokens, width]."""
        memory, n, t = self.cache.memory, self.cache.length, len(tokens)
        heads, d = memory.shape[2], memory.shape[4]
        new = memory[:, :, :, n : n + t].unbind(0)  # of each layer, [2, heads, t, d]
        kept = memory[:, :, None, :, : n + t].flatten(0, 1).unbind(0)  # of each layer k and v, [1, heads, n + t, d]
        mask = torch.full((t, n + t), -torch.inf, dtype=memory.dtype).triu(n + 1) if t > 1 else None
        x = F.embedding(torch.tensor(tokens), known.embedding)  # [t, width]
        if known.places is not None:
            x = x + known.places[n : n + t]
        else:
            cos, sin = known.cos[n : n + t], known.sin[n : n + t]
        for i, (norm1, qkv, out, norm2, up, down) in enumerate(known.layers):
            y = qkv(norm1(x)).to(x.dtype).view(t, 3, heads, d).permute(1, 2, 0, 3)  # [q k v, heads, t, d]
            if known.places is None:
                turning = y[:2]
                turning.copy_(torch.addcmul(turning * cos, turning.roll(d // 2, -1), sin))  # see gpt.rotate
            new[i].copy_(y[1:])
            z = F.scaled_dot_product_attention(y[:1], kept[2 * i], kept[2 * i + 1], attn_mask=mask)
            x = out(x, z.transpose(1, 2).reshape(t, heads * d))
            y = up(norm2(x))
            x = down(x, y.relu_().square_() if known.relu2 else F.gelu(y, approximate="tanh"))
        self.cache.length = n + t
        return known.norm(x)

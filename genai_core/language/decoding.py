"""Decoding with a GPT one token, or a few, at a time, as fast as a page of Python can.

The prompt goes through the model as in training. After that each new token needs only its own row: keys and values of
all earlier ones are in the cache. One row is so little work that reading the weights and calling the operations is what
takes the time; so the weights are laid out for multiplying one row, and whatever is the same for every token is
prepared once, in `InferenceWeights`. A few rows read the same weights once, and take hardly longer than one: see
`genai_core.language.speculative`. The model knows nothing of this module.
"""

import copy
import math
import weakref
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genai_core.common import checks
from genai_core.language import tokenizers
from genai_core.language.cache import Cache
from genai_core.language.model import LanguageModel, Session

if TYPE_CHECKING:
    from genai_core.language.gpt import GPT, Block, Edit

Rows = Callable[[Tensor], Tensor]  # [n, in] -> [n, out]
FEW = 8  # rows that packed weights are laid out for; other numbers take a little longer


class InferenceWeights:
    """The model's layers as functions of rows, laid out for decoding on a CPU."""

    def __init__(self, model: "GPT", transposed: bool, bfloat16: bool = False, packed: bool = False):
        """transposed: copy the matrices into the layout that is faster for one row; else they are the model's own, and
        follow its training. packed: copy them into oneDNN's blocks instead, far faster for a few rows.

        bfloat16: keep the matrices in bfloat16, half as much to read, with about three decimal digits.
        """
        config = model.config
        self.relu2 = config.activation == "relu2"
        self.embedding = model.embedding.weight
        self.position_embedding = None if model.position_embedding is None else model.position_embedding.weight
        if self.position_embedding is None:
            cos, sin = model.table  # [context, d / 2] each
            self.cos = torch.cat([cos, cos], 1)  # [context, d]
            self.sin = torch.cat([-sin, sin], 1)
        layout = {"transposed": transposed, "bfloat16": bfloat16, "packed": packed}
        self.norm, self.head = _norm(model.norm), _dense(model.head, **layout)
        self.layers = [
            (
                _norm(block.norm1),
                _dense(block.attention.qkv, **layout),
                _dense_onto(block.attention.out, **layout),
                _norm(block.norm2),
                _dense(block.mlp.up, **layout),
                _dense_onto(block.mlp.out, **layout),
            )
            for block in cast("Iterable[Block]", model.blocks)
        ]


def _dense(layer: nn.Linear, transposed: bool, bfloat16: bool, packed: bool) -> Rows:
    """x -> layer(x); bfloat16: computed in bfloat16, for x of either type."""
    bias = layer.bias
    if packed and _packs(layer):
        product = _packed(layer, bfloat16)
    else:
        weight = _weight(layer, transposed, bfloat16)
        if bias is not None and not bfloat16:
            return lambda x: torch.addmm(bias, x, weight)
        product = partial(torch.mm, mat2=weight)
    if bfloat16:
        return lambda x: _added(product(x.bfloat16()), bias)
    return lambda x: _added(product(x), bias)


def _dense_onto(layer: nn.Linear, transposed: bool, bfloat16: bool, packed: bool) -> Callable[[Tensor, Tensor], Tensor]:
    """(x, y) -> x + layer(y)"""
    if not bfloat16 and not (packed and _packs(layer)) and layer.bias is None:
        weight = _weight(layer, transposed, bfloat16)
        return lambda x, y: torch.addmm(x, y, weight)
    dense = _dense(layer, transposed, bfloat16, packed)
    return lambda x, y: x + dense(y)


def _added(x: Tensor, bias: Tensor | None) -> Tensor:
    return x if bias is None else x + bias


def _weight(layer: nn.Linear, transposed: bool, bfloat16: bool) -> Tensor:
    weight = layer.weight.bfloat16() if bfloat16 else layer.weight
    return weight.t().contiguous() if transposed else weight.t()  # [in, out], contiguous along a row


def _packs(layer: nn.Linear) -> bool:
    return torch.backends.mkldnn.is_available() and layer.weight.dtype is torch.float32


def _packed(layer: nn.Linear, bfloat16: bool) -> Rows:
    """x -> x W' in oneDNN's blocks, as torch.compile has it: the result of a row does not depend on the other rows."""
    weight = torch.ops.mkldnn._reorder_linear_weight(layer.weight.bfloat16() if bfloat16 else layer.weight, FEW)
    product = torch.ops.mkldnn._linear_pointwise.default
    return lambda x: product(x, weight, None, "none", [], "")


def _norm(norm: nn.LayerNorm | nn.RMSNorm) -> Rows:
    weight, width = norm.weight, norm.normalized_shape
    if isinstance(norm, nn.LayerNorm):
        bias, eps = norm.bias, norm.eps
        return lambda x: torch.layer_norm(x, width, weight, bias, eps)
    n = width[0]  # x w / sqrt(|x|^2 / n + eps), in few operations
    scaled, least = weight * math.sqrt(n), weight.new_tensor(math.sqrt(n * (norm.eps or 0.0)))
    return lambda x: (x * scaled).div_(torch.hypot(torch.linalg.vector_norm(x, dim=-1, keepdim=True), least))


_cache: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def inference_weights(model: "GPT", bfloat16: bool = False, packed: bool = False) -> InferenceWeights:
    """The model's `InferenceWeights`: cached for a frozen model (as `load` returns it), otherwise built anew."""
    if any(p.requires_grad for p in model.parameters()):
        return InferenceWeights(model, transposed=False, bfloat16=bfloat16)
    kept = _cache.setdefault(model, {})
    if (bfloat16, packed) not in kept:
        kept[bfloat16, packed] = InferenceWeights(model, transposed=True, bfloat16=bfloat16, packed=packed)
    return kept[bfloat16, packed]


class DecodingSession:
    """Reads a text with a GPT, token by token. Not thread-safe.

    bfloat16: read with the matrices in bfloat16, faster where memory bandwidth is the limit, and a little less exact.
    edit: called with the residual stream after each layer, see `GPT.states`; one that depends on a token and those
    before it alone, for what later layers keep of a token is not computed again.
    states: what the head read at each token in the window, [tokens in the window, n_embd].
    """

    def __init__(self, model: "GPT", bfloat16: bool = False, edit: "Edit | None" = None):
        like = model.embedding.weight.detach()
        self.model = model
        config = model.config
        self.cache = Cache(config.n_layer, config.n_head, config.block_size, config.n_embd // config.n_head, like)
        self._weights = inference_weights(model, bfloat16, packed=bfloat16) if like.device.type == "cpu" else None
        self._bfloat16, self._edit = bfloat16, edit
        self._states = like.new_zeros(model.config.block_size, model.config.n_embd)
        self._seen: list[int] = []  # the tokens in the cache
        self._start = 0  # position of the first of them in the text

    @property
    def states(self) -> Tensor:
        return self._states[: self.cache.length]

    def copy(self) -> "DecodingSession":
        """A session that has read the same text and continues on its own."""
        twin = copy.copy(self)
        twin.cache, twin._states, twin._seen = self.cache.copy(), self._states.clone(), list(self._seen)
        return twin

    @torch.inference_mode()
    def next_logits(self, ids: Sequence[int]) -> Tensor:
        """As `GPT.next_logits`, equal up to rounding; what the last text had in common with `ids` is not read again."""
        ids = prompt(ids)
        start = tokenizers.window_start(len(ids), self.model.config.block_size)
        seen = list(ids[start:])
        same = tokenizers.shared(seen[:-1], self._seen) if start == self._start else 0  # the last token is always read
        tokenizers.check_ids(seen[same:], self.model.config.vocab_size)
        self.cache.length = same
        self._seen, self._start = seen, start
        if self._weights is not None and same == len(seen) - 1:
            state = self._states[same : same + 1] = self._read(seen[same:], self._weights)
            return self._weights.head(state)[0].float()
        states = self.model.states(torch.tensor([seen[same:]], device=self._states.device), self.cache, self._edit)[0]
        self._states[same : len(seen)] = states
        return self.model.head(states[-1]).float().cpu()

    def room(self, ids: Sequence[int]) -> int:
        """How many tokens can be read in one pass after the last of `ids`: 0 if that one is not all that is new."""
        start = tokenizers.window_start(len(ids), self.model.config.block_size)
        before = list(ids[start:-1])
        known = start == self._start and tokenizers.shared(before, self._seen) == len(before)
        return start + self.model.config.block_size - len(ids) if known else 0

    @torch.inference_mode()
    def logits_along(self, ids: Sequence[int], ahead: Sequence[int]) -> Tensor:
        """`next_logits` after `ids` and after each of the tokens `ahead` in turn, in one pass: [1 + ahead, vocab].

        A later call with another continuation forgets `ahead`.
        Raises: ValueError if there are no ids, or no `room` for so many.
        """
        if not ahead or not len(ids):
            return self.next_logits(ids)[None]
        if len(ahead) > self.room(ids):
            raise ValueError(f"There is no room to read {len(ahead)} tokens ahead.")
        tokenizers.check_ids([ids[-1], *ahead], self.model.config.vocab_size)
        seen = [*ids[self._start :], *ahead]
        first = self.cache.length = len(seen) - len(ahead) - 1
        self._seen = seen
        if self._weights is None:
            new = torch.tensor([seen[first:]], device=self._states.device)
            states = self._states[first : len(seen)] = self.model.states(new, self.cache, self._edit)[0]
            return self.model.head(states).float().cpu()
        weights = self._weights if self._bfloat16 else inference_weights(self.model, packed=True)
        states = self._states[first : len(seen)] = self._read(seen[first:], weights)
        return weights.head(states).float()

    def _read(self, tokens: list[int], weights: InferenceWeights) -> Tensor:
        """As `GPT.states` of a few tokens after those in the cache: [tokens, width]."""
        memory, n, t = self.cache.memory, self.cache.length, len(tokens)
        heads, d = memory.shape[2], memory.shape[4]
        new = memory[:, :, :, n : n + t].unbind(0)  # of each layer, [2, heads, t, d]
        kept = memory[:, :, None, :, : n + t].flatten(0, 1).unbind(0)  # of each layer k and v, [1, heads, n + t, d]
        mask = torch.full((t, n + t), -torch.inf, dtype=memory.dtype).triu(n + 1) if t > 1 else None
        x = F.embedding(torch.tensor(tokens), weights.embedding)  # [t, width]
        if weights.position_embedding is not None:
            x = x + weights.position_embedding[n : n + t]
        else:
            cos, sin = weights.cos[n : n + t], weights.sin[n : n + t]
        for i, (norm1, qkv, out, norm2, up, down) in enumerate(weights.layers):
            y = qkv(norm1(x)).to(x.dtype).view(t, 3, heads, d).permute(1, 2, 0, 3)  # [q k v, heads, t, d]
            if weights.position_embedding is None:
                turning = y[:2]
                turning.copy_(torch.addcmul(turning * cos, turning.roll(d // 2, -1), sin))  # see gpt.rotate
            new[i].copy_(y[1:])
            z = F.scaled_dot_product_attention(y[:1], kept[2 * i], kept[2 * i + 1], attn_mask=mask)
            x = out(x, z.transpose(1, 2).reshape(t, heads * d))
            y = up(norm2(x))
            x = down(x, y.relu_().square_() if weights.relu2 else F.gelu(y, approximate="tanh"))
            if self._edit is not None:
                x = self._edit(i + 1, x)
        self.cache.length = n + t
        return weights.norm(x)


def prompt(ids: Sequence[int], max_tokens: int = 0) -> list[int]:
    """A copy of the tokens to continue from. Raises: ValueError for none, or a max_tokens that is no count."""
    if not len(ids):
        raise ValueError("A language model needs at least one token to continue from.")
    checks.count("The number of tokens", max_tokens, 0)
    return list(ids)


def session(model: LanguageModel) -> Session:
    """A session of any language model: its own where it has one, else a `DecodingSession`."""
    own = getattr(model, "decoding_session", None)
    return own() if own else DecodingSession(cast("GPT", model))

"""The layers that the variants are made of: attention in heads, to oneself or to another sequence, and the MLP.

As in our GPT, for the same reasons: RMSNorm before each part (Zhang 2019), squared ReLU (So 2021), no biases, and
projections into the residual stream that start at zero, so that a new layer passes on what it was given.
"""

from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genai_core.common.training import set_lr, trapezoid, zero_init
from genai_core.language.gpt import rotate
from genai_core.transformer.attention import attention


class Cache:
    """Keys and values of an attention, [N, heads, S, d], of all that it has read so far."""

    k: Tensor | None = None
    v: Tensor | None = None

    def extend(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Append those of what is new; returns all."""
        if self.k is not None and self.v is not None:
            k, v = torch.cat([self.k, k], 2), torch.cat([self.v, v], 2)
        self.k, self.v = k, v
        return k, v

    def select(self, rows: Tensor) -> None:
        """Keep these of the N rows, in this order; one may be there several times."""
        assert self.k is not None
        assert self.v is not None
        self.k, self.v = self.k[rows], self.v[rows]


class Attention(nn.Module):
    """Attention in `heads` heads over a sequence [N, T, width], or from it to a context [N, S, width]."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.out = (nn.Linear(width, width, bias=False) for _ in range(4))
        zero_init(self.out)

    def split(self, x: Tensor) -> Tensor:
        """[N, T, width] -> [N, heads, T, d]."""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def project(self, x: Tensor, context: Tensor, table: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Queries of x, keys and values of the context, each [N, heads, T or S, d]; table: rotary, where x is it."""
        q, k, v = self.split(self.q(x)), self.split(self.k(context)), self.split(self.v(context))
        if table is not None:
            q, k = rotate(q, table), rotate(k, table)
        return q, k, v

    def weights(self, x: Tensor, context: Tensor) -> Tensor:
        """How much each token of x looks at each of the context: [N, heads, T, S]."""
        return attention(*self.project(x, context)).weights

    def forward(
        self,
        x: Tensor,
        context: Tensor | None = None,
        mask: Tensor | None = None,
        table: Tensor | None = None,
        bias: Tensor | None = None,
        cache: Cache | None = None,
    ) -> Tensor:
        """mask: bool, broadcast to [N, heads, T, S], true where a query may look; None: everywhere.

        bias: added to the scaled scores, broadcast as the mask is. cache: of what comes before x, or before what is new
        of the context, which may be nothing: [N, 0, width].
        """
        q, k, v = self.project(x, x if context is None else context, table)
        if cache is not None:
            k, v = cache.extend(k, v)
        y = attention(q, k, v, mask, bias).out
        return self.out(y.transpose(1, 2).flatten(2))  # [N, T, width]


class MLP(nn.Module):
    def __init__(self, width: int, factor: int = 4):
        super().__init__()
        self.up = nn.Linear(width, factor * width, bias=False)
        self.out = nn.Linear(factor * width, width, bias=False)
        zero_init(self.out)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(F.relu(self.up(x)).square())


class Layer(nn.Module):
    """Self-attention, attention to a context where there is one, and the MLP, each added to what came in."""

    def __init__(self, width: int, heads: int, dropout: float = 0.0, cross: bool = False):
        super().__init__()
        norm = partial(nn.RMSNorm, width, eps=1e-6)
        self.norm1, self.attention = norm(), Attention(width, heads)
        self.norm2, self.mlp = norm(), MLP(width)
        self.norm_cross: nn.Module | None = norm() if cross else None
        self.cross = Attention(width, heads) if cross else None
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None = None,
        table: Tensor | None = None,
        context: Tensor | None = None,
        context_mask: Tensor | None = None,
        bias: Tensor | None = None,
        caches: tuple[Cache, Cache] | None = None,
    ) -> Tensor:
        """caches: of the self-attention and of that to the context; see `Attention.forward`."""
        own, of_context = caches or (None, None)
        x = x + self.dropout(self.attention(self.norm1(x), mask=mask, table=table, bias=bias, cache=own))
        if self.cross is not None and self.norm_cross is not None:
            x = x + self.dropout(self.cross(self.norm_cross(x), context, mask=context_mask, cache=of_context))
        return x + self.dropout(self.mlp(self.norm2(x)))


def padding_mask(lengths: Tensor, longest: int) -> Tensor:
    """Lengths [N] -> bool [N, 1, 1, longest]: true where a token is, and false where there is padding."""
    return (torch.arange(longest, device=lengths.device) < lengths[:, None])[:, None, None]


@dataclass(frozen=True)
class Rates:
    """Of Muon, for the matrices of the layers (Jordan 2024), and of AdamW, for all else; with decay and warm-up."""

    muon: float = 0.02
    adamw: float = 3e-3
    weight_decay: float = 0.1
    warmup: int = 50
    clip: float = 1.0


class Optimizers:
    """Muon and AdamW as one, with the trapezoid schedule of our GPT."""

    def __init__(self, model: nn.Module, layers: nn.Module, rates: Rates):
        matrices = [p for p in layers.parameters() if p.ndim == 2]
        rest = [p for p in model.parameters() if not any(p is m for m in matrices)]
        self.model, self.rates = model, rates
        muon = partial(torch.optim.Muon, lr=rates.muon, momentum=0.95, weight_decay=rates.weight_decay)
        self.muon = muon(matrices) if matrices else None  # of a CNN there are none
        self.adamw = torch.optim.AdamW(rest, lr=rates.adamw, betas=(0.9, 0.99), weight_decay=0.0, fused=True)

    def step(self, loss: Tensor, step: int, steps: int) -> None:
        """One step of gradient descent; the gradient is clipped."""
        self.model.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.rates.clip)
        factor = trapezoid(step, steps, self.rates.warmup)
        set_lr(self.adamw, factor * self.rates.adamw)
        self.adamw.step()
        if self.muon:
            set_lr(self.muon, factor * self.rates.muon)
            self.muon.step()

    def state_dict(self) -> dict:
        muon = {"muon": self.muon.state_dict()} if self.muon else {}
        return muon | {"adamw": self.adamw.state_dict()}

    def load_state_dict(self, state: dict) -> None:
        if self.muon:
            self.muon.load_state_dict(state["muon"])
        self.adamw.load_state_dict(state["adamw"])

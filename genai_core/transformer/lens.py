"""A GPT or a BERT opened: everything on the way of a text through it, the logit lens, and heads and MLPs switched off.

    x <- x + attention(norm(x));  x <- x + MLP(norm(x))          in each layer, over the residual stream x
    logit lens: head(norm(x)) after any layer, as if it were the last            [nostalgebraist 2020]

The pass is written out here a second time, with nothing fused, so that every step of it can be seen; its logits are
those of the model (a test says so). All but `trace` is of a GPT alone.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from genai_core.language.gpt import GPT
from genai_core.transformer.attention import Steps, attention, causal_mask
from genai_core.transformer.bert import BERT

MLP = 0  # where heads are counted from 1


@dataclass(frozen=True, eq=False)
class Layer:
    """What a layer does to a text of T tokens.

    before, middle, after: the residual stream, [T, width], as it comes, with what attention adds, and with what the MLP
    adds. normed: the attention's input. q, k, v: [heads, T, d]. steps: of all heads. attended, mlp: what is added,
    [T, width].
    """

    before: Tensor
    normed: Tensor
    q: Tensor
    k: Tensor
    v: Tensor
    steps: Steps
    attended: Tensor
    middle: Tensor
    mlp: Tensor
    after: Tensor


@torch.inference_mode()
def trace(model: GPT | BERT, ids: Tensor, off: Collection[tuple[int, int]] = ()) -> list[Layer]:
    """Token ids [T] through every layer. off: (layer, head), both from 1, or (layer, MLP): what adds nothing.

    Raises: ValueError for what the model does not have, no tokens, or more of them than its context.
    """
    config, device = model.config, model.embedding.weight.device
    if not 1 <= len(ids) <= config.block_size:
        raise ValueError(f"A text has 1 to {config.block_size} tokens, not {len(ids)}.")
    for layer, head in off:
        if not (1 <= layer <= config.n_layer and 0 <= head <= config.n_head):
            raise ValueError(f"There is no head {head} in layer {layer}.")
    table, layers = None, list[Layer]()
    mask: Tensor | None = None
    if isinstance(model, BERT):  # every token sees all
        x, blocks = model.embed(ids.to(device)), cast(Any, model.layers)  # [T, width]
    else:
        x, blocks = model.embedding(ids.to(device)), cast(Any, model.blocks)
        mask = causal_mask(len(ids)).to(device)
    if isinstance(model, GPT) and model.position_embedding is not None:
        x = x + model.position_embedding.weight[: len(ids)]
    else:
        table = model.table[:, : len(ids)]
    for number, block in enumerate(blocks, 1):
        normed = block.norm1(x)
        given = (normed[None], normed[None]) if isinstance(model, BERT) else (normed[None],)
        q, k, v = (part[0] for part in block.attention.project(*given, table))
        steps = attention(q, k, v, mask)
        kept = torch.tensor([(number, head) not in off for head in range(1, config.n_head + 1)], device=device)
        heads = steps.out * kept[:, None, None]  # [heads, T, d]
        attended = F.linear(heads.transpose(0, 1).flatten(1), block.attention.out.weight)
        if block.attention.out.bias is not None and kept.any():
            attended = attended + block.attention.out.bias
        middle = x + attended
        mlp = block.mlp(block.norm2(middle)) * ((number, MLP) not in off)
        layers.append(Layer(x, normed, q, k, v, steps, attended, middle, mlp, middle + mlp))
        x = layers[-1].after
    return layers


@torch.inference_mode()
def logits(model: GPT, stream: Tensor) -> Tensor:
    """What the model would say next if a residual stream [..., width] were its last one: [..., vocab_size]."""
    return model.head(model.norm(stream)).float()


@torch.inference_mode()
def token_nll(model: GPT, ids: Tensor, off: Collection[tuple[int, int]] = ()) -> Tensor:
    """-log p of each token of ids [T] but the first, in nats, with what is in `off` switched off: [T - 1]."""
    last = trace(model, ids, off)[-1].after
    return F.cross_entropy(logits(model, last[:-1]), ids[1:].to(last.device), reduction="none").cpu()


def importance(model: GPT, ids: Tensor) -> Tensor:
    """By how much the mean of `token_nll` rises where one thing alone is off: [layers, 1 + heads], the MLP first."""
    config = model.config
    whole = token_nll(model, ids).mean()
    rows = [
        [token_nll(model, ids, [(layer, head)]).mean() - whole for head in range(config.n_head + 1)]
        for layer in range(1, config.n_layer + 1)
    ]
    return torch.tensor(rows)


@torch.inference_mode()
def induction(model: GPT, generator: torch.Generator, length: int = 24, texts: int = 8) -> Tensor:
    """How far each head is an induction head (Olsson 2022, prefix matching), [layers, heads], 0 to 1.

    Random tokens are said twice; measured is the mean weight that a token of the second round gives to the one that
    came after it in the first. Even attention has about 1 / (1.5 length). Raises: ValueError for a length whose double
    is not below the context.
    """
    found = torch.zeros(model.config.n_layer, model.config.n_head)
    after = torch.arange(2, length + 1)  # in the first round, of every token but the last; the start is at 0
    for _ in range(texts):
        once = torch.randint(model.config.vocab_size, (length,), generator=generator)
        ids = torch.cat([torch.tensor([model.tokenizer.start]), once, once])
        weights = torch.stack([layer.steps.weights for layer in trace(model, ids)])  # [layers, heads, T, T]
        found += weights[:, :, after - 1 + length, after].mean(-1).cpu() / texts
    return found

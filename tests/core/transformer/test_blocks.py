"""A layer of the transformers is that of PyTorch, where both have the same parts."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from genai_core.common.training import seeded
from genai_core.transformer.attention import causal_mask
from genai_core.transformer.blocks import Layer

WIDTH, HEADS = 24, 3


def drawn(cross: bool) -> Layer:
    layer = seeded(0, lambda: Layer(WIDTH, HEADS, cross=cross)).eval().requires_grad_(False)
    for p in layer.parameters():
        p += 0.2 * torch.randn(p.shape, generator=torch.Generator().manual_seed(p.numel()))
    return layer


def copied(ours, theirs: nn.MultiheadAttention) -> None:
    theirs.in_proj_weight.copy_(torch.cat([ours.q.weight, ours.k.weight, ours.v.weight]))
    theirs.out_proj.weight.copy_(ours.out.weight)


@pytest.mark.parametrize("cross", [False, True])
def test_a_layer_is_pytorchs_with_the_same_weights(cross, generator):
    """Of torch.nn's, normalised before each part, with RMSNorm in place of LayerNorm and squared ReLU."""
    ours, kind = drawn(cross), nn.TransformerDecoderLayer if cross else nn.TransformerEncoderLayer
    options = {"dropout": 0.0, "batch_first": True, "norm_first": True, "bias": False}
    theirs = kind(WIDTH, HEADS, 4 * WIDTH, activation=lambda x: F.relu(x).square(), **options)
    theirs.eval().requires_grad_(False)
    norms = [ours.norm1, ours.norm_cross, ours.norm2] if cross else [ours.norm1, ours.norm2]
    for k, norm in enumerate(norms, 1):
        setattr(theirs, f"norm{k}", norm)
    copied(ours.attention, theirs.self_attn)
    if cross:
        copied(ours.cross, theirs.multihead_attn)
    theirs.linear1.weight.copy_(ours.mlp.up.weight)
    theirs.linear2.weight.copy_(ours.mlp.out.weight)

    x, memory = (torch.randn(2, n, WIDTH, generator=generator) for n in (5, 7))
    left, read = causal_mask(5), torch.tensor([[True] * 7, [True] * 4 + [False] * 3])
    if cross:
        found = ours(x, left, context=memory, context_mask=read[:, None, None])
        wanted = theirs(x, memory, tgt_mask=~left, memory_key_padding_mask=~read)
    else:
        found, wanted = ours(x, left), theirs(x, src_mask=~left)
    assert torch.allclose(found, wanted, atol=1e-5)

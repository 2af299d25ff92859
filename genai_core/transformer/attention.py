"""Attention and positions from scratch, every step of them as it is written in the papers.

    Attention(Q, K, V) = softmax(Q K' / sqrt(d)) V                                       [Vaswani 2017, eq. 1]

`F.scaled_dot_product_attention` gives the same without forming the matrices, which saves memory where sequences are
long. Up to a hundred tokens it is no faster on a CPU, and its backward pass in bfloat16 takes nine times as long, so
that the models of this package use what stands here. Positions: sinusoidal (Vaswani 2017, section 3.5) and linear
biases (ALiBi, Press 2022); the rotary ones (Su 2021) are those of our GPT.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from genai_core.common import checks


@dataclass(frozen=True, eq=False)
class Steps:
    """Everything that attention computes for queries [..., T, d], keys and values [..., S, d].

    scores: Q K' [..., T, S]. scaled: times the scale, plus the bias where there is one. masked: with -inf where a
    query may not look. weights: [..., T, S], each row a distribution. out: [..., T, d].
    """

    scores: Tensor
    scaled: Tensor
    masked: Tensor
    weights: Tensor
    out: Tensor


def attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Tensor | None = None,
    bias: Tensor | None = None,
    scale: float | None = None,
    temperature: float = 1.0,
) -> Steps:
    """Scaled dot-product attention, step by step.

    mask: bool [..., T, S], true where a query may look at a key. bias: added to the scaled scores, as ALiBi does.
    scale: None: 1 / sqrt(d). temperature: the masked scores are divided by it.
    Raises: ValueError for a temperature that is not above 0.
    """
    checks.above("The temperature", temperature)
    scores = q @ k.transpose(-2, -1)  # [..., T, S]
    scaled = scores * (q.shape[-1] ** -0.5 if scale is None else scale)
    if bias is not None:
        scaled = scaled + bias
    masked = scaled if mask is None else scaled.masked_fill(~mask, -torch.inf)
    weights = (masked if temperature == 1 else masked / temperature).softmax(-1)
    return Steps(scores, scaled, masked, weights, weights @ v)


def causal_mask(t: int, s: int | None = None) -> Tensor:
    """Bool [t, s]: the t newest of s tokens look at themselves and at those before them.

    Raises: ValueError for t > s.
    """
    s = t if s is None else s
    if t > s:
        raise ValueError(f"{t} queries are more than the {s} tokens that there are.")
    return torch.ones(t, s, dtype=torch.bool).tril(s - t)


def sinusoidal(context: int, width: int) -> Tensor:
    """[context, width]: sine and cosine of position / 10000^(2i / width), in turns [Vaswani 2017, section 3.5].

    Raises: ValueError for an odd width.
    """
    if width % 2:
        raise ValueError(f"A width of {width} cannot be divided into pairs.")
    speeds = 10_000.0 ** -(torch.arange(0, width, 2).double() / width)
    angles = torch.arange(context).double()[:, None] * speeds
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(1).float()


def alibi_slopes(heads: int) -> Tensor:
    """[heads]: 2^(-8 / heads), its square, ...; between those of the powers of two, as in the authors' code.

    Raises: ValueError for no heads.
    """
    checks.count("The number of heads", heads)
    power = 2 ** math.floor(math.log2(heads))
    slopes = [2 ** (-8 * (i + 1) / power) for i in range(power)]
    between = [2 ** (-8 * (i + 1) / (2 * power)) for i in range(0, 2 * power, 2)]
    return torch.tensor(slopes + between[: heads - power])


def alibi(heads: int, t: int, s: int | None = None) -> Tensor:
    """[heads, t, s]: minus the slope times the distance from each of the t newest of s tokens [Press 2022, eq. 2]."""
    s = t if s is None else s
    distance = (torch.arange(s - t, s)[:, None] - torch.arange(s)).abs()
    return -alibi_slopes(heads)[:, None, None] * distance

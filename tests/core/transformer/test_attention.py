"""Attention and positions from scratch."""

import pytest
import torch
import torch.nn.functional as F

from genai_core.language.gpt import rotary_table, rotate
from genai_core.transformer import attention as core
from genai_core.transformer.attention import attention

TOLERANCE = {torch.float32: 1e-5, torch.bfloat16: 2e-2}


def qkv(generator, t=5, s=7, d=8, dtype=torch.float32):
    return [torch.randn(2, 3, n, d, generator=generator).to(dtype).requires_grad_() for n in (t, s, s)]


def masks(generator, t, s):
    random = torch.rand(2, 1, t, s, generator=generator) < 0.6
    random[..., 0] = True  # each query looks at something
    return {"none": None, "causal": core.causal_mask(t, s), "random": random}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("which", ["none", "causal", "random"])
def test_it_is_torchs_forward_and_backward(generator, which, dtype):
    q, k, v = qkv(generator, dtype=dtype)
    mask = masks(generator, 5, 7)[which]
    ours, theirs = attention(q, k, v, mask).out, F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    assert torch.allclose(ours, theirs, atol=TOLERANCE[dtype])
    upstream = torch.randn(ours.shape, generator=generator).to(dtype)
    for a, b in zip(
        torch.autograd.grad(ours, (q, k, v), upstream), torch.autograd.grad(theirs, (q, k, v), upstream), strict=True
    ):
        assert torch.allclose(a, b, atol=3 * TOLERANCE[dtype])


def test_each_row_is_a_distribution_over_what_it_may_see(generator):
    q, k, v = qkv(generator)
    mask = core.causal_mask(5, 7)
    steps = attention(q, k, v, mask)
    assert torch.allclose(steps.weights.sum(-1), torch.ones(2, 3, 5))
    assert (steps.weights[..., ~mask] == 0).all()
    assert torch.equal(steps.scores * 8**-0.5, steps.scaled)


def test_a_low_temperature_looks_at_one_key_and_a_high_one_at_all_alike(generator):
    q, k, v = qkv(generator)
    cold, hot = (attention(q, k, v, temperature=t) for t in (1e-5, 1e6))
    assert torch.allclose(cold.weights.max(-1).values, torch.ones(2, 3, 5), atol=1e-3)
    assert torch.equal(cold.weights.argmax(-1), cold.scores.argmax(-1))
    assert torch.allclose(hot.weights, torch.full((2, 3, 5, 7), 1 / 7), atol=1e-4)
    with pytest.raises(ValueError, match="temperature"):
        attention(q, k, v, temperature=0.0)


def test_the_mask_of_new_tokens_is_the_last_rows_of_that_of_all():
    assert torch.equal(core.causal_mask(3, 7), core.causal_mask(7)[-3:])
    with pytest.raises(ValueError, match="more than the 2 tokens"):
        core.causal_mask(3, 2)


def test_rotary_products_depend_on_the_distance_alone(generator):
    q, k = torch.randn(2, 16, generator=generator)
    table = rotary_table(40, 16)
    at = lambda x, place: rotate(x[None], table[:, place : place + 1])[0]  # noqa: E731
    products = [at(q, place + 5) @ at(k, place) for place in (0, 3, 20, 34)]
    assert torch.allclose(torch.stack(products), products[0].expand(4), atol=1e-4)
    assert not torch.isclose(at(q, 9) @ at(k, 0), products[0], atol=1e-2)
    assert torch.allclose(at(q, 17).norm(), q.norm())


def test_sinusoidal_positions_are_those_of_the_paper_and_moved_by_one_linear_map():
    table = core.sinusoidal(50, 12)
    assert torch.allclose(table[7, 4], torch.tensor(7 / 10_000 ** (4 / 12)).sin())
    assert torch.allclose(table[7, 5], torch.tensor(7 / 10_000 ** (4 / 12)).cos())
    moved = torch.linalg.lstsq(table[:40], table[3:43]).solution  # PE(pos + k) = PE(pos) M, the same M for all
    assert torch.allclose(table[:40] @ moved, table[3:43], atol=1e-3)
    with pytest.raises(ValueError, match="pairs"):
        core.sinusoidal(4, 3)


def test_alibi_has_the_slopes_of_the_paper_and_no_bias_at_no_distance():
    assert torch.allclose(core.alibi_slopes(8), 0.5 ** torch.arange(1.0, 9))
    twelve = core.alibi_slopes(12)
    assert torch.allclose(twelve[:8], core.alibi_slopes(8))
    assert torch.allclose(twelve[8:], core.alibi_slopes(16)[:8:2])
    bias = core.alibi(8, 3, 5)
    assert bias.shape == (8, 3, 5)
    assert torch.equal(bias, core.alibi(8, 5)[:, -3:])
    assert (bias.diagonal(2, 1, 2) == 0).all()
    with pytest.raises(ValueError, match="heads"):
        core.alibi_slopes(0)

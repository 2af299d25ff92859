"""The laws of a GPT that is opened."""

import dataclasses
import itertools

import pytest
import torch

from genai_core.common.training import seeded
from genai_core.language import gpt
from genai_core.transformer import bert, lens

CONFIG = gpt.GPTConfig(vocab_size=20, block_size=16, n_layer=3, n_head=2, n_embd=16)
IDS = torch.tensor([3, 1, 4, 1, 5, 9, 2, 6])


def made(config=CONFIG):
    model = seeded(0, lambda: gpt.GPT(config)).eval().requires_grad_(False)
    for p in model.parameters():
        p += 0.3 * torch.randn(p.shape, generator=torch.Generator().manual_seed(p.numel()))
    return model


@pytest.mark.parametrize("change", [{}, gpt.GPT2], ids=["ours", "gpt2"])
def test_switching_nothing_off_gives_the_models_own_logits(change):
    model = made(dataclasses.replace(CONFIG, **change))
    layers = lens.trace(model, IDS)
    assert torch.allclose(lens.logits(model, layers[-1].after), model(IDS[None])[0], atol=1e-4)
    assert torch.allclose(lens.token_nll(model, IDS), model.token_nll(IDS[None])[0], atol=1e-4)


def test_the_stream_is_the_sum_of_what_every_layer_adds():
    layers = lens.trace(made(), IDS)
    total = layers[0].before + sum(layer.attended + layer.mlp for layer in layers)
    assert torch.allclose(total, layers[-1].after, atol=1e-5)
    assert all(torch.equal(a.after, b.before) for a, b in itertools.pairwise(layers))


def test_attention_is_scaled_dot_product_attention_of_the_traced_values():
    for layer in lens.trace(made(), IDS):
        given = (part[None] for part in (layer.q, layer.k, layer.v))
        expected = torch.nn.functional.scaled_dot_product_attention(*given, is_causal=True)[0]
        assert torch.allclose(layer.steps.out, expected, atol=1e-5)


def test_a_layer_whose_parts_are_off_adds_nothing():
    model = made(dataclasses.replace(CONFIG, **gpt.GPT2))
    layers = lens.trace(model, IDS, [(2, 1), (2, 2), (2, lens.MLP)])
    assert torch.equal(layers[1].after, layers[1].before)
    assert not torch.equal(layers[2].after, layers[2].before)


def test_heads_add_up():
    """Without a bias, what attention adds is the sum of what each head adds alone."""
    whole, first, second = (lens.trace(made(), IDS, off)[0].attended for off in ([], [(1, 2)], [(1, 1)]))
    assert torch.allclose(first + second, whole, atol=1e-5)
    assert not torch.allclose(first, whole, atol=1e-3)


def test_importance_is_what_the_loss_gains():
    model = made()
    found = lens.importance(model, IDS)
    assert found.shape == (3, 3)
    loss = lens.token_nll(model, IDS, [(2, 1)]).mean() - lens.token_nll(model, IDS).mean()
    assert found[1, 1] == pytest.approx(float(loss), abs=1e-6)


@pytest.mark.parametrize("off", [(0, 1), (4, 1), (1, 3), (1, -1)])
def test_what_the_model_does_not_have_is_refused(off):
    with pytest.raises(ValueError, match="There is no head"):
        lens.trace(made(), IDS, [off])


def test_no_tokens_and_too_many_are_refused():
    for ids in (IDS[:0], torch.zeros(17).long()):
        with pytest.raises(ValueError, match="1 to 16 tokens"):
            lens.trace(made(), ids)


def test_a_bert_is_opened_as_well_and_its_tokens_see_both_sides():
    config = bert.BERTConfig(vocab_size=20, block_size=16, n_layer=3, n_head=2, n_embd=16)
    model = seeded(0, lambda: bert.BERT(config)).eval().requires_grad_(False)
    for p in model.parameters():
        p += 0.3 * torch.randn(p.shape, generator=torch.Generator().manual_seed(p.numel()))
    layers = lens.trace(model, IDS)
    assert torch.allclose(model.logits(model.norm(layers[-1].after)), model(IDS[None])[0], atol=1e-4)
    for layer in layers:
        given = (part[None] for part in (layer.q, layer.k, layer.v))
        expected = torch.nn.functional.scaled_dot_product_attention(*given)[0]
        assert torch.allclose(layer.steps.out, expected, atol=1e-5)
        assert (layer.steps.weights > 0).all()
        assert torch.allclose(layer.steps.weights.sum(-1), torch.ones(2, 8))
    off = lens.trace(model, IDS, [(2, 1), (2, 2), (2, lens.MLP)])
    assert torch.equal(off[1].after, off[1].before)


class Start:
    start = 0


def test_even_attention_has_the_induction_score_of_chance(generator):
    model = made(dataclasses.replace(CONFIG, block_size=9))
    model.tokenizer = Start()
    model.blocks[1].attention.qkv.weight.zero_()  # all scores are 0
    found = lens.induction(model, generator, length=4)
    assert found.shape == (3, 2)
    places = torch.tensor([5, 6, 7])  # of the second round, all but the last
    assert torch.allclose(found[1], (1 / (places + 1)).mean().expand(2), atol=1e-6)
    with pytest.raises(ValueError, match="1 to 9 tokens"):
        lens.induction(model, generator, length=5)


def test_a_head_that_copies_what_followed_has_an_induction_score_of_1(generator, monkeypatch):
    """Attention as it would be in an induction head, in place of the model's."""
    length = 6

    def traced(_model, ids):
        weights = torch.eye(len(ids)).repeat(2, 1, 1)
        for place in range(1 + length, len(ids)):
            earlier = (ids[1 : place - length + 1] == ids[place]).nonzero()[-1, 0] + 1  # as it was said before
            weights[0, place] = torch.nn.functional.one_hot(earlier + 1, len(ids))
        steps = dataclasses.make_dataclass("Steps", ["weights"])(weights)
        return [dataclasses.make_dataclass("Layer", ["steps"])(steps)] * 3

    model = made()
    model.tokenizer = Start()
    monkeypatch.setattr(lens, "trace", traced)
    assert lens.induction(model, generator, length=length)[0].tolist() == pytest.approx([1, 0])

"""The laws of BERT."""

import dataclasses

import pytest
import torch
import torch.nn.functional as F

from genai_core.common.training import seeded
from genai_core.language.gpt import rotate
from genai_core.language.tokenizers import BPETokenizer
from genai_core.transformer import bert
from genai_core.transformer.blocks import Attention

SMALL = bert.BERTConfig(vocab_size=30, block_size=12, n_layer=2, n_head=2, n_embd=16, dropout=0.0, batch=8)


def made(config=SMALL):
    model = seeded(0, lambda: bert.BERT(config)).eval().requires_grad_(False)
    for p in model.parameters():
        p += 0.3 * torch.randn(p.shape, generator=torch.Generator().manual_seed(p.numel()))
    return model


def test_a_fifth_is_chosen_and_eight_of_ten_of_them_masked(generator):
    ids = torch.randint(30, (400, 120), generator=generator)
    given, wanted = bert.corrupt(ids, SMALL, generator)
    chosen = wanted != bert.IGNORED
    assert abs(chosen.float().mean() - 0.2) < 0.01
    assert torch.equal(given[~chosen], ids[~chosen])
    assert torch.equal(wanted[chosen], ids[chosen])
    masked, kept = (given[chosen] == 30).float().mean(), (given[chosen] == ids[chosen]).float().mean()
    assert abs(masked - 0.8) < 0.02
    assert abs(kept - 0.1 * (1 + 1 / 30)) < 0.02


def test_every_place_sees_both_sides(generator):
    model, ids = made(), torch.randint(30, (1, 9), generator=generator)
    for place in (0, 8):
        other = ids.clone()
        other[0, place] = (other[0, place] + 1) % 30
        changed = (model(ids) - model(other)).abs().amax(-1)[0] > 1e-4
        assert changed.all()


def test_what_fills_a_place_does_not_depend_on_what_stood_there(generator):
    model, ids = made(), torch.randint(30, (9,), generator=generator).tolist()
    other = [*ids[:4], (ids[4] + 1) % 30, *ids[5:]]
    assert torch.equal(model.fill(ids, [4]), model.fill(other, [4]))
    assert torch.allclose(model.fill(ids, [4, 6]).exp().sum(-1), torch.ones(2))
    with pytest.raises(ValueError, match="0 to 8"):
        model.fill(ids, [9])


@pytest.mark.parametrize("batch", [2, 64])
def test_the_pseudo_likelihood_is_that_of_each_token_alone(generator, batch):
    model, ids = made(), torch.randint(30, (7,), generator=generator).tolist()
    each = torch.stack([-model.fill(ids, [place])[0, ids[place]] for place in range(7)])
    assert torch.allclose(model.pseudo_nll(ids, batch), each, atol=1e-5)
    assert model.pseudo_nll([]).shape == (0,)


def test_the_loss_is_the_cross_entropy_at_the_chosen_places(generator):
    model, ids = made(), torch.randint(30, (3, 12), generator=generator)
    given, wanted = bert.corrupt(ids, SMALL, generator)
    log_p = model(given).log_softmax(-1)
    chosen = wanted != bert.IGNORED
    by_hand = -log_p[chosen].gather(1, wanted[chosen][:, None]).mean()
    assert torch.allclose(bert.loss(model, given, wanted), by_hand, atol=1e-5)


def test_a_longer_text_and_a_config_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="13 tokens are more than the context of 12"):
        made()(torch.zeros(1, 13, dtype=torch.long))
    with pytest.raises(ValueError, match="heads of even width"):
        bert.BERT(dataclasses.replace(SMALL, n_embd=18))


def test_a_layer_is_its_formula_with_pytorchs_fused_attention(generator):
    model, x = made(), torch.randn(2, 7, 16, generator=generator)
    layer, table = model.layers[0], model.table[:, :7]

    def heads(y):
        return y.view(2, 7, 2, 8).transpose(1, 2)

    normed = F.rms_norm(x, (16,), layer.norm1.weight, 1e-6)
    q, k, v = (heads(normed @ part.weight.T) for part in (layer.attention.q, layer.attention.k, layer.attention.v))
    fused = F.scaled_dot_product_attention(rotate(q, table), rotate(k, table), v)
    middle = x + fused.transpose(1, 2).flatten(2) @ layer.attention.out.weight.T
    up = F.rms_norm(middle, (16,), layer.norm2.weight, 1e-6) @ layer.mlp.up.weight.T
    assert torch.allclose(layer(x, table=table), middle + up.relu() ** 2 @ layer.mlp.out.weight.T, atol=1e-4)


def test_attention_is_pytorchs_module_with_the_same_weights(generator):
    """Without positions, which that module does not have."""
    ours, x = Attention(16, 2), torch.randn(3, 7, 16, generator=generator)
    torch.nn.init.normal_(ours.out.weight, generator=generator)
    theirs = torch.nn.MultiheadAttention(16, 2, bias=False, batch_first=True)
    theirs.in_proj_weight.data = torch.cat([ours.q.weight, ours.k.weight, ours.v.weight])
    theirs.out_proj.weight = ours.out.weight
    expected, weights = theirs(x, x, x, average_attn_weights=False)
    assert torch.allclose(ours(x), expected, atol=1e-5)
    assert torch.allclose(ours.weights(x, x), weights, atol=1e-6)


def test_logits_are_products_with_the_embeddings_of_all_but_the_mask(generator):
    model, ids = made(), torch.randint(30, (2, 5), generator=generator)
    expected = F.linear(model.states(ids), model.embedding.weight[:30], model.bias)
    assert torch.allclose(model(ids), expected, atol=1e-5)


IDS = [3, 1, 4, 1, 5, 9, 2, 6]
WORDS = [[1], [3, 4, 5], [7]]
PLACES = [1, 3, 4, 5, 7]


def test_a_word_of_one_token_is_guessed_as_the_likeliest_with_all_masked():
    model = made()
    p = model.fill(IDS, PLACES).exp()
    found = model.guess(IDS, WORDS)
    assert [len(tokens) for tokens in found] == [1, 3, 1]
    for tokens, k in ((found[0], 0), (found[2], 4)):
        assert tokens == [(int(p[k].argmax()), pytest.approx(float(p[k].max())))]
    assert model.guess(IDS, []) == []


def test_a_longer_word_is_guessed_greedily_from_the_left():
    model, ids = made(), list(IDS)
    for k, place in enumerate(WORDS[1]):
        rest = [other for other in PLACES if other not in WORDS[1][:k]]
        p = model.fill(ids, rest)[rest.index(place)].exp()
        assert model.guess(IDS, WORDS)[1][k] == (int(p.argmax()), pytest.approx(float(p.max())))
        ids[place] = int(p.argmax())


def test_p_of_a_word_is_the_product_of_its_tokens():
    model = made()
    chain = [model.fill(IDS, [3, 4, 5])[0, IDS[3]], model.fill(IDS, [4, 5])[0, IDS[4]], model.fill(IDS, [5])[0, IDS[5]]]
    assert model.word_log_p(IDS, [3, 4, 5], [3, 4, 5]) == pytest.approx(float(sum(chain)), abs=1e-5)
    alone = float(model.fill(IDS, PLACES)[0, IDS[1]])
    assert model.word_log_p(IDS, [1], PLACES) == pytest.approx(alone, abs=1e-5)
    p = [model.word_log_p([3, a, b], [1, 2], [1, 2]) for a in range(30) for b in range(30)]
    assert sum(torch.tensor(p).exp()) == pytest.approx(1, abs=1e-4)  # over all words of two tokens


@pytest.fixture
def reader():
    model = bert.BERT(dataclasses.replace(SMALL, vocab_size=280))
    sentence = "One day a small brown bird sang in the old garden, and everybody stopped to listen.\n"
    model.tokenizer = BPETokenizer.train(sentence * 20, 280)
    return model


@pytest.mark.parametrize("text", ["One bird sang.", "It's 12 o'clock!  漢字 😀\n", "", " "])
def test_words_are_the_text_in_pieces(reader, text):
    ids, words = bert.read(reader, text)
    assert ids == [reader.tokenizer.start, *reader.tokenizer.encode(text), reader.tokenizer.start]
    assert [place for word in words for place in word] == list(range(1, len(ids) - 1))


def test_a_word_takes_the_space_before_it_and_no_sign(reader):
    ids, words = bert.read(reader, "A bird sang, Kalmora.")
    assert [reader.tokenizer.decode(ids[k] for k in word) for word in words] == [
        "A", " bird", " sang", ",", " Kalmora", "."
    ]  # fmt: skip


def test_a_mask_in_the_text_is_the_mask(reader):
    ids, words = bert.read(reader, "A [MASK] sang.[MASK]")
    masks = [k for k, i in enumerate(ids) if i == reader.mask]
    assert all([place] in words for place in masks)
    assert masks == [2, len(ids) - 2]
    rest = [i for i in ids[1:-1] if i != reader.mask]
    assert rest == [*reader.tokenizer.encode("A"), *reader.tokenizer.encode(" sang.")]


def test_a_share_of_the_words_is_chosen_in_their_order():
    words = [[k] for k in range(40)]
    found = bert.choose(words, 0.3, torch.Generator().manual_seed(1))
    assert len(found) == 12
    assert found == sorted(found)
    assert found == bert.choose(words, 0.3, torch.Generator().manual_seed(1))
    assert found != bert.choose(words, 0.3, torch.Generator().manual_seed(2))
    assert bert.choose(words, 1, torch.Generator()) == words
    assert bert.choose(words, 0, torch.Generator()) == bert.choose([], 0.5, torch.Generator()) == []
    with pytest.raises(ValueError, match="share"):
        bert.choose(words, 1.1, torch.Generator())

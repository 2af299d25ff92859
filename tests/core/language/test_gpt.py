"""The laws of the transformer, for GPT-2's parts and for the modern ones alike."""

import dataclasses

import pytest
import torch
import torch.nn.functional as F

from genai_core.common.training import seeded
from genai_core.language import export, gpt, tokenizers
from genai_core.language.decoding import DecodingSession

MODERN = gpt.GPTConfig(
    vocab_size=11, block_size=16, n_layer=2, n_head=2, n_embd=16, dropout=0.1, zero_init=False, batch=4
)
CLASSIC = dataclasses.replace(MODERN, **gpt.GPT2)
BOTH = pytest.mark.parametrize("config", [MODERN, CLASSIC], ids=["modern", "gpt2"])
LETTERS = "abcdefghij\n"


def made(config, seed=0) -> gpt.GPT:
    model = seeded(seed, lambda: gpt.GPT(config)).eval().requires_grad_(False)
    for p in model.parameters():  # far from their initial values, where every part matters
        p += 0.3 * torch.randn(p.shape, generator=torch.Generator().manual_seed(p.numel()))
    model.tokenizer = tokenizers.CharTokenizer(LETTERS)
    return model


def tokens(*shape, seed=0):
    return torch.randint(11, shape, generator=torch.Generator().manual_seed(seed))


def corpus(n=400):
    return tokenizers.Corpus.of("".join(LETTERS[i] for i in tokens(n).tolist()) + LETTERS)


def weights(model):
    return torch.cat([p.flatten() for p in model.parameters()])


@BOTH
def test_a_changed_token_changes_nothing_before_it(config):
    model, ids = made(config), tokens(3, 12)
    other = ids.clone()
    other[:, 7] = (other[:, 7] + 1) % 11
    a, b = model(ids), model(other)
    assert torch.allclose(a[:, :7], b[:, :7], atol=1e-5)
    assert (a[:, 7:] - b[:, 7:]).abs().amax((0, 2)).min() > 1e-3


@BOTH
def test_reading_with_the_cache_gives_the_logits_without_it(config):
    model, ids = made(config), tokens(16).tolist()
    whole = model(torch.tensor([ids]))[0]
    session = DecodingSession(model)
    for n in (1, 2, 5, 6, 11, 16):  # one token at a time and several at once
        torch.testing.assert_close(session.next_logits(ids[:n]), whole[n - 1], atol=1e-4, rtol=1e-4)
        assert len(session.states) == n


@BOTH
def test_a_session_beyond_the_context_or_on_another_branch_is_as_a_new_one(config):
    model, ids = made(config), tokens(60).tolist()
    session = DecodingSession(model)
    for n in range(1, 61):
        torch.testing.assert_close(session.next_logits(ids[:n]), model.next_logits(ids[:n]), atol=1e-4, rtol=1e-4)
    twin = session.copy()
    for branch in ([*ids[:50], 3], [*ids[:57], 1, 2], ids[:5], ids):
        torch.testing.assert_close(session.next_logits(branch), model.next_logits(branch), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(twin.next_logits([*ids, 4]), model.next_logits([*ids, 4]), atol=1e-4, rtol=1e-4)
    with pytest.raises(ValueError, match="at least one token"):
        session.next_logits([])


@BOTH
@pytest.mark.parametrize("frozen", [True, False])
def test_tokens_read_along_have_the_logits_of_one_at_a_time_and_are_forgotten(config, frozen):
    model, ids = made(config).requires_grad_(not frozen), tokens(60).tolist()
    session, plain = DecodingSession(model), DecodingSession(model)
    assert session.room(ids[:3]) == 0  # nothing is read yet
    session.next_logits(ids[:3])
    assert session.room(ids[:3]) == session.room(ids[:4]) + 1 == 13
    for n, ahead in ((4, ids[4:9]), (5, [7, 7, 7]), (5, ids[5:16]), (16, [])):
        each = [plain.next_logits([*ids[:n], *ahead[:i]]) for i in range(len(ahead) + 1)]
        torch.testing.assert_close(session.logits_along(ids[:n], ahead), torch.stack(each), atol=1e-4, rtol=1e-4)
    with pytest.raises(ValueError, match="no room to read 1"):
        session.logits_along(ids[:16], [3])
    torch.testing.assert_close(session.next_logits(ids[:8]), plain.next_logits(ids[:8]), atol=1e-4, rtol=1e-4)


@BOTH
def test_what_a_session_has_worked_out_beforehand_follows_a_training(config):
    for step in gpt.train(config, corpus(), steps=3):
        session, ids = DecodingSession(step.model), tokens(9).tolist()
        read = [session.next_logits(ids[:n]) for n in range(1, 10)]
        with torch.inference_mode():
            torch.testing.assert_close(torch.stack(read), step.model(torch.tensor([ids]))[0], atol=1e-4, rtol=1e-3)


@BOTH
def test_reading_in_half_the_bits_says_nearly_the_same(config):
    model, ids = made(config), tokens(16).tolist()
    half, whole = DecodingSession(model, bfloat16=True), DecodingSession(model)
    for n in range(1, 17):
        a, b = (F.softmax(session.next_logits(ids[:n]), 0) for session in (half, whole))
        assert 0.5 * (a - b).abs().sum() < 0.1
        assert n == 1 or not torch.equal(a, b)


def test_the_window_always_holds_most_of_the_context_and_jumps_seldom():
    starts = [tokenizers.window_start(n, 16) for n in range(1, 200)]
    assert starts[:16] == [0] * 16
    assert all(12 < n - start <= 16 for n, start in enumerate(starts[16:], 17))
    assert len(set(starts)) < 200 / 4 + 1


@BOTH
def test_the_score_is_what_reading_on_says(config):
    model, string = made(config), "".join(LETTERS[i] for i in tokens(45).tolist())
    ids = model.tokenizer.encode("\n" + string)
    expected = [-F.log_softmax(model.next_logits(ids[:n]), 0)[ids[n]] for n in range(1, len(ids))]
    torch.testing.assert_close(model.score(string), torch.stack(expected), atol=1e-3, rtol=1e-3)
    assert model.score("").tolist() == []
    with pytest.raises(ValueError, match="'z'"):
        model.score("abz")


def test_rotated_products_depend_on_distance_only(generator):
    table = gpt.rotary_table(64, 8)
    q, k = torch.randn(2, 8, generator=generator).double()
    at = torch.arange(64)
    products = gpt.rotate(q.expand(64, 8), table.double()) @ gpt.rotate(k.expand(64, 8), table.double()).T
    for distance in (0, 1, 5, 40):
        along = products[at[distance:], at[: 64 - distance]]
        assert along.max() - along.min() < 1e-5
    assert torch.allclose(gpt.rotate(q, table[:, :1].double()[:, 0]), q)  # nothing turns at place 0
    assert products[0].std() > 0.01


def test_attention_is_softmax_of_scaled_products(generator):
    """Written out with loops, against what the module computes."""
    config = dataclasses.replace(MODERN, n_head=2)
    attention = seeded(1, lambda: gpt.Attention(config, 0))
    x = torch.randn(1, 5, 16, generator=generator)
    q, k, v = attention.qkv(x)[0].view(5, 3, 2, 8).unbind(1)  # [T, heads, d]
    y = torch.zeros(5, 2, 8)
    for head in range(2):
        for t in range(5):
            weight = torch.softmax(q[t, head] @ k[: t + 1, head].T / 8**0.5, 0)
            y[t, head] = weight @ v[: t + 1, head]
    torch.testing.assert_close(attention(x, None)[0], attention.out(y.flatten(1)), atol=1e-5, rtol=1e-4)


def test_values_times_the_weights_are_what_attention_gives(generator):
    attention, table = seeded(1, lambda: gpt.Attention(MODERN, 0)), gpt.rotary_table(5, 8)
    x = torch.randn(2, 5, 16, generator=generator)
    weights, (_, _, v) = attention.weights(x, table), attention.project(x, table)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 2, 5))
    assert not weights.triu(1).any()
    y = attention.out((weights @ v).transpose(1, 2).reshape(2, 5, 16))
    torch.testing.assert_close(attention(x, table), y, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("config", "twin"), [(CLASSIC, "as_gpt2"), (MODERN, "as_arcee")], ids=["gpt2", "arcee"])
def test_a_twin_in_transformers_has_the_same_logits_with_the_same_weights(config, twin):
    model, as_twin = made(config), getattr(export, twin)
    theirs, ids = as_twin(model), tokens(2, 16)
    torch.testing.assert_close(model(ids), theirs(ids).logits, atol=2e-4, rtol=1e-4)
    with pytest.raises(ValueError, match="Only a model"):
        as_twin(made(MODERN if config is CLASSIC else CLASSIC))


@pytest.mark.parametrize("change", [{"norm": "batch"}, {"positions": "none"}, {"activation": "x"}, {"n_head": 3}])
def test_parts_that_there_are_not_are_refused(change):
    with pytest.raises(ValueError):  # noqa: PT011
        gpt.GPT(dataclasses.replace(MODERN, **change))


def test_the_recipes_fit_into_16_mib_of_float16():
    for recipe in gpt.RECIPES.values():
        with torch.device("meta"):
            model = gpt.GPT(recipe.config)
        assert sum(p.numel() for p in model.parameters()) * 2 < 16 * 2**20
    with torch.device("meta"):
        assert sum(p.numel() for p in gpt.GPT(gpt.GPTConfig()).parameters()) == pytest.approx(4.75e6, rel=0.01)


def test_muon_gets_the_matrices_of_the_layers_and_everything_gets_an_optimizer():
    for config in (MODERN, CLASSIC, dataclasses.replace(MODERN, optimizer="adamw")):
        model = gpt.GPT(config)
        both = gpt.optimizers(model)
        held = [p for optimizer in both.values() for group in optimizer.param_groups for p in group["params"]]
        assert len(held) == len({id(p) for p in held}) == len(list(model.parameters()))
        assert len(both["hidden"].param_groups[0]["params"]) == 4 * config.n_layer


def test_at_first_every_token_is_as_likely():
    model = gpt.GPT(dataclasses.replace(MODERN, zero_init=True)).eval()
    assert torch.allclose(model.token_nll(tokens(2, 9)), torch.tensor(11.0).log())


@BOTH
def test_a_resumed_run_ends_in_the_weights_of_an_uninterrupted_one(config):
    whole = list(gpt.train(config, corpus(), steps=8, seed=2))
    loop = gpt.train(config, corpus(), steps=8, seed=2)
    state = [next(loop) for _ in range(3)][-1].state()
    rest = list(gpt.train(config, corpus(), steps=8, seed=2, resume=state))
    assert [step.step for step in rest] == list(range(4, 9))
    assert rest[-1].losses == whole[-1].losses
    assert torch.equal(weights(rest[-1].model), weights(whole[-1].model))
    assert not rest[-1].model.training


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
@BOTH
def test_the_loss_falls_on_one_batch(config, optimizer):
    config = dataclasses.replace(config, optimizer=optimizer, warmup=5, dropout=0.0)
    steps = list(gpt.train(config, corpus(10), steps=80, seed=0))
    assert steps[-1].losses["loss"] < 0.5 * steps[0].losses["loss"]


def test_a_corpus_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="different tokens"):
        next(gpt.train(MODERN, tokenizers.Corpus.of("abc"), steps=1))
    with pytest.raises(ValueError, match="needs more than 16"):
        next(gpt.train(MODERN, tokenizers.Corpus.of(LETTERS), steps=1))

"""Beam search against trying everything and against transformers; contrastive search against its formula."""

import itertools
import math
from types import SimpleNamespace

import pytest
import torch

from genai_core.common.training import seeded
from genai_core.language import gpt, lstm, ngram, search, tokenizers

CONFIG = gpt.GPTConfig(vocab_size=5, block_size=16, n_layer=2, n_head=2, n_embd=16, **gpt.GPT2)
PROMPT = [1, 3]


@pytest.fixture(scope="module")
def model():
    made = seeded(0, lambda: gpt.GPT(CONFIG)).eval().requires_grad_(False)
    for p in made.parameters():
        p += 0.4 * torch.randn(p.shape, generator=torch.Generator().manual_seed(p.numel()))
    return made


def log_p(model, tokens):
    return -float(model.token_nll(torch.tensor([[*PROMPT, *tokens]]))[0, len(PROMPT) - 1 :].sum())


@pytest.mark.parametrize(("width", "length"), [(5, 2), (25, 3)])
def test_wide_enough_it_finds_the_true_best(model, width, length):
    *_, last = search.beam_search(model, PROMPT, width=width, max_tokens=length)
    every = {tokens: log_p(model, tokens) for tokens in itertools.product(range(5), repeat=length)}
    best = max(every, key=every.get)
    assert last.best.tokens == best
    assert last.best.score == pytest.approx(every[best], abs=1e-3)
    ranked = sorted(every.values(), reverse=True)[: len(last.kept)]
    assert [c.score for c in last.kept] == pytest.approx(ranked, abs=1e-3)


def test_every_score_is_the_log_probability_of_its_tokens(model):
    for step in search.beam_search(model, PROMPT, width=3, max_tokens=12):  # beyond the context's first jump, too
        for c in step.candidates:
            if len(PROMPT) + len(c.tokens) <= CONFIG.block_size:
                assert c.score == pytest.approx(log_p(model, c.tokens), abs=2e-3)


def test_the_beams_are_those_of_transformers(model):
    from genai_core.language.export import as_gpt2

    theirs = as_gpt2(model).generate(
        torch.tensor([PROMPT]), num_beams=3, num_return_sequences=3, max_new_tokens=8, do_sample=False, pad_token_id=0
    )
    *_, last = search.beam_search(model, PROMPT, width=3, max_tokens=8)
    assert [list(c.tokens) for c in last.kept] == theirs[:, len(PROMPT) :].tolist()


class Table:
    """A language model that is a table: logits of a token after the last two, of V = 4."""

    def __init__(self, logits):
        self.logits = logits  # [4, 4, 4]

    def decoding_session(self):
        return self

    def copy(self):
        return self

    def next_logits(self, ids):
        return self.logits[ids[-2], ids[-1]]


def by_definition(table, width, length, stop, penalty):
    """Beam search in its plainest form: all continuations of all beams, up to the last length, nothing ended early."""
    beams, ended, levels = [((), 0.0)], [], []
    for _ in range(length):
        log_p = [table.next_logits([0, 0, *tokens]).double().log_softmax(0).tolist() for tokens, _ in beams]
        every = [((*t, v), s + log_p[k][v]) for k, (t, s) in enumerate(beams) for v in range(4)]
        every = sorted((c for c in every if c[1] > -math.inf), key=lambda c: -c[1])
        ended += [c for c in every[:width] if c[0][-1] in stop]
        beams = [c for c in every if c[0][-1] not in stop][:width]
        levels.append([tokens for tokens, _ in beams])
        if not beams:
            break
    texts = sorted([*beams, *ended], key=lambda c: -c[1] / len(c[0]) ** penalty)[:width]
    return levels, [tokens for tokens, _ in texts]


@pytest.mark.parametrize("stop", [(), (0,), (0, 3), (0, 1, 2, 3)])
@pytest.mark.parametrize("penalty", [0.0, 0.7, 2.0, -0.5])
def test_beams_and_texts_are_those_of_the_definition(stop, penalty):
    cut = 0
    for seed in range(24):
        table = Table(2 * torch.randn(4, 4, 4, generator=torch.Generator().manual_seed(seed)))
        for width in (1, 2, 3):
            levels, texts = by_definition(table, width, 7, stop, penalty)
            options = {"width": width, "max_tokens": 7, "stop": stop, "length_penalty": penalty}
            for shown in (None, 1, 4):
                steps = list(search.beam_search(table, [0, 0], shown=shown, **options))
                kept = [[c.tokens for c in step.kept] for step in steps]
                assert kept == levels[: len(steps)]
                assert [c.tokens for c in steps[-1].texts] == texts
                assert steps[-1].best.tokens == texts[0]
                assert len(steps) == len(levels) or len(steps[-1].texts) == width
                cut += len(steps) < len(levels)
    assert (cut > 0) == (0 < len(stop) < 4)  # it ends early where it can, and only there


def test_a_stop_token_takes_no_beams_place():
    table = Table(torch.tensor([0.5, 0.3, 0.2, 0.0]).log().expand(4, 4, 4))
    for shown in (None, 1, 4):
        options = {"width": 2, "stop": (0,), "shown": shown}
        first, second = search.beam_search(table, [0, 0], **options)
        assert [c.tokens for c in first.kept] == [(1,), (2,)]
        assert [c.tokens for c in first.candidates if c.kept] == [(0,), (1,), (2,)]
        assert [c.tokens for c in first.texts] == [(0,), (1,)]
        assert first.best.score == pytest.approx(math.log(0.5))
        # (1, 0) has ended with p = 0.15, and no beam is better than (1, 1) with 0.09: nothing can change any more
        assert [c.tokens for c in second.texts] == [(0,), (1, 0)]
        assert second.kept[0].tokens == (1, 1)
        *_, last = search.beam_search(table, [0, 0], length_penalty=2.0, max_tokens=3, **options)
        assert [c.tokens for c in last.texts] == [(1, 1, 0), (1, 2, 0)]  # log 0.045 / 9, log 0.03 / 9
        assert last.best.value(2.0) == pytest.approx(math.log(0.045) / 9)


@pytest.mark.parametrize("stop", [[1], [0, 2]])
@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_the_texts_that_end_are_those_of_transformers(model, stop, penalty):
    from genai_core.language.export import as_gpt2

    options = {"num_beams": 3, "num_return_sequences": 3, "max_new_tokens": 8, "do_sample": False}
    theirs = as_gpt2(model).generate(
        torch.tensor([PROMPT]),
        eos_token_id=stop,
        pad_token_id=0,
        length_penalty=penalty,
        early_stopping="never",
        **options,
    )
    texts = []
    for row in theirs[:, len(PROMPT) :].tolist():
        end = next((i + 1 for i, token in enumerate(row) if token in stop), len(row))
        texts.append(tuple(row[:end]))
    *_, last = search.beam_search(model, PROMPT, width=3, max_tokens=8, stop=stop, length_penalty=penalty)
    assert [c.tokens for c in last.texts] == texts
    assert any(c.ended for c in last.texts)


def test_tokens_with_a_text_are_all_that_contain_it():
    tokenizer = tokenizers.BPETokenizer.train('He said "no." She said "no."\n' * 20, 262)
    found = search.tokens_with(SimpleNamespace(tokenizer=tokenizer), ".")
    assert {tokenizer.decode([i]) for i in found} > {"."}
    assert all("." in tokenizer.decode([i]) for i in found)
    characters = SimpleNamespace(tokenizer=tokenizers.CharTokenizer("a.b\n"))
    assert search.tokens_with(characters, ".") == set(characters.tokenizer.encode("."))
    assert search.tokens_with(characters, "?") == set()


def test_one_beam_is_greedy_and_parents_are_a_tree(model):
    steps = list(search.beam_search(model, PROMPT, width=1, max_tokens=6))
    ids = list(PROMPT)
    for step in steps:
        assert step.best.token == int(model.next_logits(ids).argmax())
        ids.append(step.best.token)
    steps = list(search.beam_search(model, PROMPT, width=3, max_tokens=6, shown=5))
    for before, after in itertools.pairwise(steps):
        assert len(after.candidates) == 15
        for c in after.candidates:
            assert before.kept[c.parent].tokens == c.tokens[:-1]
        assert sum(c.kept for c in after.candidates) == 3


def test_a_beam_that_ends_goes_no_further(model):
    for step in search.beam_search(model, PROMPT, width=3, max_tokens=10, stop=(0, 2), length_penalty=1.0):
        assert all(0 not in c.tokens[:-1] and 2 not in c.tokens[:-1] for c in step.candidates)
        assert all(not c.ended for c in step.kept)
    for width in (0, 1.5, math.nan):
        with pytest.raises(ValueError, match="number of beams must be"):
            next(search.beam_search(model, PROMPT, width=width))
    for penalty in (math.nan, math.inf, 1e308, -1e308):  # the last two are too large a power
        with pytest.raises(ValueError, match="from -10 to 10"):
            next(search.beam_search(model, PROMPT, length_penalty=penalty))
    with pytest.raises(ValueError, match="at least one token"):
        next(search.beam_search(model, []))


def test_contrastive_search_is_its_formula(model):
    alpha, ids = 0.7, list(PROMPT)
    for step in search.contrastive_search(model, PROMPT, k=3, alpha=alpha, max_tokens=8):
        p = model.next_logits(ids).double().softmax(0)
        best = p.topk(3).indices.tolist()
        scores = []
        for token in best:
            h = torch.nn.functional.normalize(model.states(torch.tensor([[*ids, token]]))[0], dim=1)
            scores.append((1 - alpha) * float(p[token]) - alpha * float((h[:-1] @ h[-1]).max()))
        assert step.candidates == tuple(best)
        assert step.scores == pytest.approx(scores, abs=1e-3)
        assert step.token == best[max(range(3), key=scores.__getitem__)]
        ids.append(step.token)


def test_without_contrast_it_is_greedy(model):
    ids = list(PROMPT)
    for step in search.contrastive_search(model, PROMPT, k=4, alpha=0.0, max_tokens=6):
        assert step.token == int(model.next_logits(ids).argmax())
        ids.append(step.token)


def test_a_recurrent_model_is_searched_too():
    recurrent = seeded(0, lambda: lstm.LSTM(lstm.LSTMConfig(vocab_size=5, layers=1, width=16))).eval()
    step = next(search.contrastive_search(recurrent, PROMPT, k=3, alpha=0.5))
    assert step.token in step.candidates
    assert all(-1 <= likeness <= 1 for likeness in step.likeness)


def test_what_cannot_be_searched_is_told():
    corpus = tokenizers.Corpus.of("abcde" * 9)
    counted = list(ngram.train(ngram.NGramConfig(vocab_size=5, order=2), corpus, steps=2))[-1].model
    with pytest.raises(ValueError, match="n-gram model has none"):
        next(search.contrastive_search(counted, [1]))
    with pytest.raises(ValueError, match="alpha must be a number from 0 to 1"):
        next(search.contrastive_search(counted, [1], alpha=2))
    *_, last = search.beam_search(counted, [0], width=2, max_tokens=5)
    assert counted.config.order == 2
    assert corpus.tokenizer.decode(last.best.tokens) == "bcdea"

"""Beam search against trying everything and against transformers; contrastive search against its formula."""

import itertools

import pytest
import torch

from genai_core import gpt, lstm, ngram, text, text_search
from genai_core.training import seeded

CONFIG = gpt.GPTConfig(vocab=5, context=16, layers=2, heads=2, width=16, **gpt.GPT2)
PROMPT = [1, 3]


@pytest.fixture(scope="module")
def model():
    made = seeded(0, lambda: gpt.GPT(CONFIG)).eval().requires_grad_(False)
    for p in made.parameters():
        p += 0.4 * torch.randn(p.shape, generator=torch.Generator().manual_seed(p.numel()))
    return made


def log_p(model, tokens):
    return -float(model.nats(torch.tensor([[*PROMPT, *tokens]]))[0, len(PROMPT) - 1 :].sum())


@pytest.mark.parametrize(("width", "length"), [(5, 2), (25, 3)])
def test_wide_enough_it_finds_the_true_best(model, width, length):
    *_, last = text_search.beam_search(model, PROMPT, width=width, max_tokens=length)
    every = {tokens: log_p(model, tokens) for tokens in itertools.product(range(5), repeat=length)}
    best = max(every, key=every.get)
    assert last.best.tokens == best
    assert last.best.score == pytest.approx(every[best], abs=1e-3)
    ranked = sorted(every.values(), reverse=True)[: len(last.kept)]
    assert [c.score for c in last.kept] == pytest.approx(ranked, abs=1e-3)


def test_every_score_is_the_log_probability_of_its_tokens(model):
    for step in text_search.beam_search(model, PROMPT, width=3, max_tokens=12):  # beyond the context's first jump, too
        for c in step.candidates:
            if len(PROMPT) + len(c.tokens) <= CONFIG.context:
                assert c.score == pytest.approx(log_p(model, c.tokens), abs=2e-3)


def test_the_beams_are_those_of_transformers(model):
    from genai_core.hub_text import as_gpt2

    theirs = as_gpt2(model).generate(
        torch.tensor([PROMPT]), num_beams=3, num_return_sequences=3, max_new_tokens=8, do_sample=False, pad_token_id=0
    )
    *_, last = text_search.beam_search(model, PROMPT, width=3, max_tokens=8)
    assert [list(c.tokens) for c in last.kept] == theirs[:, len(PROMPT) :].tolist()


def test_one_beam_is_greedy_and_parents_are_a_tree(model):
    steps = list(text_search.beam_search(model, PROMPT, width=1, max_tokens=6))
    ids = list(PROMPT)
    for step in steps:
        assert step.best.token == int(model.next_logits(ids).argmax())
        ids.append(step.best.token)
    steps = list(text_search.beam_search(model, PROMPT, width=3, max_tokens=6, shown=5))
    for before, after in itertools.pairwise(steps):
        assert len(after.candidates) == 15
        for c in after.candidates:
            assert before.kept[c.parent].tokens == c.tokens[:-1]
        assert sum(c.kept for c in after.candidates) == 3


def test_a_beam_that_ends_goes_no_further(model):
    for step in text_search.beam_search(model, PROMPT, width=3, max_tokens=10, stop=(0, 2), length_penalty=1.0):
        assert all(0 not in c.tokens[:-1] and 2 not in c.tokens[:-1] for c in step.candidates)
        assert all(not c.ended for c in step.kept)
    with pytest.raises(ValueError, match="at least one beam"):
        next(text_search.beam_search(model, PROMPT, width=0))


def test_contrastive_search_is_its_formula(model):
    alpha, ids = 0.7, list(PROMPT)
    for step in text_search.contrastive_search(model, PROMPT, k=3, alpha=alpha, max_tokens=8):
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
    for step in text_search.contrastive_search(model, PROMPT, k=4, alpha=0.0, max_tokens=6):
        assert step.token == int(model.next_logits(ids).argmax())
        ids.append(step.token)


def test_a_recurrent_model_is_searched_too():
    recurrent = seeded(0, lambda: lstm.LSTM(lstm.LSTMConfig(vocab=5, layers=1, width=16))).eval()
    step = next(text_search.contrastive_search(recurrent, PROMPT, k=3, alpha=0.5))
    assert step.token in step.candidates
    assert all(-1 <= likeness <= 1 for likeness in step.likeness)


def test_what_cannot_be_searched_is_told():
    corpus = text.Corpus.of("abcde" * 9)
    counted = list(ngram.train(ngram.NGramConfig(vocab=5, order=2), corpus, steps=2))[-1].model
    with pytest.raises(ValueError, match="n-gram model has none"):
        next(text_search.contrastive_search(counted, [1]))
    with pytest.raises(ValueError, match="alpha from 0 to 1"):
        next(text_search.contrastive_search(counted, [1], alpha=2))
    *_, last = text_search.beam_search(counted, [0], width=2, max_tokens=5)
    assert counted.config.order == 2
    assert corpus.tokenizer.decode(last.best.tokens) == "bcdea"

"""Kneser-Ney against a slow one written out from the paper, and the laws it must keep."""

from collections import Counter, defaultdict

import numpy as np
import pytest
import torch

from genai_core.common import checkpoints
from genai_core.language import ngram, session, tokenizers

STORY = "the cat sat on the mat and the rat sat on the cat; that cat ran at the rat\n" * 2 + "a cat that sat"


def counted(order=4, discounts=3, story=STORY) -> ngram.NGram:
    corpus = tokenizers.Corpus.of(story)
    config = ngram.NGramConfig(vocab_size=corpus.tokenizer.vocab_size, order=order, discounts=discounts)
    return list(ngram.train(config, corpus, steps=order))[-1].model


def kneser_ney(story: str, order: int, kinds: int):
    """p(w | h) as strings, by dictionaries and recursion: Chen & Goodman's equations and nothing clever."""
    alphabet = sorted(set(story))
    raw = {n: Counter(story[i : i + n] for i in range(len(story) - n + 1)) for n in range(1, order + 1)}
    tables = {order: raw[order]}
    for n in range(1, order):
        before = defaultdict(set)
        for gram in raw[n + 1]:
            before[gram[1:]].add(gram[0])
        tables[n] = {gram: len(tokens) for gram, tokens in before.items()}

    def discount(n, c):
        n1, n2, n3, n4 = (sum(v == k for v in tables[n].values()) for k in (1, 2, 3, 4))
        y = n1 / (n1 + 2 * n2) if n1 and n2 else 0.5
        if kinds == 3 and n1 and n2 and n3:
            three = [1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3]
            if min(three) > 0:
                return three[min(c, 3) - 1]
        return y

    def p(w, h, n):
        if n == 0:
            return 1 / len(alphabet)
        context = h[len(h) - n + 1 :] if n > 1 else ""
        of = {v: tables[n][context + v] for v in alphabet if tables[n].get(context + v)}
        lower = p(w, h, n - 1)
        if not of or len(h) < n - 1:
            return lower
        total = sum(of.values())
        own = of[w] - discount(n, of[w]) if w in of else 0.0
        return own / total + sum(discount(n, c) for c in of.values()) / total * lower

    return lambda w, h: p(w, h, order)


@pytest.mark.parametrize("discounts", [1, 3])
@pytest.mark.parametrize("order", [1, 2, 4])
def test_it_is_kneser_ney_as_the_paper_has_it(order, discounts):
    model, expected = counted(order, discounts), kneser_ney(STORY, order, discounts)
    encode, alphabet = model.tokenizer.encode, model.tokenizer.characters
    for history in ("", "t", "th", "the ca", "cat;", "zzz".replace("z", "m"), "at\na", "sat", STORY):
        found = model.probabilities(encode(history))
        assert found == pytest.approx([expected(w, history) for w in alphabet], rel=1e-9), history


def test_it_is_what_one_works_out_by_hand():
    """ "ab ab ac" in bigrams, one discount: after a come b twice and c once."""
    model = counted(order=2, discounts=1, story="abxabxac")
    # bigrams ab 2, bx 2, xa 2, ac 1: n1 = 1, n2 = 3, D = 1 / 7. After a: total 3, lambda = 2 D / 3 = 2 / 21
    # unigrams by what they follow: x after b, a after x, b after a, c after a: 1 each; n2 = 0, so D = 1 / 2
    # p1(c) = (1 - 1/2) / 4 + (4 * 1/2) / 4 * 1/4 = 1/4, as for every letter
    p = dict(zip("abcx", model.probabilities(model.tokenizer.encode("a")), strict=True))
    assert p["b"] == pytest.approx((2 - 1 / 7) / 3 + 2 / 21 / 4)
    assert p["c"] == pytest.approx((1 - 1 / 7) / 3 + 2 / 21 / 4)
    assert p["x"] == pytest.approx(2 / 21 / 4)


def test_every_distribution_sums_to_one_and_leaves_nothing_out(generator):
    model = counted(order=5)
    for length in (0, 1, 2, 3, 9):
        for _ in range(20):
            ids = torch.randint(model.config.vocab_size, (length,), generator=generator).tolist()
            for order in (1, 3, 5):
                p = model.probabilities(ids, order)
                assert p.sum() == pytest.approx(1, abs=1e-12)
                assert p.min() > 0


def test_all_places_at_once_are_as_one_after_the_other():
    model = counted()
    ids = torch.tensor(model.tokenizer.encode("that rat sat on a mat\nthe thecat")).view(1, -1)
    rows = torch.cat([ids, ids.flip(1)])
    for order in (1, 2, 4):
        found = model.token_nll(rows, order)
        for row, nats in zip(rows.tolist(), found, strict=True):
            expected = [-model.next_logits(row[:n], order)[row[n]] for n in range(1, len(row))]
            torch.testing.assert_close(nats, torch.stack(expected), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(
        model.score("rat")[0], -model.next_logits(model.tokenizer.encode("\n"))[model.tokenizer.encode("r")[0]]
    )


def test_a_lower_order_is_the_model_counted_to_that_order():
    model, lower = counted(order=5), counted(order=2)
    ids = model.tokenizer.encode("the ca")
    assert model.probabilities(ids, 2) == pytest.approx(lower.probabilities(ids))
    assert torch.equal(session(model.at(2)).next_logits(ids), lower.next_logits(ids))
    assert torch.equal(model.at(2).score("a rat"), lower.score("a rat"))
    for call in (lambda: model.probabilities(ids, 6), lambda: model.at(0)):
        with pytest.raises(ValueError, match=r"no order \d"):
            call()


def test_the_grams_of_the_tree_are_those_of_the_text():
    model = counted(order=3)
    decode, vocab = model.tokenizer.decode, model.config.vocab_size
    for n, (grams, counts) in enumerate(zip(model.grams(), model.counts, strict=True), 1):
        found = {
            decode([g // vocab**k % vocab for k in reversed(range(n))]): int(c)
            for g, c in zip(grams, counts, strict=True)
        }
        assert found == Counter(STORY[i : i + n] for i in range(len(STORY) - n + 1))


def test_it_survives_being_saved(monkeypatch, tmp_path):
    monkeypatch.setattr(checkpoints, "ASSETS", tmp_path)
    model = counted()
    checkpoints.save("ngram-tiny", model, model.config)
    loaded = ngram.load("ngram-tiny")
    ids = model.tokenizer.encode("the ")
    assert np.array_equal(loaded.probabilities(ids), model.probabilities(ids))
    assert sum(p.numel() for p in loaded.parameters()) == sum(p.numel() for p in model.parameters())
    broken = ngram.NGram(ngram.NGramConfig(vocab_size=model.config.vocab_size, order=5))
    with pytest.raises(RuntimeError, match="4 orders"):
        broken.load_state_dict(model.state_dict())


def test_what_cannot_be_counted_is_refused():
    with pytest.raises(ValueError, match="order of 8"):
        ngram.NGram(ngram.NGramConfig(vocab_size=1024))
    with pytest.raises(ValueError, match="needs more than 8"):
        next(ngram.train(ngram.NGramConfig(vocab_size=2), tokenizers.Corpus.of("ab"), steps=1))

"""Speculative decoding writes the text of plain decoding, whatever the draft."""

import dataclasses
import functools
import math
from types import SimpleNamespace

import pytest
import torch

from genai_core.language import gpt, ngram, speculative, tokenizers
from genai_core.language import sampling as ts
from tests.core.language.test_gpt import BOTH, LETTERS, MODERN, made

CHAINS = {
    "drawn": [],
    "greedy": [ts.Greedy()],
    "cold": [ts.Temperature(0.7), ts.TopK(6)],
    "penalties": [ts.RepetitionPenalty(1.3), ts.FrequencyPenalty(0.2), ts.NoRepeatNGram(3), ts.TopP(0.9)],
}
PROMPT = [10, 0, 1]


def seed(number=0):
    return torch.Generator().manual_seed(number)


@functools.cache
def pair(config):
    """A model in float64, where rounding decides nothing, and an n-gram model of what it writes."""
    model = made(config).double()
    ids = ts.generate(model, PROMPT, max_tokens=600, generator=seed(9))
    own = tokenizers.Corpus.of("".join(LETTERS[i] for i in ids) + LETTERS, model.tokenizer)
    *_, last = ngram.train(ngram.NGramConfig(vocab_size=11, order=3), own, steps=3)
    return model, last.model


@BOTH
@pytest.mark.parametrize("chain", CHAINS)
def test_the_text_is_that_of_plain_decoding_across_jumps_of_the_window(config, chain):
    model, draft = pair(config)
    for number, k, drafter in ((0, 0, draft), (1, 1, draft), (2, 4, draft), (3, 9, draft), (4, 9, model)):
        options = {"chain": CHAINS[chain], "max_tokens": 50}
        plain = ts.generate(model, PROMPT, generator=seed(number), **options)
        steps = list(speculative.passes(model, drafter, PROMPT, k=k, generator=seed(number), **options))
        assert [token for step in steps for token in step.tokens] == plain
        for step in steps:
            assert step.tokens[: step.accepted] == step.drafted[: step.accepted]
            assert len(step.drafted) <= k
            if step.accepted < len(step.drafted):
                assert step.tokens[step.accepted] != step.drafted[step.accepted]
            assert len(step.tokens) == step.accepted + 1
        assert len(steps) < 25 or drafter is draft


def test_a_model_that_drafts_for_itself_is_never_refused():
    model, _ = pair(MODERN)
    steps = list(speculative.passes(model, model, PROMPT, k=3, max_tokens=13, generator=seed()))
    assert [step.accepted for step in steps] == [0, 3, 3, 3]  # the first reads the prompt
    assert sum(len(step.tokens) for step in steps) == 13


def test_a_text_ends_at_a_stop_token_even_amid_accepted_ones():
    model, draft = pair(MODERN)
    for drafter in (model, draft):
        for stop in range(11):
            options = {"max_tokens": 40, "stop": (stop,)}
            plain = ts.generate(model, PROMPT, generator=seed(5), **options)
            assert speculative.generate(model, drafter, PROMPT, k=4, generator=seed(5), **options) == plain


def test_drafts_change_no_text_of_the_shipped_model():
    """In float32, where a pass of several rows is rounded otherwise than one of a single row."""
    model, draft = gpt.load("gpt-shakespeare"), ngram.load("ngram-shakespeare").at(6)
    prompt = model.tokenizer.encode("\nROMEO:\n")
    for chain in ([ts.Greedy()], [ts.Temperature(0.8), ts.TopK(40)]):
        plain = ts.generate(model, prompt, chain=chain, max_tokens=300, generator=seed(1))
        steps = list(speculative.passes(model, draft, prompt, chain=chain, max_tokens=300, generator=seed(1)))
        assert [token for step in steps for token in step.tokens] == plain
        assert len(steps) < 300 / 2  # more than two tokens a pass


def test_the_acceptance_rate_is_of_the_drafts_looked_at():
    refused = speculative.Pass(drafted=(1, 2, 3), tokens=(1, 5), accepted=1)
    bonus = speculative.Pass(drafted=(1, 2), tokens=(1, 2, 3), accepted=2)
    stopped = speculative.Pass(drafted=(1, 2, 3), tokens=(1,), accepted=1)
    alone = speculative.Pass(drafted=(), tokens=(4,), accepted=0)
    assert [step.checked for step in (refused, bonus, stopped, alone)] == [2, 2, 1, 0]
    assert speculative.acceptance_rate([refused, bonus, stopped, alone]) == pytest.approx(4 / 5)
    assert speculative.acceptance_rate([refused]) == pytest.approx(1 / 2)
    assert math.isnan(speculative.acceptance_rate([alone]))
    model, _ = pair(MODERN)
    steps = list(speculative.passes(model, model, PROMPT, k=3, max_tokens=13, generator=seed()))
    assert speculative.acceptance_rate(steps) == 1


def test_tokens_per_pass_is_equation_1_of_the_paper():
    for k in (0, 1, 5):
        for alpha in (0.0, 0.3, 0.9):
            wanted = (1 - alpha ** (k + 1)) / (1 - alpha)
            assert speculative.tokens_per_pass(alpha, k) == pytest.approx(wanted)
        assert speculative.tokens_per_pass(1.0, k) == k + 1
    for alpha, k in ((-0.1, 3), (1.1, 3), (math.nan, 3), (0.5, -1), (0.5, 1.5)):
        with pytest.raises(ValueError, match="must be"):
            speculative.tokens_per_pass(alpha, k)


def test_where_acceptance_is_independent_the_prediction_holds():
    """Both models draw each token from one distribution, whatever came before."""
    model = made(dataclasses.replace(MODERN, n_layer=1, block_size=256))
    for p in model.parameters():
        p.zero_()  # uniform
    likely = torch.linspace(0.2, -0.2, 11)  # nearly

    class Constant:
        def next_logits(self, ids):
            return likely

    draft = SimpleNamespace(tokenizer=model.tokenizer, decoding_session=Constant)
    steps = list(speculative.passes(model, draft, PROMPT, k=3, max_tokens=2000, generator=seed()))
    full = [step for step in steps if len(step.drafted) == 3]  # where the window moves, nothing is drafted
    rate = speculative.acceptance_rate(full)
    assert 0.3 < rate < 0.9
    measured = sum(len(step.tokens) for step in full) / len(full)
    assert measured == pytest.approx(speculative.tokens_per_pass(rate, 3), rel=0.05)


def test_what_cannot_be_checked_or_drafted_is_refused():
    model, draft = pair(MODERN)
    other = made(dataclasses.replace(MODERN, vocab_size=5))
    other.tokenizer = tokenizers.CharTokenizer("abcde")
    for who, by, ids, k, words in (
        (draft, draft, PROMPT, 3, "cannot check several"),
        (model, other, PROMPT, 3, "same tokens"),
        (model, draft, PROMPT, -1, "is -1"),
        (model, draft, [], 3, "at least one token"),
    ):
        with pytest.raises(ValueError, match=words):
            speculative.generate(who, by, ids, k=k, generator=seed())

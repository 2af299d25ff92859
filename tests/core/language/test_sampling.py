"""The filters against transformers' own, and the laws of drawing."""

import math

import pytest
import torch
import transformers.generation.logits_process as hf

from genai_core.common.training import seeded
from genai_core.language import gpt, ngram, tokenizers
from genai_core.language import sampling as ts

IDS = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 1]


class Fixed:
    """A model that says the same after every text."""

    def __init__(self, logits):
        self.logits = torch.as_tensor(logits, dtype=torch.float32)

    def decoding_session(self):
        return self

    def next_logits(self, ids):
        return self.logits


def rolled(seed, vocab=40):
    return 3 * torch.randn(vocab, generator=torch.Generator().manual_seed(seed))


def seed(number):
    return torch.Generator().manual_seed(number)


PAIRS = [
    (ts.Temperature(0.7), hf.TemperatureLogitsWarper(0.7)),
    (ts.Temperature(1.9), hf.TemperatureLogitsWarper(1.9)),
    (ts.TopK(1), hf.TopKLogitsWarper(1)),
    (ts.TopK(7), hf.TopKLogitsWarper(7)),
    (ts.TopK(99), hf.TopKLogitsWarper(99)),
    (ts.TopP(0.0), hf.TopPLogitsWarper(0.0)),
    (ts.TopP(0.5), hf.TopPLogitsWarper(0.5)),
    (ts.TopP(0.95), hf.TopPLogitsWarper(0.95)),
    (ts.MinP(0.02), hf.MinPLogitsWarper(0.02)),
    (ts.MinP(0.3), hf.MinPLogitsWarper(0.3)),
    (ts.Typical(0.2), hf.TypicalLogitsWarper(0.2)),
    (ts.Typical(0.9), hf.TypicalLogitsWarper(0.9)),
    (ts.RepetitionPenalty(1.3), hf.RepetitionPenaltyLogitsProcessor(1.3)),
    (ts.RepetitionPenalty(0.8), hf.RepetitionPenaltyLogitsProcessor(0.8)),
    (ts.NoRepeatNGram(1), hf.NoRepeatNGramLogitsProcessor(1)),
    (ts.NoRepeatNGram(2), hf.NoRepeatNGramLogitsProcessor(2)),
    (ts.NoRepeatNGram(3), hf.NoRepeatNGramLogitsProcessor(3)),
]


@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=[str(ours) for ours, _ in PAIRS])
def test_each_filter_is_that_of_transformers(ours, theirs):
    for number in range(20):
        logits = rolled(number)
        if number % 2:  # as after another filter
            logits = ts.TopK(15)(logits, IDS)
        before = logits.clone()
        torch.testing.assert_close(ours(logits, IDS), theirs(torch.tensor([IDS]), logits[None].clone())[0])
        assert torch.equal(logits, before)


def test_a_chain_is_transformers_chain_in_any_order():
    pairs = [PAIRS[i] for i in (0, 3, 5, 8, 12)]
    for number in range(20):
        order = torch.randperm(len(pairs), generator=seed(number)).tolist()
        theirs = hf.LogitsProcessorList([pairs[i][1] for i in order])
        found, effects = ts.filtered(rolled(number), IDS, [pairs[i][0] for i in order])
        torch.testing.assert_close(found, theirs(torch.tensor([IDS]), rolled(number)[None])[0])
        gone = torch.cat([effect.removed for effect in effects])
        assert sorted(gone.tolist()) == (found == ts.NONE).nonzero()[:, 0].tolist()  # each by one filter only


def test_the_order_of_a_chain_matters():
    logits = torch.tensor([0.5, 0.3, 0.2]).log()
    cold, nucleus = ts.Temperature(0.1), ts.TopP(0.6)
    assert (ts.filtered(logits, [], [cold, nucleus])[0] > ts.NONE).sum() == 1
    assert (ts.filtered(logits, [], [nucleus, cold])[0] > ts.NONE).sum() == 2


def test_the_penalties_count_what_was_there():
    logits = rolled(0, 10)
    counts = torch.tensor([IDS.count(i) for i in range(10)])
    torch.testing.assert_close(ts.FrequencyPenalty(0.7)(logits, IDS), logits - 0.7 * counts)
    torch.testing.assert_close(ts.PresencePenalty(0.7)(logits, IDS), logits - 0.7 * (counts > 0))
    assert torch.equal(ts.PresencePenalty(0.7)(logits, []), logits)


def test_neutral_settings_change_nothing():
    logits = rolled(1)
    neutral = (ts.Temperature(1), ts.TopK(40), ts.TopP(1), ts.MinP(0), ts.Typical(1), ts.RepetitionPenalty(1))
    found, effects = ts.filtered(logits, IDS, (*neutral, ts.FrequencyPenalty(0), ts.PresencePenalty(0)))
    assert torch.equal(found, logits)
    assert all(len(effect.removed) == 0 and not effect.held for effect in effects)


def test_no_temperature_is_greedy_and_a_low_one_nearly():
    logits = rolled(2)
    assert torch.equal(ts.Temperature(0)(logits, []), ts.Greedy()(logits, []))
    assert ts.Temperature(0.01)(logits, []).softmax(0).max() > 0.999


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        (ts.Temperature, math.nan, "The temperature must be a number of 0 or more, and is nan."),
        (ts.Temperature, -1, "temperature"),
        (ts.Temperature, math.inf, "temperature"),
        (ts.TopK, -3, "Top-k must be a number of 1 or more, and is -3."),
        (ts.TopK, 0, "Top-k"),
        (ts.TopP, 1.2, "Top-p must be a number from 0 to 1"),
        (ts.MinP, -0.1, "Min-p"),
        (ts.Typical, math.nan, "Typical-p"),
        (ts.RepetitionPenalty, 0, "repetition penalty"),
        (ts.FrequencyPenalty, math.inf, "frequency penalty"),
        (ts.PresencePenalty, math.nan, "presence penalty"),
        (ts.NoRepeatNGram, 0, "no-repeat"),
    ],
)
def test_a_setting_there_cannot_be_is_told_in_one_sentence(kind, value, words):
    with pytest.raises(ValueError, match=words):
        kind(value)


def test_a_chain_never_leaves_nothing():
    logits = torch.tensor([2.0, 1.0, 0.0])
    found, effects = ts.filtered(logits, [0, 1, 2], [ts.TopK(1), ts.NoRepeatNGram(1), ts.Temperature(0.5)])
    assert found.tolist() == [4.0, ts.NONE, ts.NONE]
    assert [effect.held for effect in effects] == [False, True, False]
    for broken in ([math.nan, 0.0], [ts.NONE, ts.NONE]):
        with pytest.raises(ValueError, match="not numbers"):
            ts.filtered(torch.tensor(broken), [], [])


def test_the_pieces_of_the_bar_are_the_probabilities_and_the_draw_falls_on_the_chosen_one():
    p = rolled(3).double().softmax(0)
    order, ends = ts.bar(p)
    torch.testing.assert_close(torch.diff(ends, prepend=torch.zeros(1, dtype=torch.float64)), p[order])
    assert torch.equal(p[order], p.sort(descending=True).values)
    for draw in torch.linspace(0, 1, 200, dtype=torch.float64)[:-1].tolist():
        token, low, high = ts.choose(p, draw)
        assert low <= draw < high
        assert high - low == pytest.approx(float(p[token]), abs=1e-12)
    only = ts.Greedy()(rolled(3), []).double().softmax(0)
    assert ts.choose(only, 1 - 1e-17)[0] == int(only.argmax())


def test_drawn_frequencies_match_the_probabilities_after_the_chain():
    """Chi-square over 20,000 draws: 99.9 % of right samplers pass."""
    chain = [ts.Temperature(1.5), ts.TopP(0.95), ts.PresencePenalty(0.3)]
    model = Fixed(rolled(4, 12) / 3)
    first = next(ts.generate_steps(model, [0], chain=[], generator=seed(0)))
    p = first.probabilities
    counts = torch.zeros(12, dtype=torch.float64)
    for draw, _ in zip(ts.draws(seed(1)), range(20_000), strict=False):
        counts[ts.choose(p, draw)[0]] += 1
    assert float(((counts - 20_000 * p).square() / (20_000 * p)).sum()) < 31.3  # 11 degrees of freedom
    tokens = torch.tensor(
        [s.token for s in ts.generate_steps(model, [0], chain=chain, max_tokens=300, generator=seed(0))]
    )
    assert all(
        float(step.probabilities[step.token]) > 0
        for step in ts.generate_steps(model, [0], chain=chain, generator=seed(2))
    )
    assert len(tokens.unique()) > 3


def test_a_step_says_how_its_token_came_about():
    step = ts.step_of(rolled(5), IDS, [ts.TopK(5), ts.Temperature(0.5)], draw=0.4)
    assert [len(effect.removed) for effect in step.effects] == [35, 0]
    removed = step.logits[step.effects[0].removed]
    assert torch.equal(removed, removed.sort(descending=True).values)
    assert step.probabilities.sum() == pytest.approx(1)
    assert step.low <= 0.4 < step.high
    p = step.logits.double().softmax(0)
    assert step.entropy == pytest.approx(float(-(p * p.log()).sum()))
    assert step.entropy_after < math.log(5) + 1e-9
    assert step.probability == pytest.approx(float(p[step.token]))
    assert ts.step_of(torch.zeros(8), [], [], draw=0.0).entropy == pytest.approx(math.log(8))


@pytest.fixture(scope="module")
def models():
    corpus = tokenizers.Corpus.of("to be or not to be, that is the question; " * 20)
    vocab = corpus.tokenizer.vocab_size
    counted = list(ngram.train(ngram.NGramConfig(vocab_size=vocab, order=4), corpus, steps=4))[-1].model
    config = gpt.GPTConfig(vocab_size=vocab, block_size=16, n_layer=1, n_head=2, n_embd=16, zero_init=False)
    return [counted, seeded(0, lambda: gpt.GPT(config)).eval()]


@pytest.mark.parametrize("which", [0, 1])
def test_the_same_seed_gives_the_same_text_streamed_or_not(models, which):
    model = models[which]
    chain = [ts.RepetitionPenalty(1.1), ts.Temperature(0.9), ts.TopK(12)]
    options = {"chain": chain, "max_tokens": 60}
    streamed = [step.token for step in ts.generate_steps(model, [1, 2], **options, generator=seed(3))]
    assert ts.generate(model, [1, 2], **options, generator=seed(3)) == streamed
    assert ts.generate(model, [1, 2], **options, generator=seed(4)) != streamed
    greedy = ts.generate(model, [1, 2], chain=[ts.Greedy()], max_tokens=30, generator=seed(0))
    assert greedy == [
        s.token for s in ts.generate_steps(model, [1, 2], chain=[ts.Greedy()], max_tokens=30, generator=seed(9))
    ]


def test_a_branch_goes_on_as_the_whole_would(models):
    """With the draws that are left, the text from the middle on is the text."""
    generator = seed(5)
    whole = ts.generate(models[0], [1], max_tokens=20, generator=generator)
    generator = seed(5)
    first = ts.generate(models[0], [1], max_tokens=8, generator=generator)
    assert first + ts.generate(models[0], [1, *first], max_tokens=12, generator=generator) == whole


def test_it_ends_where_it_is_told(models):
    steps = list(ts.generate_steps(Fixed([0.0, 0.0, 5.0]), [0], max_tokens=50, generator=seed(0), stop=(2,)))
    assert steps[-1].token == 2
    assert len(steps) < 50
    assert ts.generate(models[0], [1], max_tokens=0, generator=seed(0)) == []
    with pytest.raises(ValueError, match="at least one token"):
        next(ts.generate_steps(models[0], [], generator=seed(0)))


def test_repetition_is_measured():
    assert ts.repeated([1, 2, 3, 4, 5, 6]) == 0
    assert ts.repeated([7] * 13) == pytest.approx(0.9)
    assert ts.repeated([1]) == 0

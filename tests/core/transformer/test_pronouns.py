"""He and she, counted and asked for."""

import zlib

import pytest
import torch
from scipy import stats

from genai_core.transformer import pronouns

TEXT = "She had a doll. He had a doll! he saw HER doll\nShe gave him the doll, and he ran."
TEXT += "<|endoftext|>She saw a doll's car."


def test_counted_are_sentences_with_the_word_and_one_of_the_two():
    assert pronouns.counts(TEXT, ["doll", "car", "king"]) == {"doll": (2, 2), "car": (0, 1), "king": (0, 0)}


def test_a_part_of_a_word_does_not_count():
    assert pronouns.counts("She has a carpet. The heron had a car.", ["car"]) == {"car": (0, 0)}


class Words:
    """One token a word."""

    start = 0

    def encode(self, text):
        return [1 + zlib.crc32(word.encode()) % 10_000 for word in text.split()]


class Constant:
    """Says "she" with three times the probability of "he", wherever it is asked."""

    tokenizer = Words()

    def fill(self, ids, places):
        assert ids[0] == ids[-1] == 0
        assert len(places) == 1
        he, she = (self.tokenizer.encode(word)[0] for word in ("He", "She"))
        log_p = torch.full((1, 10_001), -20.0)
        log_p[0, he], log_p[0, she] = torch.tensor(0.2).log(), torch.tensor(0.6).log()
        return log_p


def test_the_share_is_of_the_two_alone():
    assert pronouns.share(Constant(), "{} had a doll .") == pytest.approx(0.75)


def test_a_tokenizer_that_cuts_them_is_refused():
    model = Constant()
    model.tokenizer = Words()
    model.tokenizer.encode = lambda text: list(text.encode())
    with pytest.raises(ValueError, match="one token each"):
        pronouns.share(model, "{} ran.")


def test_what_is_measured_is_in_the_order_of_the_corpus():
    text = "She had a doll. She saw a doll. He had a doll. He had a truck. He had a car. She had a car."
    rows = pronouns.measure(Constant(), text)
    assert [(row["word"], row["she_corpus"], row["count"]) for row in rows] == [
        ("truck", 0.0, 1), ("car", 0.5, 2), ("doll", 0.6667, 3)
    ]  # fmt: skip
    assert all(row["she_model"] == 0.75 for row in rows)


@pytest.mark.parametrize(
    ("a", "b"), [([1, 2, 3, 4], [10, 30, 20, 40]), ([1, 1, 2, 5, 5, 5], [3, 1, 1, 2, 9, 9]), ([0.1, 0.2], [2, 1])]
)
def test_the_correlation_is_scipys(a, b):
    assert pronouns.correlation(a, b) == pytest.approx(stats.spearmanr(a, b).statistic, abs=1e-4)


def test_no_correlation_where_one_side_is_all_alike():
    assert pronouns.correlation([1, 2, 3], [4, 4, 4]) == pronouns.correlation([1], [2]) == 0

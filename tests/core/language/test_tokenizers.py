import dataclasses

import pytest
import torch
from torch import nn

from genai_core.common import checkpoints
from genai_core.data import DataError, corpora
from genai_core.language import tokenizers

STORY = "One day a bird sang. One day a bird flew away! “Naïve birds,” she said, and the bird sang again.\n" * 20


@dataclasses.dataclass(frozen=True)
class TinyConfig:
    vocab_size: int = 3


class Tiny(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.weight = nn.Parameter(torch.ones(config.vocab_size))


@pytest.mark.parametrize("name", list(corpora.FILES))
def test_the_splits_are_the_whole_text_in_order_and_nine_to_one(name):
    try:
        train, validation = (corpora.corpus(name, split) for split in corpora.SPLITS)
    except DataError as error:
        pytest.skip(str(error))
    share = 0.952 if name == "tinystories" else 0.9  # of characters; there by a hash of each story
    assert len(train) / (len(train) + len(validation)) == pytest.approx(share, abs=1e-3)
    assert set(train + validation) <= {"\n"} | {chr(i) for i in range(32, 127)}


def test_a_text_of_a_corpus_starts_and_ends_with_a_token_of_its_own():
    two = corpora.END + STORY + corpora.END + STORY + corpora.END
    tokenizer = tokenizers.BPETokenizer.train(two, 290)
    (end,) = tokenizer.encode(corpora.END)
    ids = tokenizer.encode(two)
    assert (tokenizer.start, tokenizer.stop) == (end, (end,))
    assert ids.count(end) == 3
    assert tokenizer.decode(ids) == two
    again = tokenizers.tokenizer_from_json(tokenizer.to_json())
    assert again.encode(two) == ids
    assert (again.start, again.stop) == (end, (end,))


def test_where_a_corpus_has_none_a_text_starts_after_a_line_break():
    for tokenizer in (tokenizers.CharTokenizer(STORY), tokenizers.BPETokenizer.train(STORY, 290)):
        assert tokenizer.decode([tokenizer.start]) == "\n"
        assert tokenizer.stop == ()


def test_an_absent_or_unknown_corpus_is_told_in_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setenv("GENAI_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"^The corpus 'shakespeare' is not on this machine: .*\.$"):
        corpora.corpus("shakespeare")
    with pytest.raises(DataError, match="no corpus 'bible'"):
        corpora.corpus("bible")
    with pytest.raises(DataError, match="split 'test'"):
        corpora.corpus("stories", "test")


def test_wrongly_decoded_marks_are_mended():
    meant = "“Don’t,” she said – twice."
    mistaken = meant.encode().decode("cp1252", errors="ignore")  # the byte 9d, of the closing mark, has no character
    assert corpora.straight_quotes(mistaken) == corpora.straight_quotes(meant) == '"Don\'t," she said - twice.'


@pytest.mark.parametrize("tokenizer", [tokenizers.CharTokenizer(STORY), tokenizers.BPETokenizer.train(STORY, 290)])
def test_decoding_undoes_encoding_and_survives_json(tokenizer):
    ids = tokenizer.encode(STORY)
    assert tokenizer.decode(ids) == STORY
    assert 0 <= min(ids) <= max(ids) < tokenizer.vocab_size
    again = tokenizers.tokenizer_from_json(tokenizer.to_json())
    assert type(again) is type(tokenizer)
    assert again.encode(STORY) == ids


def test_byte_pairs_shorten_the_text_and_know_every_character():
    tokenizer = tokenizers.BPETokenizer.train(STORY, 290)
    assert tokenizer.vocab_size == 290
    assert len(tokenizer.encode(STORY)) < len(STORY) / 2
    assert tokenizer.decode(tokenizer.encode("犬 and 🐦")) == "犬 and 🐦"
    with pytest.raises(ValueError, match="not 5000"):
        tokenizers.BPETokenizer.train(STORY, 5000)


def test_unknown_characters_are_named_and_can_be_left_out():
    tokenizer = tokenizers.CharTokenizer("abc ")
    with pytest.raises(ValueError, match="Not in the vocabulary: 'x' 'é'"):
        tokenizer.encode("axbéx")
    assert tokenizer.known("axbéx") == ("ab", ["x", "é"])


def test_what_is_no_tokenizer_is_refused():
    for wrong in ("{", "{}", '{"model": 3}'):
        with pytest.raises(ValueError):  # noqa: PT011  (json's own words)
            tokenizers.tokenizer_from_json(wrong)


def test_windows_are_pieces_of_the_text_and_reach_both_ends(generator):
    ids = torch.arange(20) + 7
    found = tokenizers.windows(ids, 500, 4, generator)
    assert found.shape == (500, 5)
    assert torch.equal(found - found[:, :1], torch.arange(5).expand(500, 5))
    assert (int(found.min()), int(found.max())) == (7, 26)
    with pytest.raises(ValueError, match="more than 20"):
        tokenizers.windows(ids, 1, 20, generator)


def test_a_tokenizer_is_saved_with_its_model_and_a_missing_one_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(checkpoints, "ASSETS", tmp_path)
    model = Tiny(TinyConfig())
    model.tokenizer = tokenizers.CharTokenizer("abc")
    checkpoints.save("tiny", model, model.config)
    loaded = tokenizers.load("tiny", Tiny, TinyConfig)
    assert loaded.tokenizer.encode("cab") == [2, 0, 1]
    assert loaded is tokenizers.load("tiny", Tiny, TinyConfig)
    checkpoints.save("bare", model, model.config)
    (tmp_path / "bare" / tokenizers.TOKENIZER).unlink()
    with pytest.raises(checkpoints.CheckpointError, match=r"tokenizer\.json is missing"):
        tokenizers.load("bare", Tiny, TinyConfig)

"""The text of tokens one by one, with tokenizers of the two usual kinds, made here."""

import json

import pytest
import tokenizers
import torch
from tokenizers import decoders, models, pre_tokenizers, trainers

from genai_core.language.text_stream import REPLACEMENT, TextStream, text_after
from genai_core.language.tokenizers import BPETokenizer

STORY = "tri will hel the cat, and the cat will hel tri.\n" * 20
STRANGE = "tri 中文 hel 😀😀 will é\ncafé"


def metaspace_bpe(text: str = STORY) -> tokenizers.Tokenizer:
    """As Llama's: "▁" for a space, one at the start of a text, and characters outside the vocabulary as bytes."""
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.train_from_iterator([text], trainers.BpeTrainer(vocab_size=60, show_progress=False))
    fields = json.loads(tokenizer.to_str())
    vocab = [f"<0x{byte:02X}>" for byte in range(256)] + list(fields["model"]["vocab"])
    fields["model"] |= {"vocab": {token: i for i, token in enumerate(vocab)}, "byte_fallback": True}
    tokenizer = tokenizers.Tokenizer.from_str(json.dumps(fields))
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1)]
    tokenizer.decoder = decoders.Sequence(steps)
    return tokenizer


@pytest.fixture(scope="module", params=["Metaspace", "ByteLevel"])
def tokenizer(request):
    return BPETokenizer(metaspace_bpe()) if request.param == "Metaspace" else BPETokenizer.train(STORY, 270)


def pieces(tokenizer, ids, before=()):
    stream = TextStream(tokenizer, before)
    return [stream.add(token) for token in ids]


def test_words_keep_the_spaces_between_them(tokenizer):
    ids = tokenizer.encode("tri will hel")
    assert "".join(pieces(tokenizer, ids)) == "tri will hel"
    before = tokenizer.encode("tri will")
    assert text_after(tokenizer, before, ids[len(before) :]) == " hel"
    assert text_after(tokenizer, ids, ids)[-12:] == "tri will hel"


def test_a_token_alone_loses_its_space():
    llama = BPETokenizer(metaspace_bpe())
    ids = llama.encode("tri will hel")
    assert [llama.decode([token]) for token in ids] == ["tri", "will", "hel"]  # what a page must not do
    assert pieces(llama, ids) == ["tri", " will", " hel"]
    assert pieces(llama, ids[1:], ids[:1]) == [" will", " hel"]


@pytest.mark.parametrize("character", ["é", "中", "😀"])
def test_the_bytes_of_a_character_become_one_piece(tokenizer, character):
    ids, size = tokenizer.encode(f"a{character}"), len(character.encode())
    assert pieces(tokenizer, ids)[-size:] == [""] * (size - 1) + [character]
    stream = TextStream(tokenizer, ids[:-1])
    assert stream.incomplete
    assert stream.add(ids[-1]) == character
    assert not stream.incomplete


def test_the_pieces_are_the_text_wherever_it_is_cut(tokenizer):
    ids = tokenizer.encode(STRANGE)
    whole = pieces(tokenizer, ids)
    assert "".join(whole) == STRANGE
    assert not any(REPLACEMENT in piece for piece in whole)
    for cut in range(len(ids)):
        assert pieces(tokenizer, ids[cut:], ids[:cut]) == whole[cut:]


def test_a_copy_continues_on_its_own(tokenizer):
    ids = tokenizer.encode("a中b")
    stream = TextStream(tokenizer, ids[:-2])
    twin = stream.copy()
    assert twin.add(tokenizer.encode("a")[-1]).endswith("a")
    assert [stream.add(token) for token in ids[-2:]] == ["中", "b"]


def test_bytes_at_random_are_what_the_decoder_makes_of_them():
    bpe = BPETokenizer.train(STORY, 270)
    for seed in range(200):
        generator = torch.Generator().manual_seed(seed)
        high = 270 if seed % 2 else 256  # bytes alone, or words among them
        ids = torch.randint(high, (40,), generator=generator).tolist()
        text, rest = bpe.decode(ids), len(bpe.decode(ids))
        written = text_after(bpe, (), ids)
        assert text.startswith(written)
        assert text[len(written) :] == REPLACEMENT * (rest - len(written))
        assert rest - len(written) <= 3


def test_text_goes_on_after_bytes_that_are_no_character():
    llama = BPETokenizer(metaspace_bpe())
    words, smile, broken = llama.encode("tri will"), llama.encode("😀")[-4:], [0xFF, 0x80]
    for before in (words, llama.encode("tri中"), []):
        assert pieces(llama, [*broken, *words], before)[-1] == " will"
        assert pieces(llama, [*broken * 4, *words], before)[-1] == " will"
        assert text_after(llama, before, [*words, *smile, *broken, *words]).endswith("tri will")
        assert "😀" in text_after(llama, before, [*words, *smile, *broken, *words])

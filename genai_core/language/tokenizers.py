"""Two tokenizers, characters and byte-pair encoding (Sennrich 2016), and batches of token ids."""

import itertools
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from genai_core.common import checkpoints
from genai_core.common.checkpoints import Model
from genai_core.data import corpora

TOKENIZER = "tokenizer.json"
START = "\n"  # precedes a text where no token does: these corpora have it before every paragraph


class CharTokenizer:
    """One token per character. The vocabulary is sorted, so that the same characters give the same tokenizer."""

    stop: tuple[int, ...] = ()

    def __init__(self, characters: Iterable[str]):
        self.characters = "".join(sorted(set(characters)))
        self.vocab_size = len(self.characters)
        self._ids = {c: i for i, c in enumerate(self.characters)}
        self.start = self._ids.get(START, 0)

    def encode(self, text: str) -> list[int]:
        """Raises: ValueError that names the characters outside the vocabulary."""
        try:
            return [self._ids[c] for c in text]
        except KeyError:
            unknown = " ".join(repr(c) for c in self.known(text)[1][:20])
            raise ValueError(f"Not in the vocabulary: {unknown}.") from None

    def decode(self, ids: Iterable[int]) -> str:
        return "".join(self.characters[i] for i in ids)

    def known(self, text: str) -> tuple[str, list[str]]:
        """The text without the characters outside the vocabulary, and those characters, each once, in order."""
        unknown = dict.fromkeys(c for c in text if c not in self._ids)
        return text.translate({ord(c): None for c in unknown}), list(unknown)

    def to_json(self) -> str:
        return json.dumps({"kind": "characters", "characters": self.characters}) + "\n"


class BPETokenizer:
    """Byte-pair encoding: the most frequent pairs merged repeatedly (Sennrich 2016), over bytes, so that nothing is
    unknown (Radford 2019). A token that is not a complete character decodes to U+FFFD.

    Where the corpus has `corpora.END` between its texts, that is one token, which starts a text and ends it.
    """

    def __init__(self, tokenizer):
        self.inner = tokenizer  # tokenizers.Tokenizer
        self.vocab_size = tokenizer.get_vocab_size()
        end = tokenizer.token_to_id(corpora.END)
        self.start = tokenizer.encode(START).ids[0] if end is None else end
        self.stop: tuple[int, ...] = () if end is None else (end,)

    @classmethod
    def train(cls, text: str, vocab_size: int) -> "BPETokenizer":
        """`vocab_size` tokens, 256 of them the bytes. Raises: ValueError if the text has too few pairs."""
        import tokenizers
        from tokenizers import decoders, models, pre_tokenizers, trainers

        tokenizer = tokenizers.Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        special = [corpora.END] if corpora.END in text else []
        trainer = trainers.BpeTrainer(
            vocab_size=vocab_size, initial_alphabet=alphabet, special_tokens=special, show_progress=False
        )
        tokenizer.train_from_iterator(text.replace(corpora.END, "\n").splitlines(keepends=True), trainer)
        if tokenizer.get_vocab_size() != vocab_size:
            raise ValueError(f"The text is too short: it gives {tokenizer.get_vocab_size()} tokens, not {vocab_size}.")
        return cls(tokenizer)

    def encode(self, text: str) -> list[int]:
        return self.inner.encode(text).ids

    def words(self, text: str) -> list[list[int]]:
        """`encode`, word by word: the ids of each word with the space before it, number, or run of signs."""
        encoding = self.inner.encode(text)
        pairs = zip(encoding.word_ids, encoding.ids, strict=True)
        return [[i for _, i in own] for _, own in itertools.groupby(pairs, key=lambda pair: pair[0])]

    def decode(self, ids: Iterable[int]) -> str:
        return self.inner.decode(list(ids), skip_special_tokens=False)

    def known(self, text: str) -> tuple[str, list[str]]:
        """As `CharTokenizer.known`; every text consists of bytes."""
        return text, []

    def to_json(self) -> str:
        return self.inner.to_str() + "\n"


Tokenizer = CharTokenizer | BPETokenizer


def tokenizer_from_json(text: str) -> Tokenizer:
    """What `to_json` wrote. Raises: ValueError."""
    fields = json.loads(text)
    if fields.get("kind") == "characters":
        return CharTokenizer(fields["characters"])
    import tokenizers

    try:
        return BPETokenizer(tokenizers.Tokenizer.from_str(text))
    except Exception as error:  # tokenizers raises a bare Exception
        raise ValueError("This is not a tokenizer.") from error


@dataclass(frozen=True, eq=False)
class Corpus:
    """The training data of a language model: token ids [N] int64 and their tokenizer."""

    ids: Tensor
    tokenizer: Tokenizer

    @classmethod
    def of(cls, text: str, tokenizer: Tokenizer | None = None) -> "Corpus":
        """A text, by default in characters."""
        tokenizer = tokenizer or CharTokenizer(text)
        return cls(torch.tensor(tokenizer.encode(text), dtype=torch.long), tokenizer)


def examples(name: str, units: str, vocab_size: int) -> Corpus:
    """The training split of a corpus in "characters" or "bpe". Raises: DataError; ValueError for other units."""
    text = corpora.corpus(name)
    if units == "bpe":
        return Corpus.of(text, BPETokenizer.train(text, vocab_size))
    if units != "characters":
        raise ValueError(f"There are no units '{units}'; there are characters, bpe.")
    return Corpus.of(text)


def check_ids(ids: Iterable[int], vocab_size: int) -> None:
    """Raises: ValueError for what is no token of the vocabulary."""
    if any(isinstance(i, bool) or i != int(i) or not 0 <= i < vocab_size for i in ids):
        raise ValueError(f"There are tokens 0 to {vocab_size - 1} only.")


def windows(ids: Tensor, batch: int, length: int, generator: torch.Generator) -> Tensor:
    """`batch` random windows of length + 1 tokens of ids [N]: [batch, length + 1].

    Raises: ValueError if the text is shorter than a window.
    """
    if len(ids) <= length:
        raise ValueError(f"The text has {len(ids)} tokens, and a training needs more than {length}.")
    first = torch.randint(len(ids) - length, (batch, 1), generator=generator)
    return ids[first + torch.arange(length + 1)]


def check_vocab(config, corpus: Corpus) -> None:
    """Raises: ValueError if a model's config and its text do not have the same number of tokens."""
    if corpus.tokenizer.vocab_size != config.vocab_size:
        raise ValueError(
            f"The text has {corpus.tokenizer.vocab_size} different tokens, and the config says {config.vocab_size}."
        )


def load(name: str, model_class: Callable[[Any], Model], config_class: type) -> Model:
    """`checkpoints.load` of a text model, with its `tokenizer`. Raises: CheckpointError."""
    return checkpoints.load(name, model_class, config_class, _add_tokenizer)


def _add_tokenizer(model: Any, folder: Path) -> None:
    try:
        model.tokenizer = tokenizer_from_json((folder / TOKENIZER).read_text(encoding="utf-8"))
    except (OSError, ValueError, AttributeError, KeyError) as error:
        raise checkpoints.damaged(folder.name, TOKENIZER) from error


def shared(a: list[int], b: list[int]) -> int:
    """Length of the common prefix of two texts."""
    n = min(len(a), len(b))
    if a[:n] == b[:n]:
        return n
    return next(i for i in range(n) if a[i] != b[i])


def window_start(tokens: int, context: int) -> int:
    """The first of so many tokens that is in the model's window.

    0 while they fit into the context. Then the window moves by a quarter of the context at a time: if it slid by one
    token, every position would change each time, and nothing cached could be used again.
    """
    stride = max(1, context // 4)
    return max(0, -(-(tokens - context) // stride)) * stride

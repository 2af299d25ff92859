"""Text as numbers: the two corpora, their split, and two tokenizers, of characters and of byte pairs (Sennrich 2016).

The corpora lie in `GENAI_DATA` (see `genai_core.data`): tiny Shakespeare (Karpathy 2015) and a megabyte of TinyStories
(Eldan & Li 2023). The first 90 % are for training, the last 10 % for validation.
"""

import functools
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from genai_core import checkpoints
from genai_core.data import DataError, root

FILES = {"shakespeare": "tinyshakespeare.txt", "stories": "tinystories_1mb.txt"}
SPLITS = ("train", "validation")
TOKENIZER = "tokenizer.json"
START = "\n"  # what comes before a text: both corpora have it before every paragraph


def corpus(name: str, split: str = "train") -> str:
    """The text of a corpus; split: "train" (the first 90 %) or "validation" (the last 10 %).

    Raises: DataError if the corpus is not on this machine, or the name or split is unknown.
    """
    if name not in FILES or split not in SPLITS:
        raise DataError(f"There is no corpus '{name}' with a split '{split}'; there are {', '.join(FILES)}.")
    whole = _read(name, root())
    cut = int(0.9 * len(whole))
    return whole[:cut] if split == "train" else whole[cut:]


@functools.lru_cache(maxsize=4)
def _read(name: str, folder: Path) -> str:
    try:
        whole = (folder / FILES[name]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"The corpus '{name}' is not on this machine: set GENAI_DATA to a folder that holds {FILES[name]}."
        ) from error
    return straight_quotes(whole)


def straight_quotes(text: str) -> str:
    """Typographic quotation marks and dashes, also wrongly decoded ones (as TinyStories has them), made ' " and -."""
    for wrong, right in {"â€œ": '"', "â€™": "'", "â€˜": "'", "â€\u201c": "-", "â€\u201d": "-"}.items():
        text = text.replace(wrong, right)
    text = text.replace("â€", '"')  # the closing mark, whose last byte was lost
    return text.translate({ord(c): '"' for c in "“”„"} | {ord(c): "'" for c in "‘’"} | {ord(c): "-" for c in "–—"})


class CharTokenizer:
    """One token per character. The vocabulary is sorted, so that equal texts give equal tokenizers."""

    def __init__(self, characters: Iterable[str]):
        self.characters = "".join(sorted(set(characters)))
        self.vocab = len(self.characters)
        self._ids = {c: i for i, c in enumerate(self.characters)}

    def encode(self, text: str) -> list[int]:
        """Raises: ValueError that names the characters outside the vocabulary."""
        try:
            return [self._ids[c] for c in text]
        except KeyError:
            unknown = " ".join(repr(c) for c in self.known(text)[1][:20])
            raise ValueError(f"This model does not know the characters {unknown}.") from None

    def decode(self, ids: Iterable[int]) -> str:
        return "".join(self.characters[i] for i in ids)

    def known(self, text: str) -> tuple[str, list[str]]:
        """The text without the characters outside the vocabulary, and which those are, each once in order."""
        unknown = dict.fromkeys(c for c in text if c not in self._ids)
        return text.translate({ord(c): None for c in unknown}), list(unknown)

    def to_json(self) -> str:
        return json.dumps({"kind": "characters", "characters": self.characters}) + "\n"


class BPETokenizer:
    """Byte pairs: the most frequent neighbours merged again and again (Sennrich 2016), over bytes, so that nothing is
    unknown (Radford 2019). A token of bytes that are no whole character decodes to U+FFFD.
    """

    def __init__(self, tokenizer):
        self.inner = tokenizer  # tokenizers.Tokenizer
        self.vocab = tokenizer.get_vocab_size()

    @classmethod
    def train(cls, text: str, vocab: int) -> "BPETokenizer":
        """A tokenizer of `vocab` tokens, 256 of them the bytes. Raises: ValueError if there are not so many pairs."""
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

        made = Tokenizer(models.BPE())
        made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        made.decoder = decoders.ByteLevel()
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        trainer = trainers.BpeTrainer(vocab_size=vocab, initial_alphabet=alphabet, show_progress=False)
        made.train_from_iterator(text.splitlines(keepends=True), trainer)
        if made.get_vocab_size() != vocab:
            raise ValueError(f"A text this short gives {made.get_vocab_size()} tokens, not {vocab}.")
        return cls(made)

    def encode(self, text: str) -> list[int]:
        return self.inner.encode(text).ids

    def decode(self, ids: Iterable[int]) -> str:
        return self.inner.decode(list(ids))

    def known(self, text: str) -> tuple[str, list[str]]:
        """As `CharTokenizer.known`; of bytes all texts are made."""
        return text, []

    def to_json(self) -> str:
        return self.inner.to_str() + "\n"


def tokenizer_from_json(text: str) -> CharTokenizer | BPETokenizer:
    """What `to_json` wrote. Raises: ValueError."""
    fields = json.loads(text)
    if fields.get("kind") == "characters":
        return CharTokenizer(fields["characters"])
    from tokenizers import Tokenizer

    try:
        return BPETokenizer(Tokenizer.from_str(text))
    except Exception as error:  # tokenizers raises a bare Exception
        raise ValueError("This is no tokenizer.") from error


@dataclass(frozen=True, eq=False)
class Corpus:
    """What a text model is trained on: token ids [N] int64 and the tokenizer that made them."""

    ids: Tensor
    tokenizer: CharTokenizer | BPETokenizer

    @classmethod
    def of(cls, text: str, tokenizer: CharTokenizer | BPETokenizer | None = None) -> "Corpus":
        """A given text, by default in characters."""
        tokenizer = tokenizer or CharTokenizer(text)
        return cls(torch.tensor(tokenizer.encode(text), dtype=torch.long), tokenizer)


def examples(name: str, units: str, vocab: int) -> Corpus:
    """The training split of a corpus in "characters" or "pairs". Raises: DataError; ValueError for other units."""
    text = corpus(name)
    if units == "pairs":
        return Corpus.of(text, BPETokenizer.train(text, vocab))
    if units != "characters":
        raise ValueError(f"There are no units '{units}'; there are characters, pairs.")
    return Corpus.of(text)


def windows(ids: Tensor, batch: int, length: int, generator: torch.Generator) -> Tensor:
    """`batch` pieces of ids [N], length + 1 tokens from random places: [batch, length + 1].

    Raises: ValueError if the text is shorter than a piece.
    """
    if len(ids) <= length:
        raise ValueError(f"The text has {len(ids)} tokens, and a training needs more than {length}.")
    first = torch.randint(len(ids) - length, (batch, 1), generator=generator)
    return ids[first + torch.arange(length + 1)]


def check_vocab(config, corpus: Corpus) -> None:
    """Raises: ValueError if a model's config and its text do not have the same number of tokens."""
    if corpus.tokenizer.vocab != config.vocab:
        raise ValueError(f"The text has {corpus.tokenizer.vocab} kinds of tokens, and the config says {config.vocab}.")


def load(name: str, model_class: type[nn.Module], config_class: type) -> nn.Module:
    """`checkpoints.load` of a text model, with its `tokenizer`. Raises: CheckpointError."""
    return checkpoints.load(name, model_class, config_class, _furnish)


def _furnish(model: nn.Module, folder: Path) -> None:
    try:
        model.tokenizer = tokenizer_from_json((folder / TOKENIZER).read_text())
    except (OSError, ValueError, AttributeError, KeyError) as error:
        raise checkpoints.damaged(folder.name, TOKENIZER) from error


def shared(a: list[int], b: list[int]) -> int:
    """How many tokens two texts begin with in common."""
    n = min(len(a), len(b))
    if a[:n] == b[:n]:
        return n
    return next(i for i in range(n) if a[i] != b[i])


def first_seen(tokens: int, context: int) -> int:
    """Which token of so many is the first that the model still sees.

    All while they fit into the context. Then the window jumps on by a quarter of the context at a time: a window that
    slid by one would give every token another place each time, and nothing kept could be used again.
    """
    stride = max(1, context // 4)
    return max(0, -(-(tokens - context) // stride)) * stride

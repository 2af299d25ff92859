"""What every language model offers, ours and those of the Hub: sampling, search and scoring ask for nothing else."""

from collections.abc import Iterable, Sequence
from typing import Protocol, Self

from torch import Tensor


class Tokenizer(Protocol):
    """Text as token ids and back.

    start: the token before the start of a text. stop: those that end one; none for many a model.
    """

    vocab_size: int
    start: int
    stop: tuple[int, ...]

    def encode(self, text: str) -> list[int]:
        """Raises: ValueError for what is not in the vocabulary."""

    def decode(self, ids: Iterable[int]) -> str: ...

    def known(self, text: str) -> tuple[str, list[str]]:
        """The text without the characters outside the vocabulary, and which those are."""

    def to_json(self) -> str:
        """What tokenizer.json holds: two tokenizers are the same if these are."""


class Session(Protocol):
    """Reads one text token by token and keeps what it computed. Not thread-safe."""

    def next_logits(self, ids: Sequence[int]) -> Tensor:
        """Logits of the token after `ids`, [vocab_size] float32. Raises: ValueError if there are no ids."""

    def copy(self) -> Self:
        """A session that has read the same text and continues on its own."""


class LanguageModel(Protocol):
    """Predicts the next token. `decoding.session(model)` reads a text faster than `next_logits` again and again."""

    @property
    def tokenizer(self) -> Tokenizer: ...

    def next_logits(self, ids: Sequence[int]) -> Tensor:
        """Logits of the token after `ids`, [vocab_size] float32. Raises: ValueError if there are no ids."""

    def score(self, text: str) -> Tensor:
        """-log p of each token of a text given those before it, in nats, [tokens]."""

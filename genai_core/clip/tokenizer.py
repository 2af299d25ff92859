"""Captions as token ids, one token per word, by Hugging Face's tokenizers: the file is a standard tokenizer.json."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from genai_core.common import checkpoints, checks
from genai_core.common.checkpoints import Model
from genai_core.data.scenes.words import LONGEST, WORDS

TOKENIZER = "tokenizer.json"
PAD, UNKNOWN, START, END = "[pad]", "[unknown]", "[start]", "[end]"
_ALL = (PAD, UNKNOWN, START, ",", *WORDS, END)  # the highest id is END's, where open_clip reads a text's features
VOCAB = len(_ALL)


class WordTokenizer:
    """Whole words in lower case. Every word outside the vocabulary becomes [unknown]."""

    def __init__(self, inner):
        self.inner = inner  # tokenizers.Tokenizer

    @classmethod
    def of(cls, context: int) -> "WordTokenizer":
        """A tokenizer of all words in captions; texts are truncated to `context` tokens.

        Raises: ValueError for a context of less than 3 tokens: [start], a word, [end].
        """
        checks.count("The context", context, 3)
        from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

        vocab = {word: i for i, word in enumerate(_ALL)}
        tokenizer = Tokenizer(models.WordLevel(vocab, unk_token=UNKNOWN))
        tokenizer.normalizer = normalizers.Lowercase()
        tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()  # punctuation apart
        ends = [(START, vocab[START]), (END, vocab[END])]
        tokenizer.post_processor = processors.TemplateProcessing(single=f"{START} $A {END}", special_tokens=ends)
        tokenizer.enable_padding(pad_id=vocab[PAD], pad_token=PAD)
        tokenizer.enable_truncation(context)
        return cls(tokenizer)

    def encode(self, texts: Sequence[str]) -> Tensor:
        """Texts -> ids [N, T] int64, padded to the longest.

        Raises: ValueError for a text without a word, or of more than LONGEST characters.
        """
        if not texts:
            return torch.zeros(0, 2, dtype=torch.long)
        if any(len(text) > LONGEST for text in texts):
            raise ValueError(f"A text has at most {LONGEST} characters.")
        if not all(re.search(r"\w", text) for text in texts):
            raise ValueError("A text needs at least one word.")
        return torch.tensor([encoding.ids for encoding in self.inner.encode_batch(list(texts))])

    def unknown(self, text: str) -> list[str]:
        """The words of a text that are outside the vocabulary, each once, in order."""
        encoding = self.inner.encode(text)
        places = [span for span, token in zip(encoding.offsets, encoding.tokens, strict=True) if token == UNKNOWN]
        return list(dict.fromkeys(text[first:last] for first, last in places))

    def to_json(self) -> str:
        return self.inner.to_str() + "\n"


def hidden(ids: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """ids [N, T] with a random share of the words replaced by UNKNOWN."""
    word = (ids > _ALL.index(",")) & (ids < VOCAB - 1)
    chosen = torch.rand(ids.shape, generator=generator).to(ids.device) < share
    return ids.masked_fill(word & chosen, _ALL.index(UNKNOWN))


def load(name: str, model_class: Callable[[Any], Model], config_class: type) -> Model:
    """`checkpoints.load` of a model of captions, with its `tokenizer`. Raises: CheckpointError."""

    def add_tokenizer(model: Any, folder: Path) -> None:
        from tokenizers import Tokenizer

        try:
            model.tokenizer = WordTokenizer(Tokenizer.from_str((folder / TOKENIZER).read_text(encoding="utf-8")))
        except Exception as error:  # tokenizers raises a bare Exception
            raise checkpoints.damaged(name, TOKENIZER) from error

    return checkpoints.load(name, model_class, config_class, add_tokenizer)

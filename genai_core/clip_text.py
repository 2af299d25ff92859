"""Captions as token ids: one token a word, by Hugging Face's tokenizers, so that its file is a usual tokenizer.json."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from genai_core import checkpoints
from genai_core.scenes.words import LONGEST, WORDS

TOKENIZER = "tokenizer.json"
PAD, UNKNOWN, START, END = "[pad]", "[unknown]", "[start]", "[end]"
_ALL = (PAD, UNKNOWN, START, ",", *WORDS, END)  # the highest id is END's, where open_clip reads a text's features
VOCAB = len(_ALL)


class WordTokenizer:
    """Whole words in lower case. A word outside the vocabulary becomes one token, whichever it is."""

    def __init__(self, inner):
        self.inner = inner  # tokenizers.Tokenizer

    @classmethod
    def of(cls, context: int) -> "WordTokenizer":
        """The words of every caption of a scene; a text is cut to `context` tokens."""
        from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

        vocab = {word: i for i, word in enumerate(_ALL)}
        made = Tokenizer(models.WordLevel(vocab, unk_token=UNKNOWN))
        made.normalizer = normalizers.Lowercase()
        made.pre_tokenizer = pre_tokenizers.Whitespace()  # punctuation apart
        ends = [(START, vocab[START]), (END, vocab[END])]
        made.post_processor = processors.TemplateProcessing(single=f"{START} $A {END}", special_tokens=ends)
        made.enable_padding(pad_id=vocab[PAD], pad_token=PAD)
        made.enable_truncation(context)
        return cls(made)

    def encode(self, texts: Sequence[str]) -> Tensor:
        """Texts -> ids [N, T] int64, padded to the longest.

        Raises: ValueError for a text without a word, or of more than LONGEST characters.
        """
        if not texts:
            return torch.zeros(0, 2, dtype=torch.long)
        if any(len(text) > LONGEST for text in texts):
            raise ValueError(f"A text has at most {LONGEST} characters.")
        if not all(map(str.strip, texts)):
            raise ValueError("A text needs at least one word.")
        return torch.tensor([found.ids for found in self.inner.encode_batch(list(texts))])

    def unknown(self, text: str) -> list[str]:
        """The words of a text that are outside the vocabulary, each once in order."""
        found = self.inner.encode(text)
        places = [span for span, token in zip(found.offsets, found.tokens, strict=True) if token == UNKNOWN]
        return list(dict.fromkeys(text[first:last] for first, last in places))

    def to_json(self) -> str:
        return self.inner.to_str() + "\n"


def hidden(ids: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """ids [N, T] with this share of their words made UNKNOWN."""
    word = (ids > _ALL.index(",")) & (ids < VOCAB - 1)
    lot = torch.rand(ids.shape, generator=generator).to(ids.device) < share
    return ids.masked_fill(word & lot, _ALL.index(UNKNOWN))


def load(name: str, model_class: type[nn.Module], config_class: type) -> nn.Module:
    """`checkpoints.load` of a model of captions, with its `tokenizer`. Raises: CheckpointError."""

    def furnish(model: nn.Module, folder: Path) -> None:
        from tokenizers import Tokenizer

        try:
            model.tokenizer = WordTokenizer(Tokenizer.from_str((folder / TOKENIZER).read_text()))
        except Exception as error:  # tokenizers raises a bare Exception
            raise checkpoints.damaged(name, TOKENIZER) from error

    return checkpoints.load(name, model_class, config_class, furnish)

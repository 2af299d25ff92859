"""Token ids as text, token by token: what a page shows as chips."""

import copy
from collections.abc import Iterable

from genai_core.language.model import Tokenizer

REPLACEMENT = "\ufffd"  # what decoders give for bytes that are not a character


class TextStream:
    """The text that each token adds to those before it.

    The text of a token alone is another one: a tokenizer such as Llama's strips the first space of what it decodes, and
    a character of several bytes may be spread over several tokens. So a token is decoded with those before it, and what
    is new is its text: "" while a character is incomplete, then the whole character.

    incomplete: whether the tokens so far end within a character.
    """

    def __init__(self, tokenizer: Tokenizer, before: Iterable[int] = ()):
        """before: the tokens of the text that is continued."""
        self._tokenizer = tokenizer
        self._ids: list[int] = []  # the last tokens: those of the last piece of text, then those after it
        self._settled = 0  # how many of them are the last piece's
        self._text = ""  # what has been returned of their text
        self.incomplete = False
        for token in before:
            self.add(token)

    def copy(self) -> "TextStream":
        """A stream of the same text that continues on its own."""
        twin = copy.copy(self)
        twin._ids = list(self._ids)
        return twin

    def add(self, token: int) -> str:
        """The text that this token adds."""
        self._ids.append(token)
        text, complete = self._decoded()
        waiting = len(self._ids) - self._settled
        if not complete.startswith(self._text) and (text == complete or waiting > 3):
            # Bytes that are not a character change how those before them are decoded: go on without these.
            del self._ids[: self._settled or len(self._ids) - 1]
            self._settled, self._text = 0, ""
            text, complete = self._decoded()
        self.incomplete = text != complete
        if not complete.startswith(self._text):
            return ""
        new, self._text = complete[len(self._text) :], complete
        if new and not self.incomplete:
            del self._ids[: self._settled]
            self._settled = len(self._ids)
            self._text = self._tokenizer.decode(self._ids)
        return new

    def _decoded(self) -> tuple[str, str]:
        """The text of the last tokens, and as much of it as no further token can change.

        A character has at most four bytes, so that at most three of the U+FFFD at the end may still become one.
        """
        text = self._tokenizer.decode(self._ids)
        return text, text[: len(text) - min(3, len(text) - len(text.rstrip(REPLACEMENT)))]


def text_after(tokenizer: Tokenizer, before: Iterable[int], ids: Iterable[int]) -> str:
    """The text that tokens add to those before them, without an incomplete character at its end."""
    stream = TextStream(tokenizer, before)
    return "".join(stream.add(token) for token in ids)

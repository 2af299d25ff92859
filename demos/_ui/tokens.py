"""Texts as tokens on a page: what a model reads of one, and how a token stands in a list."""

from collections.abc import Iterable, Sequence

from genai_core.language.text_stream import TextStream


def left_out(unknown: Sequence[str], whose: str = "this model's") -> str:
    """A sentence on characters outside a vocabulary; "" if there are none."""
    listed = " ".join(f"“{c}”" for c in unknown[:12]) + (" …" if len(unknown) > 12 else "")
    return f"Not in {whose} vocabulary, and left out: {listed}" if unknown else ""


def encoded(model, string: str) -> tuple[list[int], str]:
    """Token ids of a text after the token that begins a text, and a sentence on what was left out."""
    known, unknown = model.tokenizer.known(string)
    return [model.tokenizer.start, *model.tokenizer.encode(known)], left_out(unknown)


def legible(token: str) -> str:
    """A token as it stands in a list: with signs for white space."""
    return token.replace("\n", "↵").replace("\t", "⇥").replace(" ", "␣") or "∅"


def texts(model, ids: Iterable[int]) -> list[str]:
    """The legible text that each token adds to those before it."""
    stream = TextStream(model.tokenizer)
    return [legible(stream.add(token)) for token in ids]


def candidate(stream: TextStream, token: int) -> str:
    """What a token would add, as it stands in a list: "…" for the part of a character that is still incomplete."""
    twin = stream.copy()
    text = twin.add(token)
    return legible(text + "…" if twin.incomplete else text)

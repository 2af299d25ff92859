"""A text of which words are masked, and what a BERT says of them: what Fill shows."""

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch

from demos._ui import tokens
from demos.transformer._models import BERT
from genai_core.transformer import bert

RANKED = 10  # tokens of a list


def model() -> bert.BERT:
    return bert.load(BERT)


@dataclass(frozen=True)
class Reading:
    """A text as the model reads it. units: the places of what is masked as one, each a word or a token."""

    ids: tuple[int, ...]
    units: tuple[tuple[int, ...], ...]
    masked: tuple[tuple[int, ...], ...]  # some of the units
    chosen: tuple[int, ...]  # that which is looked at; () where none is masked

    @property
    def places(self) -> list[int]:
        return [place for unit in self.masked for place in unit]


def units_of(string: str, kind: str) -> tuple[list[int], list[list[int]]]:
    """Token ids, and the places of each word or of each token; see `bert.read`."""
    ids, words = bert.read(model(), string)
    return ids, words if kind == "words" else [[place] for word in words for place in word]


def reading(text: str, kind: str, share: float, seed: int, pressed: list[int], word: int) -> Reading:
    """Masked is what chance has chosen, but what was pressed is the other way round; and every [MASK] of the text."""
    ids, units = units_of(text, kind)
    drawn = bert.choose(units, share / 100, torch.Generator().manual_seed(seed))
    unknown = model().mask
    masked = [unit for unit in units if (unit in drawn) != (unit[0] in pressed) or ids[unit[0]] == unknown]
    chosen = next((unit for unit in masked if unit[0] == word), masked[0] if masked else [])
    return Reading(tuple(ids), *(tuple(map(tuple, some)) for some in (units, masked)), tuple(chosen))


def of_word(string: str, *words: str) -> list[int]:
    """The places where these words first stand in a text, as `pressed` has them."""
    ids, units = units_of(string, "words")
    found = [model().tokenizer.decode(ids[k] for k in unit).strip() for unit in units]
    return [units[found.index(word)][0] for word in words]


def named(ids: Iterable[int]) -> str:
    """Tokens as they stand in a list; "?" for a [MASK] of the text."""
    known = [i for i in ids if i != model().mask]
    return tokens.legible(model().tokenizer.decode(known)).replace("\ufffd", "∅") if known else "?"


@functools.lru_cache(maxsize=64)
def guesses(at: Reading) -> list[list[tuple[int, float]]]:
    """What the model puts in the place of each masked unit: its tokens, each with its probability."""
    return model().guess(at.ids, at.masked)


def right(at: Reading) -> list[bool | None]:
    """Of each masked unit whether the guess is what stood there; None where the text says [MASK]."""
    unknown, found = model().mask, list[bool | None]()
    for unit, guess in zip(at.masked, guesses(at), strict=True):
        truth = [at.ids[place] for place in unit]
        found.append(None if unknown in truth else truth == [token for token, _ in guess])
    return found


def filled(at: Reading) -> dict[tuple[int, ...], tuple[list[tuple[int, float]], bool | None]]:
    """Of each masked unit the guess, and whether it is right."""
    return dict(zip(at.masked, zip(guesses(at), right(at), strict=True), strict=True))


def score(at: Reading) -> tuple[int, int]:
    """How many guesses are right, and of how many."""
    known = [one for one in right(at) if one is not None]
    return sum(known), len(known)


def distribution(at: Reading) -> torch.Tensor:
    """p of every token at the first place of the unit that is looked at, [vocab_size]."""
    return model().fill(at.ids, at.places)[at.places.index(at.chosen[0])].exp()


def likeliest(at: Reading) -> tuple[list[list], int | None]:
    """[token, p, whether it stood there] of the ten likeliest and of the one that did; and this one's rank."""
    p, truth = distribution(at), at.ids[at.chosen[0]]
    order = p.argsort(descending=True, stable=True).tolist()
    rank = order.index(truth) + 1 if truth < len(p) else None
    shown = order[:RANKED] + ([truth] if rank and rank > RANKED else [])
    return [[named([i]), float(p[i]), i == truth] for i in shown], rank


def without_what_follows(at: Reading) -> Reading:
    """The same, cut after the unit that is looked at."""
    end = at.chosen[-1] + 1
    return Reading(at.ids[:end], (), tuple(unit for unit in at.masked if unit[0] < end), at.chosen)


def sides(at: Reading) -> list[dict[str, Any]] | None:
    """What both sides, and the left one alone, say of the word that stood there: its p, and the first guess."""
    if model().mask in [at.ids[place] for place in at.chosen]:
        return None
    found = []
    for seen in (at, without_what_follows(at)):
        log_p = torch.tensor(model().word_log_p(seen.ids, seen.chosen, seen.places))
        found.append({"p": float(log_p.exp()), "first": likeliest(seen)[0][0][0]})
    return found


def he_or_she(at: Reading) -> dict[str, float]:
    """p of "he" and of "she" at the place, with a capital or without."""
    p, forms = distribution(at), {"he": ("He", " He", " he"), "she": ("She", " She", " she")}
    ids = {name: [model().tokenizer.encode(form) for form in some] for name, some in forms.items()}
    return {name: sum(float(p[own[0]]) for own in some if len(own) == 1) for name, some in ids.items()}

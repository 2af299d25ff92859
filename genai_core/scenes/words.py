"""Queries in English and back: "two small red circles to the left of a striped star on a navy background".

`say` writes a query, `parse` reads what `say` writes, and much that people type. The grammar:

    caption    = [opening] phrase {("," | "and") phrase} | [opening] phrase relation phrase, then [background]
    phrase     = [article | number | "no"] {size | fill | colour} [shape | "object"] [place]
    relation   = "left of" | "right of" | "above" | "below", or another word of RELATIONS_SAID
    background = "on a navy background", "on a dark background"
"""

import random
import re

from genai_core.scenes.queries import DETAILS, Phrase, Query, describe
from genai_core.scenes.world import BACKGROUNDS, COLOURS, MOST, SHADES, SHAPES, Scene, pick

NUMBERS = ("no", "one", "two", "three", "four")
OPENINGS = ("", "", "", "a picture of", "an image of", "a photo of", "a drawing of", "there is")
OBJECTS = ("object", "thing", "shape")
RELATIONS_SAID = {
    "left of": ("to the left of", "left of", "on the left of"),
    "right of": ("to the right of", "right of", "on the right of"),
    "above": ("above", "over"),
    "below": ("below", "under", "beneath"),
}
PLACES_SAID = {
    "top": ("at the top", "near the top"),
    "bottom": ("at the bottom", "near the bottom"),
    "left": ("on the left", "at the left"),
    "right": ("on the right", "at the right"),
}
SIZES_SAID = {"small": ("small", "little", "tiny"), "large": ("large", "big", "huge")}
FILLS_SAID = {
    "solid": ("solid", "filled"),
    "outlined": ("outlined", "hollow"),
    "striped": ("striped",),
    "dotted": ("dotted", "spotted"),
}
ARTICLES = ("a", "an", "the")
FILLERS = ("is", "are", "of", "picture", "image", "photo", "drawing", "scene", "there")
LONGEST = 1000  # characters of a query that is read


def plural(noun: str) -> str:
    return noun + ("es" if noun.endswith("s") else "s")


def say(query: Query, rng: random.Random | None = None) -> str:
    """A query in English: always the same sentence, or one by lot of those that mean it."""
    brief = rng is not None and rng.random() < 0.15  # as one types into a search field
    parts = [_phrase(phrase, rng, brief) for phrase in query.phrases]
    if query.relation:
        parts[:2] = [f"{parts[0]} {_choose(RELATIONS_SAID[query.relation], rng)} {parts[1]}"]
    said = ", ".join(parts[:-1]) + " and " + parts[-1] if len(parts) > 1 else "".join(parts)
    if query.background:
        said += f" on {query.background}" if brief else f" on a {query.background} background"
    opening = "" if rng is None or brief or not parts else pick(rng, OPENINGS)
    if opening == "there is" and (query.phrases[0].count or 0) > 1:
        opening = "there are"
    return f"{opening} {said}".strip()


def _choose(options: tuple[str, ...], rng: random.Random | None) -> str:
    """The first option as often as all the others together."""
    return options[0] if rng is None or rng.random() < 0.5 else pick(rng, options)


def _phrase(phrase: Phrase, rng: random.Random | None, brief: bool) -> str:
    words = []
    if phrase.size:
        words.append(_choose(SIZES_SAID[phrase.size], rng))
    if phrase.fill:
        words.append(_choose(FILLS_SAID[phrase.fill], rng))
    if phrase.colour:
        words.append(phrase.colour)
    noun = phrase.shape or _choose(OBJECTS, rng)
    if not (brief and phrase.shape is None and words and phrase.count is None):
        words.append(plural(noun) if phrase.count is not None and phrase.count > 1 else noun)
    if phrase.count is not None:
        words.insert(0, NUMBERS[phrase.count])
    elif not brief:
        words.insert(0, "an" if words[0][0] in "aeiou" else "a")
    if phrase.place:
        words.append(_choose(PLACES_SAID[phrase.place], rng))
    return " ".join(words)


def captions(scene: Scene, rng: random.Random) -> dict[str, str]:
    """A caption of every detail of DETAILS, in words by lot."""
    return {detail: say(describe(scene, rng, detail), rng) for detail in DETAILS}


def _meanings() -> dict[str, tuple[str, object]]:
    """Word -> (what it sets, the value)."""
    found: dict[str, tuple[str, object]] = {}
    for noun in SHAPES:
        found |= {noun: ("shape", noun), plural(noun): ("shape", noun)}
    for noun in OBJECTS:
        found |= {noun: ("shape", None), plural(noun): ("shape", None)}
    found |= {colour: ("colour", colour) for colour in COLOURS}
    for field, said in (("size", SIZES_SAID), ("fill", FILLS_SAID)):
        found |= {word: (field, value) for value, words in said.items() for word in words}
    found |= {word: ("count", n) for n, word in enumerate(NUMBERS)} | {"without": ("count", 0)}
    return found | {str(n): ("count", n) for n in range(MOST + 1)}


MEANINGS = _meanings()
_LONG = {  # what more than one word says, as one token; the longest first
    **{said: f"relation:{name}" for name, several in RELATIONS_SAID.items() for said in several},
    **{said: f"place:{name}" for name, several in PLACES_SAID.items() for said in several},
    **{f"on a {name} background": f"background:{name}" for name in (*BACKGROUNDS, *SHADES)},
    **{f"on {name}": f"background:{name}" for name in (*BACKGROUNDS, *SHADES)},
}
_PATTERN = re.compile(r"\b(" + "|".join(sorted(map(re.escape, _LONG), key=len, reverse=True)) + r")\b")
WORDS = sorted({*MEANINGS, *ARTICLES, *FILLERS, "and", "with", *" ".join(_LONG).split()})


def split(text: str) -> list[str]:
    """A text in lower-case words, numbers and commas."""
    return re.findall(r"[^\W\d_]+|\d+|,", text.lower())


def unknown(text: str) -> list[str]:
    """The words of a text that no caption has, each once in order."""
    return [word for word in dict.fromkeys(split(text)) if word not in WORDS and word != ","]


def parse(text: str) -> Query:
    """What a text looks for.

    Raises: ValueError with one sentence for no text, a long one, unknown words, or words that make no sense together.
    """
    if len(text) > LONGEST:
        raise ValueError(f"A query has at most {LONGEST} characters; this one has {len(text)}.")
    if strange := unknown(text):
        listed = ", ".join(f"'{word}'" for word in strange[:8])
        raise ValueError(f"No caption of this world has the word {listed}.")
    tokens = _PATTERN.sub(lambda m: _LONG[m[0]].replace(" ", "_"), " ".join(split(text))).split()
    phrases: list[dict] = [{}]
    said: dict[str, str] = {}  # relation and background
    before = 0  # phrases that are whole when the relation is said
    for token in tokens:
        kind, _, value = token.partition(":")
        if kind in ("relation", "background") and value:
            if kind in said:
                raise ValueError(f"A query has one {kind}, and this one has two.")
            said[kind] = value.replace("_", " ")
            before = sum(map(bool, phrases)) if kind == "relation" else before
            phrases.append({})
        elif kind == "place" and value:
            _set(next((phrase for phrase in reversed(phrases) if phrase), phrases[-1]), "place", value)
        elif token in MEANINGS:
            field, meant = MEANINGS[token]
            if "shape" in phrases[-1] or (field == "count" and phrases[-1]):
                phrases.append({})
            _set(phrases[-1], field, meant)
        elif token in ("and", "with", ",") or (token in ARTICLES and set(phrases[-1]) != {"count"}):
            phrases.append({})
        elif token not in (*ARTICLES, *FILLERS):
            raise ValueError(f"'{token}' does not belong there.")
    if "relation" in said and before != 1:
        raise ValueError(f"'{said['relation']}' needs one thing before it.")
    return Query(tuple(Phrase(**phrase) for phrase in phrases if phrase), said.get("relation"), said.get("background"))


def _set(phrase: dict, field: str, value: object) -> None:
    if field in phrase:
        raise ValueError(f"A thing has one {field}, and this one has two: say 'and' between things.")
    phrase[field] = value

"""Queries in English: "two small red circles to the left of a striped star on a navy background".

    caption    = [opening] phrase {("," | "and") phrase} | [opening] phrase relation phrase, then [background]
    phrase     = [article | number | "no"] {size | fill | colour} [shape | "object"] [place]
               | "the" [number] {size | fill | colour} shape [place] "are" {size | fill | colour} [shape] [place]
    relation   = "left of" | "right of" | "above" | "below", or another word of RELATIONS_SAID
    background = "on a navy background", "on a dark background"

`parsing` reads these, and more.
"""

import random
import re

from genai_core.data.scenes.queries import DETAILS, Phrase, Query, describe
from genai_core.data.scenes.world import BACKGROUNDS, COLOURS, MOST, SHADES, SHAPES, Scene, pick

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
PICTURES = ("picture", "image", "photo", "drawing", "scene")
GRAMMAR = ("a", "an", "the", "is", "are", "of", "there", "and", "with")
LONGEST = 1000  # maximum characters of a query


def plural(noun: str) -> str:
    return noun + ("es" if noun.endswith("s") else "s")


def say(query: Query, rng: random.Random | None = None) -> str:
    """A query in English: always the same sentence, or with `rng` a random one with that meaning."""
    brief = rng is not None and rng.random() < 0.15  # as typed into a search field
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
    """The first option with probability 1/2, otherwise one of the others."""
    return options[0] if rng is None or rng.random() < 0.5 else pick(rng, options)


def _phrase(phrase: Phrase, rng: random.Random | None, brief: bool) -> str:
    words = _adjectives(phrase, rng)
    noun = phrase.shape or _choose(OBJECTS, rng)
    several = phrase.count != 1 if phrase.are else phrase.count is not None and phrase.count > 1
    if not (brief and phrase.shape is None and words and phrase.count is None) or phrase.are:
        words.append(plural(noun) if several else noun)
    if phrase.count is not None:
        words.insert(0, NUMBERS[phrase.count])
    elif not brief and not phrase.are:
        words.insert(0, "an" if words[0][0] in "aeiou" else "a")
    if phrase.place:
        words.append(_choose(PLACES_SAID[phrase.place], rng))
    if phrase.are:
        words = ["the", *words, "are" if several else "is", *_predicate(phrase.are, several, rng)]
    return " ".join(words)


def _adjectives(phrase: Phrase, rng: random.Random | None) -> list[str]:
    words = [_choose(SIZES_SAID[phrase.size], rng)] if phrase.size else []
    words += [_choose(FILLS_SAID[phrase.fill], rng)] if phrase.fill else []
    return [*words, phrase.colour] if phrase.colour else words


def _predicate(are: Phrase, several: bool, rng: random.Random | None) -> list[str]:
    words = _adjectives(are, rng)
    if are.shape:
        words = [*words, plural(are.shape)] if several else ["a", *words, are.shape]
    else:
        words = " and ".join(words).split()
    return [*words, _choose(PLACES_SAID[are.place], rng)] if are.place else words


def captions(scene: Scene, rng: random.Random) -> dict[str, str]:
    """A caption of every detail of DETAILS, randomly worded."""
    return {detail: say(describe(scene, rng, detail), rng) for detail in DETAILS}


def _meanings() -> dict[str, tuple[str, object]]:
    """Word -> (what it sets, the value)."""
    meanings: dict[str, tuple[str, object]] = {}
    for noun in SHAPES:
        meanings |= {noun: ("shape", noun), plural(noun): ("shape", noun)}
    for noun in OBJECTS:
        meanings |= {noun: ("shape", None), plural(noun): ("shape", None)}
    meanings |= {colour: ("colour", colour) for colour in COLOURS}
    for field, said in (("size", SIZES_SAID), ("fill", FILLS_SAID)):
        meanings |= {word: (field, value) for value, words in said.items() for word in words}
    meanings |= {word: ("count", n) for n, word in enumerate(NUMBERS)} | {"without": ("count", 0)}
    return meanings | {str(n): ("count", n) for n in range(MOST + 1)}


MEANINGS = _meanings()
LONG: dict[str, tuple[str, str]] = {  # phrase of several words -> (what it sets, the value)
    **{said: ("relation", name) for name, several in RELATIONS_SAID.items() for said in several},
    **{said: ("place", name) for name, several in PLACES_SAID.items() for said in several},
    **{
        said.format(name): ("background", name)
        for name in (*BACKGROUNDS, *SHADES)
        for said in (
            "on a {} background",
            "on {}",
            "on the {} background",
            "with a {} background",
            "the background is {}",
        )
    },
}
WORDS = sorted({*MEANINGS, *GRAMMAR, *PICTURES, *" ".join(LONG).split()})


def split(text: str) -> list[str]:
    """A text as lower-case words, numbers and commas."""
    return re.findall(r"[^\W\d_]+|\d+|,", text.lower())


def unknown(text: str) -> list[str]:
    """The words of a text that occur in no caption, each once, in order."""
    return [word for word in dict.fromkeys(split(text)) if word not in WORDS and word != ","]

"""From English to queries: `parse` reads what `words.say` writes, and much of what people type.

    text       = [opening] part {[joint] part}                     joint = "and" | "with" | ","
    part       = [place] ["there" be | be] thing | be predicate | relation thing | background
    thing      = [determiner] [adjectives] [noun] ["of"] {adjectives | place}
    predicate  = [adjectives] noun | {[joint] (adjectives | place)}
    adjectives = adjective {["and" | ","] adjective}
    determiner = article | number ["of" "the"] | "no"
    opening    = [article] "picture" ["of" | "with"]               or "image", "scene" ...
    be         = "is" | "are"

A predicate says more of its subject: "the circle is red" means a red circle. Of several things that are not counted, or
counted after "the", it says something of all: "the red circles are small", "the two circles are red".
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, NamedTuple

from genai_core.data.scenes.queries import Phrase, Query
from genai_core.data.scenes.words import LONG, LONGEST, MEANINGS, OBJECTS, PICTURES, plural, split, unknown
from genai_core.data.scenes.world import SHAPES

STARTS = ("article", "number", "adjective", "noun")  # the kinds of token with which a thing begins


class Token(NamedTuple):
    word: str
    kind: str
    value: Any = None


@dataclass
class Thing:
    """What a text says of a thing, or of several."""

    fields: dict[str, Any] = field(default_factory=dict)  # of its Phrase
    are: dict[str, Any] | None = None  # what all of them are besides
    noun: bool = False
    plural: bool = False
    article: str = ""

    def set(self, name: str, value: Any) -> None:
        if name in self.fields or name in (self.are or {}):
            raise ValueError(f"A thing has one {name}, and this one has two: say 'and' between things.")
        self.fields[name] = value

    def add(self, said: dict[str, Any]) -> None:
        """What a verb says of it."""
        of_all = self.article == "the" if self.fields.get("count") else self.plural and "count" not in self.fields
        for name, value in said.items():
            self.set(name, value)
        if of_all:
            self.are = (self.are or {}) | {name: self.fields.pop(name) for name in said}

    def phrase(self) -> Phrase:
        return Phrase(**self.fields, are=None if self.are is None else Phrase(**self.are))


def parse(text: str) -> Query:
    """The query that a text describes.

    Raises: ValueError with one sentence for an empty or long text, unknown words, or words that make no sense together.
    """
    if len(text) > LONGEST:
        raise ValueError(f"A query has at most {LONGEST} characters; this one has {len(text)}.")
    if strange := unknown(text):
        listed = ", ".join(f"'{word}'" for word in strange[:8])
        raise ValueError(f"No caption of this world has the word{'s' * (len(strange) > 1)} {listed}.")
    return Parser(tokens(text)).query()


PLURALS = {plural(noun) for noun in (*SHAPES, *OBJECTS)}
KINDS = {"shape": "noun", "count": "number"}  # what sets an attribute of a thing; all else is an adjective
TOKENS = {
    **{
        word: Token(word, KINDS.get(name, "adjective"), value if name in KINDS else (name, value))
        for word, (name, value) in MEANINGS.items()
    },
    **{word: Token(word, "article") for word in ("a", "an", "the")},
    **{word: Token(word, "be") for word in ("is", "are")},
    **{word: Token(word, "joint") for word in ("and", "with", ",")},
    **{word: Token(word, "picture") for word in PICTURES},
    **{word: Token(word, word) for word in ("there", "of")},
}
_LONG = re.compile(r"\b(" + "|".join(sorted(map(re.escape, LONG), key=len, reverse=True)) + r")\b")


def tokens(text: str) -> Iterator[Token]:
    """The words and phrases of a text with their kinds. The end of a sentence counts as a comma."""
    words = " ".join(split(re.sub(r"[.:;!?]", ",", text))).replace("without", "with no")
    for part in _LONG.split(words):
        if part in LONG:
            yield Token(part, *LONG[part])
        else:
            yield from (TOKENS.get(word, Token(word, "other")) for word in part.split())


class Parser:
    """Reads tokens from the first to the last; `at` is the next one."""

    def __init__(self, read: Iterator[Token]):
        self.tokens, self.at = [*read, Token("", "end")], 0
        self.things: list[Thing] = []
        self.subjects: list[Thing] = []  # to which a verb refers
        self.complete = self.there = False  # whether a verb was said of the subjects; whether "there is" began them
        self.pending = Thing()  # with the place that was said before its thing
        self.said: dict[str, str] = {}  # relation and background

    @property
    def kind(self) -> str:
        return self.tokens[self.at].kind

    def take(self, *kinds: str) -> Token | None:
        """The next token, if it is of one of these kinds."""
        if self.kind not in kinds:
            return None
        self.at += 1
        return self.tokens[self.at - 1]

    def joints(self) -> str:
        """The joints ahead, of which the strongest counts."""
        words = set()
        while token := self.take("joint"):
            words.add(token.word)
        return next((word for word in ("with", "and", ",") if word in words), "")

    def query(self) -> Query:
        while self.kind != "end":
            self.part(self.joints())
        self.things += [self.pending] if self.pending.fields else []
        return Query(tuple(thing.phrase() for thing in self.things), **self.said)

    def part(self, joint: str) -> None:
        if self.kind in STARTS:
            self.thing(joint)
        elif token := self.take("be"):
            self.verb(token)
        elif token := self.take("background", "relation"):
            if token.kind in self.said:
                raise ValueError(f"A query has one {token.kind}, and this one has two.")
            self.said[token.kind] = token.value
            if token.kind == "relation":
                self.object(token)
        elif token := self.take("place"):
            (self.things[-1] if self.things and not joint else self.pending).set("place", token.value)
        elif self.take("there"):
            self.subjects, self.complete, self.there = [], False, True
        elif self.kind != "end" and (self.things or not self.take("picture", "of")):
            raise self.misplaced(self.tokens[self.at])

    def misplaced(self, token: Token) -> ValueError:
        return ValueError(f"'{token.word}' does not belong there.")

    def object(self, relation: Token) -> None:
        """The thing after a relation; a verb after it refers to the one before: "the star above a ring is red"."""
        if len(self.things) != 1:
            raise ValueError(f"'{relation.value}' needs one thing before it.")
        subjects, complete = list(self.subjects), self.complete
        self.joints()
        if self.kind in STARTS:
            self.thing("")
        self.subjects, self.complete = subjects, complete

    def thing(self, joint: str, *, asked: bool = False) -> None:
        """asked: after "is" or "are", so that adjectives after the noun are what is said of it: "is the circle red"."""
        thing, self.pending = self.pending, Thing()
        self.determiner(thing)
        self.adjectives(thing)
        if noun := self.take("noun"):
            thing.noun, thing.plural = True, noun.word in PLURALS
            if noun.value:
                thing.set("shape", noun.value)
            if (of := self.take("of")) and self.kind != "adjective":
                raise self.misplaced(of)
        if not (thing.noun or thing.fields):  # an article alone, as in "a picture of"
            return
        self.things.append(thing)
        self.lend_noun(joint)
        if self.complete:
            self.subjects, self.complete, self.there = [], False, False
        if joint != "with" or not self.subjects:
            self.subjects.append(thing)
        if not asked:
            self.rest(thing, begun=False)

    def determiner(self, thing: Thing) -> None:
        while token := self.take("article", "number"):
            if token.kind == "article":
                thing.article = token.word
                continue
            thing.set("count", token.value)
            if self.take("of"):  # "two of the circles" are not all
                self.take("article")
                return

    def adjectives(self, thing: Thing) -> None:
        """Those before a noun. "Red and blue circles" are two things; "a red and blue circle" is none."""
        several = thing.article in ("", "the") and "count" not in thing.fields
        mark, joint = self.at, ""
        while joint != "with" and (token := self.take("adjective")):
            name, value = token.value
            if joint and several and name in thing.fields:
                break
            thing.set(name, value)
            mark, joint = self.at, self.joints()
        self.at = mark

    def lend_noun(self, joint: str) -> None:
        """In "a red and a blue circle", the noun of the second thing is that of the first as well."""
        lender, kinds = self.things[-1], {"colour", "fill", "size"}
        own = kinds & set(lender.fields)
        for thing in reversed(self.things[:-1]) if lender.noun and own and joint in ("and", ",") else ():
            counted = thing.article or "count" in thing.fields
            if thing.noun or not (own & set(thing.fields) or (counted and kinds & set(thing.fields))):
                return
            thing.noun, thing.plural, lender.article = True, lender.plural, lender.article or thing.article
            if "shape" in lender.fields:
                thing.set("shape", lender.fields["shape"])

    def rest(self, thing: Thing, *, begun: bool) -> None:
        """Adjectives and places after a noun or a verb. begun: whether "and" continues them, or adds another thing."""
        while True:
            mark, joint = self.at, self.joints()
            ahead = self.adjectives_ahead(joined=bool(joint) and not begun)
            clash = not begun and any(name in thing.fields for name, _ in ahead)
            if ahead and (not joint or (joint != "with" and begun) or (joint == "," and not clash)):
                for name, value in ahead:
                    thing.set(name, value)
                self.at += len(ahead)
            elif (
                joint != "with"
                and self.kind == "place"
                and not (joint and self.tokens[self.at + 1].kind in (*STARTS, "be", "there"))
            ):
                thing.set("place", self.tokens[self.at].value)
                self.at += 1
            else:
                self.at = mark
                return
            begun = True

    def adjectives_ahead(self, *, joined: bool = False) -> list[tuple[str, Any]]:
        """The adjectives that come next, unless they belong to the noun after them. joined: or after further ones."""
        end = self.at
        while self.tokens[end].kind == "adjective" or (joined and self.tokens[end].kind == "joint"):
            end += 1
        if self.tokens[end].kind == "noun" and self.tokens[end - 1].kind == "adjective":
            return []
        return [token.value for token in takewhile(lambda token: token.kind == "adjective", self.tokens[self.at : end])]

    def verb(self, be: Token) -> None:
        """ "is" or "are", and what it says of its subjects."""
        if self.kind == "there" or self.pending.fields or (self.there and not self.subjects):
            return  # "is there", "on the left is", "there is"
        if not self.subjects:
            if not self.things and self.kind not in STARTS:
                return  # "the picture is of"
            self.thing("", asked=True)
        if not self.subjects:
            raise self.misplaced(be)
        said = self.predicate(be)
        for thing in self.referred(be):
            thing.add(said)
        self.complete = True

    def predicate(self, be: Token) -> dict[str, Any]:
        said, article = Thing(), self.take("article")
        if not self.adjectives_ahead():  # "are red circles", "are circles"
            while token := self.take("adjective"):
                said.set(*token.value)
            noun = self.take("noun")
            if article and not noun:
                raise self.misplaced(be)
            if noun and noun.value:
                said.set("shape", noun.value)
        self.rest(said, begun=True)
        if not said.fields and self.kind not in ("relation", "background"):
            raise self.misplaced(be)
        return said.fields

    def referred(self, be: Token) -> list[Thing]:
        """The subjects of a verb: "a circle and a star are red", but "a circle and the stars are red"."""
        last = self.subjects[-1]
        together = not last.plural or all(thing.article == last.article for thing in self.subjects)
        return self.subjects if be.word == "are" and together and not self.there else [last]

"""What can be said of a scene, as structure: queries, their truth, true descriptions and false ones.

A query is a few phrases ("two small red circles", "a star at the top", "no ring"), a relation of the first to the
second, and a background. `words` turns it into a sentence and back.
"""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import permutations, product

from genai_core.scenes import world
from genai_core.scenes.world import (
    BACKGROUNDS,
    COLOURS,
    FILLS,
    MOST,
    OPPOSITE,
    PLACES,
    RELATIONS,
    SHADES,
    SHAPES,
    SIZES,
    Kind,
    Scene,
    Thing,
    pick,
)

FIELDS = {"shape": SHAPES, "colour": COLOURS, "fill": FILLS, "size": SIZES}  # of a kind, and of a phrase
DETAILS = ("one", "two", "relation", "count", "without", "all")


@dataclass(frozen=True, slots=True)
class Phrase:
    """Some things: what is None is left open. count: exactly so many; None: at least one; 0: none at all."""

    shape: str | None = None
    colour: str | None = None
    fill: str | None = None
    size: str | None = None
    place: str | None = None
    count: int | None = None

    def fits(self, thing: Thing) -> bool:
        kind = thing.kind
        return (
            (self.shape is None or self.shape == kind.shape)
            and (self.colour is None or self.colour == kind.colour)
            and (self.fill is None or self.fill == kind.fill)
            and (self.size is None or self.size == kind.size)
            and (self.place is None or world.at(thing, self.place))
        )


@dataclass(frozen=True, slots=True)
class Query:
    """Phrases that all hold; relation: of the first phrase's things to the second's; background: a name or a shade.

    Raises: ValueError for a word there is not, for nothing at all, or for a relation without two phrases of things.
    """

    phrases: tuple[Phrase, ...] = ()
    relation: str | None = None
    background: str | None = None

    def __post_init__(self):
        known = {**FIELDS, "place": PLACES}
        for phrase in self.phrases:
            for field, options in known.items():
                if getattr(phrase, field) not in (None, *options):
                    raise ValueError(f"There is no {field} '{getattr(phrase, field)}'; there are {', '.join(options)}.")
        if self.background not in (None, *BACKGROUNDS, *SHADES):
            raise ValueError(f"There is no background '{self.background}'; there are {', '.join(BACKGROUNDS)}.")
        if self.relation not in (None, *RELATIONS):
            raise ValueError(f"There is no relation '{self.relation}'; there are {', '.join(RELATIONS)}.")
        if not self.phrases and not self.background:
            raise ValueError("A query needs something to look for.")
        if self.relation and (len(self.phrases) < 2 or any(phrase.count == 0 for phrase in self.phrases[:2])):
            raise ValueError(f"'{self.relation}' needs a thing before it and one after it.")


def holds(scene: Scene, query: Query) -> bool:
    """Whether the query is true of the scene.

    Phrases without a number must be met by different things ("a circle and a circle" needs two). A counted phrase
    speaks of all the things that fit it. A relation must hold between every thing meant by the first phrase and every
    thing meant by the second; where a phrase says "a", any of the things that fit it will do.
    """
    things = scene.things
    if query.background not in (None, scene.background) and scene.background not in SHADES.get(query.background, ()):
        return False
    fitting = [[thing for thing in things if phrase.fits(thing)] for phrase in query.phrases]
    for phrase, found in zip(query.phrases, fitting, strict=True):
        if len(found) != phrase.count if phrase.count is not None else not found:
            return False
    if len(fitting) == 1:
        return True
    return any(_related(query, meant) for meant in _meant(query.phrases, fitting))


def _meant(phrases: Sequence[Phrase], fitting: list[list[Thing]]) -> Iterator[list[list[Thing]]]:
    """Every way to choose what each phrase means: all that fit where it counts, one where not, no one thing twice."""
    open_ = [i for i, phrase in enumerate(phrases) if phrase.count is None]
    for chosen in product(*(fitting[i] for i in open_)):
        if len({id(thing) for thing in chosen}) == len(chosen):
            meant = list(fitting)
            for i, thing in zip(open_, chosen, strict=True):
                meant[i] = [thing]
            yield meant


def _related(query: Query, meant: list[list[Thing]]) -> bool:
    if query.relation is None:
        return True
    return all(a is not b and world.related(a, query.relation, b) for a in meant[0] for b in meant[1])


def novel(query: Query) -> bool:
    """Whether the query names a combination that is held out of training."""
    if any((phrase.colour, phrase.shape) in world.HELD_OUT_PAIRS for phrase in query.phrases):
        return True
    if query.relation is None:
        return False
    shapes = query.phrases[0].shape, query.phrases[1].shape
    said = (shapes[0], query.relation, shapes[1]), (shapes[1], OPPOSITE[query.relation], shapes[0])
    return any(held_out in said for held_out in world.HELD_OUT_RELATIONS)


def describe(scene: Scene, rng: random.Random, detail: str) -> Query:
    """A true query about the scene, drawn by lot, of one of DETAILS.

    "one": a thing by some of its attributes; "two": two kinds of things; "relation": how they stand to one another;
    "count": how many there are of something; "without": a thing, and a shape that is absent; "all": every thing, with
    colour and shape at least. A scene with only one kind of things has no "two" and no "relation": it gives "one".
    Raises: ValueError for another detail.
    """
    if detail not in DETAILS:
        raise ValueError(f"There is no detail '{detail}'; there are {', '.join(DETAILS)}.")
    background = scene.background if rng.random() < (0.4 if detail == "all" else 0.08) else None
    if detail == "count":
        return Query((_counted(scene, rng),), background=background)
    if detail == "all":
        return Query(tuple(_groups(scene, rng, everything=True)), background=background)
    if detail == "without":
        absent = [shape for shape in SHAPES if all(shape != thing.kind.shape for thing in scene.things)]
        return Query((_one(scene, rng), Phrase(shape=pick(rng, absent), count=0)), background=background)
    groups = _groups(scene, rng)
    if detail == "one" or len(groups) < 2:
        return Query((_one(scene, rng),), background=background)
    a, b = _shuffled(groups, rng)[:2]
    relation = _relation(scene, a, b) if detail == "relation" else None
    return Query((a, b), relation, background)


def _shuffled(options: Sequence, rng: random.Random) -> list:
    return [option for _, option in sorted(((rng.random(), i), option) for i, option in enumerate(options))]


def _groups(scene: Scene, rng: random.Random, everything: bool = False) -> list[Phrase]:
    """The things by colour and shape (and at times fill and size), those that are alike counted together."""
    more = {field: rng.random() < (0.5 if everything else 0.25) for field in ("fill", "size")}
    counts = Counter(
        Phrase(
            shape=thing.kind.shape,
            colour=thing.kind.colour,
            fill=thing.kind.fill if more["fill"] else None,
            size=thing.kind.size if more["size"] else None,
        )
        for thing in scene.things
    )
    return [replace(phrase, count=n if n > 1 else None) for phrase, n in counts.items()]


def _one(scene: Scene, rng: random.Random) -> Phrase:
    thing = pick(rng, scene.things)
    fields = {field: getattr(thing.kind, field) for field in FIELDS if rng.random() < (0.8 if field in WHAT else 0.4)}
    places = [place for place in PLACES if world.at(thing, place)]
    if places and rng.random() < 0.25:
        fields["place"] = pick(rng, places)
    return Phrase(**(fields or {"shape": thing.kind.shape}))


WHAT = ("shape", "colour")  # what one says first of a thing


def _counted(scene: Scene, rng: random.Random) -> Phrase:
    """How many things there are in all, or how many of one colour, shape or both."""
    kind = pick(rng, scene.things).kind
    fields = pick(rng, ((), ("shape",), ("colour",), WHAT))
    phrase = Phrase(**{field: getattr(kind, field) for field in fields})
    return replace(phrase, count=sum(phrase.fits(thing) for thing in scene.things))


def _relation(scene: Scene, a: Phrase, b: Phrase) -> str | None:
    """How the things of one phrase stand to those of another, if all of them stand alike."""
    said = {world.main_relation(x, y) for x in scene.things if a.fits(x) for y in scene.things if b.fits(y)}
    return said.pop() if len(said) == 1 else None


def complete(scene: Scene) -> Query:
    """All that words can say of a scene but where its things are; those that are alike are counted together."""
    counts = Counter(Phrase(**thing.kind._asdict()) for thing in scene.things)
    phrases = tuple(replace(phrase, count=n if n > 1 else None) for phrase, n in counts.items())
    return Query(phrases, background=scene.background)


def contradict(scene: Scene, query: Query, rng: random.Random) -> Query:
    """A query as near to a true one as can be, and false of the scene: a hard negative (Yuksekgonul 2022).

    Two phrases exchange their colours or shapes, a relation is turned round, a number is changed by one, or one
    attribute becomes another: the first of these in an order by lot that makes the query false, exchanges more often
    first than the rest. Where all that fails, which is rare, what the first phrase speaks of is denied.
    """
    for _ in range(4):
        ways = [*_exchanged(query), *_exchanged(query), *_turned(query), *_turned(query), *_changed(query, rng)]
        for way in _shuffled(ways, rng):
            if way != query and not holds(scene, way):
                return way
    first = query.phrases[0]
    return Query((replace(first, count=None if first.count == 0 else 0),))


def _exchanged(query: Query) -> Iterator[Query]:
    """Two phrases with a colour, a shape, a fill, a size or a number taken from one another."""
    for (i, a), (j, b) in permutations(enumerate(query.phrases), 2):
        for field in (*FIELDS, "count"):
            x, y = getattr(a, field), getattr(b, field)
            if i < j and x != y and (field == "count" or (x and y)):
                phrases = list(query.phrases)
                phrases[i], phrases[j] = replace(a, **{field: y}), replace(b, **{field: x})
                yield replace(query, phrases=tuple(phrases))


def _turned(query: Query) -> Iterator[Query]:
    """The relation the other way round: by its word, or by what stands before and after it."""
    if query.relation:
        first, second, *rest = query.phrases
        yield replace(query, relation=OPPOSITE[query.relation])
        yield replace(query, phrases=(second, first, *rest))


def _changed(query: Query, rng: random.Random) -> Iterator[Query]:
    """One word changed into another of its sort."""
    for i, phrase in enumerate(query.phrases):
        for field, options in (*FIELDS.items(), ("place", PLACES)):
            if getattr(phrase, field):
                yield _with(query, i, replace(phrase, **{field: pick(rng, options)}))
        if phrase.count:
            more = min(MOST, phrase.count + 1) if rng.random() < 0.5 else max(1, phrase.count - 1)
            yield _with(query, i, replace(phrase, count=more))
    if query.background:
        yield replace(query, background=pick(rng, BACKGROUNDS))


def _with(query: Query, i: int, phrase: Phrase) -> Query:
    return replace(query, phrases=(*query.phrases[:i], phrase, *query.phrases[i + 1 :]))


def compose(query: Query, rng: random.Random, tries: int = 200) -> Scene:
    """A scene of which the query is true, with nothing in it that no phrase speaks of; what is left open is by lot.

    Raises: ValueError if none of so many tries is such a scene, as for a query that contradicts itself.
    """
    background = pick(rng, SHADES[query.background]) if query.background in SHADES else query.background
    for _ in range(tries):
        kinds = [
            _kind(phrase, rng) for phrase in query.phrases for _ in range(1 if phrase.count is None else phrase.count)
        ]
        if kinds and len(kinds) <= MOST and all(map(world.possible, kinds)):
            found = world.draw(rng, kinds=kinds, background=background)
            if holds(found, query):
                return found
    raise ValueError(f"No scene of at most {MOST} things was found of which this is true.")


def _kind(phrase: Phrase, rng: random.Random) -> Kind:
    return Kind(**{field: getattr(phrase, field) or pick(rng, options) for field, options in FIELDS.items()})

"""Structured descriptions of scenes: queries, their truth, true and false descriptions.

A query is a few phrases ("two small red circles", "a star at the top", "no ring"), a relation of the first to the
second, and a background. `words` converts it to a sentence, `parsing` back.
"""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import permutations, product

from genai_core.data.scenes import world
from genai_core.data.scenes.world import (
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
    """Some things; None leaves an attribute open. count: exactly this many; None: at least one; 0: none at all.

    are: what all of them are besides, as in "the red circles are small"; an empty phrase only says that all are meant.
    """

    shape: str | None = None
    colour: str | None = None
    fill: str | None = None
    size: str | None = None
    place: str | None = None
    count: int | None = None
    are: "Phrase | None" = None

    def fits(self, thing: Thing) -> bool:
        kind = thing.kind
        return (
            (self.shape is None or self.shape == kind.shape)
            and (self.colour is None or self.colour == kind.colour)
            and (self.fill is None or self.fill == kind.fill)
            and (self.size is None or self.size == kind.size)
            and (self.place is None or world.at(thing, self.place))
        )

    def whole(self) -> "Phrase":
        """The phrase with what all of them are among its own attributes: small red circles."""
        are = self.are or Phrase()
        said = {name: getattr(self, name) or getattr(are, name) for name in (*FIELDS, "place")}
        return Phrase(**said, count=self.count)


@dataclass(frozen=True, slots=True)
class Query:
    """A conjunction of phrases; relation: of the first phrase's things to the second's; background: a name or a shade.

    Raises: ValueError for an unknown word, a number outside 0 ... MOST, an empty query, or a relation without two
    phrases of things.
    """

    phrases: tuple[Phrase, ...] = ()
    relation: str | None = None
    background: str | None = None

    def __post_init__(self):
        known = {**FIELDS, "place": PLACES}
        for phrase in (*self.phrases, *(phrase.are for phrase in self.phrases if phrase.are)):
            for field, options in known.items():
                if getattr(phrase, field) not in (None, *options):
                    raise ValueError(f"There is no {field} '{getattr(phrase, field)}'; there are {', '.join(options)}.")
            if phrase.count is not None and phrase.count not in range(MOST + 1):
                raise ValueError(f"A scene has at most {MOST} things, and none has {phrase.count}.")
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

    Phrases without a number must be satisfied by different things ("a circle and a circle" needs two). A counted phrase
    refers to all matching things, and so does one that says what all of them are. A relation must hold between every
    thing of the first phrase and every thing of the second; where a phrase says "a", any one of the matching things
    will do.
    """
    things = scene.things
    if query.background not in (None, scene.background) and scene.background not in SHADES.get(query.background, ()):
        return False
    fitting = [[thing for thing in things if phrase.fits(thing)] for phrase in query.phrases]
    for phrase, matches in zip(query.phrases, fitting, strict=True):
        if len(matches) != phrase.count if phrase.count is not None else not matches:
            return False
        if phrase.are and not all(map(phrase.are.fits, matches)):
            return False
    if len(fitting) == 1:
        return True
    return any(_related(query, meant) for meant in _meant(query.phrases, fitting))


def _meant(phrases: Sequence[Phrase], fitting: list[list[Thing]]) -> Iterator[list[list[Thing]]]:
    """Every assignment of things to phrases: all matches of a phrase that means all, one otherwise, no thing twice."""
    open_ = [i for i, phrase in enumerate(phrases) if phrase.count is None and phrase.are is None]
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
    """Whether the query contains a combination that is held out of training."""
    phrases = [phrase.whole() for phrase in query.phrases]
    if any((phrase.colour, phrase.shape) in world.HELD_OUT_PAIRS for phrase in phrases):
        return True
    if query.relation is None:
        return False
    shapes = phrases[0].shape, phrases[1].shape
    said = (shapes[0], query.relation, shapes[1]), (shapes[1], OPPOSITE[query.relation], shapes[0])
    return any(held_out in said for held_out in world.HELD_OUT_RELATIONS)


def describe(scene: Scene, rng: random.Random, detail: str) -> Query:
    """A random true query about the scene, of one of DETAILS.

    "one": a thing by some of its attributes; "two": two kinds of things; "relation": a relation between
    them; "count": a number of things; "without": a thing, and a shape that is absent; "all": every thing, at least with
    colour and shape. A scene with only one kind of things has no "two" and no "relation": it gives "one".
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
    """The things grouped by colour and shape (sometimes also fill and size), identical ones counted together."""
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


WHAT = ("shape", "colour")  # what people mention first


def _counted(scene: Scene, rng: random.Random) -> Phrase:
    """The number of all things, or of those of one colour, shape or both."""
    kind = pick(rng, scene.things).kind
    fields = pick(rng, ((), ("shape",), ("colour",), WHAT))
    phrase = Phrase(**{field: getattr(kind, field) for field in fields})
    return replace(phrase, count=sum(phrase.fits(thing) for thing in scene.things))


def _relation(scene: Scene, a: Phrase, b: Phrase) -> str | None:
    """The relation of the things of one phrase to those of another, if it is the same for all."""
    said = {world.main_relation(x, y) for x in scene.things if a.fits(x) for y in scene.things if b.fits(y)}
    return said.pop() if len(said) == 1 else None


def complete(scene: Scene) -> Query:
    """The complete description of a scene except for positions; identical things are counted together."""
    counts = Counter(Phrase(**thing.kind._asdict()) for thing in scene.things)
    phrases = tuple(replace(phrase, count=n if n > 1 else None) for phrase, n in counts.items())
    return Query(phrases, background=scene.background)


def contradict(scene: Scene, query: Query, rng: random.Random) -> Query:
    """A query as close to a true one as possible, and false of the scene: a hard negative (Yuksekgonul 2022).

    Two phrases exchange their colours or shapes, a relation is reversed, a number changes by one, or one attribute is
    replaced: the first of these, in a random order that favours exchanges, that makes the query false. If all fail,
    which is rare, the first phrase is negated.
    """
    for _ in range(4):
        changes = [*_exchanged(query), *_exchanged(query), *_reversed(query), *_reversed(query), *_changed(query, rng)]
        for changed in _shuffled(changes, rng):
            if changed != query and not holds(scene, changed):
                return changed
    first = query.phrases[0].whole()
    return Query((replace(first, count=None if first.count == 0 else 0),))


def _exchanged(query: Query) -> Iterator[Query]:
    """Two phrases with their colours, shapes, fills, sizes or numbers exchanged."""
    for (i, a), (j, b) in permutations(enumerate(query.phrases), 2):
        for field in (*FIELDS, "count"):
            x, y = getattr(a, field), getattr(b, field)
            if i < j and x != y and (not (a.are or b.are) if field == "count" else x and y):
                phrases = list(query.phrases)
                phrases[i], phrases[j] = replace(a, **{field: y}), replace(b, **{field: x})
                yield replace(query, phrases=tuple(phrases))


def _reversed(query: Query) -> Iterator[Query]:
    """The relation reversed: by another word, or by exchanging its phrases."""
    if query.relation:
        first, second, *rest = query.phrases
        yield replace(query, relation=OPPOSITE[query.relation])
        if not first.are:
            yield replace(query, phrases=(second, first, *rest))


def _changed(query: Query, rng: random.Random) -> Iterator[Query]:
    """One word replaced by another of its kind."""
    for i, phrase in enumerate(query.phrases):
        for field, options in (*FIELDS.items(), ("place", PLACES)):
            if getattr(phrase, field):
                yield _with(query, i, replace(phrase, **{field: pick(rng, options)}))
            if phrase.are and getattr(phrase.are, field):
                yield _with(query, i, replace(phrase, are=replace(phrase.are, **{field: pick(rng, options)})))
        if phrase.count:
            more = min(MOST, phrase.count + 1) if rng.random() < 0.5 else max(1, phrase.count - 1)
            yield _with(query, i, replace(phrase, count=more))
    if query.background:
        yield replace(query, background=pick(rng, BACKGROUNDS))


def _with(query: Query, i: int, phrase: Phrase) -> Query:
    return replace(query, phrases=(*query.phrases[:i], phrase, *query.phrases[i + 1 :]))


def compose(query: Query, rng: random.Random, tries: int = 200) -> Scene:
    """A scene of which the query is true, without further things; whatever is left open is random.

    Raises: ValueError if no attempt succeeds, as for a query that contradicts itself.
    """
    background = pick(rng, SHADES[query.background]) if query.background in SHADES else query.background
    for _ in range(tries):
        kinds = [
            _kind(phrase.whole(), rng)
            for phrase in query.phrases
            for _ in range(1 if phrase.count is None else phrase.count)
        ]
        if kinds and len(kinds) <= MOST and all(map(world.possible, kinds)):
            scene = world.draw(rng, kinds=kinds, background=background)
            if holds(scene, query):
                return scene
    raise ValueError(f"No scene of at most {MOST} things satisfies this description.")


def _kind(phrase: Phrase, rng: random.Random) -> Kind:
    return Kind(**{field: getattr(phrase, field) or pick(rng, options) for field, options in FIELDS.items()})

"""The figures on the card of a CLIP: is what a query finds in 10,000 unseen scenes really there?"""

import random
from collections.abc import Iterator, Sequence
from itertools import combinations, permutations
from typing import Any

import torch
from torch import Tensor

from genai_core.clip import gallery
from genai_core.clip.model import load
from genai_core.common import checkpoints, checks
from genai_core.data import scenes
from genai_core.data.scenes import Phrase, Query, Scene, world
from genai_core.data.scenes.queries import FIELDS
from genai_core.data.scenes.words import NUMBERS, OBJECTS, plural

TOP = 10  # results of a query that count
CAPTIONS = 1000  # among which each picture's own must be the nearest
SHOWN = (  # shown on the card, one row each
    "a small red circle",
    "a striped star and a blue heart",
    "two yellow rings",
    "a green square to the left of a pink circle",
    "three objects on a dark background",
    "a teal circle",  # held out
)

LABELS = {
    **{
        f"precision_{kind}_{split}": (f"Precision@10 of queries {about}{held_out}", "{:.1%}")
        for kind, about in (
            ("one", "on one thing (colour, shape and size)"),
            ("two", "on two things (each its own colour and shape)"),
            ("relation", "on a relation of two shapes"),
            ("count", "on a number of things"),
        )
        for split, held_out in (("seen", ""), ("held_out", ", combinations never seen in training"))
    },
    "recall_image_to_text": ("Recall@1 of a picture's caption among 1,000", "{:.1%}"),
    "recall_text_to_image": ("Recall@1 of a caption's picture among 1,000", "{:.1%}"),
    **{
        f"zero_shot_{field}": (f"Zero-shot accuracy, {field} (of {classes})", "{:.1%}")
        for field, classes in (("shape", 8), ("colour", 8), ("fill", 4), ("size", 2), ("count", 4), ("relation", 4))
    },
    **{
        f"probe_{name}": (
            f"{name.capitalize()}: the true caption preferred to one that is wrong in this respect only",
            "{:.1%}",
        )
        for name in ("binding", "order", "counting", "negation")
    },
    "scenes": ("Unseen scenes that were searched", "{:,d}"),
}


def one_thing() -> list[Query]:
    """Every colour, shape and size together."""
    return [Query((Phrase(shape, colour, size=size),)) for shape, colour, size in _product("shape", "colour", "size")]


def two_things() -> list[Query]:
    """Every two things of different colours and shapes."""
    kinds = [Phrase(shape, colour) for shape, colour in _product("shape", "colour")]
    return [Query(pair) for pair in combinations(kinds, 2) if pair[0].shape != pair[1].shape and _colours(pair)]


def relations() -> list[Query]:
    """Every two different shapes in every relation."""
    pairs = permutations(world.SHAPES, 2)
    return [Query((Phrase(a), Phrase(b)), relation) for a, b in pairs for relation in world.RELATIONS]


def counts() -> list[Query]:
    """One to four objects; two and three of every colour and of every shape."""
    some = [Phrase(shape=shape, count=n) for shape in world.SHAPES for n in (2, 3)]
    some += [Phrase(colour=colour, count=n) for colour in world.COLOURS for n in (2, 3)]
    return [Query((phrase,)) for phrase in (*(Phrase(count=n) for n in range(1, 5)), *some)]


def _product(*fields: str) -> list[tuple[str, ...]]:
    products: list[tuple[str, ...]] = [()]
    for field in fields:
        products = [(*some, value) for some in products for value in FIELDS[field]]
    return products


def _colours(pair: Sequence[Phrase]) -> bool:
    return len({phrase.colour for phrase in pair}) == len(pair)


def answerable(queries: Sequence[Query], shown: Sequence[Scene], least: int = TOP) -> list[Query]:
    """The queries that are true of at least `least` of the scenes, so that a precision of 1 is possible."""
    by_kind = gallery.index(shown)
    return [query for query in queries if len(gallery.true_of(query, shown, by_kind)) >= least]


def precision(encoder, embeddings: Tensor, shown: Sequence[Scene], queries: Sequence[Query], top: int = TOP) -> float:
    """Precision@top: the share of correct scenes among the nearest to each query, mean over the queries; in [0, 1].

    embeddings: unit vectors [N, D] of the scenes shown. Raises: ValueError for no queries, or top outside 1 ... N.
    """
    checks.count("The number of queries", len(queries))
    checks.count("The number of results", top, 1, len(embeddings))
    texts = encoder.encode_text([scenes.say(query) for query in queries])
    nearest = (texts @ embeddings.T).topk(top, dim=1).indices.tolist()  # [Q, top]
    true = [scenes.holds(shown[i], query) for query, row in zip(queries, nearest, strict=True) for i in row]
    return sum(true) / len(true)


def recalls(encoder, embeddings: Tensor, shown: Sequence[Scene], n: int = CAPTIONS) -> dict[str, float]:
    """Recall@1 both ways among the first n scenes whose complete captions differ."""
    captions: dict[str, int] = {}
    for i, scene in enumerate(shown):
        captions.setdefault(scenes.say(scenes.complete(scene)), i)
        if len(captions) == n:
            break
    similarity = embeddings[list(captions.values())] @ encoder.encode_text(list(captions)).T  # [n, n]
    answers = torch.arange(len(captions))
    return {
        "recall_image_to_text": float((similarity.argmax(1) == answers).float().mean()),
        "recall_text_to_image": float((similarity.argmax(0) == answers).float().mean()),
    }


def zero_shot(encoder, embeddings: Tensor, shown: Sequence[Scene]) -> dict[str, float]:
    """Zero-shot accuracy (Radford 2021, section 3.1) on one attribute at a time: colour, shape,
    fill and size of single things; the number of things in all scenes; the relation of two things of different shapes.
    """
    single = [i for i, scene in enumerate(shown) if len(scene.things) == 1]
    accuracies = {}
    for field, options in FIELDS.items():
        texts = encoder.encode_text([scenes.say(Query((_phrase(field, option),))) for option in options])
        answers = torch.tensor([options.index(getattr(shown[i].things[0].kind, field)) for i in single])
        accuracies[f"zero_shot_{field}"] = _agree(embeddings[single] @ texts.T, answers)
    texts = encoder.encode_text([f"{n} {plural(OBJECTS[0]) if i else OBJECTS[0]}" for i, n in enumerate(NUMBERS[1:])])
    answers = torch.tensor([len(scene.things) - 1 for scene in shown])
    accuracies["zero_shot_count"] = _agree(embeddings @ texts.T, answers)
    rows, relations = [], []
    for i, scene in enumerate(shown):
        if len(scene.things) == 2 and scene.things[0].kind.shape != scene.things[1].kind.shape:
            true = [
                relation for relation in world.RELATIONS if world.related(scene.things[0], relation, scene.things[1])
            ]
            if len(true) == 1:
                rows.append(i)
                relations.append(world.RELATIONS.index(true[0]))
    pairs = [[Phrase(thing.kind.shape) for thing in shown[i].things] for i in rows]
    captions = [scenes.say(Query(tuple(pair), relation)) for pair in pairs for relation in world.RELATIONS]
    texts = encoder.encode_text(captions).unflatten(0, (-1, len(world.RELATIONS)))  # [rows, 4, D]
    similarity = (embeddings[rows][:, None] * texts).sum(2)
    return {**accuracies, "zero_shot_relation": _agree(similarity, torch.tensor(relations))}


def _phrase(field: str, value: Any) -> Phrase:
    return Phrase(**{field: value})


def _agree(similarity: Tensor, answers: Tensor) -> float:
    return float((similarity.argmax(1) == answers).float().mean())


def cases(probe: str, n: int, seed: int = 0) -> Iterator[tuple[Query, Query, Scene]]:
    """n cases of one of PROBES: a true query, a false one that differs in a single respect, and the scene.

    Binding and order have exactly the same words in both, so that a bag of words cannot distinguish them (as in ARO,
    Yuksekgonul 2022): "a red circle and a blue star" or "a blue circle and a red star"; "a circle left of a star" or "a
    star left of a circle". Counting: "two stars" or "three stars". Negation: of a circle and a star, "a circle and no
    heart" or "a circle and no star": the false caption names what the picture shows, and the true one does not, so that
    who passes over "no" prefers the false one. None names a held-out combination.
    Raises: ValueError for another probe, or n below 0.
    """
    checks.count("The number of cases", n, 0)
    if probe not in PROBES:
        raise ValueError(f"There is no probe '{probe}'; there are {', '.join(PROBES)}.")
    rng = random.Random(f"probe/{probe}/{seed}" if seed else f"probe/{probe}")
    while n > 0:
        true, false, shown = PROBES[probe](rng)
        if not scenes.novel(true) and not scenes.novel(false) and not scenes.holds(shown, false):
            n -= 1
            yield true, false, shown


PAIRS = ("different", "alike", "exchanged")


def pairs(kind: str, n: int, seed: int = 0) -> list[tuple[str, Scene]]:
    """n captions, each with a scene of which it is true, as a batch of training has them; no held-out combinations.

    "different": a thing each, "a red star", all different; "alike": the first two captions are the same, of two scenes;
    "exchanged": the first two are a binding case of `cases`, with the same words.
    Raises: ValueError for another kind, or n outside 2 to 32.
    """
    checks.number("The number of pairs", n, 2, 32)
    if kind not in PAIRS:
        raise ValueError(f"There are no pairs '{kind}'; there are {', '.join(PAIRS)}.")
    rng, queries = random.Random(f"pairs/{seed}"), list[Query]()
    while len(queries) < n:
        query = Query((Phrase(world.pick(rng, world.SHAPES), world.pick(rng, world.COLOURS)),))
        if query not in queries and not scenes.novel(query):
            queries.append(query)
    if kind == "alike":
        queries[1] = queries[0]
    elif kind == "exchanged":
        ((queries[0], queries[1], _),) = cases("binding", 1, seed)
    return [(scenes.say(query), scenes.compose(query, rng)) for query in queries]


def probes(encoder, n: int = 500) -> dict[str, float]:
    """Share of n cases of each probe in which the true caption is nearer to the picture; 0.5 is chance.

    Raises: ValueError for n below 1.
    """
    checks.count("The number of cases", n)
    figures = {}
    for name in PROBES:
        true, false, shown = zip(*cases(name, n), strict=True)
        pictures = encoder.encode_image(scenes.render(shown))
        captions = [encoder.encode_text([scenes.say(query) for query in queries]) for queries in (true, false)]
        right, wrong = ((pictures * texts).sum(1) for texts in captions)
        figures[f"probe_{name}"] = float((right > wrong).float().mean())
    return figures


def _two(options: Sequence[str], rng: random.Random) -> list[str]:
    first = world.pick(rng, options)
    return [first, world.pick(rng, [option for option in options if option != first])]


def _binding(rng: random.Random) -> tuple[Query, Query, Scene]:
    (a, b), (c, d) = _two(world.SHAPES, rng), _two(world.COLOURS, rng)
    query = Query((Phrase(a, c), Phrase(b, d)))
    return query, Query((Phrase(a, d), Phrase(b, c))), scenes.compose(query, rng)


def _order(rng: random.Random) -> tuple[Query, Query, Scene]:
    (a, b), relation = _two(world.SHAPES, rng), world.pick(rng, world.RELATIONS)
    query = Query((Phrase(a), Phrase(b)), relation)
    return query, Query((Phrase(b), Phrase(a)), relation), scenes.compose(query, rng)


def _counting(rng: random.Random) -> tuple[Query, Query, Scene]:
    shape, (a, b) = world.pick(rng, world.SHAPES), world.pick(rng, ((2, 3), (3, 2), (3, 4), (4, 3)))
    query = Query((Phrase(shape, count=a),))
    return query, Query((Phrase(shape, count=b),)), scenes.compose(query, rng)


def _negation(rng: random.Random) -> tuple[Query, Query, Scene]:
    (a, b), shown = (pair := _two(world.SHAPES, rng)), Query(tuple(map(Phrase, pair)))
    absent = world.pick(rng, [shape for shape in world.SHAPES if shape not in pair])
    true, false = (Query((Phrase(a), Phrase(shape, count=0))) for shape in (absent, b))
    return true, false, scenes.compose(shown, rng)


PROBES = {"binding": _binding, "order": _order, "counting": _counting, "negation": _negation}


def evaluate(name: str) -> dict:
    """Figures of a shipped CLIP on 10,000 unseen scenes (see LABELS); writes what `measure` does."""
    return measure(name, load(name))


def measure(name: str, model, n: int = gallery.SIZE) -> dict:
    """Every figure of the card, on the gallery's first n scenes.

    Writes the gallery's embeddings and the card's picture beside the checkpoint.
    """
    from torchvision.utils import save_image  # imported here since it takes a second, and the app imports this module

    shown, embeddings = gallery.world(n), gallery.encode(model, n)
    gallery.save(name, embeddings)
    nearest = (model.encode_text(SHOWN) @ embeddings.T).topk(TOP, dim=1).indices.flatten().tolist()
    save_image(gallery.pictures(nearest), checkpoints.ASSETS / name / "samples.png", nrow=TOP, padding=2)
    figures = {"scenes": len(shown), "queries_shown": list(SHOWN)}
    for kind, queries in (("one", one_thing()), ("two", two_things()), ("relation", relations()), ("count", counts())):
        possible = answerable(queries, shown)
        for split in ("seen", "held_out"):
            some = [query for query in possible if scenes.novel(query) == (split == "held_out")]
            if some:
                figures[f"precision_{kind}_{split}"] = precision(model, embeddings, shown, some)
                figures[f"queries_{kind}_{split}"] = len(some)
    return {**figures, **recalls(model, embeddings, shown), **zero_shot(model, embeddings, shown), **probes(model)}

"""What the card of a CLIP says: is what a query finds in 10,000 unseen scenes really there?"""

import random
from collections.abc import Iterator, Sequence
from itertools import combinations, permutations

import torch
from torch import Tensor

from genai_core import checkpoints, gallery, scenes
from genai_core.scenes import Phrase, Query, Scene, world
from genai_core.scenes.queries import FIELDS
from genai_core.scenes.words import NUMBERS, OBJECTS, plural

TOP = 10  # of the results of a query are judged
CAPTIONS = 1000  # among which each picture's own must be found
SHOWN = (  # on the card's picture, a row each
    "a small red circle",
    "a striped star and a blue heart",
    "two yellow rings",
    "a green square to the left of a pink circle",
    "three objects on a dark background",
    "a teal circle",  # held out
)


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
    found: list[tuple[str, ...]] = [()]
    for field in fields:
        found = [(*some, value) for some in found for value in FIELDS[field]]
    return found


def _colours(pair: Sequence[Phrase]) -> bool:
    return len({phrase.colour for phrase in pair}) == len(pair)


def answerable(queries: Sequence[Query], shown: Sequence[Scene], least: int = TOP) -> list[Query]:
    """Those of the queries that are true of at least so many of the scenes: of the others no ten can be found."""
    by_kind = gallery.index(shown)
    return [query for query in queries if len(gallery.true_of(query, shown, by_kind)) >= least]


def precision(encoder, embeddings: Tensor, shown: Sequence[Scene], queries: Sequence[Query], top: int = TOP) -> float:
    """Precision@top: the share of truth among the scenes nearest to each query, mean over the queries; in [0, 1].

    embeddings: unit vectors [N, D] of the scenes shown.
    """
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
    """Zero-shot accuracy (Radford 2021, section 3.1) on attributes one by one: of single things colour, shape, fill
    and size; of all scenes how many things; of two things of different shapes how the first stands to the second.
    """
    single = [i for i, scene in enumerate(shown) if len(scene.things) == 1]
    found = {}
    for field, options in FIELDS.items():
        texts = encoder.encode_text([scenes.say(Query((Phrase(**{field: option}),))) for option in options])
        answers = torch.tensor([options.index(getattr(shown[i].things[0].kind, field)) for i in single])
        found[f"zero_shot_{field}"] = _agree(embeddings[single] @ texts.T, answers)
    texts = encoder.encode_text([f"{n} {plural(OBJECTS[0]) if i else OBJECTS[0]}" for i, n in enumerate(NUMBERS[1:])])
    answers = torch.tensor([len(scene.things) - 1 for scene in shown])
    found["zero_shot_count"] = _agree(embeddings @ texts.T, answers)
    rows, answers = [], []
    for i, scene in enumerate(shown):
        if len(scene.things) == 2 and scene.things[0].kind.shape != scene.things[1].kind.shape:
            true = [
                relation for relation in world.RELATIONS if world.related(scene.things[0], relation, scene.things[1])
            ]
            if len(true) == 1:
                rows.append(i)
                answers.append(world.RELATIONS.index(true[0]))
    pairs = [[Phrase(thing.kind.shape) for thing in shown[i].things] for i in rows]
    said = [scenes.say(Query(tuple(pair), relation)) for pair in pairs for relation in world.RELATIONS]
    texts = encoder.encode_text(said).unflatten(0, (-1, len(world.RELATIONS)))  # [rows, 4, D]
    similarity = (embeddings[rows][:, None] * texts).sum(2)
    return {**found, "zero_shot_relation": _agree(similarity, torch.tensor(answers))}


def _agree(similarity: Tensor, answers: Tensor) -> float:
    return float((similarity.argmax(1) == answers).float().mean())


def cases(probe: str, n: int, seed: int = 0) -> Iterator[tuple[Query, Query, Scene]]:
    """Cases of one of PROBES: n times a true query, a false one that differs in a single respect, and the scene.

    The two have the very same words (but for counting), so that a bag of words cannot tell them apart (as in ARO,
    Yuksekgonul 2022): binding, "a red circle and a blue star" or "a blue circle and a red star"; order, "a circle left
    of a star" or "a star left of a circle"; negation, "a circle and no star" or "a star and no circle"; counting, "two
    stars" or "three stars". None names a held-out combination. Raises: ValueError for another probe.
    """
    if probe not in PROBES:
        raise ValueError(f"There is no probe '{probe}'; there are {', '.join(PROBES)}.")
    rng = random.Random(f"probe/{probe}/{seed}" if seed else f"probe/{probe}")
    while n > 0:
        true, false, shown = PROBES[probe](rng)
        if not scenes.novel(true) and not scenes.novel(false) and not scenes.holds(shown, false):
            n -= 1
            yield true, false, shown


def probes(encoder, n: int = 500) -> dict[str, float]:
    """How often a picture prefers its caption to the false one, in n cases of each probe; by chance 0.5."""
    found = {}
    for name in PROBES:
        true, false, shown = zip(*cases(name, n), strict=True)
        pictures = encoder.encode_image(scenes.render(shown))
        said = [encoder.encode_text([scenes.say(query) for query in queries]) for queries in (true, false)]
        right, wrong = ((pictures * texts).sum(1) for texts in said)
        found[f"probe_{name}"] = float((right > wrong).float().mean())
    return found


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
    a, b = _two(world.SHAPES, rng)
    true, false = (Query((Phrase(x), Phrase(y, count=0))) for x, y in ((a, b), (b, a)))
    return true, false, scenes.compose(true, rng)


PROBES = {"binding": _binding, "order": _order, "counting": _counting, "negation": _negation}


def evaluate(name: str, model, n: int = gallery.SIZE) -> dict:
    """Every figure of the card, on the gallery's first n scenes.

    Writes the gallery's embeddings and the card's picture beside the checkpoint.
    """
    from torchvision.utils import save_image  # the app imports this module, and starts a second sooner without

    shown, embeddings = gallery.world(n), gallery.encode(model, n)
    gallery.save(name, embeddings)
    nearest = (model.encode_text(SHOWN) @ embeddings.T).topk(TOP, dim=1).indices.flatten().tolist()
    save_image(gallery.pictures(nearest), checkpoints.ASSETS / name / "samples.png", nrow=TOP, padding=2)
    found = {"scenes": len(shown), "queries_shown": list(SHOWN)}
    for kind, queries in (("one", one_thing()), ("two", two_things()), ("relation", relations()), ("count", counts())):
        possible = answerable(queries, shown)
        for split in ("seen", "held_out"):
            some = [query for query in possible if scenes.novel(query) == (split == "held_out")]
            if some:
                found[f"precision_{kind}_{split}"] = precision(model, embeddings, shown, some)
                found[f"queries_{kind}_{split}"] = len(some)
    return {**found, **recalls(model, embeddings, shown), **zero_shot(model, embeddings, shown), **probes(model)}

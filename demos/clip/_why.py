"""Why a picture was found: which words and which parts of it count, and what other captions it would be found by."""

import random

import torch

from demos._ui import validation
from demos.clip import _collections, _models, _query
from genai_core.clip import explain, gallery
from genai_core.data import scenes, uploads

CELLS = 8  # of a side of the relevance map
VARIANTS = 5  # near misses of a caption
ROWS = 6  # pictures of the matrix
COLUMNS = 8  # captions of the matrix, at most


def pixels(settings: dict, id_: str) -> torch.Tensor:
    """A picture of the collection as the encoder takes it: [3, size, size] in [0, 1]."""
    size = _models.load(settings["model"]).size
    if settings["collection"] in (_collections.GALLERY, _collections.SAMPLE):
        return _drawn(settings, id_)
    found = _collections.of(settings["collection"], settings["model"]).picture(id_)
    if found is None:
        raise validation.InputError("That picture is not there (any more).")
    return uploads.tensor(found, size)


def _drawn(settings: dict, id_: str) -> torch.Tensor:
    planted = _query.planted_scene(settings, id_)
    if planted is not None:
        return scenes.render([planted])[0]
    return gallery.pictures([_models.number(id_)])[0]


def why(request: dict) -> dict:
    """Settings and "id" of a result -> {"words": [[text, weight, [[word, contribution]]]], "relevance", ...}.

    A contribution is the fall of the similarity without the word. The relevance (signed, CELLS x CELLS, row by row) is
    that of the whole query.
    """
    settings = _query.parse(request)
    encoder = _models.load(settings["model"])
    id_ = _query.id_of(request.get("id"))
    x = pixels(settings, id_)
    picture = encoder.encode_image(x[None])[0]
    query = _query.vector(settings)
    words = [
        [value, weight, [[word, round(fall, 4)] for word, fall in contributions(settings["model"], picture, value)]]
        for weight, kind, value in settings["terms"]
        if kind == "text"
    ]
    relevance = explain.patch_relevance(encoder, x, query, cells=CELLS)
    return {
        "id": id_,
        "similarity": round(float(picture @ query), 4),
        "words": words,
        "relevance": [round(v, 4) for v in relevance.flatten().tolist()],
    }


def contributions(model: str, picture: torch.Tensor, string: str) -> list[tuple[str, float]]:
    """Each word with the fall of the similarity without it."""
    return explain.word_contributions(_models.load(model), picture, string)


def variants(settings: dict) -> list[str]:
    """The first text of a query, and near misses of it: two things that exchange a colour, a number more, a turn.

    Of a text that is no caption of this world, the text alone.
    """
    first = next((value for weight, kind, value in settings["terms"] if kind == "text" and weight > 0), None)
    if first is None:
        return ["a red circle", "a blue star", "two objects", "on a dark background"]
    try:
        query = scenes.parse(first)
        shown = scenes.compose(query, random.Random(0))
    except ValueError:
        return [first]
    rng, found = random.Random(1), [first]
    for _ in range(40):
        said = scenes.say(scenes.contradict(shown, query, rng))
        if said not in found and len(found) <= VARIANTS:
            found.append(said)
    return found


def matrix(request: dict) -> dict:
    """Settings, "ids" of results and "captions" -> cosines of each with each, and where it is known what is true.

    Without captions, the query's own and near misses of it.
    """
    settings = _query.parse(request)
    encoder = _models.load(settings["model"])
    ids = request.get("ids")
    if not isinstance(ids, list) or not 1 <= len(ids) <= ROWS:
        raise validation.InputError(f"The matrix shows 1 to {ROWS} pictures.")
    ids = [_query.id_of(id_) for id_ in ids]
    given = request.get("captions")
    if given is not None and (not isinstance(given, list) or not 1 <= len(given) <= COLUMNS):
        raise validation.InputError(f"The matrix shows 1 to {COLUMNS} captions.")
    captions = variants(settings) if given is None else [_models.text(caption, "A caption") for caption in given]
    pictures = encoder.encode_image(torch.stack([pixels(settings, id_) for id_ in ids]))
    texts = torch.stack([_models.of_text(settings["model"], caption) for caption in captions])
    cosines = explain.similarities(pictures, texts)
    return {
        "ids": ids,
        "captions": captions,
        "cosines": [[round(v, 4) for v in row] for row in cosines.tolist()],
        "true": [[truth(settings, id_, caption) for caption in captions] for id_ in ids],
    }


def truth(settings: dict, id_: str, caption: str) -> bool | None:
    """Whether a caption is true of a picture; None where nobody can tell."""
    if settings["collection"] not in (_collections.GALLERY, _collections.SAMPLE):
        return None
    try:
        query = scenes.parse(caption)
    except ValueError:
        return None
    return scenes.holds(_query.planted_scene(settings, id_) or _models.scene(_models.number(id_)), query)

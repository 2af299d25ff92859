"""A query as the page builds it: weighted terms, filters, and whether what it says is true of a scene."""

import functools
import json
import random

import torch

from demos import _checks, _keep
from demos.clip import _collections, _models
from genai_core import gallery, retrieval, scenes
from genai_core.scenes import Query, world
from genai_core.scenes.queries import FIELDS

TERMS = 6  # at most
RESULTS = 60  # at most
FOLD = 0.985  # cosine from which two pictures count as near duplicates
ANY = ""
FILTERS = {**FIELDS, "background": world.BACKGROUNDS, "things": ("1", "2", "3", "4")}
KINDS = ("text", "scene", "picture")  # a text, the id of a picture of the collection, a picture file in base64
PLANTED, NEEDLES = "new", 4  # ids of scenes that are drawn for a query and hidden among the others, and how many
FIRST = {
    "model": _models.MODELS[0],
    "collection": _collections.GALLERY,
    "terms": [[1, "text", "two small red circles above a blue star"]],
    "fold": False,
    "plant": False,
    "results": 15,
}


def settings_of(request: dict) -> dict:
    """What the page, a link or a saved picture asks for, checked; the collection itself is looked up later."""
    given = FIRST | dict.fromkeys(FILTERS, ANY) | _checks.record(request)
    _models.load(given["model"])
    if not isinstance(given["collection"], str) or len(given["collection"]) > 80:
        raise _checks.InputError("The collection must be named.")
    results = _keep.from_link(given["results"], "The number of results")
    return {
        "model": given["model"],
        "collection": given["collection"],
        "terms": terms(given["terms"]),
        "fold": _switch(given["fold"], "Folding"),
        "plant": _switch(given["plant"], "Hiding"),
        "results": _checks.whole(results, "The number of results", 1, RESULTS),
        **{name: _checks.choice(given[name], f"The {name}", (ANY, *options)) for name, options in FILTERS.items()},
    }


def terms(value) -> list[list]:
    """[[weight, kind, value], ...], or that as JSON, checked. Raises: InputError."""
    if isinstance(value, str):
        try:
            value = json.loads(value[:60_000])
        except (ValueError, RecursionError):
            raise _checks.InputError("The terms of this query cannot be read.") from None
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= TERMS:
        raise _checks.InputError(f"A query has 1 to {TERMS} terms.")
    found = []
    for term in value:
        if not isinstance(term, list | tuple) or len(term) != 3:
            raise _checks.InputError("Each term must be a weight, a kind and a value.")
        weight = _checks.number(term[0], "The weight of a term", -1, 1)
        kind = _checks.choice(term[1], "The kind of a term", KINDS)
        found.append([round(weight, 2), kind, _value(kind, term[2])])
    return found


def _value(kind: str, value) -> str:
    if kind == "text":
        return _models.text(value)
    if kind == "picture":
        _models.small(value, 8)  # that it is one
        return value
    return id_of(value)


def _switch(value, name: str) -> bool:
    """On or off, which comes as text from a link."""
    if value in (True, "true", "True"):
        return True
    if value in (False, "false", "False"):
        return False
    raise _checks.InputError(f"{name} is either true or false.")


def id_of(value) -> str:
    """The id of a picture of a collection."""
    if not isinstance(value, str) or not 0 < len(value) <= 64 or not value.isascii() or not value.isalnum():
        raise _checks.InputError("The picture must be one of those that were found.")
    return value


def vector(clean: dict) -> torch.Tensor:
    """The query as one unit vector [D]. Raises: InputError, CheckpointError."""
    encoder, found = _models.load(clean["model"]), []
    for weight, kind, value in clean["terms"]:
        if kind == "text":
            found.append((weight, _models.of_text(clean["model"], value)))
        elif kind == "picture":
            found.append((weight, encoder.encode_image(_models.small(value, encoder.size)[None])[0]))
        elif (planted := planted_scene(clean, value)) is not None:
            found.append((weight, encoder.encode_image(scenes.render([planted]))[0]))
        else:
            try:
                found.append((weight, _collections.of(clean["collection"], clean["model"]).vectors([value])[0]))
            except KeyError:
                raise _checks.InputError("A picture of this query is not in this collection.") from None
    try:
        return retrieval.combine([term for term in found if term[0]])
    except ValueError as error:
        raise _checks.InputError(str(error)) from None


def where(clean: dict) -> dict:
    """The filters as `Collection.search` takes them. A colour with a shape means a thing that is both."""
    asked = {name: clean[name] for name in FILTERS if clean[name]}
    found: dict = {name: asked[name] for name in ("background",) if name in asked}
    if "things" in asked:
        found["things"] = int(asked["things"])
    has = [asked[name] for name in ("fill", "size") if name in asked]
    both = [asked[name] for name in ("colour", "shape") if name in asked]
    if both:
        has.append(" ".join(both))
    return found | ({"has": has} if has else {})


def meaning(clean: dict) -> tuple[list[Query], list[Query], str]:
    """What must be true of a picture, what must not, and a sentence where the truth cannot be told ("" where it can).

    Of words alone the truth is known: a text with a positive weight must hold, one with a negative must not.
    """
    if clean["collection"] not in (_collections.GALLERY, _collections.SAMPLE):
        return [], [], "Whether it is true of your pictures, only you can tell."
    if any(kind != "text" for _, kind, _ in clean["terms"]):
        return [], [], "A query with a picture in it is neither true nor false."
    wanted, unwanted = [], []
    for weight, _, value in clean["terms"]:
        try:
            (wanted if weight > 0 else unwanted if weight < 0 else []).append(scenes.parse(value))
        except ValueError as error:
            return [], [], f"{error} So it is neither true nor false here."
    return wanted, unwanted, ""


def needles(clean: dict) -> dict[str, scenes.Scene]:
    """Scenes drawn for the query, by id: what it asks for and nothing else. None where it is no caption, or filtered.

    The same query gives the same scenes.
    """
    texts = [value for weight, kind, value in clean["terms"] if kind == "text" and weight > 0]
    ours = clean["collection"] in (_collections.GALLERY, _collections.SAMPLE)
    if not (clean["plant"] and ours and len(texts) == 1) or where(clean):
        return {}
    return _needles(texts[0])


@functools.lru_cache(maxsize=256)
def _needles(string: str) -> dict[str, scenes.Scene]:
    rng = random.Random(f"needles/{string}")
    try:
        query = scenes.parse(string)
        return {f"{PLANTED}{k}": scenes.compose(query, rng) for k in range(NEEDLES)}
    except ValueError:
        return {}


def planted_scene(clean: dict, id_: str) -> scenes.Scene | None:
    """The scene with an id, if it was drawn for this query."""
    if not id_.startswith(PLANTED):
        return None
    found = needles(clean).get(id_)
    if found is None:
        raise _checks.InputError("That picture was drawn for another query.")
    return found


def true(clean: dict, id_: str, wanted: list[Query], unwanted: list[Query]) -> bool:
    """Whether a picture of the gallery, or one drawn for the query, is what was asked for."""
    scene = planted_scene(clean, id_) or _models.scene(_models.number(id_))
    return all(scenes.holds(scene, q) for q in wanted) and not any(scenes.holds(scene, q) for q in unwanted)


def to_find(wanted: list[Query], unwanted: list[Query], n: int) -> int:
    """How many of the gallery's first n scenes are what was asked for."""
    found = set(range(n)).intersection(*map(gallery.answers, wanted)).difference(*map(gallery.answers, unwanted))
    return len(found)

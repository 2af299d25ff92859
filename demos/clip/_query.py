"""A query as the page builds it: weighted terms, filters, and whether what it says is true of a scene."""

import functools
import json
import random
from collections.abc import Sequence

import torch

from demos._ui import validation
from demos._ui.settings import Setting, Table, checked, choice, integer, switch
from demos.clip import _collections, _models
from genai_core.clip import gallery
from genai_core.common import vector_store
from genai_core.data import scenes
from genai_core.data.scenes import Query, world
from genai_core.data.scenes.queries import FIELDS

TERMS = 6  # at most
RESULTS = 60  # at most
FOLD = 0.985  # cosine from which two pictures count as near duplicates
ANY = ""
FILTERS = {**FIELDS, "background": world.BACKGROUNDS, "things": ("1", "2", "3", "4")}
KINDS = ("text", "scene", "picture")  # a text, the id of a picture of the collection, a picture file in base64
PLANTED, NEEDLES = "new", 4  # ids of scenes that are drawn for a query and hidden among the others, and how many


def terms(value, _others=None) -> list[list]:
    """[[weight, kind, value], ...], or that as JSON, checked. Raises: InputError."""
    if isinstance(value, str):
        try:
            value = json.loads(value[:60_000])
        except (ValueError, RecursionError):
            raise validation.InputError("The terms of this query cannot be read.") from None
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= TERMS:
        raise validation.InputError(f"A query has 1 to {TERMS} terms.")
    found = []
    for term in value:
        if not isinstance(term, list | tuple) or len(term) != 3:
            raise validation.InputError("Each term must be a weight, a kind and a value.")
        weight = validation.number(term[0], "The weight of a term", -1, 1)
        kind = validation.choice(term[1], "The kind of a term", KINDS)
        found.append([round(weight, 2), kind, _value(kind, term[2])])
    return found


def _value(kind: str, value) -> str:
    if kind == "text":
        return _models.text(value)
    if kind == "picture":
        _models.small(value, 8)  # that it is one
        return value
    return id_of(value)


def id_of(value) -> str:
    """The id of a picture of a collection."""
    if not isinstance(value, str) or not 0 < len(value) <= 64 or not value.isascii() or not value.isalnum():
        raise validation.InputError("The picture must be one of those that were found.")
    return value


def collection_name(value, _others) -> str:
    """The collection, which itself is looked up later."""
    if not isinstance(value, str) or not 0 < len(value) <= 80:
        raise validation.InputError("The collection must be named.")
    return value


def filter_setting(name: str, options: Sequence[str]) -> Setting:
    title = "How many things" if name == "things" else name.capitalize()
    return Setting(name, choice({ANY: "any", **{option: option for option in options}}), ANY, title)


SETTINGS = (
    _models.MODEL,
    Setting("collection", checked(collection_name), _collections.GALLERY, "The collection"),
    Setting("terms", checked(terms), [[1, "text", "two small red circles above a blue star"]], "The terms"),
    Setting("fold", switch(), False, "Fold near-duplicates"),
    Setting("plant", switch(), False, "Hide four that are right"),
    Setting("results", integer(1, RESULTS), 15, "The number of results"),
    *(filter_setting(name, options) for name, options in FILTERS.items()),
)
TABLE = Table(SETTINGS)
parse = TABLE.parse  # settings of a search, checked; the request of its page may hold more


def vector(settings: dict) -> torch.Tensor:
    """The query as one unit vector [D]. Raises: InputError, CheckpointError."""
    encoder, found = _models.load(settings["model"]), []
    for weight, kind, value in settings["terms"]:
        if kind == "text":
            found.append((weight, _models.of_text(settings["model"], value)))
        elif kind == "picture":
            found.append((weight, encoder.encode_image(_models.small(value, encoder.size)[None])[0]))
        elif (planted := planted_scene(settings, value)) is not None:
            found.append((weight, encoder.encode_image(scenes.render([planted]))[0]))
        else:
            try:
                found.append((weight, _collections.of(settings["collection"], settings["model"]).vectors([value])[0]))
            except KeyError:
                raise validation.InputError("A picture of this query is not in this collection.") from None
    try:
        return vector_store.combine([term for term in found if term[0]])
    except ValueError as error:
        raise validation.InputError(str(error)) from None


def where(settings: dict) -> dict:
    """The filters as `Collection.search` takes them. A colour with a shape means a thing that is both."""
    asked = {name: settings[name] for name in FILTERS if settings[name]}
    found: dict = {name: asked[name] for name in ("background",) if name in asked}
    if "things" in asked:
        found["things"] = int(asked["things"])
    has = [asked[name] for name in ("fill", "size") if name in asked]
    both = [asked[name] for name in ("colour", "shape") if name in asked]
    if both:
        has.append(" ".join(both))
    return found | ({"has": has} if has else {})


def meaning(settings: dict) -> tuple[list[Query], list[Query], str]:
    """What must be true of a picture, what must not, and a sentence where the truth cannot be told ("" where it can).

    Of words alone the truth is known: a text with a positive weight must hold, one with a negative must not.
    """
    if settings["collection"] not in (_collections.GALLERY, _collections.SAMPLE):
        return [], [], "Whether it is true of your pictures, only you can tell."
    if any(kind != "text" for _, kind, _ in settings["terms"]):
        return [], [], "A query with a picture in it is neither true nor false."
    wanted, unwanted = [], []
    for weight, _, value in settings["terms"]:
        try:
            (wanted if weight > 0 else unwanted if weight < 0 else []).append(scenes.parse(value))
        except ValueError as error:
            return [], [], f"{error} So it is neither true nor false here."
    return wanted, unwanted, ""


def needles(settings: dict) -> dict[str, scenes.Scene]:
    """Scenes drawn for the query, by id: what it asks for and nothing else. None where it is no caption, or filtered.

    The same query gives the same scenes.
    """
    texts = [value for weight, kind, value in settings["terms"] if kind == "text" and weight > 0]
    ours = settings["collection"] in (_collections.GALLERY, _collections.SAMPLE)
    if not (settings["plant"] and ours and len(texts) == 1) or where(settings):
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


def planted_scene(settings: dict, id_: str) -> scenes.Scene | None:
    """The scene with an id, if it was drawn for this query."""
    if not id_.startswith(PLANTED):
        return None
    found = needles(settings).get(id_)
    if found is None:
        raise validation.InputError("That picture was drawn for another query.")
    return found


def true(scene: scenes.Scene, wanted: list[Query], unwanted: list[Query]) -> bool:
    """Whether a scene is what was asked for."""
    return all(scenes.holds(scene, q) for q in wanted) and not any(scenes.holds(scene, q) for q in unwanted)


def to_find(wanted: list[Query], unwanted: list[Query], n: int) -> int:
    """How many of the gallery's first n scenes are what was asked for."""
    found = set(range(n)).intersection(*map(gallery.answers, wanted)).difference(*map(gallery.answers, unwanted))
    return len(found)

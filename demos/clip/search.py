"""Search: words, pictures, and sums of them find pictures; each result can be asked why."""

import base64
import io
import json
import time

import gradio as gr
import torch
from PIL import Image

from demos import _checks, _common, _keep
from demos._common import LIGHT, QUIET
from demos.clip import _collections, _models, _query
from demos.clip._collections import GALLERY, SAMPLE
from demos.clip._models import NAMES, TAB
from demos.clip._why import matrix, why
from genai_core import gallery, scenes
from genai_core.retrieval import Hit

SIDE = 160  # pixels of an own picture on the page

PRESETS = {
    "Never seen together": "No training picture had a teal circle. Will it be found?",
    "Picture − red + blue": "A picture with something red, minus the word, plus another. What becomes of it?",
    "All but": "Stars, and no night: a text with a negative weight. Does “no” as a word work as well?",
    "Who is blue?": "A red heart and a blue square: does it mix up which is which? Try the other model, too.",
    "A word it never read": "What can a model do with a word that it has never read?",
}
STATES = {
    "Never seen together": {"terms": [[1, "text", "a large teal circle"]]},
    "Picture − red + blue": {
        "terms": [[1, "scene", "one object and a large red heart"], [-1, "text", "red"], [1, "text", "blue"]]
    },
    "All but": {"terms": [[1, "text", "two stars"], [-0.5, "text", "on a dark background"]]},
    "Who is blue?": {"terms": [[1, "text", "a red heart and a blue square"]]},
    "A word it never read": {"terms": [[1, "text", "a purple dinosaur"]]},
}


def search(request: dict) -> dict:
    """Settings -> the control's value: what was found, best first, each with what is true of it."""
    clean = _query.settings_of(request)
    collection = _collections.of(clean["collection"], clean["model"])
    wanted, unwanted, told = _query.meaning(clean)
    vector = _query.vector(clean)
    begun = time.perf_counter()
    hits = collection.search(
        vector, clean["results"], where=_query.where(clean), fold=_query.FOLD if clean["fold"] else None
    )
    seconds = time.perf_counter() - begun
    hits = with_needles(clean, vector, hits)
    texts = [value for _, kind, value in clean["terms"] if kind == "text"]
    encoder = _models.load(clean["model"])
    return {
        "settings": clean,
        "hits": [
            {
                "id": hit.id,
                "similarity": round(hit.similarity, 4),
                "caption": hit.attributes.get("caption", ""),
                "image": picture(clean, hit.id),
                "alike": len(hit.alike),
                "true": None if told else _query.true(clean, hit.id, wanted, unwanted),
            }
            for hit in hits
        ],
        "thumbs": {value: picture(clean, value) for _, kind, value in clean["terms"] if kind == "scene"},
        "told": told,
        "unknown": list(dict.fromkeys(word for text in texts for word in _models.unknown(encoder, text)))[:12],
        "ms": 1000 * seconds,
        "of": len(collection),
        "to_find": None if told or _query.where(clean) else _query.to_find(wanted, unwanted, len(collection)),
        "needles": len(_query.needles(clean)),
        "models": NAMES,
        "filters": {name: list(options) for name, options in _query.FILTERS.items()},
    }


def with_needles(clean: dict, vector: torch.Tensor, hits: list[Hit]) -> list[Hit]:
    """The results as they would be if the scenes drawn for the query were in the collection, too."""
    needles = _query.needles(clean)
    if not needles:
        return hits
    x = _models.load(clean["model"]).encode_image(scenes.render(list(needles.values())))
    more = [
        Hit(id_, similarity, gallery.attributes(scene))
        for (id_, scene), similarity in zip(needles.items(), (x @ vector).tolist(), strict=True)
    ]
    return sorted([*hits, *more], key=lambda hit: -hit.similarity)[: clean["results"]]


def picture(clean: dict, id_: str) -> str:
    """A picture of the collection, or one drawn for the query, as JPEG in base64."""
    if (planted := _query.planted_scene(clean, id_)) is not None:
        return _models.jpeg(_common.picture(scenes.render([planted])[0]))
    if clean["collection"] in (GALLERY, SAMPLE):
        return _models.shown(_models.number(id_))
    found = _collections.of(clean["collection"], clean["model"]).picture(id_)
    if found is None:
        raise _checks.InputError("That picture is not there (any more).")
    found.thumbnail((SIDE, SIDE))
    return _models.jpeg(found, 85)


def shrink(request: dict) -> str:
    """{"png"}: any picture file in base64 -> its middle square as a term of a query holds it, JPEG in base64."""
    x = _models.small(_checks.record(request).get("png"), SIDE)
    return _models.jpeg(_common.picture(x), 85)


def state(label: str) -> dict:
    """The settings of a preset. Its pictures are found by what is true of them."""
    terms = [
        [weight, kind, first_of(value) if kind == "scene" else value] for weight, kind, value in STATES[label]["terms"]
    ]
    return STATES[label] | {"terms": terms}


def first_of(caption: str) -> str:
    """The id of the gallery's first scene of which a caption is true."""
    return str(min(gallery.answers(scenes.parse(caption))))


@_checks.handler
def preset(event: gr.EventData) -> dict:
    """The chosen preset -> the control's value."""
    return search(state(_checks.choice(event.preset, "The preset", tuple(PRESETS))))


def start(_request: dict) -> dict:
    """The stage at first: a query of which nothing in the gallery is true, and four scenes of which it is."""
    return search({"plant": True})


def as_link(clean: dict) -> dict:
    """Settings as a link and a saved picture hold them: texts and numbers, without what is not set."""
    kept = {key: value for key, value in clean.items() if value not in (_query.ANY, False)}
    return {"tab": TAB, "part": "search", **kept, "terms": json.dumps(clean["terms"], ensure_ascii=False)}


def save(request: dict) -> str:
    """Settings -> the results as a sheet, PNG in base64, the settings inside."""
    value = search(request)
    tiles = [Image.open(io.BytesIO(base64.b64decode(hit["image"]))).resize((128, 128)) for hit in value["hits"]]
    sheet = Image.new("RGB", (5 * 136 + 8, -(-len(tiles) // 5) * 136 + 8), "white")
    for k, tile in enumerate(tiles):
        sheet.paste(tile, (8 + k % 5 * 136, 8 + k // 5 * 136))
    return _keep.saved(sheet, as_link(value["settings"]))


def restore(request: dict) -> dict:
    """{"png"}: a picture that `save` made -> the control's value."""
    return search(_keep.opened(request, TAB, "search"))


def control(**arguments) -> gr.HTML:
    """The control by itself, for any collection."""
    return _common.control("find", None, [start, search, why, matrix, shrink, save, restore], **arguments)


def build() -> gr.HTML:
    """Returns the control, which `search` fills."""
    _common.lead(
        "<b>Type what you look for</b>, or build a sum of words and pictures. A tick says that it is true. "
        "<b>Click a picture</b>: which words and which parts of it were decisive?"
    )
    pills = _common.presets(PRESETS)
    made = control()
    pills.click(preset, None, made, **LIGHT, **QUIET)
    return made

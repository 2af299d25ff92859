"""Search: words, pictures, and sums of them find pictures; each result can be asked why."""

import time
from typing import Any

import gradio as gr
import torch
from PIL import Image

from demos._ui import charts, controls, images, validation
from demos._ui.tab import Answer, Part, Preset
from demos.clip import _collections, _drawing, _models, _query
from demos.clip._collections import GALLERY, SAMPLE
from demos.clip._models import NAMES
from demos.clip._why import ROWS, matrix, why
from genai_core.clip import gallery
from genai_core.common import zvec_store
from genai_core.common.vector_store import Hit
from genai_core.data import scenes

SIDE = 160  # pixels of an own picture on the page
NO_ZVEC = "The vector database zvec does not run on this machine: the search compares every picture instead."


def show(**settings: Any) -> dict:
    """What is found, best first, each with what is true of it."""
    collection = _collections.of(settings["collection"], settings["model"])
    wanted, unwanted, unknowable = _query.meaning(settings)
    vector, needles = _query.vector(settings), _query.needles(settings)
    begun = time.perf_counter()
    hits = collection.search(
        vector, settings["results"], where=_query.where(settings), fold=_query.FOLD if settings["fold"] else None
    )
    seconds = time.perf_counter() - begun
    texts = [value for _, kind, value in settings["terms"] if kind == "text"]
    encoder = _models.load(settings["model"])

    def hit_value(hit: Hit) -> dict:
        scene = needles.get(hit.id)  # resolved once, for its picture and for what is true of it
        return {
            "id": hit.id,
            "similarity": round(hit.similarity, 4),
            "caption": hit.attributes.get("caption", ""),
            "image": picture_of(settings, hit.id, scene),
            "alike": len(hit.alike),
            "true": None
            if unknowable
            else _query.true(scene or _models.scene(_models.number(hit.id)), wanted, unwanted),
        }

    found = {
        "hits": [hit_value(hit) for hit in with_needles(settings, vector, hits, needles)],
        "thumbs": {
            value: picture_of(settings, value, _query.planted_scene(settings, value))
            for _, kind, value in settings["terms"]
            if kind == "scene"
        },
        "note": unknowable,
        "store": "" if zvec_store.runs() else NO_ZVEC,
        "unknown": list(dict.fromkeys(word for text in texts for word in _models.unknown(encoder, text)))[:12],
        "of": len(collection),
        "to_find": None if unknowable or _query.where(settings) else _query.to_find(wanted, unwanted, len(collection)),
        "needles": len(needles),
        "models": NAMES | {name: name for name in _models.FETCHED},
        "ours": list(NAMES),
        "filters": {name: list(options) for name, options in _query.FILTERS.items()},
    }
    return found | {"summary": summary(found), "ms": 1000 * seconds}


def with_needles(settings: dict, vector: torch.Tensor, hits: list[Hit], needles: dict[str, scenes.Scene]) -> list[Hit]:
    """The results as they would be if the scenes drawn for the query were in the collection, too."""
    if not needles:
        return hits
    x = _models.load(settings["model"]).encode_image(scenes.render(list(needles.values())))
    more = [
        Hit(id_, similarity, gallery.attributes(scene))
        for (id_, scene), similarity in zip(needles.items(), (x @ vector).tolist(), strict=True)
    ]
    return sorted([*hits, *more], key=lambda hit: -hit.similarity)[: settings["results"]]


def picture_of(settings: dict, id_: str, planted: scenes.Scene | None) -> str:
    """A picture of the collection, or one drawn for the query, as JPEG in base64."""
    if planted is not None:
        return _models.jpeg(images.picture(scenes.render([planted])[0]))
    if settings["collection"] in (GALLERY, SAMPLE):
        return _models.shown(_models.number(id_))
    own = _collections.of(settings["collection"], settings["model"]).picture(id_)
    if own is None:
        raise validation.InputError("That picture is not there (any more).")
    own.thumbnail((SIDE, SIDE))
    return _models.jpeg(own, 85)


def shrink(request: dict) -> str:
    """{"png"}: any picture file in base64 -> its middle square as a term of a query holds it, JPEG in base64."""
    x = _models.small(validation.json_object(request).get("png"), SIDE)
    return _models.jpeg(images.picture(x), 85)


def first_of(caption: str) -> str:
    """The id of the gallery's first scene of which a caption is true."""
    return str(min(gallery.answers(scenes.parse(caption))))


def summary(value: dict) -> str:
    """How many were found of how many, and how many of them are what was asked for."""
    n, of, hits = len(value["hits"]), value["of"], value["hits"]
    said = f"{n} of {of:,} pictures. "
    known = [hit for hit in hits if hit["true"] is not None]
    if not known:
        return said + value["note"]
    right = sum(hit["true"] for hit in known)
    said += f"{right} of these {'is' if right == 1 else 'are'} what was asked for."
    if value["to_find"] is None:
        return said
    there, hidden = value["to_find"] + value["needles"], value["needles"]
    if not there:
        return f"{said} None of the {of:,} shows exactly that: these come nearest."
    drawn = f", {hidden} of them drawn just now and hidden" if hidden else ""
    return f"{said} In all, {there:,} {'is' if there == 1 else 'are'}{drawn}."


def picture(shown: dict | None = None, **settings: Any) -> Image.Image:
    """The query, the results, and of the stage's {"chosen": id, "captions"} why it was found, and the near misses."""
    shown = validation.json_object(shown or {}, "The stage")
    value = show(**settings)
    pictures = {hit["id"]: hit["image"] for hit in value["hits"]}
    own = {value: value for _, kind, value in settings["terms"] if kind == "picture"}
    rows = [_drawing.query(settings["terms"], value["thumbs"] | own), charts.sentence(summary(value), _drawing.WIDTH)]
    if value["unknown"]:
        unknown = f"Not in the vocabulary, and all the same to this model: {', '.join(value['unknown'])}."
        rows.append(charts.sentence(unknown, _drawing.WIDTH, charts.SOFT))
    if pictures:
        rows.append(_drawing.hits(value["hits"]))
        chosen = shown.get("chosen")
        if chosen in pictures:
            rows.append(_drawing.reason(why({**settings, "id": chosen}), pictures[chosen]))
        asked = {**settings, "ids": list(pictures)[:ROWS], "captions": shown.get("captions")}
        rows.append(_drawing.matrix(matrix(asked), pictures))
    return charts.below(rows)


def code(**settings: Any) -> str:
    if settings["collection"] != GALLERY or settings["model"] not in NAMES:
        raise validation.InputError("There is a program for searches of the gallery by one of our own models.")
    lines = []
    for weight, kind, value in settings["terms"]:
        if kind == "text":
            vector = f"model.encode_text([{value!r}])[0]"
        elif kind == "scene" and not value.startswith(_query.PLANTED):
            vector = f"collection.vectors(['{value}'])[0]"
        else:
            raise validation.InputError("There is a program for queries of words and of pictures of the gallery.")
        lines.append(f"    ({weight:g}, {vector}),")
    needles, hidden = "", ""
    if _query.needles(settings):
        text = next(value for weight, kind, value in settings["terms"] if kind == "text" and weight > 0)
        needles = f'''
random_ = random.Random({f"needles/{text}"!r})  # four scenes that are right, hidden among the others
drawn = [scenes.compose(scenes.parse({text!r}), random_) for _ in range({_query.NEEDLES})]
extra = (model.encode_image(scenes.render(drawn)) @ query).tolist()
hits = sorted([*hits, *((f"{_query.PLANTED}{{k}}", s) for k, s in enumerate(extra))], key=lambda hit: -hit[1])'''
        hidden = "import random\n\n"
    scenes_import = "from genai_core.data import scenes\n" if needles else ""
    options = f"where={_query.where(settings)}, fold={_query.FOLD if settings['fold'] else None}"
    terms = "\n".join(lines)
    return f'''{hidden}from genai_core import clip
from genai_core.clip import gallery
from genai_core.common import vector_store
{scenes_import}
model = clip.load("{settings["model"]}")
collection = gallery.collection("{settings["model"]}")
terms = [
{terms}
]
query = vector_store.combine(terms)  # the weighted sum, a unit vector
found = collection.search(query, {settings["results"]}, {options})
hits = [(hit.id, hit.similarity) for hit in found]{needles}
for id_, similarity in hits[:{settings["results"]}]:
    print(id_, round(similarity, 4))
'''


def says(**settings: Any) -> str:
    return "\n".join(f"{hit['id']} {hit['similarity']}" for hit in show(**settings)["hits"])


def start(_request: dict) -> dict:
    """A stage that waits for its first search."""
    return {}


def show_request(request: dict) -> dict:
    settings = _query.parse(request)
    return show(**settings) | {"settings": settings}


show_request.__name__ = "show"


def stage(part: str) -> gr.HTML:
    """The stage by itself, hidden, for a collection that is still to come."""
    functions = [start, show_request, *FUNCTIONS]
    unlinked = [setting.name for setting in _query.SETTINGS]
    return controls.control("clip/search", None, functions, part=part, unlinked=unlinked, visible=False)


FUNCTIONS = (why, matrix, shrink)
PART = Part(
    id="search",
    title="Search",
    lead="<b>Type what you look for</b>, or build a sum of words and pictures. A tick says that it is true. "
    "<b>Click a picture</b>: which words and which parts of it were decisive?",
    stage="clip/search",
    settings=_query.SETTINGS,
    presets=(
        Preset(
            "Never seen together",
            "No training picture had a teal circle. Will it be found?",
            {"terms": [[1, "text", "a large teal circle"]]},
            "Ticks say that it was: colour and shape are known one by one, and put together.",
            (
                Answer(
                    "No: it finds teal things and circles, apart.",
                    "One vector has both, and pictures that fit both words come first.",
                ),
                Answer("Yes."),
                Answer(
                    "No: what was not in the training cannot be found.",
                    "The pair was not, but each of its words was, in many others.",
                ),
            ),
        ),
        Preset(
            "Picture − red + blue",
            "A picture with something red, minus the word, plus another. What becomes of it?",
            lambda: {
                "terms": [
                    [1, "scene", first_of("one object and a large red heart")],
                    [-1, "text", "red"],
                    [1, "text", "blue"],
                ]
            },
            "Large blue hearts come first: the vectors of pictures and words can be added.",
            (
                Answer(
                    "A red heart and a blue one, in one picture.",
                    "Red was taken off, so that no picture with both is near the sum.",
                ),
                Answer(
                    "Nothing of use: pictures and words do not add.",
                    "Both are vectors of one space, and are trained to be compared there.",
                ),
                Answer("A blue heart."),
            ),
        ),
        Preset(
            "All but",
            "Two stars, and no night: a text with a negative weight. How many of the 15 found have a dark background?",
            {"terms": [[1, "text", "two stars"], [-0.5, "text", "on a dark background"]]},
            "About half are dark, as many as without the minus: most captions of the training said nothing of the "
            "background, so that a vector holds little of it. “Two stars, not on a dark background” as words does no "
            "better.",
            (
                Answer("About half, as in the whole gallery."),
                Answer(
                    "None: what has a negative weight is excluded.",
                    "A weight moves the sum away from a text, and excludes nothing.",
                ),
                Answer(
                    "Nearly all: dark is one of the words.",
                    "The weight is negative, and so its word does not draw the sum to dark pictures.",
                ),
            ),
        ),
        Preset(
            "Who is blue?",
            "Four of 10,000 pictures have a red heart and a blue square, nine a blue heart and a red square. Which "
            "come first?",
            {"terms": [[1, "text", "a red heart and a blue square"]]},
            "All four are found, and of the nine only one. For the model as published it is one of the four and "
            "seven of the nine: choose it and compare.",
            (
                Answer(
                    "Both kinds alike: they have the same words.",
                    "It was trained with hard negatives, texts with just that exchange, to tell them apart.",
                ),
                Answer(
                    "The nine, as there are more of them.",
                    "Each picture is compared by itself, and how many there are of it does not count.",
                ),
                Answer("The four."),
            ),
        ),
        Preset(
            "Not in the vocabulary",
            "What does a search for “a purple dinosaur” find, with a word that is not in the vocabulary?",
            {"terms": [[1, "text", "a purple dinosaur"]]},
            "It finds what is purple: the other word is one and the same unknown token to it.",
            (
                Answer(
                    "Nothing, as the word is unknown.",
                    "Some picture is always the nearest, and a search shows it.",
                ),
                Answer("Something purple."),
                Answer(
                    "What looks most like a dinosaur.",
                    "It never saw the word with a picture, and cannot know what one looks like.",
                ),
            ),
        ),
    ),
    functions=FUNCTIONS,
    first={"plant": True},
    show=show,
    picture=picture,
    code=code,
    says=says,
)

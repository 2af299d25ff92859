"""Pictures and texts in one plane: what lies together, and the gap between the two kinds."""

import functools
from typing import Any

from PIL import Image, ImageDraw

from demos._ui import letters, text_image, validation
from demos._ui.settings import Setting, checked, choice, integer
from demos._ui.tab import Answer, Part, Preset
from demos.clip import _models, _projection, _words
from demos.clip._models import NAMES
from genai_core.data import scenes
from genai_core.data.scenes.world import BACKGROUNDS, COLOURS, SHAPES

TEXTS = 12  # at most
AXES = {"texts": "what the texts tell apart", "both": "what varies most"}
DRAWN = {"points": "points", "pictures": "small pictures"}
COLOUR_TEXTS = "\n".join(scenes.say(scenes.Query((scenes.Phrase(colour=colour),))) for colour in COLOURS)
SHAPE_TEXTS = "\n".join(f"a {shape}" for shape in SHAPES)


@functools.lru_cache(maxsize=64)
def laid_out(name: str, which: str, texts: tuple[str, ...], together: int, axes: str) -> dict:
    """Where everything lies, and how well neighbours in the plane agree, against neighbours in the whole space."""
    x, t = _projection.pictures(name, which), _models.load(name).encode_text(texts)
    at, of_texts, share = _projection.plane(x, t, bool(together), axes)
    return {
        "points": [[round(v, 4) for v in row] for row in at.tolist()],
        "diamonds": [[round(v, 4) for v in row] for row in of_texts.tolist()],
        "share": [round(v, 4) for v in share],
        "gap": _projection.gap(x, t),
        "alike": {a: _projection.alike(at, classes) for a, classes in _projection.groups(which).items()},
    }


@functools.lru_cache(maxsize=8)
def whole_space(name: str, which: str) -> dict[str, float]:
    """`_projection.alike` in the space itself, for every attribute."""
    return {
        a: _projection.alike(_projection.pictures(name, which), classes)
        for a, classes in _projection.groups(which).items()
    }


def show(model: str, texts: str, which: str, attribute: str, axes: str, together: int, drawn: str) -> dict:
    """Coordinates, classes and their colours, and what was measured."""
    lines = tuple(texts.split("\n"))
    found = laid_out(model, which, lines, together, axes)
    classes = _projection.groups(which)[attribute]
    return {
        "models": NAMES,
        "dimension": _models.load(model).dimension,
        "menus": {
            "which": _projection.WHICH,
            "attribute": {a: a for a in _projection.ATTRIBUTES},
            "axes": AXES,
            "drawn": DRAWN,
        },
        "scenes": list(_projection.shown(which)),
        "classes": classes,
        "names": list(_projection.ATTRIBUTES[attribute]),
        "inks": _projection.COLOURS[attribute],
        **{key: found[key] for key in ("points", "diamonds", "share", "gap")},
        "alike": {
            "plane": found["alike"][attribute],
            "space": whole_space(model, which)[attribute],
            "chance": _projection.chance(classes),
            "near": _projection.NEAR,
        },
        "texts": [{"text": text, "unknown": _models.unknown(_models.load(model), text)} for text in lines],
    }


def look(request: dict) -> dict:
    """{"scene", "model", "texts"} -> the picture, its caption, and the nearest three of the texts with cosines."""
    settings = PART.parse(request)
    i = _models.number(validation.json_object(request).get("scene"))
    texts = settings["texts"].split("\n")
    picture = _models.of_scene(settings["model"], i)
    cosines = [float(_models.of_text(settings["model"], text) @ picture) for text in texts]
    nearest = sorted(range(len(texts)), key=lambda k: -cosines[k])[:3]
    return {
        "scene": i,
        "shown": _models.shown(i),
        "caption": scenes.say(scenes.complete(_models.scene(i))),
        "nearest": [[k, round(cosines[k], 4)] for k in nearest],
    }


def sheet(request: dict) -> dict:
    """{"which"} -> all its pictures, small, as one JPEG in base64."""
    which = validation.choice(
        validation.json_object(request).get("which"), "The kind of pictures", tuple(_projection.WHICH)
    )
    return {"which": which, "shown": _models.jpeg(_projection.sheet(which), 80), "tile": _projection.TILE}


def drawing(value: dict, model: str, width: int = 900, height: int = 640) -> Image.Image:
    """The map on a white page."""
    paper = Image.new("RGB", (width, height), "white")
    pen, small = ImageDraw.Draw(paper), 13
    every = value["points"] + value["diamonds"]
    low, high = ([pick(row[k] for row in every) for k in (0, 1)] for pick in (min, max))
    scale = min((width - 200) / max(1e-6, high[0] - low[0]), (height - 110) / max(1e-6, high[1] - low[1]))

    def place(row: list[float]) -> tuple[float, float]:
        x, y = (scale * (v - (a + b) / 2) for v, a, b in zip(row, low, high, strict=True))
        return width / 2 + x, height / 2 - 15 - y

    inks = [*value["inks"], "#94a3b8"]
    for row, k in zip(value["points"], value["classes"], strict=True):
        x, y = place(row)
        pen.ellipse((x - 4, y - 4, x + 4, y + 4), fill=inks[k], outline=text_image.SOFT)
    for row, text in zip(value["diamonds"], value["texts"], strict=True):
        x, y = place(row)
        pen.polygon([(x, y - 8), (x + 8, y), (x, y + 8), (x - 8, y)], fill="white", outline=text_image.INK, width=2)
        letters.write(pen, (x + 11, y), text["text"], text_image.INK, 15, "lm", stroke_width=2, stroke_fill="white")
    share = " and ".join(f"{s:.0%}" for s in value["share"])
    caption = f"{NAMES[model]}; axes: {share} of the variance"
    letters.write(pen, (24, height - 30), caption, text_image.SOFT, small)
    x = 24.0
    for name, ink in zip(value["names"], value["inks"], strict=True):
        pen.ellipse((x, height - 53, x + 10, height - 43), fill=ink, outline=text_image.SOFT)
        letters.write(pen, (x + 16, height - 56), name, text_image.INK, small)
        x += 40 + letters.length(name, small)
    return paper


def picture(**settings: Any) -> Image.Image:
    """The map on a white page."""
    return drawing(show(**settings), settings["model"])


def code(model: str, texts: str, which: str, attribute: str, axes: str, together: int, drawn: str) -> str:
    weight = 1000 if axes == "texts" else 1
    return f'''from genai_core import clip
from genai_core.clip import explain, gallery

model = clip.load("{model}")
texts = {texts.split(chr(10))}
scenes = {list(_projection.shown(which))}  # of the gallery
pictures, vectors = gallery.load("{model}")[scenes], model.encode_text(texts)
weight = {weight} * len(scenes) / len(texts)  # of a text, where a picture's is 1
points, diamonds, share = explain.project(pictures, vectors, together={bool(together)}, weight=weight)
print("share of the variance", [round(v, 4) for v in share])
print("texts at", [[round(v, 4) for v in row] for row in diamonds.tolist()])
'''


def says(**settings: Any) -> str:
    value = show(**settings)
    return f"share of the variance {value['share']}\ntexts at {value['diamonds']}"


def both_without_shift(settings: dict[str, Any]) -> dict[str, Any]:
    """Axes of the texts alone need both kinds to be moved to one mean."""
    return settings if settings["together"] else settings | {"axes": "both"}


PART = Part(
    id="map",
    title="Map",
    lead="<b>Change the texts</b>, and the map turns to what they tell apart. Point at any picture; look for what lies "
    "together, and for what lies between.",
    stage="clip/map",
    settings=(
        Setting("model", choice(NAMES), _models.MODELS[0], "The model"),
        Setting(
            "texts",
            checked(lambda value, _others: "\n".join(_words.lines(value, "text", TEXTS))),
            COLOUR_TEXTS,
            "The texts",
        ),
        Setting("which", choice(_projection.WHICH), "single", "The kind of pictures"),
        Setting("attribute", choice(tuple(_projection.ATTRIBUTES)), "colour", "The attribute"),
        Setting("axes", choice(AXES), "texts", "The axes"),
        Setting("together", integer(0, 1), 1, "Together"),
        Setting("drawn", choice(DRAWN), "points", "What is drawn"),
    ),
    check=both_without_shift,
    presets=(
        Preset(
            "Words turn the map",
            "Eight words for colours. Will pictures of one colour lie together?",
            {},
            "Four of a picture’s five nearest neighbours have its colour, where chance would give one in eight.",
            (
                Answer(
                    "No: the plane has lost what 192 dimensions hold.",
                    "Most is lost, but the axes are chosen so that what the texts tell apart is kept.",
                ),
                Answer("Yes, for the most part."),
                Answer(
                    "No: pictures of one shape will.",
                    "Their shapes differ as well, but these texts speak only of colours, and so do the axes.",
                ),
            ),
        ),
        Preset(
            "The same by shape",
            "The same 400 pictures, asked for shapes. Do pictures of one colour still lie together?",
            {"texts": SHAPE_TEXTS, "attribute": "shape"},
            "Those of one shape do now: nearly all neighbours share theirs. Vectors hold both, and texts choose what "
            "a plane shows of them.",
            (
                Answer(
                    "Yes: the vectors are the same as before.",
                    "They are, but a plane shows two directions of them, and these are others.",
                ),
                Answer(
                    "Yes, in groups of one shape and one colour.",
                    "Within a shape, the plane has no direction left for colours.",
                ),
                Answer("No."),
            ),
        ),
        Preset(
            "What varies most",
            "What does the model itself sort pictures by, most of all? Change “Coloured by” until you see it.",
            {"texts": "a circle\na red object\na small object\na white background", "axes": "both"},
            "Shape has a large part in both axes. No text chose them: they are where the vectors differ most.",
            (
                Answer(
                    "By size: it changes the most pixels.",
                    "Captions often leave it out, and here it has hardly a part in either axis.",
                ),
                Answer("By shape."),
                Answer(
                    "By fill: stripes and dots look most different.",
                    "What counts is not how a picture looks, but what its captions told apart.",
                ),
            ),
        ),
        Preset(
            "The gap",
            "Nothing is moved. Do a picture and the text that describes it lie together?",
            {"texts": SHAPE_TEXTS, "attribute": "shape", "axes": "both", "together": 0},
            "All texts lie in one corner, all pictures in another: the modality gap (Liang 2022).",
            (
                Answer(
                    "Yes: training pulls each pair together.",
                    "It pulls them nearer than other pairs, and that is all the loss asks for.",
                ),
                Answer("No, not even near."),
                Answer(
                    "Yes, where the model is right; else apart.",
                    "All texts are far from all pictures, and the nearest text may still be the right one.",
                ),
            ),
        ),
        Preset(
            "Backgrounds",
            "Six backgrounds, a thing that few captions speak of. Are they kept apart?",
            {
                "texts": "\n".join(f"an object on a {name} background" for name in BACKGROUNDS),
                "attribute": "background",
            },
            "In this plane nine of ten neighbours have the same background, in all 192 dimensions three of ten: the "
            "vectors hold it, but as a small part.",
            (
                Answer(
                    "No: what captions leave out is not learned.",
                    "Few captions had it, but those that did were enough.",
                ),
                Answer(
                    "Yes, and as well in the whole space.",
                    "There, the other attributes weigh far more than the background.",
                ),
                Answer("Yes, in the plane of their texts."),
            ),
        ),
    ),
    functions=(look, sheet),
    show=show,
    picture=picture,
    code=code,
    says=says,
)

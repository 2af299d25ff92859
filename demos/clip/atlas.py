"""Pictures and texts in one plane: what lies together, and the gap between the two kinds."""

import functools

import gradio as gr
from PIL import Image, ImageDraw, ImageFont

from demos import _checks, _common, _keep
from demos.clip import _map, _models, _page, _words
from demos.clip._models import NAMES, TAB
from genai_core import scenes
from genai_core.scenes.world import BACKGROUNDS, COLOURS, SHAPES

TEXTS = 12  # at most
AXES = {"texts": "what the texts tell apart", "both": "what varies most"}
DRAWN = {"points": "points", "pictures": "small pictures"}
PRESETS = {
    "Words turn the map": "Eight words for colours. Will pictures of one colour lie together?",
    "The same by shape": "The same 400 pictures, asked for shapes. Which two shapes lie closest?",
    "What varies most": "What does the model itself sort pictures by? Change “Coloured by” until you see it.",
    "The gap": "Nothing is moved. Do a picture and the text that describes it lie together?",
    "Backgrounds": "Six backgrounds, a thing that few captions speak of. Are they kept apart?",
}
FIRST = {
    "model": _models.MODELS[0],
    "texts": "\n".join(scenes.say(scenes.Query((scenes.Phrase(colour=colour),))) for colour in COLOURS),
    "which": "single",
    "attribute": "colour",
    "axes": "texts",
    "together": 1,
    "drawn": "points",
}
_SHAPES = "\n".join(f"a {shape}" for shape in SHAPES)
STATES = {
    "Words turn the map": {},
    "The same by shape": {"texts": _SHAPES, "attribute": "shape"},
    "What varies most": {"texts": "a circle\na red object\na small object\na white background", "axes": "both"},
    "The gap": {"texts": _SHAPES, "attribute": "shape", "axes": "both", "together": 0},
    "Backgrounds": {
        "texts": "\n".join(f"an object on a {name} background" for name in BACKGROUNDS),
        "attribute": "background",
    },
}


def settings_of(request: dict) -> dict:
    """What the page, a link or a saved picture asks for, checked."""
    given = FIRST | _checks.record(request)
    together = _checks.whole(_keep.from_link(given["together"], "Together"), "Together", 0, 1)
    return {
        "model": _checks.choice(given["model"], "The model", _models.MODELS),
        "texts": "\n".join(_words.lines(given["texts"], "text", TEXTS)),
        "which": _checks.choice(given["which"], "The kind of pictures", tuple(_map.WHICH)),
        "attribute": _checks.choice(given["attribute"], "The attribute", tuple(_map.ATTRIBUTES)),
        "axes": _checks.choice(given["axes"], "The axes", tuple(AXES)) if together else "both",
        "together": together,
        "drawn": _checks.choice(given["drawn"], "What is drawn", tuple(DRAWN)),
    }


@functools.lru_cache(maxsize=64)
def laid_out(name: str, which: str, texts: tuple[str, ...], together: int, axes: str) -> dict:
    """Where everything lies, and how well neighbours in the plane agree, against neighbours in the whole space."""
    x, t = _map.pictures(name, which), _models.load(name).encode_text(texts)
    at, of_texts, share = _map.plane(x, t, bool(together), axes)
    return {
        "points": [[round(v, 4) for v in row] for row in at.tolist()],
        "diamonds": [[round(v, 4) for v in row] for row in of_texts.tolist()],
        "share": [round(v, 4) for v in share],
        "gap": _map.gap(x, t),
        "alike": {a: _map.alike(at, classes) for a, classes in _map.groups(which).items()},
    }


@functools.lru_cache(maxsize=8)
def whole_space(name: str, which: str) -> dict[str, float]:
    """`_map.alike` in the space itself, for every attribute."""
    return {a: _map.alike(_map.pictures(name, which), classes) for a, classes in _map.groups(which).items()}


def atlas(request: dict) -> dict:
    """Settings -> the control's value: coordinates, classes and their colours, and what was measured."""
    clean = settings_of(request)
    name, which, attribute = clean["model"], clean["which"], clean["attribute"]
    texts = tuple(clean["texts"].split("\n"))
    found = laid_out(name, which, texts, clean["together"], clean["axes"])
    classes = _map.groups(which)[attribute]
    return {
        "settings": clean,
        "models": NAMES,
        "dimension": _models.load(name).dimension,
        "menus": {"which": _map.WHICH, "attribute": {a: a for a in _map.ATTRIBUTES}, "axes": AXES, "drawn": DRAWN},
        "scenes": list(_map.shown(which)),
        "classes": classes,
        "names": list(_map.ATTRIBUTES[attribute]),
        "inks": _map.COLOURS[attribute],
        **{key: found[key] for key in ("points", "diamonds", "share", "gap")},
        "alike": {
            "plane": found["alike"][attribute],
            "space": whole_space(name, which)[attribute],
            "chance": _map.chance(classes),
            "near": _map.NEAR,
        },
        "texts": [{"text": text, "unknown": _models.unknown(_models.load(name), text)} for text in texts],
    }


def look(request: dict) -> dict:
    """{"scene", "model", "texts"} -> the picture, its caption, and the nearest three of the texts with cosines."""
    clean = settings_of(request)
    i = _models.number(_checks.record(request).get("scene"))
    texts = clean["texts"].split("\n")
    picture = _models.of_scene(clean["model"], i)
    cosines = [float(_models.of_text(clean["model"], text) @ picture) for text in texts]
    nearest = sorted(range(len(texts)), key=lambda k: -cosines[k])[:3]
    return {
        "scene": i,
        "shown": _models.shown(i),
        "caption": scenes.say(scenes.complete(_models.scene(i))),
        "nearest": [[k, round(cosines[k], 4)] for k in nearest],
    }


def sheet(request: dict) -> dict:
    """{"which"} -> all its pictures, small, as one JPEG in base64."""
    which = _checks.choice(_checks.record(request).get("which"), "The kind of pictures", tuple(_map.WHICH))
    return {"which": which, "shown": _models.jpeg(_map.sheet(which), 80), "tile": _map.TILE}


def drawn(value: dict, width: int = 900, height: int = 640) -> Image.Image:
    """The map on a white page."""
    page = Image.new("RGB", (width, height), "white")
    pen, font, small = ImageDraw.Draw(page), ImageFont.load_default(15), ImageFont.load_default(13)
    every = value["points"] + value["diamonds"]
    low, high = ([pick(row[k] for row in every) for k in (0, 1)] for pick in (min, max))
    scale = min((width - 200) / max(1e-6, high[0] - low[0]), (height - 110) / max(1e-6, high[1] - low[1]))

    def place(row: list[float]) -> tuple[float, float]:
        x, y = (scale * (v - (a + b) / 2) for v, a, b in zip(row, low, high, strict=True))
        return width / 2 + x, height / 2 - 15 - y

    inks = [*value["inks"], "#94a3b8"]
    for row, k in zip(value["points"], value["classes"], strict=True):
        x, y = place(row)
        pen.ellipse((x - 4, y - 4, x + 4, y + 4), fill=inks[k], outline=_page.SOFT)
    for row, text in zip(value["diamonds"], value["texts"], strict=True):
        x, y = place(row)
        pen.polygon([(x, y - 8), (x + 8, y), (x, y + 8), (x - 8, y)], fill="white", outline=_page.INK, width=2)
        pen.text((x + 11, y - 9), text["text"], fill=_page.INK, font=font, stroke_width=2, stroke_fill="white")
    share = " and ".join(f"{s:.0%}" for s in value["share"])
    told = f"{NAMES[value['settings']['model']]}; axes: {share} of the variance"
    pen.text((24, height - 30), told, fill=_page.SOFT, font=small)
    x = 24
    for name, ink in zip(value["names"], value["inks"], strict=True):
        pen.ellipse((x, height - 53, x + 10, height - 43), fill=ink, outline=_page.SOFT)
        pen.text((x + 16, height - 56), name, fill=_page.INK, font=small)
        x += 40 + pen.textlength(name, font=small)
    return page


def save(request: dict) -> str:
    """Settings -> the map as PNG in base64, the settings inside."""
    value = atlas(request)
    return _keep.saved(drawn(value), {"tab": TAB, "part": "map", **value["settings"]})


def restore(request: dict) -> dict:
    """{"png"}: a picture that `save` made -> the control's value."""
    return atlas(_keep.opened(request, TAB, "map"))


def start(_request: dict) -> dict:
    return atlas({})


@_checks.handler
def preset(event: gr.EventData) -> dict:
    """The chosen preset -> the control's value."""
    return atlas(STATES[_checks.choice(event.preset, "The preset", tuple(PRESETS))])


def build() -> gr.HTML:
    """Returns the control, which `atlas` fills."""
    _common.lead(
        "<b>Change the texts</b>, and the map turns to what they tell apart. Point at any picture; look for what lies "
        "together, and for what lies between."
    )
    pills = _common.presets(PRESETS)
    control = _common.control("atlas", None, [start, atlas, look, sheet, save, restore])
    pills.click(preset, None, control, **_common.LIGHT, **_common.QUIET)
    return control

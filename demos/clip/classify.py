"""A classifier made of words (zero-shot, Radford 2021, section 3.1): labels, templates, a temperature."""

import random

import gradio as gr
import torch
from torch import Tensor

from demos import _checks, _common, _keep
from demos.clip import _measure, _models, _page, _words
from demos.clip._models import NAMES, TAB
from genai_core import gallery, scenes
from genai_core.scenes.world import COLOURS, SHAPES

OWN = 128  # pixels of a side that are kept of an own picture
KEPT = 12_000  # characters of it in base64, so that it fits into a link
LABELS, TEMPLATES = 16, 8  # at most
LONGEST = 80  # characters of a label
LOW, HIGH = 0.003, 3.0  # temperatures
PRESETS = {
    "Which colour?": "Eight words for colours, and no training on labels. Guess first: how sure will it be?",
    "Which shape?": "Four sentences for each label, and their mean. Is that better than one sentence?",
    "How many?": "Numbers are words as well. Does it count, or guess from how full the picture is?",
    "Where?": "Two of these can be true at once, yet the shares sum to one. What will it do?",
    "Your own words": "One of these words it has never read. Does it know that it does not know?",
}
FIRST = {
    "model": _models.MODELS[0],
    "scene": 11,
    "picture": "",
    "labels": "\n".join(COLOURS),
    "templates": "a {} object",
    "temperature": "learnt",
}
STATES = {
    "Which colour?": {},
    "Which shape?": {
        "scene": 40,
        "labels": "\n".join(SHAPES),
        "templates": "a {}\na picture of a {}\nan image of a {}\na drawing of a {}",
    },
    "How many?": {
        "scene": 31,
        "labels": "one object\ntwo objects\nthree objects\nfour objects",
        "templates": "{}\na picture of {}",
    },
    "Where?": {
        "scene": 43,
        "labels": "at the top\nat the bottom\non the left\non the right",
        "templates": "an object {}",
    },
    "Your own words": {
        "scene": 17,
        "labels": "a red thing\na large thing\nno circle\na zebra",
        "templates": "{}\na picture of {}",
    },
}


def settings_of(request: dict) -> dict:
    """What the page, a link or a saved picture asks for, checked."""
    given = FIRST | _checks.record(request)
    _models.load(given["model"])
    labels = _words.lines(given["labels"], "label", LABELS)
    templates = _words.lines(given["templates"], "template", TEMPLATES)
    if any(len(label) > LONGEST for label in labels):
        raise _checks.InputError(f"A label has at most {LONGEST} characters.")
    if any(template.count("{}") != 1 for template in templates):
        raise _checks.InputError("A template needs {} once, where the label goes, as in “a picture of a {}”.")
    t = given["temperature"]
    if t != "learnt":
        t = _checks.number(_keep.from_link(t, "The temperature"), "The temperature", LOW, HIGH)
    if given["picture"]:
        _checks.picture(_checks.decoded(given["picture"], "That picture", KEPT))
    return {
        "model": given["model"],
        "scene": _models.number(given["scene"], "The scene"),
        "picture": given["picture"] or "",
        "labels": "\n".join(labels),
        "templates": "\n".join(templates),
        "temperature": t,
    }


def seen(clean: dict) -> Tensor:
    """The picture [3, H, W] as the model gets it: an own one, or a scene of the gallery."""
    if clean["picture"]:
        return _models.small(clean["picture"], _models.load(clean["model"]).size)
    return gallery.pictures([clean["scene"]])[0]


def classify(request: dict) -> dict:
    """Settings -> the control's value: the picture, and of every label its cosine and what is known of its truth.

    The probabilities follow on the page, as the temperature is dragged: softmax of cosine / temperature.
    """
    clean = settings_of(request)
    name, model = clean["model"], _models.load(clean["model"])
    labels, templates = tuple(clean["labels"].split("\n")), tuple(clean["templates"].split("\n"))
    x = seen(clean)
    picture = model.encode_image(x[None])[0] if clean["picture"] else _models.of_scene(name, clean["scene"])
    cosines = (_measure.classes(name, labels, templates) @ picture).tolist()
    return {
        "settings": clean,
        "models": NAMES | {fetched: fetched for fetched in _models.FETCHED},
        "shown": _common.png(_common.picture(x)),
        "caption": "" if clean["picture"] else scenes.say(scenes.complete(_models.scene(clean["scene"]))),
        "learnt": 1 / _models.scale(model),
        "low": LOW,
        "high": HIGH,
        "strange": _models.unknown(model, " ".join(templates).replace("{}", " ")),
        "rows": [
            {
                "label": label,
                "cosine": round(cosine, 5),
                "right": None if clean["picture"] else right(label, templates, clean["scene"]),
                "unknown": _models.unknown(model, label),
            }
            for label, cosine in zip(labels, cosines, strict=True)
        ],
    }


def right(label: str, templates: tuple[str, ...], i: int) -> bool | None:
    """Whether a label is true of scene i of the gallery; None where its words say nothing that can be checked."""
    query = _words.meaning(label, templates)
    return None if query is None else scenes.holds(_models.scene(i), query)


def accuracy(request: dict) -> dict | None:
    """Settings -> how good this classifier is on the gallery (`_measure.accuracy`)."""
    clean = settings_of(request)
    return _measure.accuracy(clean["model"], tuple(clean["labels"].split("\n")), tuple(clean["templates"].split("\n")))


def another(request: dict) -> dict:
    """{settings, "seed"} -> the control's value with another scene: where possible one with exactly one right label."""
    clean = settings_of({key: value for key, value in _checks.record(request).items() if key in FIRST})
    rng = random.Random(_checks.seed(request.get("seed")))
    templates = tuple(clean["templates"].split("\n"))
    tried = [rng.randrange(gallery.SIZE) for _ in range(60)]
    for i in tried:
        if [right(label, templates, i) for label in clean["labels"].split("\n")].count(True) == 1:
            break
    else:
        i = tried[0]
    return classify(clean | {"scene": i, "picture": ""})


def own(request: dict) -> str:
    """{"picture": any picture file in base64} -> its middle square as a small JPEG in base64."""
    image = _common.picture(_models.small(_checks.record(request).get("picture"), OWN))
    for quality in (88, 70, 45, 15):
        made = _models.jpeg(image, quality)
        if len(made) < KEPT:
            break
    return made


def save(request: dict) -> str:
    """Settings -> the picture and its classes as PNG in base64, the settings inside."""
    value = classify(request)
    clean, rows = value["settings"], value["rows"]
    t = value["learnt"] if clean["temperature"] == "learnt" else clean["temperature"]
    p = (torch.tensor([row["cosine"] for row in rows]) / t).softmax(0).tolist()
    parts = [(f"{NAMES.get(clean['model'], clean['model'])}, T = {t:.3g}\n\n", _page.SOFT)]
    for share, row in sorted(zip(p, rows, strict=True), key=lambda pair: -pair[0]):
        sign = " (true)" if row["right"] else ""
        parts.append((f"{share:.1%}  {row['label']}{sign}\n", _page.GOOD if row["right"] else _page.INK))
    picture = _common.picture(seen(clean))
    return _keep.saved(_page.page([(picture, parts)]), {"tab": TAB, "part": "classify", **clean})


def restore(request: dict) -> dict:
    """{"png"}: a picture that `save` made -> the control's value."""
    return classify(_keep.opened(request, TAB, "classify"))


def start(_request: dict) -> dict:
    return classify({})


@_checks.handler
def preset(event: gr.EventData) -> dict:
    """The chosen preset -> the control's value."""
    return classify(STATES[_checks.choice(event.preset, "The preset", tuple(PRESETS))])


def build() -> gr.HTML:
    """Returns the control, which `classify` fills."""
    _common.lead(
        "<b>Change the labels</b>: a classifier is made of words, without training. Look for the label that the "
        "picture is nearest to, and drag the temperature."
    )
    pills = _common.presets(PRESETS)
    control = _common.control("classify", None, [start, classify, accuracy, another, own, save, restore])
    pills.click(preset, None, control, **_common.LIGHT, **_common.QUIET)
    return control

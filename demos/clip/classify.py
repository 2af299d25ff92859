"""A classifier made of words (zero-shot, Radford 2021, section 3.1): labels, templates, a temperature."""

import random
from collections.abc import Mapping
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from demos._ui import charts, images, validation
from demos._ui.settings import Setting, checked
from demos._ui.tab import Answer, Part, Preset
from demos.clip import _accuracy, _models, _words
from demos.clip._models import NAMES
from genai_core.clip import gallery
from genai_core.data import scenes, uploads
from genai_core.data.scenes.world import COLOURS

OWN = 128  # pixels of a side that are kept of an own picture
KEPT = 12_000  # characters of it in base64, so that it fits into a link
LABELS, TEMPLATES = 16, 8  # at most
LONGEST = 80  # characters of a label
LOW, HIGH = 0.003, 3.0  # temperatures
NO_STAR = 149  # a scene with a single thing, a circle
LEARNED = "learned"  # the temperature that the model itself learned


def _labels(value: Any, _others: Mapping[str, Any]) -> str:
    labels = _words.lines(value, "label", LABELS)
    if any(len(label) > LONGEST for label in labels):
        raise validation.InputError(f"A label has at most {LONGEST} characters.")
    return "\n".join(labels)


def _templates(value: Any, _others: Mapping[str, Any]) -> str:
    templates = _words.lines(value, "template", TEMPLATES)
    if any(template.count("{}") != 1 for template in templates):
        raise validation.InputError("A template needs {} once, where the label goes, as in “a picture of a {}”.")
    return "\n".join(templates)


def _temperature(value: Any, _others: Mapping[str, Any]) -> Any:
    if value == LEARNED:
        return value
    return validation.number(validation.from_text(value, "The temperature"), "The temperature", LOW, HIGH)


def _picture(value: Any, _others: Mapping[str, Any]) -> str:
    if value != "":
        validation.picture(validation.decoded(value, "That picture", KEPT))
    return value


def seen(model: str, scene: int, picture: str) -> Tensor:
    """The picture [3, H, W] as the model gets it: an own one, or a scene of the gallery."""
    if picture:
        return _models.small(picture, _models.load(model).size)
    return gallery.pictures([scene])[0]


def show(model: str, scene: int, picture: str, labels: str, templates: str, temperature: Any) -> dict:
    """The picture, and of every label its cosine and what is known of its truth.

    The probabilities follow on the page, as the temperature is dragged: softmax of cosine / temperature.
    """
    encoder = _models.load(model)
    names, sentences = tuple(labels.split("\n")), tuple(templates.split("\n"))
    x = seen(model, scene, picture)
    vector = encoder.encode_image(x[None])[0] if picture else _models.of_scene(model, scene)
    cosines = (_accuracy.classes(model, names, sentences) @ vector).tolist()
    return {
        "models": NAMES | {fetched: fetched for fetched in _models.FETCHED},
        "shown": images.png(images.picture(x)),
        "caption": "" if picture else scenes.say(scenes.complete(_models.scene(scene))),
        "learned": 1 / _models.scale(encoder),
        "low": LOW,
        "high": HIGH,
        "unknown": _models.unknown(encoder, " ".join(sentences).replace("{}", " ")),
        "rows": [
            {
                "label": label,
                "cosine": round(cosine, 5),
                "right": None if picture else right(label, sentences, scene),
                "unknown": _models.unknown(encoder, label),
            }
            for label, cosine in zip(names, cosines, strict=True)
        ],
    }


def right(label: str, templates: tuple[str, ...], i: int) -> bool | None:
    """Whether a label is true of scene i of the gallery; None where its words say nothing that can be checked."""
    query = _words.meaning(label, templates)
    return None if query is None else scenes.holds(_models.scene(i), query)


def accuracy(request: dict) -> dict | None:
    """Settings -> how good this classifier is on the gallery (`_accuracy.accuracy`), and that as a "sentence"."""
    found = counted(**PART.parse(request))
    return found and found | {"sentence": _accuracy.sentence(found)}


def counted(model: str, labels: str, templates: str, **_others: Any) -> dict | None:
    return _accuracy.accuracy(model, tuple(labels.split("\n")), tuple(templates.split("\n")))


def another(request: dict) -> dict:
    """{settings, "seed"} -> settings with another scene: where possible one with exactly one right label."""
    settings = PART.parse(request)
    rng = random.Random(validation.seed(request.get("seed")))
    templates = tuple(settings["templates"].split("\n"))
    tried = [rng.randrange(gallery.SIZE) for _ in range(60)]
    for i in tried:
        if [right(label, templates, i) for label in settings["labels"].split("\n")].count(True) == 1:
            break
    else:
        i = tried[0]
    return settings | {"scene": i, "picture": ""}


def own(request: dict) -> str:
    """{"picture": any picture file in base64} -> its middle square as a small JPEG in base64."""
    return from_file(validation.decoded(validation.json_object(request).get("picture"), "That picture"))


def from_file(data: bytes) -> str:
    """Any picture file -> its middle square as a small JPEG in base64."""
    image = images.picture(uploads.tensor(validation.picture(data), OWN))
    for quality in (88, 70, 45, 15):
        made = _models.jpeg(image, quality)
        if len(made) < KEPT:
            break
    return made


def shares(**settings: Any) -> tuple[list[float], float, dict]:
    """Each label's probability, the temperature, and the stage's value."""
    value = show(**settings)
    t = value["learned"] if settings["temperature"] == LEARNED else settings["temperature"]
    return (torch.tensor([row["cosine"] for row in value["rows"]]) / t).softmax(0).tolist(), t, value


def picture(**settings: Any) -> Image.Image:
    """The picture and its classes as bars, the model, and how good this classifier is on the gallery."""
    p, t, value = shares(**settings)
    best, rows = max(p), value["rows"]
    inks = [
        charts.REAL
        if row["right"] is None
        else charts.GOOD
        if row["right"]
        else charts.BAD
        if v == best
        else charts.NOISE
        for v, row in zip(p, rows, strict=True)
    ]
    bars = charts.bars(
        p,
        [f"{'✓ ' if row['right'] else ''}{shortened(row['label'])}" for row in rows],
        inks,
        title=f"{NAMES.get(settings['model'], settings['model'])}, T = {t:.3g}; at the right the cosines",
        width=560,
        beyond=[f"{row['cosine']:.3f}" for row in rows],
    )
    seen_ = images.picture(seen(settings["model"], settings["scene"], settings["picture"]))
    what = f"Scene {settings['scene']}: {value['caption']}" if value["caption"] else "A picture of one's own"
    side = charts.below([seen_.convert("RGB").resize((200, 200)), charts.sentence(what, 200, charts.SOFT)], 4)
    sheet = charts.beside([side, bars])
    templates = charts.sentence(f"Templates: {', '.join(settings['templates'].splitlines())}", sheet.width, charts.SOFT)
    return charts.below([sheet, templates, charts.sentence(_accuracy.sentence(counted(**settings)), sheet.width)])


def shortened(label: str, most: int = 28) -> str:
    return label if len(label) <= most else f"{label[: most - 1]}…"


def code(model: str, scene: int, picture: str, labels: str, templates: str, temperature: Any) -> str:
    if model not in NAMES:
        raise validation.InputError("There is a program for our own models.")
    image = f"gallery.pictures([{scene}])"
    imports = "from genai_core.clip import explain, gallery\n"
    if picture:
        image = f"uploads.tensor(Image.open(io.BytesIO(base64.b64decode({picture!r}))), model.size)[None]"
        imports = (
            "import base64\nimport io\n\nfrom PIL import Image\n\nfrom genai_core.clip import explain\n"
            "from genai_core.data import uploads\n"
        )
    t = "1 / float(model.scale.detach())" if temperature == LEARNED else f"{temperature:g}"
    names, sentences = labels.split("\n"), templates.split("\n")
    return f'''{imports}from genai_core import clip

model = clip.load("{model}")
labels = {names}
classes = explain.ensemble(model, labels, {sentences})  # a unit vector of each
cosines = classes @ model.encode_image({image})[0]
for label, p in zip(labels, (cosines / ({t})).softmax(0).tolist()):
    print(f"{{100 * p:.1f}} % {{label}}")
'''


def says(**settings: Any) -> str:
    p, _, _ = shares(**settings)
    return "\n".join(f"{100 * v:.1f} % {label}" for label, v in zip(settings["labels"].split("\n"), p, strict=True))


SCENE = checked(
    lambda value, _others: _models.number(value, "The scene"),
    schema={"type": "integer", "minimum": 0, "maximum": gallery.SIZE - 1},
)
PART = Part(
    id="classify",
    title="Classify",
    lead="<b>Change the labels</b>: a classifier is made of words, without training. Look for the label that the "
    "picture is nearest to, and drag the temperature.",
    stage="clip/classify",
    settings=(
        _models.MODEL,
        Setting("scene", SCENE, 11, "The scene"),
        Setting("picture", checked(_picture, from_file=from_file), "", "The picture"),
        Setting("labels", checked(_labels), "\n".join(COLOURS), "The labels"),
        Setting("templates", checked(_templates), "a {} object", "The templates"),
        Setting("temperature", checked(_temperature), LEARNED, "The temperature", renamed={"learnt": LEARNED}),
    ),
    presets=(
        Preset(
            "Which colour?",
            "Eight words for colours, and no training on labels. How sure will it be of the right one?",
            {},
            "At the temperature that the model learned itself, one label takes nearly all.",
            (
                Answer(
                    "About as sure as of any: labels were not trained.",
                    "Captions were, and a label in a template is a caption.",
                ),
                Answer(
                    "A little surer than of the others, as cosines are close.",
                    "They are, but the temperature that divides them is small.",
                ),
                Answer("Nearly certain."),
            ),
        ),
        Preset(
            "A template of “no”",
            "“No circle” and “no star”: one of the two is true of this picture. Which will it choose?",
            {"scene": NO_STAR, "labels": "circle\nstar", "templates": "no {}"},
            "What is there, and so the wrong one: far more often than a coin would. With the template “a {}”, it is "
            "right in nearly all pictures.",
            (
                Answer("The false one."),
                Answer("The true one.", "For that it would have to turn the meaning around at “no”."),
                Answer(
                    "Neither: each gets exactly half.",
                    "The two texts differ in a word, and one of these words fits the picture better.",
                ),
            ),
        ),
        Preset(
            "How many?",
            "Numbers are words as well. In how many pictures of the gallery does it count right, of one to four "
            "objects?",
            {
                "scene": 31,
                "labels": "one object\ntwo objects\nthree objects\nfour objects",
                "templates": "{}\na picture of {}",
            },
            "It is right in all 400: see below the bars. Yet with the counts of Fail, two stars or three, it is "
            "right in three cases of four only.",
            (
                Answer(
                    "In about a quarter: it cannot count.",
                    "Captions had numbers, and pictures that differ in number had to be told apart.",
                ),
                Answer("In nearly all."),
                Answer(
                    "In about half: it guesses from how full they are.",
                    "Things are large or small, and few can fill as much as many.",
                ),
            ),
        ),
        Preset(
            "Where?",
            "Two of these can be true at once, yet the shares sum to one. What will it give to the two that are?",
            {
                "scene": 43,
                "labels": "at the top\nat the bottom\non the left\non the right",
                "templates": "an object {}",
            },
            "A softmax divides one whole among the labels: it cannot say that two are true. And over the gallery it is "
            "right no more often than chance: these words tell it nothing of where a thing is.",
            (
                Answer("Half to each.", "For that it would have to know that just these two are true."),
                Answer(
                    "Nearly all to one, as with colours.",
                    "With colours, one label was much nearer than the others; here none is.",
                ),
                Answer("A quarter to each, as to the false ones."),
            ),
        ),
        Preset(
            "Your own words",
            "One of these words is not in its vocabulary. What share does “a zebra” get?",
            {
                "scene": 17,
                "labels": "a red thing\na large thing\nno circle\na zebra",
                "templates": "{}\na picture of {}",
            },
            "It gets more than “no circle”, which is true: a softmax gives each label a share, and an unknown word "
            "has a vector, too.",
            (
                Answer("Some share, as any label."),
                Answer("None: the model does not know the word.", "It does not know it, and has no way of saying so."),
                Answer(
                    "Most: it is neither right nor wrong.",
                    "That is for us to say; the model compares vectors, and “a red thing” is nearer.",
                ),
            ),
        ),
    ),
    functions=(accuracy, another, own),
    show=show,
    picture=picture,
    code=code,
    says=says,
)

"""Where it fails: a picture, its caption, and one that differs in a single respect. Which does each model prefer?"""

import functools
import random
from collections.abc import Mapping
from typing import Any

from PIL import Image

from demos._ui import charts, images, text_image, validation
from demos._ui.settings import Setting, checked, choice, seed
from demos._ui.tab import Answer, Part, Preset
from demos.clip import _models
from demos.clip._models import MODELS, NAMES
from genai_core.clip import evaluation
from genai_core.common import checkpoints
from genai_core.data import scenes

CASES = 8
OWN = "own"  # the probe of two captions of the user's
TRIES = 12  # pictures of an own caption that are tried
PROBES = {
    "binding": "Which thing has which colour? The words are the same, only what they belong to differs.",
    "order": "Who is where? The same words again, in another order.",
    "counting": "One more, or one less: a number is a word among others.",
    "negation": "What is not there: the false caption says “no” of a thing that is in the picture.",
    OWN: "Two captions of your own: the picture is made from the first.",
}
Case = tuple[str, str, scenes.Scene]  # true caption, false caption, what is drawn


def of_own(settings: Mapping[str, Any]) -> bool:
    """Whether captions of the user's are shown."""
    return settings["probe"] == OWN


def understood(text: str, name: str) -> scenes.Query:
    """What a caption says. Raises: InputError where it cannot be read."""
    try:
        return scenes.parse(text)
    except ValueError as error:
        raise validation.InputError(f"{name} cannot be read. {error}") from None


@functools.lru_cache(maxsize=32)
def own_case(true: str, false: str, seed: int) -> Case:
    """A picture of which the first caption is true and the second is not.

    Raises: InputError where there is none, or where one was not found in a few tries.
    """
    queries = understood(true, "The true caption"), understood(false, "The false caption")
    rng = random.Random(f"own/{seed}")
    for _ in range(TRIES):
        try:
            shown = scenes.compose(queries[0], rng, tries=100)
        except ValueError as error:
            raise validation.InputError(f"The true caption cannot be drawn. {error}") from None
        if not scenes.holds(shown, queries[1]):
            return true, false, shown
    raise validation.InputError("The second caption is true of that picture, too: change it until it is false.")


@functools.lru_cache(maxsize=64)
def cases(probe: str, seed: int) -> tuple[Case, ...]:
    """CASES cases of a probe of the card; other seeds than 0, with which the card's own figures were measured."""
    found = evaluation.cases(probe, CASES, seed)
    return tuple((scenes.say(true), scenes.say(false), shown) for true, false, shown in found)


@functools.lru_cache(maxsize=64)
def cosines(name: str, some: tuple[Case, ...]) -> list[list[float]]:
    """The cosines of each picture to its true and to its false caption, [[true, false]]."""
    model = _models.load(name)
    pictures = model.encode_image(scenes.render([shown for _, _, shown in some]))
    texts = model.encode_text([text for case in some for text in case[:2]]).unflatten(0, (-1, 2))  # [N, 2, D]
    return [[round(v, 5) for v in row] for row in (pictures[:, None] * texts).sum(2).tolist()]


def measured(probe: str) -> dict[str, float]:
    """Each model's share of right answers in this probe, from its card; nothing where that was not measured."""
    found = {}
    for name in MODELS:
        try:
            found[name] = float(checkpoints.read_json(name, "metrics.json")[f"probe_{probe}"])
        except (checkpoints.CheckpointError, KeyError):
            return {}
    return found


def cases_of(probe: str, seed: int, true: str, false: str) -> tuple[Case, ...]:
    return (own_case(true, false, seed),) if probe == OWN else cases(probe, seed)


def show(probe: str, seed: int, true: str, false: str) -> dict:
    """Cases with each model's two cosines, and the card's figures."""
    some = cases_of(probe, seed, true, false)
    found = {name: cosines(name, some) for name in MODELS}
    return {
        "models": NAMES,
        "probes": PROBES,
        "measured": {} if probe == OWN else measured(probe),
        "cases": [
            {
                "shown": images.png(images.picture(scenes.render([shown])[0])),
                "true": right,
                "false": wrong,
                "cosines": {name: found[name][k] for name in MODELS},
                "novel": any(scenes.novel(scenes.parse(text)) for text in (right, wrong)),
            }
            for k, (right, wrong, shown) in enumerate(some)
        ],
    }


def picture(**settings: Any) -> Image.Image:
    """The cases, what the models prefer, and how often they are right in those of the card."""
    value, rows = show(**settings), []
    models = value["measured"]
    for case, (_, _, shown) in zip(value["cases"], cases_of(**settings), strict=True):
        parts = [(f"true: {case['true']}\nfalse: {case['false']}\n", text_image.INK)]
        for name, (true, false) in case["cosines"].items():
            sign, ink = ("right", text_image.GOOD) if true > false else ("wrong", text_image.BAD)
            parts.append((f"{NAMES[name]}: {sign} ({true:.3f}, {false:.3f})\n", ink))
        rows.append((images.picture(scenes.render([shown])[0]), parts))
    page = text_image.page(rows)
    if not models:
        return page
    inks, shares = (charts.REAL, charts.NOISE), list(models.values())
    title = "How often each prefers the true caption, in 500 cases of the model card; a coin: 50 %"
    bars = charts.bars(shares, [NAMES[name] for name in models], inks, title=title, width=page.width)
    return charts.below([bars, page], 0)


def code(probe: str, seed: int, true: str, false: str) -> str:
    if probe == OWN:
        imports = "import random\n\nfrom genai_core import clip\n"
        some = f"""true, false = {true!r}, {false!r}
random_ = random.Random("own/{seed}")
drawn = (scenes.compose(scenes.parse(true), random_, tries=100) for _ in range({TRIES}))
cases = [(true, false, next(scene for scene in drawn if not scenes.holds(scene, scenes.parse(false))))]"""
    else:
        imports = "from genai_core import clip\nfrom genai_core.clip import evaluation\n"
        some = f"""found = evaluation.cases("{probe}", {CASES}, {seed})
cases = [(scenes.say(true), scenes.say(false), scene) for true, false, scene in found]"""
    return f"""{imports}from genai_core.data import scenes

{some}
for name in {tuple(MODELS)}:
    model, right = clip.load(name), 0
    for true, false, scene in cases:
        picture = model.encode_image(scenes.render([scene]))[0]
        a, b = (model.encode_text([true, false]) @ picture).tolist()
        right += a > b
    print(name, "prefers the true caption in", right, "of", len(cases))
"""


def says(**settings: Any) -> str:
    some = cases_of(**settings)
    right = {name: sum(a > b for a, b in cosines(name, some)) for name in MODELS}
    return "\n".join(f"{name} prefers the true caption in {n} of {len(some)}" for name, n in right.items())


PART = Part(
    id="fail",
    title="Fail",
    lead="<b>Choose a weakness</b>: each picture has its caption and a false one of nearly the same words. Look for a "
    "model that prefers the false one, and by how little.",
    stage="clip/fail",
    settings=(
        Setting("probe", choice(tuple(PROBES)), "binding", "The probe"),
        Setting("seed", seed(), 1, "Seed"),
        Setting(
            "true",
            checked(lambda value, _others: _models.text(value, "The true caption")),
            "a small red star above a large blue circle",
            "The true caption",
            applies=of_own,
        ),
        Setting(
            "false",
            checked(lambda value, _others: _models.text(value, "The false caption")),
            "a small blue star above a large red circle",
            "The false caption",
            applies=of_own,
        ),
    ),
    presets=(
        Preset(
            "Binding",
            "A red circle and a blue star, or the other way round: the same words. Who is better than a coin?",
            {},
            "The one with hard negatives is right in all 500 cases of the card, the one as published in 63 %.",
            (
                Answer(
                    "Neither: the words are the same.",
                    "The text encoder reads them in order; what it makes of that is a matter of training.",
                ),
                Answer(
                    "Both, with hardly an error.",
                    "As published it hardly needed the order: in a batch the words alone tell most pairs apart.",
                ),
                Answer("Both, but only one by far."),
            ),
        ),
        Preset(
            "Order",
            "Left of or right of? Both models read the same words. Which one learned to heed their order?",
            {"probe": "order"},
            "With hard negatives it is right in 56 % of the card’s cases, as published in 51 %: little more than a "
            "coin, though reversed relations were among the negatives.",
            (
                Answer("Hardly either."),
                Answer(
                    "The one with hard negatives, as with binding.",
                    "It was asked to, as with binding, but learned far less of it.",
                ),
                Answer(
                    "Both: left and right are different words.",
                    "The two captions have the same one of them: only the things change places.",
                ),
            ),
        ),
        Preset(
            "Counting",
            "Two stars or three? How many of these eight does each get right?",
            {"probe": "counting"},
            "With hard negatives six, as published four. A number changes a word of the caption, so that even a bag "
            "of words has a chance.",
            (
                Answer(
                    "Both all eight: the numbers are different words.",
                    "A different word is a start, but it must also be seen in the picture.",
                ),
                Answer(
                    "None: no model can count.",
                    "A coin would get four; and captions with numbers were part of the training.",
                ),
                Answer("With hard negatives more than as published."),
            ),
        ),
        Preset(
            "Negation",
            "The false caption names both things that are there, one of them after “no”. Better than a coin?",
            {"probe": "negation"},
            "Far worse: its words fit the picture, and both models pass over “no”; in Search, “no stars” finds stars.",
            (
                Answer(
                    "As good as a coin: “no” is passed over.",
                    "It is, and then the caption whose words all fit the picture wins: the false one.",
                ),
                Answer("Worse than a coin."),
                Answer(
                    "Better: the two captions differ in a word.",
                    "They do, and in the false one that word names a thing that is there.",
                ),
            ),
        ),
        Preset(
            "Your own",
            "Red and blue change places between two captions. Which model is surer of the true one? Then write your "
            "own.",
            {"probe": OWN},
            "With hard negatives the cosines are far apart, as published nearly the same. Small differences are "
            "easily turned around: can you fool both?",
            (
                Answer(
                    "As published: its cosines are higher.",
                    "What decides is the difference of the two, not how high both are.",
                ),
                Answer("The one with hard negatives."),
                Answer(
                    "Neither: both captions have the same words.",
                    "The same words in another order may have another vector, and for one model they do.",
                ),
            ),
        ),
    ),
    show=show,
    picture=picture,
    code=code,
    says=says,
)

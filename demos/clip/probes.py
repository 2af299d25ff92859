"""Where it fails: a picture, its caption, and one that differs in a single respect. Which does each model prefer?"""

import functools
import random

import gradio as gr

from demos import _checks, _common, _keep
from demos.clip import _models, _page
from demos.clip._models import MODELS, NAMES, TAB
from genai_core import checkpoints, clip_evaluation, scenes

CASES = 8
OWN = "own"  # the probe of two captions of the user's
TRIES = 12  # pictures of an own caption that are tried
PROBES = {
    "binding": "Who has which colour? The words are the same, only who wears what differs.",
    "order": "Who is where? The same words again, in another order.",
    "counting": "One more, or one less: a number is a word among others.",
    "negation": "What is not there: “no” is a small word.",
    OWN: "Two captions of your own: the picture is made from the first.",
}
PRESETS = {
    "Binding": "A red circle and a blue star, or the other way round: the same words. Better than a coin?",
    "Order": "Left of or right of? Both models read the same words. Which one learnt to heed their order?",
    "Counting": "Two stars or three? Say before how many of eight each gets right.",
    "Negation": "Does “no” mean anything to a model that matches words to pictures?",
    "Your own": "Write a caption, and one that is nearly the same and false. Can you fool both?",
}
STATES = {
    "Binding": {},
    "Order": {"probe": "order"},
    "Counting": {"probe": "counting"},
    "Negation": {"probe": "negation"},
    "Your own": {"probe": OWN},
}
FIRST = {
    "probe": "binding",
    "seed": 1,
    "true": "a small red star above a large blue circle",
    "false": "a small blue star above a large red circle",
}
Case = tuple[str, str, scenes.Scene]  # true caption, false caption, what is drawn


def settings_of(request: dict) -> dict:
    """What the page, a link or a saved picture asks for, checked."""
    given = FIRST | _checks.record(request)
    return {
        "probe": _checks.choice(given["probe"], "The probe", tuple(PROBES)),
        "seed": _keep.seed(given["seed"]),
        "true": _models.text(given["true"], "The true caption"),
        "false": _models.text(given["false"], "The false caption"),
    }


def understood(text: str, name: str) -> scenes.Query:
    """What a caption says. Raises: InputError where it cannot be read."""
    try:
        return scenes.parse(text)
    except ValueError as error:
        raise _checks.InputError(f"{name} cannot be read. {error}") from None


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
            raise _checks.InputError(f"The true caption cannot be drawn. {error}") from None
        if not scenes.holds(shown, queries[1]):
            return true, false, shown
    raise _checks.InputError("The second caption is true of that picture, too: change it until it says something else.")


@functools.lru_cache(maxsize=64)
def cases(probe: str, seed: int) -> tuple[Case, ...]:
    """CASES cases of a probe of the card; other seeds than 0, with which the card's own figures were measured."""
    found = clip_evaluation.cases(probe, CASES, seed)
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


def probe(request: dict) -> dict:
    """Settings -> the control's value: cases with each model's two cosines, and the card's figures."""
    clean = settings_of(request)
    kind = clean["probe"]
    some = (own_case(clean["true"], clean["false"], clean["seed"]),) if kind == OWN else cases(kind, clean["seed"])
    found = {name: cosines(name, some) for name in MODELS}
    return {
        "settings": clean,
        "models": NAMES,
        "probes": PROBES,
        "measured": {} if kind == OWN else measured(kind),
        "cases": [
            {
                "shown": _common.png(_common.picture(scenes.render([shown])[0])),
                "true": true,
                "false": false,
                "cosines": {name: found[name][k] for name in MODELS},
                "novel": any(scenes.novel(scenes.parse(text)) for text in (true, false)),
            }
            for k, (true, false, shown) in enumerate(some)
        ],
    }


def save(request: dict) -> str:
    """Settings -> the cases and what the models prefer as PNG in base64, the settings inside."""
    clean = settings_of(request)
    value, rows = probe(clean), []
    some = (own_case(clean["true"], clean["false"], clean["seed"]),) if clean["probe"] == OWN else None
    for case, (_, _, shown) in zip(value["cases"], some or cases(clean["probe"], clean["seed"]), strict=True):
        parts = [(f"true: {case['true']}\nfalse: {case['false']}\n", _page.INK)]
        for name, (true, false) in case["cosines"].items():
            right = true > false
            sign = "right" if right else "wrong"
            parts.append((f"{NAMES[name]}: {sign} ({true:.3f}, {false:.3f})\n", _page.GOOD if right else _page.BAD))
        rows.append((_common.picture(scenes.render([shown])[0]), parts))
    return _keep.saved(_page.page(rows), {"tab": TAB, "part": "fail", **clean})


def restore(request: dict) -> dict:
    """{"png"}: a picture that `save` made -> the control's value."""
    return probe(_keep.opened(request, TAB, "fail"))


def start(_request: dict) -> dict:
    return probe({})


@_checks.handler
def preset(event: gr.EventData) -> dict:
    """The chosen preset -> the control's value."""
    return probe(STATES[_checks.choice(event.preset, "The preset", tuple(PRESETS))])


def build() -> gr.HTML:
    """Returns the control, which `probe` fills."""
    _common.lead(
        "<b>Choose a weakness</b>: each picture has its caption and a false one of nearly the same words. Look for a "
        "model that prefers the false one, and by how little."
    )
    pills = _common.presets(PRESETS)
    control = _common.control("probes", None, [start, probe, save, restore])
    pills.click(preset, None, control, **_common.LIGHT, **_common.QUIET)
    return control

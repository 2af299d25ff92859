"""What programs can ask of the text tab."""

from collections.abc import Iterator
from typing import Any

from demos._server import lanes
from demos._ui.api import ROWS, TEXT, Value, endpoint
from demos._ui.settings import Setting, Table, integer, number, optional
from demos.text import _models, score, search, train, write
from demos.text._models import KNOBS, WHOLE

# The filters act in this order, which is that of Hugging Face's generate: first the penalties, then the temperature.
FILTERS = (
    "repetition_penalty",
    "frequency_penalty",
    "presence_penalty",
    "no_repeat_ngram",
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "typical",
)
BY_NAME = {setting.name: setting for setting in write.PART.settings}
DEFAULTS = dict(_models.chain(_models.FILTERS_SETTING.default))


def filter_setting(name: str) -> Setting:
    title, low, high, step, _, hint = KNOBS[name]
    kind = integer(low, high) if name in WHOLE else number(low, high, step)
    return Setting(name, optional(kind), DEFAULTS.get(name), title, hint)


@endpoint(
    Table(
        (
            *(BY_NAME[name] for name in ("prompt", "model")),
            *(filter_setting(name) for name in KNOBS),
            *(BY_NAME[name] for name in ("seed", "tokens")),
        )
    ),
    Value("The text after the prompt", TEXT),
    Value("tokens, each with its probability, note, and the settings"),
    lane=lanes.STREAM,
)
def text_generate(prompt: str, model: str, seed: int, tokens: int, **filters: float | None) -> Iterator[tuple]:
    """Continue a prompt; streams the text as it grows.

    A filter that is left out is off, but for temperature and top-p, which are off at 1. The penalties act first, then
    temperature, top-k, top-p, min-p and typical.
    """
    chain = ",".join(f"{name}={filters[name]:g}" for name in FILTERS if filters[name] is not None)
    settings = write.PART.parse({"prompt": prompt, "model": model, "filters": chain, "seed": seed, "tokens": tokens})
    written: list[list] = []
    for value in write.write(**settings):
        written += [[token["text"], token["p"]] for token in value["new"]]
        details = {"tokens": list(written), "note": value["note"], "settings": value["settings"]}
        yield "".join(text for text, _ in written), details


@endpoint(
    score.PART.table,
    Value(
        "Of each model: bits (per character, by which they are ranked), perplexity (per token), tokens with -log p in "
        "nat, unknown characters; the least surprised first. Models that cannot read all of the text come last, "
        "without bits and perplexity",
        ROWS,
    ),
    lane=lanes.STREAM,
)
def text_score(text: str) -> list[dict]:
    """Score a text: how surprising it is to each model."""
    return score.show(text)["rows"]


@endpoint(
    search.PART.table,
    Value("The text that was found", TEXT),
    Value("finals: of a beam search, the best texts with their log probabilities; note"),
    lane=lanes.STREAM,
)
def text_search(**settings: Any) -> tuple[str, dict]:
    """Continue a prompt without a random draw, by beam or contrastive search."""
    value = search.show(**settings)
    return value["text"], {"finals": value.get("finals", []), "note": value["note"]}


@endpoint(
    train.PART.table,
    Value("What the model writes at this step", TEXT),
    Value("step, steps, loss and held (out), in nat per character, seconds, timed_out"),
    lane=lanes.TRAIN,
)
def text_train(source: str, own: str, seed: int) -> Iterator[tuple[str, dict] | None]:
    """Train a small GPT on characters for at most a minute and a half; streams a sample every 25 steps."""
    for frame in train.train(source, own, seed):
        yield frame and (frame["sample"], {key: v for key, v in frame.items() if key not in ("sample", "kinds")})


ENDPOINTS = (text_generate, text_score, text_search, text_train)

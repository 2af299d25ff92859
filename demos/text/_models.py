"""What the parts of the text tab share: its models, prompts as token ids, chains of filters, texts as pictures."""

import functools
import math
from collections.abc import Sequence

import torch

from demos import _checks, _keep
from genai_core import checkpoints, gpt, lstm, ngram, text
from genai_core.text_sampling import FILTERS, Filter

TAB = "text"
NAMES = {
    "gpt-shakespeare": "GPT, Shakespeare",
    "gpt-stories": "GPT, children's stories",
    "lstm-shakespeare": "LSTM, Shakespeare",
    "ngram-shakespeare": "8-gram, Shakespeare",
}
MODELS = tuple(NAMES)
LONGEST = 2000  # characters of a prompt
MOST = 500  # tokens of a run
FIRST = {"model": MODELS[0], "prompt": "ROMEO:\n", "filters": "temperature=0.8,top_p=0.95", "seed": 1, "tokens": 300}
FETCHED = checkpoints.Kept()  # Hub models by name; they have a budget of their own, so that ours do not push them out

# filter -> title, lowest, highest, step, value when it is added, what it does
KNOBS = {
    "temperature": (
        "Temperature",
        0,
        3,
        0.05,
        0.8,
        "Below 1 the likely become likelier. 0 leaves the likeliest alone.",
    ),
    "top_k": ("Top-k", 1, 100, 1, 10, "Only the k likeliest tokens."),
    "top_p": ("Top-p", 0.01, 1, 0.01, 0.9, "The fewest tokens that together reach this probability: the nucleus."),
    "min_p": ("Min-p", 0, 1, 0.01, 0.1, "Only tokens at least this many times as likely as the likeliest."),
    "typical": (
        "Typical",
        0.01,
        1,
        0.01,
        0.9,
        "Tokens about as surprising as is usual here.",
    ),
    "repetition_penalty": ("Repetition penalty", 0.5, 2, 0.01, 1.2, "Logits of tokens seen before, divided by this."),
    "frequency_penalty": ("Frequency penalty", -2, 2, 0.05, 0.3, "Taken off the logit for each time a token was seen."),
    "presence_penalty": ("Presence penalty", -2, 2, 0.05, 0.5, "Taken off the logit once, if the token was seen."),
    "no_repeat_ngram": ("No-repeat n-gram", 1, 12, 1, 6, "No n tokens twice in the same order."),
}
WHOLE = ("top_k", "no_repeat_ngram")


def load(name):
    """A model by its name on the page: one of ours, or a Hub model that was fetched. Raises: InputError."""
    if isinstance(name, str) and (fetched := FETCHED.get(name)) is not None:
        return fetched
    if isinstance(name, str) and name not in MODELS and _checks.HUB_NAME.fullmatch(name[:200]):
        raise _checks.InputError(f"The model {name[:200]} is not there (any more): fetch it first.")
    name = _checks.choice(name, "The model", MODELS)
    return {"gpt": gpt, "lstm": lstm, "ngram": ngram}[name.partition("-")[0]].load(name)


def prompt(value, longest: int = LONGEST) -> str:
    """A text from the page, checked."""
    if not isinstance(value, str):
        raise _checks.InputError("The text must be text.")
    if len(value) > longest:
        raise _checks.InputError(f"The text has {len(value):,} characters; at most {longest:,} are read.")
    if any(0xD800 <= ord(c) < 0xE000 for c in value):
        raise _checks.InputError("The text holds half a character (a lone surrogate); write it anew.")
    return value.replace("\r\n", "\n")


def encoded(model, string: str) -> tuple[list[int], str]:
    """Token ids of a text after what begins a text, and a sentence on what was left out ("" if nothing was)."""
    clean, unknown = model.tokenizer.known(string)
    start = getattr(model, "start", None)
    first = model.tokenizer.encode(text.START) if start is None else [start]
    told = ""
    if unknown:
        shown = " ".join(f"“{c}”" for c in unknown[:12]) + (" …" if len(unknown) > 12 else "")
        told = f"This model has never read {shown}: left out."
    elif not clean:
        told = "The prompt is empty: the model begins as after a line break."
    return [*first, *model.tokenizer.encode(clean)], told


def token_ids(value, model, most: int = MOST) -> list[int]:
    """Token ids from the page, checked against the model's vocabulary."""
    if not isinstance(value, list | tuple) or len(value) > most:
        raise _checks.InputError(f"The tokens must be a list of at most {most}.")
    vocab = getattr(model, "vocab", model.tokenizer.vocab)  # a Hub network may have more tokens than its tokenizer
    return [_checks.whole(v, "A token", 0, vocab - 1) for v in value]


def chain(value) -> list[list]:
    """Filters in their order, [[name, value], ...] or "name=value,name=value", checked."""
    if isinstance(value, str):
        value = [part.split("=") for part in value[:500].split(",") if part.strip()]
    if not isinstance(value, list | tuple) or len(value) > len(KNOBS):
        raise _checks.InputError("The filters must be a list of pairs, at most one of each kind.")
    found = []
    for pair in value:
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise _checks.InputError("Each filter must be a pair: its name and its value.")
        name = _checks.choice(pair[0].strip() if isinstance(pair[0], str) else pair[0], "The filter", tuple(KNOBS))
        if name in (other for other, _ in found):
            raise _checks.InputError(f"{KNOBS[name][0]} stands in the list twice; each filter may act once.")
        found.append([name, knob(name, pair[1])])
    return found


def knob(name: str, value) -> float:
    """The value of a filter, checked; it may come as text, as links have it."""
    title, low, high, *_ = KNOBS[name]
    if isinstance(value, str):
        try:
            value = float(value[:40])
        except ValueError:
            value = math.nan
    return (_checks.whole if name in WHOLE else _checks.number)(value, title, low, high)


def filters(pairs: Sequence[Sequence]) -> list[Filter]:
    """What `chain` gave, as the filters themselves."""
    return [FILTERS[name](value) for name, value in pairs]


def written(pairs: Sequence[Sequence]) -> str:
    """What `chain` gave, as a link holds it."""
    return ",".join(f"{name}={value:g}" for name, value in pairs)


def settings_of(request: dict) -> dict:
    """What the page or a link asks for, checked; filters as a list of pairs."""
    given = FIRST | _checks.record(request)
    load(given["model"])
    return {
        "model": given["model"],
        "prompt": prompt(given["prompt"]),
        "filters": chain(given["filters"]),
        "seed": _keep.seed(given["seed"]),
        "tokens": _checks.whole(
            _keep.from_link(given["tokens"], "The number of tokens"), "The number of tokens", 1, MOST
        ),
    }


def as_link(clean: dict) -> dict:
    """Settings as a link and a saved picture hold them: texts and numbers."""
    return {"tab": TAB, "part": "write", **clean, "filters": written(clean["filters"])}


def generator_at(seed: int, index: int) -> torch.Generator:
    """The generator of a seed after the draws of `index` tokens: so a branch has the luck that its stem had."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(index):
        torch.rand((), generator=generator, dtype=torch.float64)
    return generator


def legible(token: str) -> str:
    """A token as it stands in a list: what cannot be seen is spelt."""
    return token.replace("\n", "↵").replace("\t", "⇥").replace(" ", "␣") or "∅"


@functools.lru_cache(maxsize=4096)
def piece(name: str, token: int) -> str:
    """The text of one token of a model."""
    return load(name).tokenizer.decode([token])

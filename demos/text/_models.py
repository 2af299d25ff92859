"""What the parts of the text tab share: its models, prompts as token ids, chains of filters, texts as pictures."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import torch

from demos._ui import tokens, validation
from demos._ui.settings import Setting, checked
from genai_core import language
from genai_core.common import model_cache
from genai_core.language.sampling import FILTERS, Filter
from genai_core.language.text_stream import TextStream

NAMES = {
    "gpt-shakespeare": "GPT, Shakespeare",
    "gpt-stories": "GPT, children's stories",
    "lstm-shakespeare": "LSTM, Shakespeare",
    "ngram-shakespeare": "8-gram, Shakespeare",
}
LONGEST = 2000  # characters of a prompt
MOST = 500  # tokens of a run
FETCHED = model_cache.ModelCache()  # Hub models by name; they have a budget of their own, so that ours stay

# filter -> title, lowest, highest, step, value when it is added, what it does
KNOBS = {
    "temperature": (
        "Temperature",
        0,
        3,
        0.05,
        0.8,
        "Below 1, likely tokens become likelier; at 0 only the likeliest is left.",
    ),
    "top_k": ("Top-k", 1, 100, 1, 10, "Only the k likeliest tokens are left."),
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
    "repetition_penalty": (
        "Repetition penalty",
        0.5,
        2,
        0.01,
        1.2,
        "Makes tokens that have occurred less likely: positive logits are divided by this, negative ones multiplied.",
    ),
    "frequency_penalty": (
        "Frequency penalty",
        -2,
        2,
        0.05,
        0.3,
        "Subtracted from the logit once for each time the token has occurred.",
    ),
    "presence_penalty": ("Presence penalty", -2, 2, 0.05, 0.5, "Subtracted from the logit if the token has occurred."),
    "no_repeat_ngram": ("No-repeat n-gram", 1, 12, 1, 6, "No sequence of n tokens occurs twice."),
}
WHOLE = ("top_k", "no_repeat_ngram")


def load(name):
    """A model by its name on the page: one of ours, or a Hub model that was fetched. Raises: InputError."""
    if isinstance(name, str) and (fetched := FETCHED.get(name)) is not None:
        return fetched
    if isinstance(name, str) and name not in NAMES and validation.HUB_NAME.fullmatch(name[:200]):
        raise validation.InputError(f"The model {name[:200]} is not loaded: fetch it in the part Hub first.")
    name = validation.choice(name, "The model", tuple(NAMES))
    return language.load(name)


def encoded(model, string: str, chat: bool = False) -> tuple[list[int], str]:
    """Token ids of a text after what begins a text, and a sentence on what was left out ("" if nothing was).

    chat: as a message in the model's chat template; the sentence says what the model reads. Raises: InputError.
    """
    if chat:
        ids = chat_ids(model, string)
        return ids, f"The model reads: {model.tokenizer.decode(ids)}"
    known, unknown = model.tokenizer.known(string)
    note = tokens.left_out(unknown)
    if not note and not known:
        note = "The prompt is empty: the model begins a text of its own."
    return [model.tokenizer.start, *model.tokenizer.encode(known)], note


def chat_ids(model, message: str) -> list[int]:
    """Token ids of a message in the model's chat template. Raises: InputError."""
    if not getattr(model, "has_chat_template", False):
        raise validation.InputError("This model has no chat template: switch “As a chat” off.")
    try:
        return model.chat(message)
    except ValueError as error:
        raise validation.InputError(str(error)) from None


def text_stream(model, string: str, kept: Iterable[int] = (), chat: bool = False) -> TextStream:
    """The text that tokens add to a prompt and the tokens kept after it. Raises: InputError."""
    ids = chat_ids(model, string) if chat else model.tokenizer.encode(model.tokenizer.known(string)[0])
    return TextStream(model.tokenizer, [*ids, *kept])


def token_ids(value, model, most: int = MOST) -> list[int]:
    """Token ids from the page, checked against the model's vocabulary."""
    if not isinstance(value, list | tuple) or len(value) > most:
        raise validation.InputError(f"The tokens must be a list of at most {most}.")
    # A Hub network may have more tokens than its tokenizer.
    vocab = getattr(model, "vocab_size", model.tokenizer.vocab_size)
    return [validation.integer(v, "A token", 0, vocab - 1) for v in value]


def chain(value) -> list[list]:
    """Filters in their order, [[name, value], ...] or "name=value,name=value", checked."""
    if isinstance(value, str):
        value = [part.split("=") for part in value[:500].split(",") if part.strip()]
    if not isinstance(value, list | tuple) or len(value) > len(KNOBS):
        raise validation.InputError("The filters must be a list of pairs, at most one of each kind.")
    pairs = []
    for pair in value:
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise validation.InputError("Each filter must be a pair: its name and its value.")
        name = validation.choice(pair[0].strip() if isinstance(pair[0], str) else pair[0], "The filter", tuple(KNOBS))
        if name in (other for other, _ in pairs):
            raise validation.InputError(f"{KNOBS[name][0]} is in the list twice; each filter may be used once.")
        pairs.append([name, knob(name, pair[1])])
    return pairs


def knob(name: str, value) -> float:
    """The value of a filter, checked; it may come as text, as links have it."""
    title, low, high, *_ = KNOBS[name]
    if isinstance(value, str):
        try:
            value = float(value[:40])
        except ValueError:
            value = math.nan
    return (validation.integer if name in WHOLE else validation.number)(value, title, low, high)


def filters(value: Any) -> list[Filter]:
    """Filters as `chain` takes them -> the filters themselves."""
    return [FILTERS[name](value) for name, value in chain(value)]


def filters_text(value: Any, _others: Mapping[str, Any] | None = None) -> str:
    """Filters in their order, checked, as a link and the API hold them: "temperature=0.8,top_p=0.95"."""
    return ",".join(f"{name}={v:g}" for name, v in chain(value))


def known_model(value: Any, _others: Mapping[str, Any]) -> str:
    """The name of a model that can be used now. Raises: InputError."""
    load(value)
    return value


KNOWN = checked(known_model, schema={"type": "string", "examples": list(NAMES)})
MODEL = Setting("model", KNOWN, "gpt-shakespeare", "Model")
FILTERS_SETTING = Setting("filters", checked(filters_text), "temperature=0.8,top_p=0.95", "The filters")


def chain_code(text: str) -> str:
    """The filters as code."""
    return "[" + ", ".join(f"{FILTERS[name].__name__}({v:g})" for name, v in chain(text)) + "]"


def chain_import(text: str) -> str:
    """What that code must import, after `generate` or the like."""
    return "".join(f", {name}" for name in sorted(FILTERS[name].__name__ for name, _ in chain(text)))


def model_code(name: str, prompt: str, chat: bool = False) -> tuple[str, str, str]:
    """Code for a model and a prompt: what to import first and last, and what makes `model`, `prompt` and `ids`."""
    imported = "from genai_core.language.text_stream import text_after\n"
    if name in NAMES:
        first, loaded = "from genai_core import language\n", f'model = language.load("{name}")'
        prompt, _ = load(name).tokenizer.known(prompt)
    else:
        first, loaded = "from genai_core.language import hub\n", f'model = hub.load("{name}")'
    if chat:
        return first, imported, f"{loaded}\nprompt = ids = model.chat({prompt!r})"
    return (
        first,
        imported,
        f"{loaded}\nprompt = model.tokenizer.encode({prompt!r})\nids = [model.tokenizer.start, *prompt]",
    )


def generator_at(seed: int, index: int) -> torch.Generator:
    """The generator of a seed after the draws of `index` tokens: so that a branch has the draws of its stem."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(index):
        torch.rand((), generator=generator, dtype=torch.float64)
    return generator

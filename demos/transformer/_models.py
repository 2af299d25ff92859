"""What the parts on a GPT or a BERT share: its models, a text of one's own as token ids, and their settings."""

import functools
from collections.abc import Mapping
from typing import Any

import torch

from demos._ui import tokens, validation
from demos._ui.settings import Kind, Setting, checked, choice, text
from genai_core.language import gpt
from genai_core.language.gpt import GPT
from genai_core.transformer import bert, lens

NAMES = {"gpt-stories": "GPT, children's stories", "gpt-shakespeare": "GPT, Shakespeare"}
BERT = "bert-english"
BOTH = NAMES | {BERT: "BERT, English"}
LAYERS, HEADS = 6, 4  # of all
LONGEST = 200  # characters of a text
MOST = 48  # tokens of a text, with the one that begins it: its matrices are to be read
MODEL = Setting("model", choice(NAMES), "gpt-stories", "Model")
GPT_OR_BERT = Setting("model", choice(BOTH), "gpt-stories", "Model")


def load(model: str) -> GPT | bert.BERT:
    """Raises: CheckpointError."""
    return bert.load(model) if model == BERT else gpt.load(model)


def causal(model: str) -> bool:
    """Whether a token sees those before it alone."""
    return model != BERT


def chosen_on_stage(name: str, low: int, high: int) -> Kind:
    """A whole number that the stage sets, and no field: a layer, a head, a token."""

    def check(value: Any, _others: Mapping[str, Any]) -> int:
        return validation.integer(validation.from_text(value, name), name, low, high)

    return checked(check, str, schema={"type": "integer", "minimum": low, "maximum": high})


LAYER = Setting("layer", chosen_on_stage("The layer", 1, LAYERS), 6, "The layer")
HEAD = Setting("head", chosen_on_stage("The head", 1, HEADS), 2, "The head")


def token_setting(name: str, label: str) -> Setting:
    """The index of a token, 0 for the one that begins the text; by default the last."""
    return Setting(name, chosen_on_stage(label, 0, LONGEST), LONGEST, label)


def text_setting(default: str) -> Setting:
    return Setting("text", text(LONGEST, lines=2), default, "The text")


def readable(settings: dict[str, Any]) -> dict[str, Any]:
    """Raises: InputError for a text of which nothing is left, or that is too long to be looked at."""
    count = len(ids(settings["model"], settings["text"]))
    if count < 2:
        raise validation.InputError("The text is empty: type at least one character that the model knows.")
    if count > MOST:
        raise validation.InputError(f"The text has {count} tokens; at most {MOST} are shown.")
    return settings


def last_where_none(settings: dict[str, Any], name: str) -> dict[str, Any]:
    """The last token where the setting names one after it."""
    return settings | {name: min(settings[name], len(ids(settings["model"], settings["text"])) - 1)}


def encoded(model: str, string: str) -> tuple[list[int], str]:
    """Token ids of a text with the one that begins it, and a sentence on what was left out."""
    return tokens.encoded(load(model), string)


def ids(model: str, string: str) -> list[int]:
    return encoded(model, string)[0]


def note(model: str, string: str) -> str:
    """What is to be said of the tokens of a text."""
    pieces = "∅: a piece of a character, which takes several tokens." if "∅" in names(model, string) else ""
    return encoded(model, string)[1] or pieces


def names(model: str, string: str) -> list[str]:
    """The tokens of a text as they stand in a list."""
    return tokens.texts(load(model), ids(model, string))


@functools.lru_cache(maxsize=8)
def trace(model: str, string: str, off: tuple[tuple[int, int], ...] = ()) -> list[lens.Layer]:
    """Every layer of a model on a text."""
    return lens.trace(load(model), torch.tensor(ids(model, string)), off)


def module(model: str) -> str:
    """Where code finds a model."""
    return "bert" if model == BERT else "gpt"


def code_head(model: str, string: str) -> str:
    """Code that loads a model and encodes a text."""
    known, _ = load(model).tokenizer.known(string)
    return f'''model = {module(model)}.load("{model}")
ids = torch.tensor([model.tokenizer.start, *model.tokenizer.encode({known!r})])
'''

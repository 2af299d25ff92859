"""The shipped language models of all kinds, by name."""

from genai_core.common import checkpoints
from genai_core.language import gpt, lstm, ngram
from genai_core.language.gpt import GPT
from genai_core.language.lstm import LSTM
from genai_core.language.ngram import NGram

FAMILIES = (ngram, lstm, gpt)
RECIPES = {name: recipe for family in FAMILIES for name, recipe in family.RECIPES.items()}


def load(name: str) -> NGram | LSTM | GPT:
    """A trained language model with its `tokenizer`, ready to use, such as "gpt-shakespeare".

    Raises: CheckpointError, which says which names there are.
    """
    for family in FAMILIES:
        if name in family.RECIPES:
            return family.load(name)
    raise checkpoints.CheckpointError(f"There is no language model '{name}'. There are: {', '.join(RECIPES)}.")

"""Distillation: what a large net knows, taught to a small one; one file for each experiment.

`distil` holds the idea (loss, training), `hinton` the MNIST section of Hinton 2015, `mimic` the shallow nets of Ba &
Caruana 2014, `compact` an ensemble and a student of today, `int8` the student in eight bits.
"""

from torch import nn

from genai_core import checkpoints
from genai_core.distillation import compact, hinton, int8, mimic
from genai_core.distillation.distil import logits, loss
from genai_core.distillation.measures import cost, probabilities, similarity
from genai_core.distillation.synthetic import Disagreement, digits, disagreements
from genai_core.distillation.table import table

EXPERIMENTS = (hinton, compact, mimic, int8)
RECIPES = {name: recipe for experiment in EXPERIMENTS for name, recipe in experiment.RECIPES.items()}

__all__ = [
    "EXPERIMENTS",
    "RECIPES",
    "Disagreement",
    "cost",
    "digits",
    "disagreements",
    "load",
    "logits",
    "loss",
    "probabilities",
    "similarity",
    "table",
]


def load(name: str) -> nn.Module:
    """A trained classifier of any of the experiments: `load(name)(x) -> logits [N, 10]` for x [N, 1, 28, 28] in [0, 1].

    Raises: CheckpointError, which says which names there are.
    """
    for experiment in EXPERIMENTS:
        if name in experiment.RECIPES:
            return experiment.load(name)
    raise checkpoints.CheckpointError(f"There is no classifier '{name}'. There are: {', '.join(RECIPES)}.")

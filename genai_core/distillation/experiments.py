"""The experiments, and their shipped classifiers by name."""

from torch import nn

from genai_core.common import checkpoints
from genai_core.distillation import compact, hinton, int8, mimic

EXPERIMENTS = (hinton, compact, mimic, int8)
RECIPES = {name: recipe for experiment in EXPERIMENTS for name, recipe in experiment.RECIPES.items()}


def load(name: str) -> nn.Module:
    """A trained classifier of any of the experiments: `load(name)(x) -> logits [N, 10]` for x [N, 1, 28, 28] in [0, 1].

    Raises: CheckpointError, which says which names there are.
    """
    for experiment in EXPERIMENTS:
        if name in experiment.RECIPES:
            return experiment.load(name)
    raise checkpoints.CheckpointError(f"There is no classifier '{name}'. There are: {', '.join(RECIPES)}.")

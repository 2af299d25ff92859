"""The image flows, by name."""

from genai_core.common import checkpoints
from genai_core.flows import glow, nice, realnvp
from genai_core.flows.base import ImageFlow

VARIANTS = (nice, realnvp, glow)
RECIPES = {**nice.RECIPES, **realnvp.RECIPES, **glow.RECIPES}


def load(name: str) -> ImageFlow:
    """A trained flow of any variant, ready to use. Raises: CheckpointError, which says which names there are."""
    for variant in VARIANTS:
        if name in variant.RECIPES:
            return variant.load(name)
    raise checkpoints.CheckpointError(f"There is no flow '{name}'. There are: {', '.join(RECIPES)}.")

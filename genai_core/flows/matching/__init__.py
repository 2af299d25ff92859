"""Flow matching on digits (Lipman 2022, Liu 2022): straight paths from noise to pictures, and the rectified model.

model       config, loss and training loop
solvers     Euler, midpoint, Heun
generate    samples and pairs, and the recipes
straight    how far a path is from its chord
evaluation  the figures on the card
"""

from genai_core.flows.matching.evaluation import LABELS, evaluate
from genai_core.flows.matching.generate import (
    CARD,
    RECIPES,
    TINY,
    examples,
    load,
    pairs,
    picture,
    sample,
    sample_steps,
    velocity_field,
)
from genai_core.flows.matching.model import FlowMatchingConfig, VelocityUNet, loss, train
from genai_core.flows.matching.solvers import SOLVERS, Step

__all__ = [
    "CARD",
    "LABELS",
    "RECIPES",
    "SOLVERS",
    "TINY",
    "FlowMatchingConfig",
    "Step",
    "VelocityUNet",
    "evaluate",
    "examples",
    "load",
    "loss",
    "pairs",
    "picture",
    "sample",
    "sample_steps",
    "train",
    "velocity_field",
]

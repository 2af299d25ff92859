"""Knowledge distillation: a small net learns from the outputs of a large one; one file for each experiment.

`distil` has the loss and the training, `hinton` the MNIST section of Hinton 2015, `mimic` the shallow nets of Ba &
Caruana 2014, `compact` an ensemble and a small convolutional student, `int8` the student in eight bits.
"""

from genai_core.distillation.distil import logits, loss
from genai_core.distillation.experiments import EXPERIMENTS, RECIPES, load
from genai_core.distillation.metrics import cost, probabilities, similarity
from genai_core.distillation.synthetic import Disagreement, digits, disagreements
from genai_core.distillation.table import table

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

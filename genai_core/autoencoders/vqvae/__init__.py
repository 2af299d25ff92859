"""VQ-VAE (van den Oord 2017): a picture as a small grid of tokens.

model       networks, codebook, the losses of both stages
training    the loop, the recipe
evaluation  the figures on the card
"""

from genai_core.autoencoders.vqvae.evaluation import LABELS, evaluate
from genai_core.autoencoders.vqvae.model import (
    GRID,
    PATCH,
    REACHES,
    SIGMA,
    VQVAE,
    Codebook,
    VQVAEConfig,
    loss,
    perplexity,
    sample,
    straight_through,
    swatches,
)
from genai_core.autoencoders.vqvae.training import CARD, RECIPES, TINY, examples, load, train

__all__ = [
    "CARD",
    "GRID",
    "LABELS",
    "PATCH",
    "REACHES",
    "RECIPES",
    "SIGMA",
    "TINY",
    "VQVAE",
    "Codebook",
    "VQVAEConfig",
    "evaluate",
    "examples",
    "load",
    "loss",
    "perplexity",
    "sample",
    "straight_through",
    "swatches",
    "train",
]

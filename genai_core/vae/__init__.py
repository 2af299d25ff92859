"""Variational autoencoders (Kingma & Welling 2013): config, model, losses, sampling and training."""

from genai_core.vae.evaluation import ACTIVE, LABELS, evaluate
from genai_core.vae.model import (
    CARD,
    RECIPES,
    TINY,
    VAE,
    Residual,
    VAEConfig,
    bounds,
    kl,
    load,
    log_likelihood,
    log_weights,
    loss,
    sample,
    train,
)

__all__ = [
    "ACTIVE",
    "CARD",
    "LABELS",
    "RECIPES",
    "TINY",
    "VAE",
    "Residual",
    "VAEConfig",
    "bounds",
    "evaluate",
    "kl",
    "load",
    "log_likelihood",
    "log_weights",
    "loss",
    "sample",
    "train",
]

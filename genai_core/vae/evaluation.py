"""The figures on the card of a VAE."""

import torch
from tqdm import tqdm

from genai_core import data, evaluation
from genai_core.common import checkpoints
from genai_core.common.training import autocast
from genai_core.data import binarise
from genai_core.vae import levels
from genai_core.vae.model import RECIPES, bounds, kl, load, sample

COMPARED = "vae-mnist"  # with flows and diffusion, in bits of whole grey levels
K = 500  # importance samples of the bound that `evaluate` reports
ACTIVE = 0.01  # nats: a dimension whose mean KL is below this has collapsed onto the prior

LABELS = {
    "elbo": ("ELBO, mean over the test split (higher is better)", "{:.2f} nat"),
    "iw_bound": ("Importance-weighted bound on log p(x), k below (higher is better)", "{:.2f} nat"),
    "k": ("k, importance samples of that bound", "{:d}"),
    "rate": ("Rate, KL(q(z given x), prior)", "{:.2f} nat"),
    "distortion": ("Distortion, -E log p(x given z)", "{:.2f} nat"),
    "active_dimensions": ("Active latent dimensions (KL above 0.01 nat)", "{:d}"),
    "reconstruction_read_as": ("Reconstructions that the LeNet classifies as their label", "{:.2%}"),
    **levels.LABELS,
    **evaluation.SAMPLE_LABELS,
    "kl_per_dimension": ("KL of each latent dimension, in nat", "{:.2f}"),
}


def evaluate(name: str) -> dict:
    """Figures of a shipped VAE on the test split (see LABELS)."""
    model, recipe, config = load(name), RECIPES[name], RECIPES[name].config
    classifier = evaluation.evaluation_classifier(recipe.dataset)
    x, y = data.load(recipe.dataset, "test")
    generator = torch.Generator().manual_seed(0)
    target = binarise(x, generator) if config.binarised else x
    terms, rates, rebuilt = [], [], []
    for part in tqdm(target.split(1), desc="bounds", mininterval=1):  # k decodes at a time: larger chunks are slower
        part = part.to(checkpoints.default_device())
        with autocast(part.device):  # the networks in bfloat16 where the hardware has it, the bound in float32
            terms.append(bounds(model, part, generator=generator, k=K))
        mu, logvar = model.encode(part)
        rates.append(kl(mu, logvar))
        rebuilt.append(model.decode(mu).cpu())
    pictures = sample(model, 10_000, generator=torch.Generator().manual_seed(1)).cpu()
    dimensions = torch.cat(rates).mean(0)
    elbo = float(torch.cat([term["elbo"] for term in terms]).mean())
    return {
        "elbo": elbo,
        "iw_bound": float(torch.cat([term["iw"] for term in terms]).mean()),
        "k": K,
        "rate": float(dimensions.sum()),
        "distortion": -elbo - float(dimensions.sum()),
        "kl_per_dimension": dimensions.tolist(),
        "active_dimensions": int((dimensions > ACTIVE).sum()),
        "reconstruction_read_as": evaluation.read_as(classifier, torch.cat(rebuilt), y),
        **(levels.evaluate(model, recipe.dataset) if name == COMPARED else {}),
        **evaluation.of_samples(classifier, recipe.dataset, pictures),
    }

"""A VAE of black and white pixels as a model of 256 grey levels, so that its bound is in the unit of a flow's.

Encoder, prior and decoder stay what they are. Which grey level follows the decoder's logit of a pixel is counted on
training pictures (`evaluation.levels`). With that as p(x|z), the importance-weighted bound (Burda 2015, eq. 8) is one
on the probability of the whole grey levels.
"""

import math

import torch
from torch import Tensor

from genai_core import data
from genai_core.common import checks
from genai_core.evaluation import levels
from genai_core.evaluation.levels import LevelTable
from genai_core.vae.model import VAE

COUNTED = 5000  # training pictures that the table is counted on
K = 50  # importance samples

LABELS = {
    "bits": (
        "Bits per dimension of whole grey levels, test split, at most (levels counted on training pictures)",
        "{:.3f}",
    ),
    "bits_k": ("Importance samples of that bound", "{:d}"),
}


@torch.inference_mode()
def count(model: VAE, x: Tensor, *, generator: torch.Generator, batch: int = 250) -> LevelTable:
    """The levels that follow each logit, counted on pictures x [N, 1, 28, 28] in [0, 1], z drawn from q(z|x)."""
    logits = [model.logits(_draw(*model.encode(part), 1, generator)[0][0]).cpu() for part in x.split(batch)]
    return levels.count(torch.cat(logits), x)


@torch.inference_mode()
def nats(
    model: VAE, table: LevelTable, x: Tensor, *, generator: torch.Generator, k: int = K, batch: int = 10
) -> Tensor:
    """At most so many nats does each of the pictures x [N, 1, 28, 28] take, in [0, 1], of whole 255ths: [N].

    k: importance samples; 1 is the ELBO. Raises: ValueError for k below 1.
    """
    checks.count("k", k)
    bounds = torch.empty(len(x))  # one tensor: many small ones between large temporary ones would split the heap
    for part, found in zip(x.split(batch), bounds.split(batch), strict=True):
        z, log_ratio = _draw(*model.encode(part), k, generator)
        logits = model.logits(z.flatten(0, 1)).unflatten(0, (k, -1))  # [k, N, 1, 28, 28]
        found.copy_(math.log(k) - (table.log_prob(logits, part) + log_ratio).logsumexp(0))
    return bounds


def evaluate(model: VAE, dataset: str) -> dict:
    """The figures of LABELS on the test split. Raises: DataError."""
    x, x_train = (data.load(dataset, split)[0] for split in ("test", "train"))
    generator, device = torch.Generator().manual_seed(0), next(model.parameters()).device
    some = x_train[torch.randperm(len(x_train), generator=generator)[:COUNTED]]
    table = count(model, some.to(device), generator=generator)
    mean = float(nats(model, table, x.to(device), generator=generator).mean())
    return {"bits": mean / (x[0].numel() * math.log(2)), "bits_k": K}


def _draw(mu: Tensor, logvar: Tensor, k: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """k latents of each picture, [k, N, latents], and their log p(z) - log q(z|x), [k, N], in nats."""
    noise = torch.randn((k, *mu.shape), generator=generator).to(mu)
    z = mu + noise * (0.5 * logvar).exp()
    return z, 0.5 * (noise.square() + logvar - z.square()).sum(-1)

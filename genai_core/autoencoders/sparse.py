"""Sparse autoencoder: a wide code of which only k numbers are not zero (k-sparse: Makhzani & Frey 2013; TopK SAE: Gao
2024, on the activations of a language model as in Bricken 2023 and Cunningham 2023).

    z     = top_k(W_enc (x - b_pre) / s)       the k largest, those below zero set to zero
    x_hat = b_pre + s W_dec z                          a sum of k columns of the decoder, each of norm 1
    loss  = |x - x_hat|^2 / |x - mean|^2 + a |e - e_hat|^2 / |e|^2

There are more features than inputs, so the few that draw one input can each stand for one thing. A feature that never
is among the k gets no gradient and would be dead for good: those idle for a while rebuild what the others left over,
the error e = x - x_hat, into e_hat ("AuxK", Gao 2024, appendix A.2).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genai_core import data, evaluation
from genai_core.common import checkpoints, checks
from genai_core.common.training import (
    Recipe,
    TrainStep,
    autocast,
    cosine,
    minibatches,
    restore,
    resumable,
    seeded,
    set_lr,
    snapshot,
)


@dataclass(frozen=True)
class SparseConfig:
    inputs: int = 784
    features: int = 1024
    k: int = 64  # features that may be active for one input
    k_min: int = 2  # the k of each example is drawn between this and k, so that one model serves all of them
    tied: bool = False  # the encoder is the decoder, transposed, as Makhzani & Frey have it
    # against dead features
    patience: int = 100  # steps without being chosen, after which a feature counts as dead
    aux_k: int = 256  # dead features that rebuild the error of an example
    aux_weight: float = 1 / 32
    # optimisation
    batch: int = 256
    lr: float = 1e-3
    clip: float = 1.0


class SparseAutoencoder(nn.Module):
    """Linear encoder, top-k, linear decoder. Raises: ValueError as `check`."""

    scale: Tensor

    def __init__(self, config: SparseConfig):
        super().__init__()
        check(config)
        self.config = config
        directions = F.normalize(torch.randn(config.features, config.inputs), dim=1)
        self.decoder = nn.Parameter(directions)  # [features, inputs], rows of norm 1
        self.encoder = None if config.tied else nn.Parameter(directions.clone())  # [features, inputs]
        self.pre_bias = nn.Parameter(torch.zeros(config.inputs))
        self.register_buffer("scale", torch.ones(1))

    @torch.no_grad()
    def fit_scale(self, x: Tensor) -> None:
        """Set b_pre to the mean of x [N, inputs], and s so that (x - b_pre) / s has a mean square of 1."""
        self.pre_bias.copy_(x.float().mean(0))
        self.scale.copy_((x.float() - self.pre_bias).square().mean().sqrt().clamp(min=1e-4))

    def scores(self, x: Tensor) -> Tensor:
        """[..., inputs] -> what each feature says of it before the choice, [..., features]."""
        encoder = self.decoder if self.encoder is None else self.encoder
        return F.linear((x - self.pre_bias) / self.scale, encoder).float()

    def encode(self, x: Tensor, k: int | Tensor | None = None) -> Tensor:
        """[..., inputs] -> the code [..., features], of which k numbers at most are not zero, and none is below zero.

        k: by default the config's; or one for each input, [...]. Raises: ValueError for a k outside 1 to features.
        """
        return keep_largest(self.scores(x), self.config.k if k is None else k)

    def decode(self, code: Tensor) -> Tensor:
        """[..., features] -> [..., inputs]"""
        return self.pre_bias + self.scale * (code @ self.decoder)

    def forward(self, x: Tensor, k: int | Tensor | None = None) -> Tensor:
        """[..., inputs] -> its reconstruction from k features, [..., inputs]."""
        return self.decode(self.encode(x, k))

    @torch.no_grad()
    def normalise(self) -> None:
        """Give every row of the decoder the norm 1 again, which an optimiser's step changes."""
        self.decoder.copy_(F.normalize(self.decoder, dim=1))


def check(config: SparseConfig) -> None:
    """Raises: ValueError for a size below 1, a k above the number of features, or a k_min above k."""
    for name in ("inputs", "features", "patience", "aux_k", "batch"):
        checks.count(name, getattr(config, name))
    checks.count("k", config.k, 1, config.features)
    checks.count("k_min", config.k_min, 1, config.k)
    for name in ("aux_weight", "lr", "clip"):
        checks.number(name, getattr(config, name), 0)


def keep_largest(scores: Tensor, k: int | Tensor) -> Tensor:
    """Scores [..., features] with all but the k largest, and those below zero, set to zero.

    k: one for all, or for each of them, [...]. The gradient goes through those that are kept alone.
    Raises: ValueError for a k outside 1 to features.
    """
    largest = int(k.max()) if isinstance(k, Tensor) else k
    checks.count("k", largest, 1, scores.shape[-1])
    top = scores.topk(largest, dim=-1)  # [..., largest]
    values = top.values.relu()
    if isinstance(k, Tensor):
        values = values * (torch.arange(largest, device=k.device) < k[..., None])
    return torch.zeros_like(scores).scatter(-1, top.indices, values)


def loss(model: SparseAutoencoder, x: Tensor, *, k: int | Tensor | None = None, dead: Tensor | None = None) -> dict:
    """Of x [N, inputs]: "loss", "error" (the share of the variance that is lost), "auxiliary"; and the "code".

    dead: which features count as dead, [features] bool; these also rebuild the error that the others leave.
    """
    scores = model.scores(x)  # [N, features]
    code = keep_largest(scores, model.config.k if k is None else k)
    left = (x - model.decode(code)).float() / model.scale  # [N, inputs], in units of the data's deviation
    error = left.square().mean()
    auxiliary = error.new_zeros(())
    if dead is not None and bool(dead.any()):
        revived = keep_largest(scores[:, dead], min(model.config.aux_k, int(dead.sum())))
        missed = left.detach() - revived @ model.decoder[dead]
        auxiliary = missed.square().mean() / left.detach().square().mean().clamp(min=1e-8)
    return {"loss": error + model.config.aux_weight * auxiliary, "error": error, "auxiliary": auxiliary, "code": code}


class _Idle(nn.Module):
    """For how many steps each feature has not been chosen."""

    steps: Tensor

    def __init__(self, features: int):
        super().__init__()
        self.register_buffer("steps", torch.zeros(features, dtype=torch.long))


def draw_k(config: SparseConfig, generator: torch.Generator) -> Tensor:
    """A k for each example of a batch, [batch], from k_min to k, as likely between 4 and 8 as between 8 and 16."""
    low, high = math.log(config.k_min), math.log(config.k + 1)
    return (low + (high - low) * torch.rand(config.batch, generator=generator)).exp().long().clamp(max=config.k)


@resumable
def train(
    config: SparseConfig,
    examples: Tensor | tuple[Tensor, Tensor],
    *,
    steps: int,
    seed: int = 0,
    device: str | torch.device = "cpu",
    resume: dict | None = None,
) -> Iterator[TrainStep[SparseAutoencoder]]:
    """Train on vectors [N, inputs], or on pictures (and labels, unused), flattened; yields each step with the model."""
    vectors = examples[0].flatten(1) if isinstance(examples, tuple) else examples
    model = seeded(seed, lambda: SparseAutoencoder(config)).to(device)
    model.fit_scale(vectors[:: max(1, len(vectors) // 50_000)].to(device))
    idle = _Idle(config.features).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.lr, betas=(0.9, 0.99), weight_decay=0.0, fused=True)
    generator = torch.Generator().manual_seed(seed)
    parts = {"model": model, "idle": idle, "optimizer": optimizer}
    done = restore(resume, generator, parts)

    for step, index in enumerate(minibatches(len(vectors), config.batch, seed, done), done):
        if step >= steps:
            return
        x, k = vectors[index].to(device).float(), draw_k(config, generator).to(device)
        set_lr(optimizer, config.lr * cosine(step, steps, warmup=50))
        with autocast(device):
            terms = loss(model, x, k=k, dead=idle.steps >= config.patience)
        optimizer.zero_grad()
        terms["loss"].backward()
        nn.utils.clip_grad_norm_(model.parameters(), config.clip)
        optimizer.step()
        model.normalise()
        chosen = (terms.pop("code").detach() > 0).any(0)
        idle.steps = torch.where(chosen, 0, idle.steps + 1)
        dead = {"dead": float((idle.steps >= config.patience).float().mean())}
        losses = {name: term.item() for name, term in terms.items()}
        yield TrainStep(step + 1, losses | dead, model, partial(snapshot, step + 1, generator, parts))


KS = (4, 8, 16, 32, 64)  # active features, for which `evaluate` measures
RECIPES = {"sae-mnist": Recipe(SparseConfig(), "mnist", steps=4000)}
TINY = Recipe(SparseConfig(features=64, k=8, k_min=2, batch=16, aux_k=16, patience=5), "sprites", steps=60)
CARD = {
    "overview": "A k-sparse autoencoder (Makhzani & Frey 2013) of pictures of 28 x 28 pixels: {features} features, of "
    "which the {k} that fit a picture best, or fewer, draw it; a linear encoder, a linear decoder with columns of norm "
    "1. The k of every training example was drawn between {k_min} and {k}, so that one model serves all of them. "
    "Features that are idle for {patience} steps learn from the error of the others (Gao 2024).",
    "use": "Teaching: it drives the part Sparse of the Autoencoder tab (which features draw a digit).",
    "limits": "It knows digits, and no other pictures: what its features cannot draw is lost. A feature is a pattern "
    "that helps to rebuild many digits, and need not be a stroke that a person would name.",
}
LABELS = {
    "k": ("k, the active features, for the figures below", "{:d}"),
    "mse": ("Squared error per pixel on the test split (lower is better)", "{:.5f}"),
    "explained": ("Share of the variance of the test split that is rebuilt", "{:.1%}"),
    "active": ("Features that are not zero, on average", "{:.1f}"),
    "dead": ("Dead features: active in no test picture", "{:.1%}"),
    "read_as": ("Reconstructions that the LeNet classifies as their label", "{:.2%}"),
}


def load(name: str) -> SparseAutoencoder:
    """A trained k-sparse autoencoder, ready to use. Raises: CheckpointError, which says which names there are."""
    return checkpoints.load(name, SparseAutoencoder, SparseConfig)


@torch.inference_mode()
def evaluate(name: str) -> dict:
    """Figures of a shipped k-sparse autoencoder on the test split, for every k of KS (see LABELS)."""
    model, dataset = load(name), RECIPES[name].dataset
    x, y = data.load(dataset, "test")
    x = x.flatten(1)
    variance = float((x - x.mean(0)).square().mean())
    classifier, device = evaluation.evaluation_classifier(dataset), checkpoints.default_device()
    figures: dict[str, list] = {key: [] for key in LABELS}
    for k in KS:
        code = model.encode(x.to(device), k)
        rebuilt = model.decode(code).cpu()
        mse = float((x - rebuilt).square().mean())
        read = evaluation.read(classifier, rebuilt.clamp(0, 1).unflatten(1, (1, 28, 28))).argmax(1)
        dead = float((code == 0).all(0).float().mean())
        active, right = float((code > 0).float().sum(1).mean()), float((read.cpu() == y).float().mean())
        for key, value in zip(LABELS, (k, mse, 1 - mse / variance, active, dead, right), strict=True):
            figures[key].append(value)
    return figures

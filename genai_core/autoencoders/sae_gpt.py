"""A sparse autoencoder on the residual stream of our GPT (Cunningham 2023, Bricken 2023; top-k: Gao 2024).

After half of its layers the GPT holds a vector for each token. The autoencoder writes it as a sum of at most k of some
thousand directions, the features, many of which stand for one thing that a reader recognises. If the sum may take the
vector's place, and the GPT predicts as well as before, the features hold what it knew:

    loss recovered = (L_zero - L_sae) / (L_zero - L_clean)      L_zero: the vector replaced by zero, L_mean: by its mean

Steering (Templeton 2024) adds the direction of a feature to the vector of every token while the GPT writes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from tqdm import tqdm

from genai_core.autoencoders import sparse
from genai_core.autoencoders.sparse import SparseAutoencoder, SparseConfig
from genai_core.common import checkpoints, checks
from genai_core.common.training import Recipe, autocast
from genai_core.data import corpora
from genai_core.language import DecodingSession, gpt
from genai_core.language.evaluation import validation_nll
from genai_core.language.gpt import GPT, Edit
from genai_core.language.model import Tokenizer

train = sparse.train


@dataclass(frozen=True)
class SAEGPTConfig(SparseConfig):
    inputs: int = 256
    features: int = 2048
    k: int = 32
    k_min: int = 32
    aux_k: int = 128
    batch: int = 2048
    gpt: str = "gpt-shakespeare"
    layer: int = 3  # after so many of the GPT's layers


class GPTAutoencoder(SparseAutoencoder):
    """The sparse autoencoder, and the place in a GPT that it is of."""

    config: SAEGPTConfig


class Edited:
    """A GPT whose residual stream is changed while it reads: a `LanguageModel`. The GPT itself stays as it is."""

    def __init__(self, model: GPT, edit: Edit):
        self.model, self.edit = model, edit

    @property
    def tokenizer(self) -> Tokenizer:
        return self.model.tokenizer

    def decoding_session(self) -> DecodingSession:
        return DecodingSession(self.model, edit=self.edit)

    def next_logits(self, ids: Sequence[int]) -> Tensor:
        """As `GPT.next_logits`."""
        return self.decoding_session().next_logits(ids)

    @torch.inference_mode()
    def score(self, text: str) -> Tensor:
        """-log p of each token of a text but the first, given those before it, in nats, [tokens - 1]."""
        ids = torch.tensor([self.tokenizer.encode(text)], device=self.model.head.weight.device)
        return self.model.token_nll(ids, self.edit)[0].cpu()


def at_layer(layer: int, change) -> Edit:
    """An edit of the residual stream after one layer: change: [..., width] -> [..., width]."""
    return lambda now, x: change(x) if now == layer else x


def reconstructing(sae: GPTAutoencoder, k: int | None = None) -> Edit:
    """Put the sum of k features in the place of the residual stream."""
    return at_layer(sae.config.layer, lambda x: sae(x, k).to(x.dtype))


def steering(sae: GPTAutoencoder, feature: int, strength: float) -> Edit:
    """Add a feature's direction to the residual stream, as if it were active at every token with `strength` more.

    A strength of 0 changes nothing, bit for bit. Raises: ValueError for a feature that there is not, or no number.
    """
    checks.count("The feature", feature, 0, sae.config.features - 1)
    checks.number("The strength", strength)
    step = strength * sae.scale * sae.decoder[feature]  # [width]
    return at_layer(sae.config.layer, lambda x: x + step)


def residuals(model: GPT, ids: Tensor, layer: int) -> Tensor:
    """Token ids [N, T] -> the residual stream after so many layers, [N, T, width].

    Raises: ValueError for a layer that there is not.
    """
    checks.count("The layer", layer, 1, model.config.n_layer)
    kept = []

    def keep(now: int, x: Tensor) -> Tensor:
        if now == layer:
            kept.append(x)
        return x

    model.states(ids, edit=keep)
    return kept[0]


@torch.inference_mode()
def activations(sae: GPTAutoencoder, ids: Tensor) -> Tensor:
    """Token ids [N, T] -> the features' codes at every token, [N, T, features]."""
    model = gpt.load(sae.config.gpt)
    return sae.encode(residuals(model, ids.to(model.head.weight.device), sae.config.layer)).cpu()


def promoted(sae: GPTAutoencoder, feature: int) -> Tensor:
    """By how much a feature's direction raises each next token through the GPT's head, [vocab], with mean 0.

    The "logit lens" (nostalgebraist 2020): the later layers are left out, and so is the size of the norm. The unit is
    a logit for a direction of norm 1 in a normalised stream.
    """
    model = gpt.load(sae.config.gpt)
    logits = model.head(sae.decoder[feature] * model.norm.weight)  # [vocab]
    return (logits - logits.mean()).cpu()


@torch.inference_mode()
def examples(recipe: Recipe) -> Tensor:
    """The residual stream at every token of the training text, in float16, [tokens, width]. Raises: DataError."""
    config = recipe.config
    model, text = gpt.load(config.gpt), corpora.corpus(recipe.dataset)
    ids = torch.tensor(model.tokenizer.encode(text))
    length, device = model.config.block_size, model.head.weight.device
    ids = ids[: len(ids) // length * length].view(-1, length)  # [windows, block_size]
    vectors = []
    for part in tqdm(ids.split(16), desc="reading the text", mininterval=1, disable=len(ids) < 100):
        with autocast(device):
            vectors.append(residuals(model, part.to(device), config.layer).cpu().half())
    return torch.cat(vectors).flatten(0, 1)


RECIPES = {"sae-gpt": Recipe(SAEGPTConfig(), "shakespeare", steps=2500)}
TINY = Recipe(SAEGPTConfig(features=64, k=4, k_min=4, batch=64, aux_k=16, patience=5, lr=4e-3), "shakespeare", steps=60)
CARD = {
    "overview": "A top-k sparse autoencoder (Gao 2024) of the residual stream of {gpt} after {layer} layers: each "
    "vector of {inputs} numbers becomes a sum of at most {k} of {features} features; linear encoder, linear decoder "
    "with columns of norm 1. Features that are idle for {patience} steps learn from the error of the others.",
    "use": "Teaching: it drives the part Features of the Autoencoder tab (what the GPT has noticed, and steering).",
    "limits": "It explains one place in one small model of characters. A feature is what helps to rebuild the stream: "
    "some stand for one thing, others for several, or for a part of one. That a feature is active where something "
    "occurs does not prove that it stands for it; steering shows what it does.",
}
LABELS = {
    "loss_recovered": ("Loss recovered, against the stream set to zero (higher is better)", "{:.2%}"),
    "loss_recovered_mean": ("Loss recovered, against the stream set to its mean", "{:.2%}"),
    "loss_clean": ("Loss of the GPT on the last 10 % of its corpus", "{:.4f} nat per token"),
    "loss_sae": ("Loss with the stream rebuilt from its features", "{:.4f} nat per token"),
    "loss_zero": ("Loss with the stream set to zero", "{:.4f} nat per token"),
    "loss_mean": ("Loss with the stream set to its mean", "{:.4f} nat per token"),
    "explained": ("Share of the variance of the stream that is rebuilt", "{:.2%}"),
    "active": ("Active features per token, on average (L0)", "{:.2f}"),
    "most_active": ("Active features per token, at most", "{:d}"),
    "dead": ("Dead features: active at no token of that text", "{:.2%}"),
    "tokens": ("Tokens of that text", "{:d}"),
}


def load(name: str) -> GPTAutoencoder:
    """A trained autoencoder of a GPT's stream, ready to use. Raises: CheckpointError, which says which there are."""
    return checkpoints.load(name, GPTAutoencoder, SAEGPTConfig)


def losses(sae: GPTAutoencoder, ids: Tensor, mean: Tensor) -> dict[str, float]:
    """Loss on a text [N] with the stream as it is, rebuilt, set to zero, and set to its mean [width]; shares of it."""
    model, layer = gpt.load(sae.config.gpt), sae.config.layer
    edits: dict[str, Edit | None] = {
        "loss_clean": None,
        "loss_sae": reconstructing(sae),
        "loss_zero": at_layer(layer, torch.zeros_like),
        "loss_mean": at_layer(layer, lambda x: mean.expand_as(x)),
    }
    loss = {key: validation_nll(model, ids, model.config.block_size, edit=edit) for key, edit in edits.items()}
    gone = loss["loss_sae"] - loss["loss_clean"]
    recovered = {
        "loss_recovered": 1 - gone / (loss["loss_zero"] - loss["loss_clean"]),
        "loss_recovered_mean": 1 - gone / (loss["loss_mean"] - loss["loss_clean"]),
    }
    return recovered | loss


def evaluate(name: str) -> dict:
    """Figures of a shipped autoencoder on the last 10 % of the GPT's corpus (see LABELS). Raises: DataError."""
    sae = load(name)
    text = corpora.corpus(RECIPES[name].dataset, "validation")
    return measure(sae, torch.tensor(gpt.load(sae.config.gpt).tokenizer.encode(text)))


@torch.inference_mode()
def measure(sae: GPTAutoencoder, ids: Tensor) -> dict:
    """The figures on a text, token ids [N]; what is left over of whole windows is not read."""
    model = gpt.load(sae.config.gpt)
    length = model.config.block_size
    windows = ids[: len(ids) // length * length].view(-1, length).to(model.head.weight.device)
    x = torch.cat([residuals(model, part, sae.config.layer).flatten(0, 1) for part in windows.split(16)])
    fired, active, error = torch.zeros(sae.config.features), [], 0.0
    for part in x.split(4096):
        code = sae.encode(part)
        active.append((code > 0).sum(1).cpu())
        fired += (code > 0).sum(0).cpu()
        error += float((part - sae.decode(code)).square().sum())
    l0 = torch.cat(active)
    return losses(sae, ids, x.mean(0)) | {
        "explained": 1 - error / float((x - x.mean(0)).square().sum()),
        "active": float(l0.double().mean()),
        "most_active": int(l0.max()),
        "dead": float((fired == 0).double().mean()),
        "tokens": len(x),
    }

"""The figures on the card of a language model: its loss on held-out text of its corpus, and its speed."""

import math
import time

import torch
from torch import Tensor

from genai_core.common import checks
from genai_core.common.training import Recipe
from genai_core.data import corpora
from genai_core.language import decoding
from genai_core.language.model import LanguageModel
from genai_core.language.sampling import generate

WINDOW = 256  # tokens per piece of the validation text, without overlap
BATCH = 16  # pieces at a time
SPEED = 200  # tokens generated to measure the speed

LABELS = {
    "nats_per_character": ("Loss on held-out text, windows of 256 tokens", "{:.3f} nat per character"),
    "bits_per_character": ("The same", "{:.3f} bit per character"),
    "perplexity_per_token": ("Perplexity per token", "{:.2f}"),
    "characters_per_token": ("Characters per token", "{:.2f}"),
    "nats_per_character_by_order": ("Loss of orders 1, 2, 3 ... of the n-gram model", "{:.3f}"),
    "tokens_per_second": ("Tokens generated per second at batch 1", "{:.0f}"),
    "tokens_per_second_limit": (
        "Limit by memory bandwidth over the size of the weights (higher if a processor cache holds them)",
        "{:.0f}",
    ),
    "bandwidth_share": ("Share of that limit reached", "{:.0%}"),
}


@torch.inference_mode()
def validation_nll(model, ids: Tensor, window: int = WINDOW, **options) -> float:
    """Mean -log p of the next token in nats over ids [N], cut into pieces of `window` predictions without overlap.

    Each piece is predicted without the text before it. The remainder is not used. options: of `model.token_nll`.
    Raises: ValueError for a window below 1, or not below the length of the text.
    """
    checks.count("The window", window, 1, len(ids) - 1)
    first = torch.arange(0, len(ids) - window, window)
    pieces = ids[first[:, None] + torch.arange(window + 1)]  # [pieces, window + 1]
    device = next(model.parameters()).device
    return float(
        torch.cat([model.token_nll(part.to(device), **options).cpu() for part in pieces.split(BATCH)]).double().mean()
    )


@torch.inference_mode()
def tokens_per_second(model: LanguageModel, ids: list[int], tokens: int = SPEED) -> float:
    """Tokens per second of greedy decoding after `ids` at batch 1."""
    session, ids = decoding.session(model), list(ids)
    ids.append(int(session.next_logits(ids).argmax()))  # the prompt is not timed
    begun = time.perf_counter()
    for _ in range(tokens):
        ids.append(int(session.next_logits(ids).argmax()))
    return tokens / (time.perf_counter() - begun)


def bandwidth(size: int = 2**28, rounds: int = 7) -> float:
    """Bytes per second of a matrix-vector product of `size` bytes, far more than any processor cache."""
    matrix = torch.ones(size // 4 // 4096, 4096)
    vector, best = torch.ones(4096), 0.0
    for _ in range(rounds):
        begun = time.perf_counter()
        matrix @ vector
        best = max(best, size / (time.perf_counter() - begun))
    return best


def speed(model, ids: list[int]) -> dict:
    """Tokens per second at batch 1; of a network also the limit by memory bandwidth.

    Every token reads all weights, except for the embedding, of which it reads one row. The figures
    depend on the machine and its load.
    """
    rate = tokens_per_second(model, ids)
    read = sum(
        4 * p.numel() for name, p in model.named_parameters() if p.is_floating_point() and "embedding" not in name
    )
    if not read:
        return {"tokens_per_second": rate}
    limit = bandwidth() / read
    return {"tokens_per_second": rate, "tokens_per_second_limit": limit, "bandwidth_share": rate / limit}


def written(model: LanguageModel, characters: int = 400) -> str:
    """The start of a text by the model, with seed 0 and without filters."""
    start, generator = model.tokenizer.start, torch.Generator().manual_seed(0)
    ids = generate(model, [start], max_tokens=characters, generator=generator, stop=model.tokenizer.stop)
    own = [token for token in ids if token not in model.tokenizer.stop]
    return model.tokenizer.decode(own)[:characters].strip()


def evaluate(model, recipe: Recipe) -> dict:
    """Figures of a text model on the validation split of its corpus (see LABELS); the end of a text is one character.

    Raises: DataError.
    """
    string = corpora.corpus(recipe.dataset, "validation")
    ids = torch.tensor(model.tokenizer.encode(string))
    per_token = validation_nll(model, ids)
    characters = len(string.replace(corpora.END, "\n"))
    per_character = per_token * len(ids) / characters
    return {
        "nats_per_character": per_character,
        "bits_per_character": per_character / math.log(2),
        "perplexity_per_token": math.exp(per_token),
        "characters_per_token": characters / len(ids),
        **speed(model, ids[:32].tolist()),
        "written": written(model),
    }

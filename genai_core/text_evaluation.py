"""What the card of a text model says: how well it predicts the last 10 % of its corpus, and how fast it writes."""

import math
import time

import torch
from torch import Tensor

from genai_core import text
from genai_core.training import Recipe

WINDOW = 256  # tokens of a piece of the validation text; the pieces do not overlap
BATCH = 16  # pieces at a time
SPEED = 200  # tokens that are written to measure the speed


@torch.inference_mode()
def validation_nats(model, ids: Tensor, window: int = WINDOW, **options) -> float:
    """Mean -log p of the next token in nats over ids [N], cut into pieces of `window` predictions without overlap.

    Each piece is predicted from its own beginning. What is left over at the end is not used. options: of `model.nats`.
    """
    first = torch.arange(0, len(ids) - window, window)
    pieces = ids[first[:, None] + torch.arange(window + 1)]  # [pieces, window + 1]
    device = next(model.parameters()).device
    return float(
        torch.cat([model.nats(part.to(device), **options).cpu() for part in pieces.split(BATCH)]).double().mean()
    )


@torch.inference_mode()
def tokens_per_second(model, ids: list[int], tokens: int = SPEED) -> float:
    """How many tokens a second the model writes after `ids`, each the likeliest, at batch 1."""
    reader, ids = model.reader(), list(ids)
    ids.append(int(reader.next_logits(ids).argmax()))  # the prompt's own reading is not counted
    begun = time.perf_counter()
    for _ in range(tokens):
        ids.append(int(reader.next_logits(ids).argmax()))
    return tokens / (time.perf_counter() - begun)


def bandwidth(size: int = 2**28, rounds: int = 7) -> float:
    """Bytes a second that a matrix-vector product of `size` bytes reads, far more than any cache holds."""
    matrix = torch.ones(size // 4 // 4096, 4096)
    vector, best = torch.ones(4096), 0.0
    for _ in range(rounds):
        begun = time.perf_counter()
        matrix @ vector
        best = max(best, size / (time.perf_counter() - begun))
    return best


def speed(model, ids: list[int]) -> dict:
    """Tokens a second at batch 1; of a network also the most that memory allows, since every token reads every weight.

    But for the embedding, of which a token reads one row. Figures of the machine and the moment that they are taken on.
    """
    found = tokens_per_second(model, ids)
    read = sum(
        4 * p.numel() for name, p in model.named_parameters() if p.is_floating_point() and "embedding" not in name
    )
    if not read:
        return {"tokens_per_second": found}
    limit = bandwidth() / read
    return {"tokens_per_second": found, "tokens_per_second_limit": limit, "bandwidth_share": found / limit}


def written(model, characters: int = 400) -> str:
    """What the model writes after START when it draws from its own probabilities, with seed 0."""
    from genai_core.text_sampling import generate

    start, generator = model.tokenizer.encode(text.START), torch.Generator().manual_seed(0)
    ids = generate(model, start, max_tokens=characters, generator=generator)
    return model.tokenizer.decode(ids)[:characters].strip()


def evaluate(model, recipe: Recipe) -> dict:
    """Figures of a text model on the validation split of its corpus (see `genai_core.cards.LABELS`).

    Raises: DataError.
    """
    string = text.corpus(recipe.dataset, "validation")
    ids = torch.tensor(model.tokenizer.encode(string))
    per_token = validation_nats(model, ids)
    per_character = per_token * len(ids) / len(string)
    return {
        "nats_per_character": per_character,
        "bits_per_character": per_character / math.log(2),
        "perplexity_per_token": math.exp(per_token),
        "characters_per_token": len(string) / len(ids),
        **speed(model, ids[:32].tolist()),
        "written": written(model),
    }

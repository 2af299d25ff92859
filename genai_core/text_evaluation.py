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
        "tokens_per_second": tokens_per_second(model, ids[:32].tolist()),
        "written": written(model),
    }

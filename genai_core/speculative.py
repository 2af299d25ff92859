"""Speculative decoding: a cheap model drafts a few tokens, the model itself checks them all in one pass.

At batch 1 a token costs one reading of all weights, and several tokens that are known beforehand cost hardly more. So
guess them (Leviathan 2023; Chen 2023), and read the guesses at once:

    u_1 ... u_{k+1}     uniform draws, one for each token, as plain decoding has them
    y_i = the draft's token for the draw u_i          after y_1 ... y_{i-1}, i = 1 ... k
    x_i = the model's token for the draw u_i          after y_1 ... y_{i-1}, all k + 1 of them from one pass
    keep x_1 ... x_n, where x_n is the first that is not y_n, or x_{k+1} if there is none

The papers accept y_i with probability min(1, p / q) and draw another one otherwise, so that the text has the model's
own *distribution*. Here both draw with the same u_i on a bar sorted by probability (a coupling: where the two bars are
alike they give the same token), and what is kept is always the model's own choice: so it *is* the text of plain
decoding with that seed, whatever the draft. But for rounding: several rows together are summed in another order than
one alone, which changes a logit by about 1e-6, and so the text if a draw falls that near to the end of a piece. With
weights in bfloat16 the changes are thousands of times as large, and a long text sooner or later goes another way.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import torch

from genai_core.text_sampling import Filter, chosen, draws

K = 5  # tokens drafted for a pass: see benchmarks/text.py


@dataclass(frozen=True)
class Pass:
    """What one pass of the model gave: of the drafted tokens the first `accepted`, then one of the model's own.

    It stands in the place of the first that was refused, or is a bonus when none was. Only a pass that a stop token
    ends may lack it.
    """

    drafted: tuple[int, ...]
    tokens: tuple[int, ...]  # kept
    accepted: int


def passes(
    model,
    draft,
    ids: Sequence[int],
    *,
    k: int = K,
    chain: Sequence[Filter] = (),
    max_tokens: int = 100,
    generator: torch.Generator,
    stop: Collection[int] = (),
) -> Iterator[Pass]:
    """Go on from `ids` (at least one) pass by pass; ends after `max_tokens` or a token of `stop`.

    The model's reader must have `logits_along` and `room` (a GPT's has); the draft is any model with the same tokens.
    The first pass reads `ids`, and the one in which the window jumps reads it anew: nothing is drafted for those.
    Raises: ValueError for no ids, k below 0, a model that cannot check several tokens, or a draft with other tokens.
    """
    ids, reader, drafter = list(ids), model.reader(), draft.reader()
    if k < 0:
        raise ValueError(f"At least 0 tokens can be drafted, and not {k}.")
    if not hasattr(reader, "logits_along"):
        raise ValueError("This model cannot check several tokens in one pass.")
    if model.tokenizer.to_json() != draft.tokenizer.to_json():
        raise ValueError("The draft must have the same tokens as the model.")
    dice, luck, left = draws(generator), [], max_tokens
    while left > 0:
        wanted, known = min(k, left - 1, reader.room(ids) if ids else 0), len(ids)
        luck += islice(dice, wanted + 1 - len(luck))
        for draw in luck[:wanted]:
            ids.append(chosen(drafter.next_logits(ids), ids, chain, draw))
        drafted = ids[known:]
        del ids[known:]
        logits, kept = reader.logits_along(ids, drafted), 0
        for draw, row, guess in zip(luck, logits, [*drafted, None], strict=False):
            ids.append(chosen(row, ids, chain, draw))
            kept += 1
            if ids[-1] != guess or ids[-1] in stop:
                break
        tokens = tuple(ids[known:])
        yield Pass(tuple(drafted), tokens, sum(a == b for a, b in zip(tokens, drafted, strict=False)))
        del luck[:kept]
        left -= kept
        if ids[-1] in stop:
            return


def generate(model, draft, ids: Sequence[int], **options) -> list[int]:
    """The tokens of `passes`: those of `text_sampling.generate`."""
    return [token for step in passes(model, draft, ids, **options) for token in step.tokens]

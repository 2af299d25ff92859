"""Speculative decoding: a cheap model drafts a few tokens, the model itself checks them all in one pass.

At batch 1 a token costs one pass over all weights, and several tokens that are known in advance cost hardly more. So
guess them (Leviathan 2023; Chen 2023), and check the guesses in one pass:

    u_1 ... u_{k+1}     uniform draws, one for each token, as in plain decoding
    y_i = the draft's token for the draw u_i          after y_1 ... y_{i-1}, i = 1 ... k
    x_i = the model's token for the draw u_i          after y_1 ... y_{i-1}, all k + 1 of them from one pass
    keep x_1 ... x_n, where x_n is the first that is not y_n, or x_{k+1} if there is none

The papers accept y_i with probability min(1, p / q) and draw another token otherwise, so that the text has the model's
*distribution*. Here both models draw with the same u_i on a bar sorted by probability (a coupling: if the two bars are
similar they give the same token), and the kept tokens are always the model's own choice: so it *is* the text of plain
decoding with that seed, whatever the draft. The exception is rounding: several rows are summed in another order than a
single one, which changes a logit by about 1e-6, and the text if a draw falls that close to the end of an interval. With
weights in bfloat16 the changes are thousands of times as large, and long texts sooner or later diverge.
"""

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch

from genai_core.common import checks
from genai_core.language import decoding
from genai_core.language.decoding import DecodingSession
from genai_core.language.model import LanguageModel
from genai_core.language.sampling import Filter, chosen, draws

K = 5  # tokens drafted per pass: see benchmarks/text.py


@dataclass(frozen=True)
class Pass:
    """The result of one pass of the model: the first `accepted` drafted tokens, then one of the model's own.

    That one replaces the first rejected token, or is a bonus if none was rejected. Only a pass that ends with a stop
    token may lack it.
    """

    drafted: tuple[int, ...]
    tokens: tuple[int, ...]  # kept
    accepted: int

    @property
    def checked(self) -> int:
        """How many of the drafted tokens were compared with the model's own: those up to the first rejected one."""
        return min(len(self.tokens), len(self.drafted))


def passes(
    model: LanguageModel,
    draft: LanguageModel,
    ids: Sequence[int],
    *,
    k: int = K,
    chain: Sequence[Filter] = (),
    max_tokens: int = 100,
    generator: torch.Generator,
    stop: Collection[int] = (),
) -> Iterator[Pass]:
    """Continue `ids` (at least one) pass by pass; ends after `max_tokens` or a token of `stop`.

    The model is a GPT (whose session has `logits_along`); the draft is any model with the same tokens.
    The first pass reads `ids`, and the one in which the window moves reads it again: nothing is drafted for those.
    Raises: ValueError for no ids, a negative max_tokens, k below 0, a model that cannot check several tokens, or a
    draft with other tokens.
    """
    ids, session, drafter = decoding.prompt(ids, max_tokens), decoding.session(model), decoding.session(draft)
    checks.count("The number of drafted tokens", k, 0)
    if not isinstance(session, DecodingSession):
        raise ValueError("This model cannot check several tokens in one pass.")
    if model.tokenizer.to_json() != draft.tokenizer.to_json():
        raise ValueError("The draft must have the same tokens as the model.")
    uniform, luck, left = draws(generator), list[float](), max_tokens
    while left > 0:
        wanted, known = min(k, left - 1, session.room(ids) if ids else 0), len(ids)
        luck += islice(uniform, wanted + 1 - len(luck))
        for draw in luck[:wanted]:
            ids.append(chosen(drafter.next_logits(ids), ids, chain, draw))
        drafted = ids[known:]
        del ids[known:]
        logits, kept = session.logits_along(ids, drafted), 0
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


def generate(model: LanguageModel, draft: LanguageModel, ids: Sequence[int], **options: Any) -> list[int]:
    """The tokens of `passes`: those of `sampling.generate`."""
    return [token for step in passes(model, draft, ids, **options) for token in step.tokens]


def acceptance_rate(steps: Iterable[Pass]) -> float:
    """The share of the checked drafted tokens that were accepted, in [0, 1]: alpha (Leviathan 2023, section 3.1).

    What was drafted after a rejected token is not checked, and does not count. NaN if nothing was checked.
    """
    steps = list(steps)
    checked = sum(step.checked for step in steps)
    return sum(step.accepted for step in steps) / checked if checked else math.nan


def tokens_per_pass(alpha: float, k: int) -> float:
    """The tokens that a pass gives on average if each of k drafted ones is accepted with probability alpha, whatever
    became of those before (Leviathan 2023, equation 1):

        (1 - alpha^(k + 1)) / (1 - alpha) = 1 + alpha + ... + alpha^k

    Raises: ValueError for alpha outside [0, 1] or k below 0.
    """
    checks.number("alpha", alpha, 0, 1)
    checks.count("The number of drafted tokens", k, 0)
    return sum(alpha**i for i in range(k + 1))

"""From next-token logits to a text: filters, and the choice of a token.

A *chain* is a list of filters in the order in which they act; each takes logits [V] and gives logits [V], where -inf is
"removed". The token is drawn from what is left. The same chain serves every `language.model.LanguageModel`.

`search` has the methods that do not draw: beam search and contrastive search. `speculative` writes the same text as
`generate`, faster.
"""

import math
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from genai_core.common import checks
from genai_core.language import decoding
from genai_core.language.model import LanguageModel

NONE = -math.inf


class Filter(Protocol):
    def __call__(self, logits: Tensor, ids: Sequence[int]) -> Tensor:
        """logits [V] after the tokens `ids` -> logits [V], in new memory if they differ."""


@dataclass(frozen=True)
class Temperature:
    """logits / t: below 1 the distribution is sharper, above 1 flatter; 0 leaves only the likeliest token."""

    value: float = 1.0

    def __post_init__(self):
        checks.number("The temperature", self.value, 0)

    def __call__(self, logits: Tensor, ids: Sequence[int]) -> Tensor:
        return logits / self.value if self.value > checks.COLDEST else Greedy()(logits, ids)


@dataclass(frozen=True)
class Greedy:
    """Only the likeliest token, the first one in case of a tie."""

    def __call__(self, logits: Tensor, ids: Sequence[int]) -> Tensor:
        best = torch.full_like(logits, NONE)
        at = logits.argmax()
        best[at] = logits[at]
        return best


@dataclass(frozen=True)
class TopK:
    """Only the k likeliest tokens, including ties with the last of them (Fan 2018)."""

    k: int = 40

    def __post_init__(self):
        checks.number("Top-k", self.k, 1)

    def __call__(self, logits: Tensor, ids: Sequence[int]) -> Tensor:
        least = logits.topk(min(int(self.k), len(logits))).values[-1]
        return logits.masked_fill(logits < least, NONE)


@dataclass(frozen=True)
class TopP:
    """The fewest tokens, likeliest first, whose probabilities reach p: the nucleus (Holtzman 2019, eq. 2)."""

    p: float = 0.9

    def __post_init__(self):
        checks.number("Top-p", self.p, 0, 1)

    def __call__(self, logits: Tensor, ids: Sequence[int]) -> Tensor:
        if self.p >= 1:
            return logits
        rising, order = logits.sort()
        out = rising.softmax(0).cumsum(0) <= 1 - self.p
        out[-1] = False
        return logits.masked_fill(out.new_zeros(len(out)).scatter(0, order, out), NONE)


@dataclass(frozen=True)
class MinP:
    """Only tokens at least p times as likely as the likeliest (Nguyen 2024)."""

    p: float = 0.05

    def __post_init__(self):
        checks.number("Min-p", self.p, 0, 1)

    def __call__(self, logits: Tensor, ids: Sequence[int]) -> Tensor:
        probabilities = logits.softmax(0)
        out = probabilities < self.p * probabilities.max()
        out[logits.argmax()] = False
        return logits.masked_fill(out, NONE)


@dataclass(frozen=True)
class Typical:
    """The tokens whose surprisal is nearest to the entropy, until they reach probability p (Meister 2022, eq. 11)."""

    p: float = 0.9

    def __post_init__(self):
        checks.number("Typical-p", self.p, 0, 1)

    def __call__(self, logits: Tensor, ids: Sequence[int]) -> Tensor:
        if self.p >= 1:
            return logits
        log_p = logits.log_softmax(0)
        entropy = -(log_p * log_p.exp()).nansum()
        far, order = (-log_p - entropy).abs().sort()
        reached = logits[order].softmax(0).cumsum(0)
        last = int((reached < self.p).sum().clamp(max=len(logits) - 1))
        out = (far > far[last]).scatter(0, order, far > far[last])
        return logits.masked_fill(out, NONE)


@dataclass(frozen=True)
class RepetitionPenalty:
    """Logits of tokens that occurred before, divided by r if positive, else multiplied by r (Keskar 2019, eq. 2)."""

    r: float = 1.1

    def __post_init__(self):
        checks.number("The repetition penalty", self.r, 0.01)

    def __call__(self, logits: Tensor, ids: Sequence[int]) -> Tensor:
        seen = torch.tensor(sorted(set(ids)), dtype=torch.long)
        before = logits[seen]
        return logits.index_copy(0, seen, torch.where(before < 0, before * self.r, before / self.r))


@dataclass(frozen=True)
class FrequencyPenalty:
    """Logits minus a for each previous occurrence of the token (OpenAI's API)."""

    a: float = 0.5

    def __post_init__(self):
        checks.number("The frequency penalty", self.a, -100, 100)

    def __call__(self, logits: Tensor, ids: Sequence[int]) -> Tensor:
        counts = torch.bincount(torch.tensor(list(ids), dtype=torch.long), minlength=len(logits))
        return logits - self.a * counts


@dataclass(frozen=True)
class PresencePenalty:
    """Logits minus a if the token occurred before (OpenAI's API)."""

    a: float = 0.5

    def __post_init__(self):
        checks.number("The presence penalty", self.a, -100, 100)

    def __call__(self, logits: Tensor, ids: Sequence[int]) -> Tensor:
        seen = torch.tensor(sorted(set(ids)), dtype=torch.long)
        return logits.index_add(0, seen, torch.full((len(seen),), -float(self.a)))


@dataclass(frozen=True)
class NoRepeatNGram:
    """No token that would complete an n-gram which occurred before (Paulus 2017)."""

    n: int = 3

    def __post_init__(self):
        checks.number("The n of no-repeat n-gram", self.n, 1)

    def __call__(self, logits: Tensor, ids: Sequence[int]) -> Tensor:
        ids, n = list(ids), int(self.n)
        if len(ids) < n:
            return logits
        stem = ids[len(ids) - n + 1 :]
        banned = {ids[i + n - 1] for i in range(len(ids) - n + 1) if ids[i : i + n - 1] == stem}
        return logits.index_fill(0, torch.tensor(sorted(banned), dtype=torch.long), NONE)


FILTERS = {
    "temperature": Temperature,
    "top_k": TopK,
    "top_p": TopP,
    "min_p": MinP,
    "typical": Typical,
    "repetition_penalty": RepetitionPenalty,
    "frequency_penalty": FrequencyPenalty,
    "presence_penalty": PresencePenalty,
    "no_repeat_ngram": NoRepeatNGram,
    "greedy": Greedy,
}


@dataclass(frozen=True, eq=False)
class Effect:
    """The effect of one filter of a chain.

    removed: the tokens it removed, likeliest first. held: it would have removed all, so the likeliest was kept.
    """

    filter: Filter
    removed: Tensor  # [R] int64
    probabilities: Tensor  # [V], after it
    held: bool


@dataclass(frozen=True, eq=False)
class TokenStep:
    """One token, and how it was chosen. Entropies are in nats."""

    index: int  # 0 for the first after the prompt
    token: int
    logits: Tensor  # [V] float32, the model's own
    effects: tuple[Effect, ...]
    probabilities: Tensor  # [V] float64, after all filters
    draw: float  # uniform in [0, 1)
    low: float  # the token's interval of the cumulative bar, likeliest first: low <= draw < high
    high: float
    entropy: float  # of the model's own distribution
    entropy_after: float  # of what was drawn from

    @property
    def probability(self) -> float:
        """The model's own probability of the token."""
        return float(self.logits.double().softmax(0)[self.token])


def filtered(logits: Tensor, ids: Sequence[int], chain: Sequence[Filter]) -> tuple[Tensor, tuple[Effect, ...]]:
    """logits [V] after all filters of a chain in order, and the effect of each. At least one token is left.

    Raises: ValueError if the logits hold NaN, or no token at all.
    """
    if bool(logits.isnan().any()) or not bool((logits > NONE).any()):
        raise _no_probabilities()
    effects = []
    for act in chain:
        after = act(logits, ids)
        held = not bool((after > NONE).any())
        if held:
            after = Greedy()(logits, ids)
        removed = ((after == NONE) & (logits > NONE)).nonzero()[:, 0]
        removed = removed[logits[removed].argsort(descending=True, stable=True)]
        effects.append(Effect(act, removed, after.softmax(0), held))
        logits = after
    return logits, tuple(effects)


def _no_probabilities() -> ValueError:
    return ValueError("The model returned no probabilities: its logits are not numbers.")


def entropy(probabilities: Tensor) -> float:
    """-sum p log p in nats, of probabilities [V]."""
    return float(torch.special.entr(probabilities).sum())


def bar(probabilities: Tensor) -> tuple[Tensor, Tensor]:
    """The cumulative bar: tokens [V], likeliest first (ties in order), and the end of each one's interval [V]."""
    order = probabilities.argsort(descending=True, stable=True)
    return order, probabilities[order].cumsum(0)


def choose(probabilities: Tensor, draw: float) -> tuple[int, float, float]:
    """The token in whose interval of the bar a draw in [0, 1) falls, and the ends of that interval.

    Raises: ValueError for probabilities [V] that are not numbers.
    """
    p = probabilities.numpy()  # `bar`, three times as fast
    order = (-p).argsort(kind="stable")
    ends = p[order].cumsum()
    last = int((p > 0).sum()) - 1  # rounding may leave the sum slightly below the draw
    if last < 0:
        raise _no_probabilities()
    at = min(int(ends.searchsorted(draw, side="right")), last)
    return int(order[at]), float(ends[at - 1]) if at else 0.0, float(ends[at])


def chosen(logits: Tensor, ids: Sequence[int], chain: Sequence[Filter], draw: float) -> int:
    """The token of `step_of`, faster, without its effects. Raises: ValueError as `filtered`."""
    greedy = bool(chain) and isinstance(chain[-1], Greedy)
    for act in chain[:-1] if greedy else chain:
        after = act(logits, ids)
        logits = after if float(after.max()) > NONE else Greedy()(logits, ids)
    if not greedy:
        return choose(logits.double().softmax(0), draw)[0]
    token = int(logits.argmax())  # NaN counts as the largest
    if not float(logits[token]) > NONE:
        raise _no_probabilities()
    return token


def step_of(logits: Tensor, ids: Sequence[int], chain: Sequence[Filter], *, draw: float, index: int = 0) -> TokenStep:
    """One step from the model's logits [V] after `ids`. Raises: ValueError as `filtered`."""
    after, effects = filtered(logits, ids, chain)
    probabilities = after.double().softmax(0)
    token, low, high = choose(probabilities, draw)
    own = entropy(logits.double().softmax(0))
    return TokenStep(index, token, logits, effects, probabilities, draw, low, high, own, entropy(probabilities))


def draws(generator: torch.Generator) -> Iterator[float]:
    """Uniform numbers in [0, 1), one per token whatever the chain, so that two chains can be compared for a seed."""
    while True:
        yield float(torch.rand((), generator=generator, dtype=torch.float64))


def generate_steps(
    model: LanguageModel,
    ids: Sequence[int],
    *,
    chain: Sequence[Filter] = (),
    max_tokens: int = 100,
    generator: torch.Generator,
    stop: Collection[int] = (),
) -> Iterator[TokenStep]:
    """Continue `ids` (at least one) token by token; ends after `max_tokens` or a token of `stop`.

    Raises: ValueError for no ids, a negative max_tokens, or logits that are not numbers.
    """
    ids, session = decoding.prompt(ids, max_tokens), decoding.session(model)
    for index, draw in zip(range(max_tokens), draws(generator), strict=False):
        step = step_of(session.next_logits(ids), ids, chain, draw=draw, index=index)
        yield step
        ids.append(step.token)
        if step.token in stop:
            return


def generate(
    model: LanguageModel,
    ids: Sequence[int],
    *,
    chain: Sequence[Filter] = (),
    max_tokens: int = 100,
    generator: torch.Generator,
    stop: Collection[int] = (),
) -> list[int]:
    """The tokens of `generate_steps`, faster, without their effects. Raises: ValueError as `generate_steps`."""
    ids, session, generated = decoding.prompt(ids, max_tokens), decoding.session(model), []
    for _, draw in zip(range(max_tokens), draws(generator), strict=False):
        token = chosen(session.next_logits(ids), ids, chain, draw)
        generated.append(token)
        ids.append(token)
        if token in stop:
            break
    return generated


def repeated(ids: Sequence[int], n: int = 4) -> float:
    """Share of n-grams of a text that occurred before: 0 for a text that never repeats itself.

    Raises: ValueError for n below 1.
    """
    checks.count("The n of an n-gram", n)
    grams = Counter(tuple(ids[i : i + n]) for i in range(len(ids) - n + 1))
    return 1 - len(grams) / total if (total := sum(grams.values())) else 0.0

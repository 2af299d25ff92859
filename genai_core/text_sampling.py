"""From next-token logits to a text: filters, and the ways to choose.

A *chain* is a list of filters in the order in which they act; each takes logits [V] and gives logits [V], where -inf is
"removed". What is left is drawn from. The same chain serves every model that has `reader()` (or is one):

    reader.next_logits(ids) -> logits [V] float32 of the token after ids      reader.copy() -> one that goes its own way

`text_search` has the ways that do not draw: beam search and contrastive search. `speculative` writes the same text as
`generate`, faster.
"""

import math
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

NONE = -math.inf


class Filter(Protocol):
    def __call__(self, logits: Tensor, ids: Sequence[int]) -> Tensor:
        """logits [V] after the tokens `ids` -> logits [V], in new memory where they differ."""


def checked(name: str, value: float, low: float, high: float = math.inf) -> None:
    """Raises: ValueError if a setting is not a number from low to high."""
    if not (math.isfinite(value) and low <= value <= high):
        until = f"from {low:g} to {high:g}" if math.isfinite(high) else f"of {low:g} or more"
        raise ValueError(f"{name} must be a number {until}, and is {value}.")


@dataclass(frozen=True)
class Temperature:
    """logits / t: below 1 the likely become likelier, above 1 all become more alike; 0 leaves the likeliest alone."""

    value: float = 1.0

    def __post_init__(self):
        checked("The temperature", self.value, 0)

    def __call__(self, logits: Tensor, ids: Sequence[int]) -> Tensor:
        return logits / self.value if self.value > 0 else Greedy()(logits, ids)


@dataclass(frozen=True)
class Greedy:
    """Only the likeliest token, the first of equals."""

    def __call__(self, logits: Tensor, ids: Sequence[int]) -> Tensor:
        best = torch.full_like(logits, NONE)
        at = logits.argmax()
        best[at] = logits[at]
        return best


@dataclass(frozen=True)
class TopK:
    """Only the k likeliest tokens, and those as likely as the last of them (Fan 2018)."""

    k: int = 40

    def __post_init__(self):
        checked("Top-k", self.k, 1)

    def __call__(self, logits: Tensor, ids: Sequence[int]) -> Tensor:
        least = logits.topk(min(int(self.k), len(logits))).values[-1]
        return logits.masked_fill(logits < least, NONE)


@dataclass(frozen=True)
class TopP:
    """The fewest tokens, likeliest first, whose probabilities reach p: the nucleus (Holtzman 2019, eq. 2)."""

    p: float = 0.9

    def __post_init__(self):
        checked("Top-p", self.p, 0, 1)

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
        checked("Min-p", self.p, 0, 1)

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
        checked("Typical-p", self.p, 0, 1)

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
    """Logits of tokens that were there before, divided by r if positive, else times r (Keskar 2019, eq. 2)."""

    r: float = 1.1

    def __post_init__(self):
        checked("The repetition penalty", self.r, 0.01)

    def __call__(self, logits: Tensor, ids: Sequence[int]) -> Tensor:
        seen = torch.tensor(sorted(set(ids)), dtype=torch.long)
        before = logits[seen]
        return logits.index_copy(0, seen, torch.where(before < 0, before * self.r, before / self.r))


@dataclass(frozen=True)
class FrequencyPenalty:
    """Logits less a for each time that the token was there before (OpenAI's API)."""

    a: float = 0.5

    def __post_init__(self):
        checked("The frequency penalty", self.a, -100, 100)

    def __call__(self, logits: Tensor, ids: Sequence[int]) -> Tensor:
        counts = torch.bincount(torch.tensor(list(ids), dtype=torch.long), minlength=len(logits))
        return logits - self.a * counts


@dataclass(frozen=True)
class PresencePenalty:
    """Logits less a if the token was there before (OpenAI's API)."""

    a: float = 0.5

    def __post_init__(self):
        checked("The presence penalty", self.a, -100, 100)

    def __call__(self, logits: Tensor, ids: Sequence[int]) -> Tensor:
        seen = torch.tensor(sorted(set(ids)), dtype=torch.long)
        return logits.index_add(0, seen, torch.full((len(seen),), -float(self.a)))


@dataclass(frozen=True)
class NoRepeatNGram:
    """No token that would make n tokens which were already there in that order (Paulus 2017)."""

    n: int = 3

    def __post_init__(self):
        checked("The n of no-repeat n-gram", self.n, 1)

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
    """What one filter of a chain did.

    removed: the tokens that it took out, likeliest first. held: it would have left none, and left the likeliest.
    """

    filter: Filter
    removed: Tensor  # [R] int64
    probabilities: Tensor  # [V], after it
    held: bool


@dataclass(frozen=True, eq=False)
class TokenStep:
    """One token, and how it came about. Entropies are in nats."""

    index: int  # 0 for the first after the prompt
    token: int
    logits: Tensor  # [V] float32, the model's own
    effects: tuple[Effect, ...]
    probabilities: Tensor  # [V] float64, after all filters
    draw: float  # uniform in [0, 1)
    low: float  # the token's piece of the cumulative bar, likeliest first: low <= draw < high
    high: float
    entropy: float  # of the model's own distribution
    entropy_after: float  # of what was drawn from

    @property
    def probability(self) -> float:
        """The model's own probability of the token."""
        return float(self.logits.double().softmax(0)[self.token])


def filtered(logits: Tensor, ids: Sequence[int], chain: Sequence[Filter]) -> tuple[Tensor, tuple[Effect, ...]]:
    """logits [V] through all filters of a chain in its order, and what each did. At least one token is left.

    Raises: ValueError if the logits hold NaN, or no token at all.
    """
    if bool(logits.isnan().any()) or not bool((logits > NONE).any()):
        raise ValueError("The model gave no probabilities: its logits are not numbers.")
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


def entropy(probabilities: Tensor) -> float:
    """-sum p log p in nats, of probabilities [V]."""
    return float(torch.special.entr(probabilities).sum())


def bar(probabilities: Tensor) -> tuple[Tensor, Tensor]:
    """The cumulative bar: tokens [V], likeliest first (of equals, the first), and where the piece of each ends [V]."""
    order = probabilities.argsort(descending=True, stable=True)
    return order, probabilities[order].cumsum(0)


def choose(probabilities: Tensor, draw: float) -> tuple[int, float, float]:
    """The token on whose piece of the bar a draw in [0, 1) falls, and where that piece begins and ends."""
    p = probabilities.numpy()  # `bar`, in a third of the time
    order = (-p).argsort(kind="stable")
    ends = p[order].cumsum()
    last = int((p > 0).sum()) - 1  # rounding may leave the sum just below the draw
    at = min(int(ends.searchsorted(draw, side="right")), last)
    return int(order[at]), float(ends[at - 1]) if at else 0.0, float(ends[at])


def chosen(logits: Tensor, ids: Sequence[int], chain: Sequence[Filter], draw: float) -> int:
    """The token of `step_of`, faster, since how it came about is not noted."""
    greedy = bool(chain) and isinstance(chain[-1], Greedy)
    for act in chain[:-1] if greedy else chain:
        after = act(logits, ids)
        logits = after if float(after.max()) > NONE else Greedy()(logits, ids)
    return int(logits.argmax()) if greedy else choose(logits.double().softmax(0), draw)[0]


def step_of(logits: Tensor, ids: Sequence[int], chain: Sequence[Filter], *, draw: float, index: int = 0) -> TokenStep:
    """One step from the model's logits [V] after `ids`. Raises: ValueError as `filtered`."""
    after, effects = filtered(logits, ids, chain)
    probabilities = after.double().softmax(0)
    token, low, high = choose(probabilities, draw)
    own = entropy(logits.double().softmax(0))
    return TokenStep(index, token, logits, effects, probabilities, draw, low, high, own, entropy(probabilities))


def draws(generator: torch.Generator) -> Iterator[float]:
    """Uniform numbers in [0, 1), one for each token whatever the chain: so the same seed compares two chains."""
    while True:
        yield float(torch.rand((), generator=generator, dtype=torch.float64))


def generate_steps(
    model,
    ids: Sequence[int],
    *,
    chain: Sequence[Filter] = (),
    max_tokens: int = 100,
    generator: torch.Generator,
    stop: Collection[int] = (),
) -> Iterator[TokenStep]:
    """Go on from `ids` (at least one) token by token; ends after `max_tokens` or a token of `stop`.

    Raises: ValueError for no ids, or logits that are no numbers.
    """
    ids, reader = list(ids), model.reader()
    if not ids:
        raise ValueError("A text model needs at least one token to go on from.")
    for index, draw in zip(range(max_tokens), draws(generator), strict=False):
        step = step_of(reader.next_logits(ids), ids, chain, draw=draw, index=index)
        yield step
        ids.append(step.token)
        if step.token in stop:
            return


def generate(
    model,
    ids: Sequence[int],
    *,
    chain: Sequence[Filter] = (),
    max_tokens: int = 100,
    generator: torch.Generator,
    stop: Collection[int] = (),
) -> list[int]:
    """The tokens of `generate_steps`, faster, since how each came about is not noted."""
    ids, reader, made = list(ids), model.reader(), []
    if not ids:
        raise ValueError("A text model needs at least one token to go on from.")
    for _, draw in zip(range(max_tokens), draws(generator), strict=False):
        token = chosen(reader.next_logits(ids), ids, chain, draw)
        made.append(token)
        ids.append(token)
        if token in stop:
            break
    return made


def repeated(ids: Sequence[int], n: int = 4) -> float:
    """Share of n-grams of a text that were there before: 0 for a text that never repeats itself."""
    grams = Counter(tuple(ids[i : i + n]) for i in range(len(ids) - n + 1))
    return 1 - len(grams) / total if (total := sum(grams.values())) else 0.0

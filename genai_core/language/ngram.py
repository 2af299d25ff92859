"""n-gram model with interpolated Kneser-Ney smoothing (Kneser & Ney 1995, Chen & Goodman 1998).

How often did each token follow the n - 1 tokens before it? Long contexts are informative but rare; so each count is
discounted by D, and the freed probability, lambda, is distributed according to the next shorter context:

    p_n(w | h) = max(c(h w) - D(c), 0) / c(h) + lambda(h) p_{n-1}(w | h without its first token)     [C & G, eq. 20]

For all but the longest n, c counts not how often w followed h, but after how many different tokens h w occurred: a
word that only occurs in "San Francisco" is frequent, but fits few contexts. Below n = 1 all tokens are equally likely.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from genai_core.common import checks
from genai_core.common.training import Recipe, TrainStep
from genai_core.data import corpora
from genai_core.language import evaluation, tokenizers
from genai_core.language.tokenizers import Corpus, Tokenizer, check_vocab


@dataclass(frozen=True)
class NGramConfig:
    vocab_size: int = 65
    units: str = "characters"
    order: int = 8  # the longest n
    discounts: int = 3  # D for counts of 1, 2 and more ("modified", Chen & Goodman 1998, section 3); or 1 for all


class Level(NamedTuple):
    """The n-grams of one order: a distribution for each context.

    An n-gram is the number whose digits, to the base `vocab_size`, are its tokens.
    """

    grams: np.ndarray  # [M] int64, rising
    kept: np.ndarray  # [M] count minus the discount, over the count of the context
    contexts: np.ndarray  # [C] int64, rising: the first n - 1 tokens
    first: np.ndarray  # [C + 1] start of each context in `grams`
    freed: np.ndarray  # [C] lambda


class NGram(nn.Module):
    """Counts of all n-grams, stored as a tree: for each gram of one order its last token, its count and how many grams
    of the next order extend it. `load` and `train` give it its `tokenizer`.

    Raises: ValueError for no tokens, other discounts than 1 or 3, or an order below 1, or so high that an n-gram does
    not fit into 63 bits.
    """

    tokenizer: Tokenizer

    def __init__(self, config: NGramConfig):
        super().__init__()
        checks.count("vocab_size", config.vocab_size)
        if config.discounts not in (1, 3):
            raise ValueError(f"There are 1 or 3 discounts, not {config.discounts}.")
        if not (1 <= config.order < 64 and config.vocab_size**config.order < 2**63):
            raise ValueError(f"An order of {config.order} is not possible with {config.vocab_size} tokens.")
        self.config = config
        self.tokens, self.goes_on = nn.ParameterList(), nn.ParameterList()  # [M] of each order; all but the last
        self.counts = nn.ParameterList()  # [M] of each order
        self._levels: dict[tuple[int, bool], Level] = {}

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """As nn.Module's; the number of n-grams is known only from the state."""
        for name in ("tokens", "goes_on", "counts"):
            orders = sorted(int(key.split(".")[1]) for key in state_dict if key.startswith(f"{name}."))
            setattr(self, name, nn.ParameterList(_stored(torch.zeros_like(state_dict[f"{name}.{i}"])) for i in orders))
        self._levels = {}
        if len(self.counts) != self.config.order:
            raise RuntimeError(f"There are {len(self.counts)} orders, not {self.config.order}.")
        return super().load_state_dict(state_dict, strict, assign)

    def count(self, ids: np.ndarray, order: int) -> None:
        """Add the counts of one order of a text [N]; the orders below must be there."""
        n, vocab = order, self.config.vocab_size
        grams, counts = np.unique(as_numbers(ids, n, vocab), return_counts=True)
        if n > 1:
            before = np.unique(as_numbers(ids, n - 1, vocab))
            self.goes_on.append(_smallest(np.bincount(np.searchsorted(before, grams // vocab), minlength=len(before))))
        self.tokens.append(_smallest(grams % vocab))
        self.counts.append(_smallest(counts))
        self._levels = {}

    def grams(self) -> list[np.ndarray]:
        """The n-grams of each order as numbers, rising."""
        levels = [self.tokens[0].cpu().numpy().astype(np.int64)]
        for tokens, goes_on in zip(list(self.tokens)[1:], self.goes_on, strict=False):
            stems = np.repeat(levels[-1], goes_on.cpu().numpy())
            levels.append(stems * self.config.vocab_size + tokens.cpu().numpy())
        return levels

    def level(self, n: int, longest: bool) -> Level:
        """The n-grams of order n, discounted; `longest`: with their plain counts, else by the tokens before them."""
        if (n, longest) not in self._levels:
            grams = self.grams()
            self._levels = {
                (i + 1, plain): self._level(grams, i, plain)
                for i in range(len(grams))
                for plain in (True, False)
                if plain or i + 1 < len(grams)
            }
        return self._levels[n, longest]

    def _level(self, grams: list[np.ndarray], i: int, plain: bool) -> Level:
        vocab, own = self.config.vocab_size, grams[i]
        if plain:
            counts = self.counts[i].cpu().numpy().astype(np.int64)
        else:
            ends = grams[i + 1] % vocab ** (i + 1)  # each longer gram, without its first token
            counts = np.bincount(np.searchsorted(own, ends), minlength=len(own))
        discount = discounts_of(counts, self.config.discounts)[np.minimum(counts, 3)]
        contexts, first = np.unique(own // vocab, return_index=True)
        total = np.maximum(np.add.reduceat(counts, first), 1)  # 0 only where the text begins
        sizes = np.diff(np.append(first, len(own)))
        return Level(
            grams=own,
            kept=(counts - discount) / np.repeat(total, sizes),
            contexts=contexts,
            first=np.append(first, len(own)),
            freed=np.where(np.add.reduceat(counts, first) > 0, np.add.reduceat(discount, first) / total, 1.0),
        )

    def probabilities(self, ids: Sequence[int], order: int | None = None) -> np.ndarray:
        """p of every token after `ids` (may be empty), [vocab_size] float64; order: a lower one than the config's.

        Raises: ValueError for an invalid order or token.
        """
        order = self._order(order)
        vocab = self.config.vocab_size
        tokenizers.check_ids(ids[max(0, len(ids) - order + 1) :], vocab)  # its n-gram would be another's number
        p, context, place = np.full(vocab, 1 / vocab), 0, 1
        for n in range(1, min(order, len(ids) + 1) + 1):
            level = self.level(n, n == order)
            if n > 1:  # the number of the last n - 1 tokens
                context, place = context + int(ids[1 - n]) * place, place * vocab
            at = int(level.contexts.searchsorted(context))
            if at == len(level.contexts) or level.contexts[at] != context:
                break  # no longer context with this ending occurred either
            span = slice(level.first[at], level.first[at + 1])
            p *= level.freed[at]
            p[level.grams[span] % vocab] += level.kept[span]
        return p

    def token_nll(self, ids: Tensor, order: int | None = None) -> Tensor:
        """-log p of every token of ids [N, T + 1] but the first, given those before it: [N, T], in nats.

        Raises: ValueError for an invalid order.
        """
        order = self._order(order)
        vocab, rows = self.config.vocab_size, ids.cpu().numpy()
        p = np.full((rows.shape[0], rows.shape[1] - 1), 1 / vocab)
        for n in range(1, min(order, rows.shape[1]) + 1):
            level = self.level(n, n == order)
            grams = np.stack([as_numbers(row, n, vocab) for row in rows])[:, n == 1 :]  # the first token has no p
            here = p[:, max(n - 2, 0) :]  # of those with n - 1 tokens before them; a view of p
            at = np.searchsorted(level.contexts, grams // vocab).clip(0, len(level.contexts) - 1)
            known = level.contexts[at] == grams // vocab
            places = np.searchsorted(level.grams, grams).clip(0, len(level.grams) - 1)
            kept = np.where(level.grams[places] == grams, level.kept[places], 0.0)
            here[:] = np.where(known, kept + level.freed[at] * here, here)
        return torch.from_numpy(-np.log(p)).float()

    def _order(self, order: int | None) -> int:
        order = len(self.counts) if order is None else order
        if not 1 <= order <= len(self.counts):
            raise ValueError(f"There is no order {order}; there are 1 to {len(self.counts)}.")
        return order

    def at(self, order: int) -> "Lower":
        """The same model with a lower order. Raises: ValueError for an invalid order."""
        return Lower(self, self._order(order))

    def decoding_session(self) -> "NGram":
        """The model itself: there is nothing to cache."""
        return self

    def copy(self) -> "NGram":
        """The model itself."""
        return self

    def next_logits(self, ids: Sequence[int], order: int | None = None) -> Tensor:
        """log p of the token after `ids`, [vocab] float32. Raises: ValueError if there are no ids."""
        if not len(ids):
            raise ValueError("A language model needs at least one token to continue from.")
        return torch.from_numpy(np.log(self.probabilities(ids, order))).float()

    def score(self, string: str, order: int | None = None) -> Tensor:
        """-log p of each token of a text given those before it, in nats, [tokens]; the first one after the start token.

        Raises: ValueError for characters outside the vocabulary or an invalid order.
        """
        ids = torch.tensor([[self.tokenizer.start, *self.tokenizer.encode(string)]])
        return self.token_nll(ids, order)[0]


@dataclass(frozen=True, eq=False)
class Lower:
    """An n-gram model limited to a lower order; otherwise as the full one."""

    full: NGram
    order: int

    @property
    def tokenizer(self):
        return self.full.tokenizer

    def decoding_session(self) -> "Lower":
        return self

    def copy(self) -> "Lower":
        return self

    def next_logits(self, ids: Sequence[int]) -> Tensor:
        return self.full.next_logits(ids, self.order)

    def score(self, string: str) -> Tensor:
        return self.full.score(string, self.order)


def as_numbers(ids: np.ndarray, n: int, vocab: int) -> np.ndarray:
    """Every n-gram of a text [N] as a number to the base `vocab`: [N - n + 1] int64."""
    ids = ids.astype(np.int64)
    numbers = np.zeros(max(0, len(ids) - n + 1), dtype=np.int64)
    for i in range(n):
        numbers += ids[i : len(numbers) + i] * vocab ** (n - 1 - i)
    return numbers


def discounts_of(counts: np.ndarray, kinds: int) -> np.ndarray:
    """D for counts of 0, 1, 2 and 3 or more, from how many counts [M] are 1, 2, 3, 4 [Chen & Goodman 1998, eq. 26].

    kinds: 3 for D of each, 1 for the same D for all [eq. 17]. If there are too few counts for a valid D,
    a single D is used, or 1/2.
    """
    n1, n2, n3, n4 = (int((counts == c).sum()) for c in (1, 2, 3, 4))
    y = n1 / (n1 + 2 * n2) if n1 and n2 else 0.5
    if kinds == 3 and n1 and n2 and n3:
        modified = np.array([0.0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3])
        if (modified[1:] > 0).all():
            return modified
    return np.array([0.0, y, y, y])


def _smallest(values: np.ndarray) -> nn.Parameter:
    """Integers in the smallest type that holds them."""
    largest = int(values.max(initial=0))
    kind = np.uint8 if largest < 2**8 else np.int16 if largest < 2**15 else np.int32
    return _stored(torch.from_numpy(values.astype(kind)))


def _stored(values: Tensor) -> nn.Parameter:
    return nn.Parameter(values, requires_grad=False)


def train(
    config: NGramConfig,
    corpus: Corpus,
    *,
    steps: int,
    seed: int = 0,
    device: str | torch.device = "cpu",
    resume: dict | None = None,
) -> Iterator[TrainStep[NGram]]:
    """Count the corpus, one order per step, up to config.order; "grams" is the number of different n-grams.

    Nothing is random, so the seed has no effect; a resumed run counts from the start. Raises: ValueError if the corpus
    is shorter than an n-gram or has another vocabulary.
    """
    check_vocab(config, corpus)
    if len(corpus.ids) <= config.order:
        raise ValueError(f"The text has {len(corpus.ids)} tokens, and needs more than {config.order}.")
    done, ids = resume["step"] if resume else 0, corpus.ids.cpu().numpy()
    model = NGram(config)
    model.tokenizer = corpus.tokenizer
    for n in range(1, min(steps, config.order) + 1):
        model.count(ids, n)
        if n > done:
            yield TrainStep(n, {"grams": float(len(model.counts[-1]))}, model, partial(dict, step=n))


RECIPES = {"ngram-shakespeare": Recipe(NGramConfig(), "shakespeare", steps=8)}
TINY = Recipe(NGramConfig(280, "bpe", order=3), "stories", steps=3)
CARD = {
    "overview": "Counts of all n-grams of 1 to {order} {units} with interpolated Kneser-Ney smoothing (Chen & Goodman "
    "1998). Its parameters are those counts and the tree that stores them.",
    "stored": "integers of 1, 2 or 4 bytes",
    "use": "Teaching: the simplest model of the text tab, beside the LSTM and the GPT.",
    "limits": "It sees the last few characters only, and copies its corpus wherever a long context occurred once.",
}

LABELS = evaluation.LABELS


def load(name: str) -> NGram:
    """An n-gram model with its `tokenizer`, ready to use. Raises: CheckpointError, which says which names there are."""
    return tokenizers.load(name, NGram, NGramConfig)


def examples(recipe: Recipe) -> Corpus:
    """What a recipe counts. Raises: DataError."""
    return tokenizers.examples(recipe.dataset, recipe.config.units, recipe.config.vocab_size)


def evaluate(name: str) -> dict:
    """Figures of a shipped n-gram model on the last 10 % of its corpus (see LABELS)."""
    model, recipe = load(name), RECIPES[name]
    ids = torch.tensor(model.tokenizer.encode(corpora.corpus(recipe.dataset, "validation")))
    by_order = [evaluation.validation_nll(model, ids, order=order) for order in range(1, model.config.order + 1)]
    return {**evaluation.evaluate(model, recipe), "nats_per_character_by_order": by_order}

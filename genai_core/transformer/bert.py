"""BERT: a transformer that sees a text whole and fills in what is missing (Devlin 2018).

    some of the tokens are chosen; 80 % of these become [MASK], 10 % another token, 10 % stay
    loss = -log p(token | the rest), at the chosen places alone                            [section 3.1, Task 1]

There is no second task and no sentence pair (RoBERTa, Liu 2019), and a fifth of the tokens is chosen (Wettig 2022: 15 %
is too few for a small model). Positions are rotary.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genai_core.common import checks
from genai_core.common.training import (
    Recipe,
    TrainStep,
    autocast,
    restore,
    resumable,
    seeded,
    snapshot,
    stepwise_seed,
)
from genai_core.data import corpora, parallel
from genai_core.language import tokenizers
from genai_core.language.gpt import rotary_table
from genai_core.language.tokenizers import BPETokenizer, Corpus, windows
from genai_core.transformer.blocks import Layer, Optimizers, Rates

IGNORED = -100  # of cross_entropy: a place that was not chosen


@dataclass(frozen=True)
class BERTConfig:
    vocab_size: int = 4096  # byte pairs; [MASK] is one more
    block_size: int = 128
    n_layer: int = 6
    n_head: int = 4
    n_embd: int = 224
    dropout: float = 0.1
    # the task
    chosen: float = 0.2  # share of the tokens
    masked: float = 0.8  # of the chosen ones; of the rest half become another token, half stay
    # the training
    batch: int = 32
    lr: float = 3e-3
    muon_lr: float = 0.02
    weight_decay: float = 0.1


class BERT(nn.Module):
    """Token ids [N, T], of which some are `mask`, -> logits of what stands at each place, [N, T, vocab_size].

    `load` and `train` give it its `tokenizer`. Raises: ValueError as `check`.
    """

    tokenizer: BPETokenizer
    table: Tensor  # of rotary positions

    def __init__(self, config: BERTConfig):
        super().__init__()
        check(config)
        self.config = config
        self.mask = config.vocab_size  # the id of [MASK]
        width = config.n_embd
        self.embedding = nn.Embedding(config.vocab_size + 1, width)
        nn.init.normal_(self.embedding.weight, std=0.02)
        self.layers = nn.ModuleList(Layer(width, config.n_head, config.dropout) for _ in range(config.n_layer))
        self.norm = nn.RMSNorm(width, eps=1e-6)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        self.dropout = nn.Dropout(config.dropout)
        self.register_buffer("table", rotary_table(config.block_size, width // config.n_head), persistent=False)

    def states(self, ids: Tensor) -> Tensor:
        """[N, T] -> [N, T, width]. Raises: ValueError for more tokens than the context."""
        if ids.shape[1] > self.config.block_size:
            raise ValueError(f"{ids.shape[1]} tokens are more than the context of {self.config.block_size}.")
        x = self.dropout(F.rms_norm(self.embedding(ids), self.embedding.weight.shape[1:]))
        for layer in self.layers:
            x = layer(x, table=self.table[:, : ids.shape[1]])
        return self.norm(x)

    def forward(self, ids: Tensor) -> Tensor:
        return self.logits(self.states(ids))

    def logits(self, states: Tensor) -> Tensor:
        """The embedding of each token, times the state [Press 2017]."""
        return (states @ self.embedding.weight[:-1].T).float() + self.bias

    @torch.inference_mode()
    def fill(self, ids: Sequence[int], places: Sequence[int]) -> Tensor:
        """log p of every token at each of these places, all of them masked, [places, vocab_size].

        Raises: ValueError for a place outside the text, or too long a text.
        """
        if any(not 0 <= place < len(ids) for place in places):
            raise ValueError(f"A place is one of 0 to {len(ids) - 1}.")
        given = torch.tensor([list(ids)])
        given[0, list(places)] = self.mask
        return self(given.to(self.embedding.weight.device))[0, list(places)].log_softmax(-1).cpu()

    @torch.inference_mode()
    def pseudo_nll(self, ids: Sequence[int], batch: int = 32) -> Tensor:
        """-log p of each token given all others, [T], in nats (Salazar 2020): one pass with each of them masked."""
        row = torch.tensor(list(ids))
        masked = row.repeat(len(row), 1)
        masked.fill_diagonal_(self.mask)
        found = []
        for first in range(0, len(row), batch):
            some = masked[first : first + batch].to(self.embedding.weight.device)
            places = torch.arange(first, first + len(some))
            log_p = self(some)[torch.arange(len(some)), places].log_softmax(-1).cpu()
            found.append(-log_p.gather(1, row[places, None])[:, 0])
        return torch.cat(found) if found else torch.zeros(0)


def check(config: BERTConfig) -> None:
    """Raises: ValueError for sizes below 1, shares outside [0, 1], or heads whose width is not even."""
    for name in ("vocab_size", "block_size", "n_layer", "n_head", "n_embd", "batch"):
        checks.count(name, getattr(config, name))
    for name in ("dropout", "chosen", "masked"):
        checks.number(name, getattr(config, name), 0, 1)
    if config.n_embd % (2 * config.n_head):
        raise ValueError(f"n_embd = {config.n_embd} is not divisible into {config.n_head} heads of even width.")


def corrupt(ids: Tensor, config: BERTConfig, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Ids [N, T] -> what the model is given and what it should say, IGNORED where nothing was chosen."""
    chosen = torch.rand(ids.shape, generator=generator) < config.chosen
    fate = torch.rand(ids.shape, generator=generator)
    other = torch.randint(config.vocab_size, ids.shape, generator=generator)
    given = torch.where(chosen & (fate < config.masked), config.vocab_size, ids)
    given = torch.where(chosen & (fate >= (1 + config.masked) / 2), other, given)
    return given, torch.where(chosen, ids, IGNORED)


def loss(model: BERT, given: Tensor, wanted: Tensor) -> Tensor:
    """Mean -log p of the chosen tokens, in nats; logits are formed at their places alone."""
    chosen = wanted != IGNORED
    return F.cross_entropy(model.logits(model.states(given)[chosen]), wanted[chosen])


@resumable
def train(
    config: BERTConfig,
    corpus: Corpus,
    *,
    steps: int,
    seed: int = 0,
    device: str | torch.device = "cpu",
    resume: dict | None = None,
) -> Iterator[TrainStep[BERT]]:
    """Train on random windows of the corpus, corrupted anew each time. Raises: ValueError for too short a corpus."""
    model = seeded(seed, lambda: BERT(config)).to(device)
    model.tokenizer = corpus.tokenizer  # type: ignore[assignment]
    generator = torch.Generator().manual_seed(seed)
    rates = Rates(config.muon_lr, config.lr, config.weight_decay)
    optimizers = Optimizers(model, model.layers, rates)
    parts = {"model": model, "optimizers": optimizers}
    done = restore(resume, generator, parts)
    for step in range(done, steps):
        model.train()
        ids = windows(corpus.ids, config.batch, config.block_size - 1, generator)
        given, wanted = (some.to(device) for some in corrupt(ids, config, generator))
        with stepwise_seed(seed, step, device), autocast(device):  # of the dropout
            value = loss(model, given, wanted)
        optimizers.step(value, step, steps)
        model.eval()
        yield TrainStep(step + 1, {"loss": value.item()}, model, partial(snapshot, step + 1, generator, parts))


RECIPES = {"bert-english": Recipe(BERTConfig(), "english", steps=5_000)}


def english(split: str = "train") -> str:
    """The stories and the English side of the sentence pairs, each of the latter once, as one text. Raises: DataError.

    split: "train" or "validation".
    """
    sentences = dict.fromkeys(a for a, _ in parallel.pairs("train" if split == "train" else "valid"))
    return corpora.corpus("tinystories", split) + corpora.END + "\n".join(sentences)


def examples(recipe: Recipe) -> Corpus:
    """What a recipe trains on. Raises: DataError."""
    text = english()
    return Corpus.of(text, BPETokenizer.train(text, recipe.config.vocab_size))


def load(name: str) -> BERT:
    """A trained BERT with its `tokenizer`. Raises: CheckpointError, which says which names there are."""
    return tokenizers.load(name, BERT, BERTConfig)


CARD = {
    "overview": "A BERT (genai_core/transformer/bert.py) that fills in what is missing: {n_layer} layers of width "
    "{n_embd}, {n_head} heads, {vocab_size} byte pairs, a context of {block_size} tokens.",
    "splits": "trained on 18,653 stories and the English sentences of 158,733 pairs; measured on 928 other stories.",
    "use": "Teaching: it drives Fill in the transformer tab.",
    "limits": "It knows children's stories and short everyday sentences, repeats their prejudices, and encodes nothing "
    "else well.",
}
LABELS = {
    "words": (
        "Masked words that are its first guess, one at a time, all of its tokens masked",
        "{:.1%}",
    ),
    "tokens": ("Masked tokens that are its first guess, 15 % of a window at a time", "{:.1%}"),
    "pseudo_perplexity": ("Pseudo-perplexity per token (Salazar 2020)", "{:.2f}"),
    "windows": ("Windows of held-out text", "{:,d}"),
}
WINDOWS = 400


def words(model: BERT, ids: Sequence[int]) -> list[list[int]]:
    """The places of the tokens of each word: a word begins with a space or a sign, and goes on with letters."""
    found: list[list[int]] = []
    for place, token in enumerate(ids):
        text = model.tokenizer.decode([token])
        if not text.strip().isalpha():
            continue
        if found and found[-1][-1] == place - 1 and not text.startswith(" "):
            found[-1].append(place)
        else:
            found.append([place])
    return found


@torch.inference_mode()
def evaluate(name: str) -> dict:
    """Figures of a shipped BERT on held-out stories (see LABELS)."""
    model, generator = load(name), torch.Generator().manual_seed(0)
    length = model.config.block_size
    ids = torch.tensor(model.tokenizer.encode(corpora.corpus("tinystories", "validation")))
    rows = ids.unfold(0, length, length)
    rows = rows[torch.randperm(len(rows), generator=generator)[:WINDOWS]]
    right_words = whole = right_tokens = masked = 0
    nll = []
    for row in rows:
        places = words(model, row.tolist())
        for k in torch.randperm(len(places), generator=generator)[:4].tolist():
            guess = model.fill(row.tolist(), places[k]).argmax(-1)
            right_words += bool((guess == row[places[k]]).all())
            whole += 1
        chosen = torch.randperm(length, generator=generator)[: round(0.15 * length)].tolist()
        right_tokens += int((model.fill(row.tolist(), chosen).argmax(-1) == row[chosen]).sum())
        masked += len(chosen)
    for row in rows[:40]:
        nll.append(model.pseudo_nll(row.tolist()))
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "words": right_words / whole,
        "tokens": right_tokens / masked,
        "pseudo_perplexity": float(torch.cat(nll).mean().exp()),
        "windows": len(rows),
    }

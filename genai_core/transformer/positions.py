"""How a transformer knows where a token stands: one small GPT over characters, five ways for positions to enter.

    none        nowhere: only the causal mask tells tokens apart (Haviv 2022)
    learned     x = embedding of the token + a learned vector for its position (Radford 2018)
    sinusoidal  x = embedding of the token + sines and cosines of its position               [Vaswani 2017, section 3.5]
    rotary      queries and keys are rotated by the angles of their positions                     [Su 2021, section 3.2]
    alibi       scores = q k' / sqrt(d) - slope of the head * distance                               [Press 2022, eq. 2]

All else is the same in all five, and so is the order of their training data. They are trained on `block_size`
characters and read up to four times as many; only learned positions end there.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genai_core.common import checks
from genai_core.common.training import Recipe, TrainStep, autocast, restore, resumable, seeded, snapshot, zero_init
from genai_core.data import corpora
from genai_core.language import tokenizers
from genai_core.language.gpt import rotary_table
from genai_core.language.tokenizers import Corpus, Tokenizer, check_vocab, windows
from genai_core.transformer.attention import alibi, causal_mask, sinusoidal
from genai_core.transformer.blocks import Layer, Optimizers, Rates

KINDS = ("none", "learned", "sinusoidal", "rotary", "alibi")
LONGER = 4  # times the trained length is what it reads at most


@dataclass(frozen=True)
class PositionsConfig:
    positions: str = "rotary"  # or "none", "learned", "sinusoidal", "alibi"
    vocab_size: int = 65
    units: str = "characters"  # or "bpe"
    block_size: int = 64  # of the training
    n_layer: int = 3
    n_head: int = 4
    n_embd: int = 96
    # the training
    batch: int = 32
    lr: float = 3e-3
    muon_lr: float = 0.02
    weight_decay: float = 0.1


class PositionsGPT(nn.Module):
    """Token ids -> logits of the next token. `load` and `train` give it its `tokenizer`. Raises: ValueError as `check`.

    longest: the tokens that it reads at most. table: of sines, of rotations or of biases, where there is one.
    """

    tokenizer: Tokenizer
    table: Tensor | None

    def __init__(self, config: PositionsConfig):
        super().__init__()
        check(config)
        self.config = config
        width, heads = config.n_embd, config.n_head
        learned = config.positions == "learned"
        self.longest = config.block_size * (1 if learned else LONGER)
        self.embedding = nn.Embedding(config.vocab_size, width)
        self.position_embedding = nn.Parameter(0.02 * torch.randn(self.longest, width)) if learned else None
        tables = {
            "sinusoidal": lambda: sinusoidal(self.longest, width),  # [longest, width]
            "rotary": lambda: rotary_table(self.longest, width // heads),  # [2, longest, d / 2]
            "alibi": lambda: alibi(heads, self.longest),  # [heads, longest, longest]
        }
        table = tables[config.positions]() if config.positions in tables else None
        self.register_buffer("table", table, persistent=False)
        self.layers = nn.ModuleList(Layer(width, heads) for _ in range(config.n_layer))
        self.norm = nn.RMSNorm(width, eps=1e-6)
        self.head = nn.Linear(width, config.vocab_size, bias=False)
        zero_init(self.head)

    def encodings(self) -> Tensor | None:
        """What is added to the tokens, [longest, width], one row for each position; None where nothing is."""
        return self.table if self.config.positions == "sinusoidal" else self.position_embedding

    def forward(self, ids: Tensor, first: int = 0) -> Tensor:
        """Token ids [N, T] -> logits [N, T, vocab_size]. first: the position of the first token.

        Raises: ValueError for positions that it does not have.
        """
        end, kind = first + ids.shape[1], self.config.positions
        if end > self.longest:
            known = "learned embedding" if kind == "learned" else "position"
            raise ValueError(f"There is no {known} beyond position {self.longest}, and the text ends at {end}.")
        x = self.embedding(ids)  # [N, T, width]
        encodings = self.encodings()
        if encodings is not None:
            x = x + encodings[first:end]
        table = self.table[:, first:end] if kind == "rotary" and self.table is not None else None
        bias = self.table[:, first:end, first:end] if kind == "alibi" and self.table is not None else None
        mask = causal_mask(ids.shape[1]).to(ids.device)
        for layer in self.layers:
            x = layer(x, mask, table, bias=bias)
        return self.head(self.norm(x)).float()

    def token_nll(self, ids: Tensor) -> Tensor:
        """-log p of every token of ids [N, T + 1] but the first, given those before it: [N, T], in nats."""
        return F.cross_entropy(self(ids[:, :-1]).transpose(1, 2), ids[:, 1:], reduction="none")

    @torch.inference_mode()
    def next_probabilities(self, text: str, first: int = 0) -> Tensor:
        """p of each character after a text, [vocab_size]. Of a longer text than fits, its end is read.

        first: the position of the first character that is read.
        Raises: ValueError for an empty text, or characters outside the vocabulary.
        """
        ids = self.tokenizer.encode(text)[-(self.longest - first) :]
        if not ids:
            raise ValueError("A language model needs at least one character to continue from.")
        return self(torch.tensor([ids], device=self.embedding.weight.device), first)[0, -1].softmax(-1).cpu()


@torch.inference_mode()
def between(model: PositionsGPT, n: int, head: int = 0) -> Tensor:
    """What the positions alone say of each pair of the first n: [n, n], row i of the one that looks, column j.

    none: 0. learned, sinusoidal: p_i . p_j of the encodings. rotary: mean of cos(theta (i - j)) over the pairs of a
    head, which is the share that is left of q . k where every pair is alike. alibi: the bias of a head, from 0 on.
    """
    encodings, table = model.encodings(), model.table
    if encodings is not None:
        return (encodings[:n] @ encodings[:n].T).cpu()
    if table is None:
        return torch.zeros(n, n)
    if model.config.positions == "alibi":
        return table[head, :n, :n].cpu()
    cos, sin = table[:, :n]
    return ((cos @ cos.T + sin @ sin.T) / cos.shape[1]).cpu()  # cos(a - b) = cos a cos b + sin a sin b


def check(config: PositionsConfig) -> None:
    """Raises: ValueError for sizes below 1, unknown positions, or if 2 n_head does not divide n_embd."""
    for name in ("vocab_size", "block_size", "n_layer", "n_head", "n_embd", "batch"):
        checks.count(name, getattr(config, name))
    if config.positions not in KINDS:
        raise ValueError(f"There are no positions '{config.positions}'; there are {', '.join(KINDS)}.")
    if config.n_embd % (2 * config.n_head):
        raise ValueError(f"n_embd = {config.n_embd} is not divisible into {config.n_head} heads of even width.")


def loss(model: PositionsGPT, ids: Tensor) -> dict[str, Tensor]:
    """Mean -log p of the next token over ids [N, T + 1], in nats per token."""
    return {"loss": model.token_nll(ids).mean()}


@resumable
def train(
    config: PositionsConfig,
    corpus: Corpus,
    *,
    steps: int,
    seed: int = 0,
    device: str | torch.device = "cpu",
    resume: dict | None = None,
) -> Iterator[TrainStep[PositionsGPT]]:
    """Train on random windows of the corpus, the same ones for every kind of positions.

    Raises: ValueError if the corpus is too short or has another vocabulary.
    """
    check_vocab(config, corpus)
    model = seeded(seed, lambda: PositionsGPT(config)).to(device)
    model.tokenizer = corpus.tokenizer
    generator = torch.Generator().manual_seed(seed)
    optimizers = Optimizers(model, model.layers, Rates(config.muon_lr, config.lr, config.weight_decay))
    parts = {"model": model, "optimizers": optimizers}
    done = restore(resume, generator, parts)
    for step in range(done, steps):
        model.train()
        ids = windows(corpus.ids, config.batch, config.block_size, generator).to(device)
        with autocast(device):
            terms = loss(model, ids)
        optimizers.step(terms["loss"], step, steps)
        model.eval()
        losses = {name: term.item() for name, term in terms.items()}
        yield TrainStep(step + 1, losses, model, partial(snapshot, step + 1, generator, parts))


def shuffle_words(text: str, seed: int) -> str:
    """The text with the words before the last one in another order; the space between words stays where it was.

    The last word, even one that has only begun, and what follows it are as they were: the next character is the same
    task. A text of two words or fewer stays as it is.
    """
    words, spaces = re.findall(r"\S+", text), re.split(r"\S+", text)
    order = torch.randperm(max(0, len(words) - 1), generator=torch.Generator().manual_seed(seed)).tolist()
    moved = [words[i] for i in order] + words[-1:]
    return "".join(space + word for space, word in zip(spaces, [*moved, ""], strict=True))


RECIPES = {f"positions-{kind}": Recipe(PositionsConfig(kind), "shakespeare", steps=5000) for kind in KINDS}
TINY = Recipe(PositionsConfig("rotary", 280, "bpe", 16, 1, 2, 16, batch=8), "stories", steps=60)
CARD = {
    "overview": "A transformer that predicts the next character (genai_core/transformer/positions.py), one of five "
    "that differ only in how positions enter. Here: {positions}. {n_layer} layers, width {n_embd}, {n_head} heads, "
    "trained on windows of {block_size} characters.",
    "use": "Teaching: it drives Positions in the transformer tab, where the five are compared on shuffled words and on "
    "texts longer than those of the training.",
    "limits": "It is small and was trained for minutes: it knows spelling, and no meaning. What it does beyond its "
    "trained length is shown, not recommended. Five trainings of one seed do not rank five methods.",
}
LABELS = {
    "loss_within": ("Loss on held-out text, windows of 64 characters", "{:.3f} nat per character"),
    "loss_beyond": ("Loss at positions 129 to 256, fed 256 characters", "{:.3f} nat per character"),
    "loss_last": ("Loss of the character after 64", "{:.3f} nat"),
    "loss_shuffled": ("The same, with the words before the last one shuffled", "{:.3f} nat"),
    "distance_shuffled": ("Total variation distance between these two predictions, mean", "{:.3f}"),
}


def load(name: str) -> PositionsGPT:
    """A trained model with its `tokenizer`. Raises: CheckpointError, which says which names there are."""
    return tokenizers.load(name, PositionsGPT, PositionsConfig)


def examples(recipe: Recipe) -> Corpus:
    """What a recipe trains on. Raises: DataError."""
    return tokenizers.examples(recipe.dataset, recipe.config.units, recipe.config.vocab_size)


BIN = 8  # positions that are averaged in the curve


def pieces(ids: Tensor, length: int) -> Tensor:
    """ids [N] cut into windows that predict `length` tokens each, none of them twice: [M, length + 1]."""
    first = torch.arange(0, len(ids) - length, length)
    return ids[first[:, None] + torch.arange(length + 1)]


@torch.inference_mode()
def losses(model: PositionsGPT, windows: Tensor) -> Tensor:
    """Mean loss after 1, 2 ... T tokens over windows [M, T + 1], in nats: [T]. Raises: ValueError as the model."""
    device = model.embedding.weight.device
    return torch.cat([model.token_nll(part.to(device)).cpu() for part in windows.split(32)]).mean(0)


@torch.inference_mode()
def shuffled(model: PositionsGPT, ids: Tensor, length: int) -> dict[str, float]:
    """What shuffling the words does to the prediction after `length` characters (see LABELS), over a text, ids [N]."""
    whole, device = pieces(ids, length), model.embedding.weight.device
    texts = [shuffle_words(model.tokenizer.decode(row[:-1].tolist()), seed) for seed, row in enumerate(whole)]
    moved, target = torch.tensor([model.tokenizer.encode(text) for text in texts]), whole[:, -1:]
    before, after = (
        torch.cat([model(part.to(device))[:, -1].softmax(-1).cpu() for part in x.split(64)])
        for x in (whole[:, :-1], moved)
    )
    return {
        "loss_last": float(-before.gather(1, target).log().mean()),
        "loss_shuffled": float(-after.gather(1, target).log().mean()),
        "distance_shuffled": float((before - after).abs().sum(1).mean() / 2),
    }


def evaluate(name: str) -> dict:
    """Figures of a shipped model on the last 10 % of its corpus (see LABELS), and its loss by position.

    curve: the loss in nats after 1 to 8, 9 to 16 ... characters, as far as the model reads. Raises: DataError.
    """
    model = load(name)
    ids = torch.tensor(model.tokenizer.encode(corpora.corpus(RECIPES[name].dataset, "validation")))
    length, longest = model.config.block_size, model.longest
    # the same windows for all kinds: of one that reads less, their beginnings
    by_position = losses(model, pieces(ids, LONGER * length)[:, : longest + 1])
    beyond = {"loss_beyond": float(by_position[longest // 2 :].mean())} if longest > length else {}
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "loss_within": float(losses(model, pieces(ids, length)).mean()),
        **beyond,
        **shuffled(model, ids, length),
        "curve": by_position.unflatten(0, (-1, BIN)).mean(1).tolist(),
    }

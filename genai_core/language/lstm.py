"""Long short-term memory (Hochreiter & Schmidhuber 1997), as a character model (Graves 2013, Karpathy 2015).

A recurrent network reads one token at a time and keeps its memory in a state of fixed size: a hidden vector h and a
cell c, to which gates add and from which they forget. Generating a token therefore costs the same for any length of
text, but training cannot process all positions in parallel, and what the state has forgotten is lost.
"""

import copy
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
    cosine,
    restore,
    resumable,
    seeded,
    set_lr,
    snapshot,
    stepwise_seed,
)
from genai_core.language import decoding, evaluation, tokenizers
from genai_core.language.tokenizers import Corpus, Tokenizer, check_vocab, windows

PIECE = 1024  # tokens of a long text scored at a time


@dataclass(frozen=True)
class LSTMConfig:
    vocab_size: int = 65
    units: str = "characters"
    embedding: int = 64
    width: int = 512
    layers: int = 2
    dropout: float = 0.4  # of the output of each layer
    # optimisation
    context: int = 128  # tokens of truncated backpropagation through time
    batch: int = 64
    lr: float = 3e-3
    weight_decay: float = 0.01
    warmup: int = 50
    clip: float = 1.0


State = tuple[Tensor, Tensor]  # h and c, each [layers, N, width]


class LSTM(nn.Module):
    """A recurrent language model over token ids. `load` and `train` give it its `tokenizer`.

    Raises: ValueError for a size below 1, or a dropout outside [0, 1].
    """

    tokenizer: Tokenizer

    def __init__(self, config: LSTMConfig):
        super().__init__()
        for name in ("vocab_size", "embedding", "width", "layers"):
            checks.count(name, getattr(config, name))
        checks.number("dropout", config.dropout, 0, 1)
        self.config = config
        between = config.dropout if config.layers > 1 else 0.0
        self.embedding = nn.Embedding(config.vocab_size, config.embedding)
        self.layers = nn.LSTM(config.embedding, config.width, config.layers, batch_first=True, dropout=between)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(config.width, config.vocab_size)
        for layer in range(config.layers):  # remember initially (Gers 2000): the second quarter is the forget gate
            nn.init.zeros_(getattr(self.layers, f"bias_hh_l{layer}"))
            bias = getattr(self.layers, f"bias_ih_l{layer}")
            nn.init.zeros_(bias)
            nn.init.ones_(bias[config.width : 2 * config.width])

    def states(self, ids: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Token ids [N, T] and the state before them -> hidden vectors [N, T, width], and the state after them."""
        return self.layers(self.embedding(ids), state)

    def step(self, token: int, state: State) -> tuple[Tensor, State]:
        """As `states` for one token of one text, [1, width]; much faster than a batch of one."""
        x, h, c = self.embedding.weight[token : token + 1], [], []
        for layer, before in enumerate(zip(*state, strict=True)):
            parts = (
                getattr(self.layers, f"{name}_l{layer}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            )
            x, memory = torch.lstm_cell(x, before, *parts)
            h.append(x)
            c.append(memory)
        return x, (torch.stack(h), torch.stack(c))

    def forward(self, ids: Tensor) -> Tensor:
        """Token ids [N, T] -> logits of the token after each, [N, T, vocab]."""
        return self.head(self.dropout(self.states(ids)[0])).float()

    def token_nll(self, ids: Tensor) -> Tensor:
        """-log p of every token of ids [N, T + 1] but the first, given those before it: [N, T], in nats."""
        return F.cross_entropy(self(ids[:, :-1]).transpose(1, 2), ids[:, 1:], reduction="none")

    def decoding_session(self) -> "LSTMSession":
        """Reads one text token by token, keeping the state."""
        return LSTMSession(self)

    def next_logits(self, ids: Sequence[int]) -> Tensor:
        """Logits of the token after `ids`, [vocab] float32. Raises: ValueError if there are no ids."""
        return self.decoding_session().next_logits(ids)

    @torch.inference_mode()
    def score(self, string: str) -> Tensor:
        """-log p of each token of a text given those before it, in nats, [tokens]; the first one after the start token.

        Raises: ValueError for characters outside the vocabulary.
        """
        device = self.head.weight.device
        if not string:
            return torch.zeros(0)
        ids = torch.tensor([self.tokenizer.start, *self.tokenizer.encode(string)], device=device)
        losses, state = [], None
        for inputs, targets in zip(ids[:-1].split(PIECE), ids[1:].split(PIECE), strict=True):
            hidden, state = self.states(inputs[None], state)
            losses.append(F.cross_entropy(self.head(hidden[0]), targets, reduction="none").cpu())
        return torch.cat(losses)


class LSTMSession:
    """Reads a text with the model, token by token. Not thread-safe."""

    def __init__(self, model: LSTM):
        self.model = model
        self._reset()

    def _reset(self) -> None:
        self._seen: list[int] = []
        self._hidden: list[Tensor] = []  # of each token seen, [1, width]
        self._state: State | None = None

    @property
    def states(self) -> Tensor:
        """The head's input at each token so far, [tokens, width]."""
        return torch.cat(self._hidden) if self._hidden else torch.zeros(0, self.model.config.width)

    def copy(self) -> "LSTMSession":
        """A session that has read the same text and continues on its own."""
        twin = copy.copy(self)  # a state is never changed in place
        twin._seen, twin._hidden = list(self._seen), list(self._hidden)
        return twin

    @torch.inference_mode()
    def next_logits(self, ids: Sequence[int]) -> Tensor:
        """As `LSTM.next_logits`; a text that continues the last one is not read again."""
        ids = decoding.prompt(ids)
        if tokenizers.shared(ids, self._seen) < len(self._seen):
            self._reset()
        new = ids[len(self._seen) :]
        tokenizers.check_ids(new, self.model.config.vocab_size)
        if len(new) == 1 and self._state is not None:
            hidden, self._state = self.model.step(new[0], self._state)
            self._hidden.append(hidden)
        elif new:
            inputs = torch.tensor([new], device=self.model.head.weight.device)
            hidden, self._state = self.model.states(inputs, self._state)
            self._hidden += hidden[0].split(1)
        self._seen = ids
        return self.model.head(self._hidden[-1][0]).float().cpu()


def loss(model: LSTM, ids: Tensor) -> dict[str, Tensor]:
    """Mean -log p of the next token over ids [N, T + 1], in nats per token."""
    return {"loss": model.token_nll(ids).mean()}


@resumable
def train(
    config: LSTMConfig,
    corpus: Corpus,
    *,
    steps: int,
    seed: int = 0,
    device: str | torch.device = "cpu",
    resume: dict | None = None,
) -> Iterator[TrainStep[LSTM]]:
    """Train on random windows of the corpus, `config.context` tokens long; yields each step with the model.

    Raises: ValueError if the corpus is too short or has another vocabulary.
    """
    check_vocab(config, corpus)
    model = seeded(seed, lambda: LSTM(config)).to(device)
    model.tokenizer = corpus.tokenizer
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=config.lr, betas=(0.9, 0.99), weight_decay=config.weight_decay, fused=True
    )
    generator = torch.Generator().manual_seed(seed)
    parts = {"model": model, "optimizer": optimizer}
    done = restore(resume, generator, parts)

    for step in range(done, steps):
        model.train()
        ids = windows(corpus.ids, config.batch, config.context, generator).to(device)
        set_lr(optimizer, config.lr * cosine(step, steps, config.warmup))
        with stepwise_seed(seed, step, device), autocast(device):  # of the dropout
            terms = loss(model, ids)
        optimizer.zero_grad()
        terms["loss"].backward()
        nn.utils.clip_grad_norm_(model.parameters(), config.clip)
        optimizer.step()
        model.eval()
        losses = {name: term.item() for name, term in terms.items()}
        yield TrainStep(step + 1, losses, model, partial(snapshot, step + 1, generator, parts))


RECIPES = {"lstm-shakespeare": Recipe(LSTMConfig(), "shakespeare", steps=1200)}
TINY = Recipe(
    LSTMConfig(280, "bpe", embedding=8, width=32, layers=1, context=16, batch=8, lr=0.02), "stories", steps=60
)
CARD = {
    "overview": "A recurrent network, {layers} layers of LSTM (Hochreiter & Schmidhuber 1997) of width {width}, that "
    "predicts the next of {vocab_size} {units}; trained on windows of {context}.",
    "use": "Teaching: beside the n-gram model and the GPT of the text tab.",
    "limits": "It was trained on one megabyte of text, and its memory is its state.",
}

LABELS = evaluation.LABELS


def load(name: str) -> LSTM:
    """A trained LSTM with its `tokenizer`, ready to use. Raises: CheckpointError, which says which names there are."""
    return tokenizers.load(name, LSTM, LSTMConfig)


def examples(recipe: Recipe) -> Corpus:
    """What a recipe trains on. Raises: DataError."""
    return tokenizers.examples(recipe.dataset, recipe.config.units, recipe.config.vocab_size)


def evaluate(name: str) -> dict:
    """Figures of a shipped LSTM on the last 10 % of its corpus (see LABELS)."""
    return evaluation.evaluate(load(name), RECIPES[name])

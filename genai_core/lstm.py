"""Long short-term memory (Hochreiter & Schmidhuber 1997), as a character model (Graves 2013, Karpathy 2015).

A recurrent network reads one token at a time and carries all it remembers in a state of fixed size: a hidden vector h
and a cell c, to which gates add and from which they forget. Writing a token therefore costs the same however long the
text is, but training cannot look at all places at once, and what the state lost is gone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genai_core import text, text_evaluation
from genai_core.text import Corpus, check_vocab, windows
from genai_core.training import Recipe, TrainStep, autocast, cosine, restore, seeded, set_lr, snapshot, stepwise_seed

PIECE = 1024  # tokens that a long text is scored by at a time


@dataclass(frozen=True)
class LSTMConfig:
    vocab: int = 65
    units: str = "characters"
    embedding: int = 64
    width: int = 512
    layers: int = 2
    dropout: float = 0.4  # of what each layer gives on
    # optimisation
    context: int = 128  # tokens over which the gradient flows back
    batch: int = 64
    lr: float = 3e-3
    weight_decay: float = 0.01
    warmup: int = 50
    clip: float = 1.0


State = tuple[Tensor, Tensor]  # h and c, each [layers, N, width]


class LSTM(nn.Module):
    """A recurrent language model over token ids. `load` and `train` give it its `tokenizer`."""

    def __init__(self, config: LSTMConfig):
        super().__init__()
        self.config = config
        between = config.dropout if config.layers > 1 else 0.0
        self.embedding = nn.Embedding(config.vocab, config.embedding)
        self.layers = nn.LSTM(config.embedding, config.width, config.layers, batch_first=True, dropout=between)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(config.width, config.vocab)
        for layer in range(config.layers):  # remember, at first (Gers 2000): the second quarter is the forget gate
            nn.init.zeros_(getattr(self.layers, f"bias_hh_l{layer}"))
            bias = getattr(self.layers, f"bias_ih_l{layer}")
            nn.init.zeros_(bias)
            nn.init.ones_(bias[config.width : 2 * config.width])

    def states(self, ids: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Token ids [N, T] and the state before them -> hidden vectors [N, T, width], and the state after them."""
        return self.layers(self.embedding(ids), state)

    def step(self, token: int, state: State) -> tuple[Tensor, State]:
        """As `states` for one token of one text, [1, width]; far faster, since nothing is packed for a batch."""
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

    def nats(self, ids: Tensor) -> Tensor:
        """-log p of every token of ids [N, T + 1] but the first, given those before it: [N, T], in nats."""
        return F.cross_entropy(self(ids[:, :-1]).transpose(1, 2), ids[:, 1:], reduction="none")

    def reader(self) -> "Reader":
        """Reads one text token by token, keeping its state."""
        return Reader(self)

    def next_logits(self, ids: Sequence[int]) -> Tensor:
        """Logits of the token after `ids`, [vocab] float32. Raises: ValueError if there are no ids."""
        return self.reader().next_logits(ids)

    @torch.inference_mode()
    def score(self, string: str) -> Tensor:
        """-log p of each token of a text given those before it, in nats, [tokens]; the first one after START.

        Raises: ValueError for characters outside the vocabulary.
        """
        device = self.head.weight.device
        if not string:
            return torch.zeros(0)
        ids = torch.tensor(self.tokenizer.encode(text.START + string), device=device)
        found, state = [], None
        for given, wanted in zip(ids[:-1].split(PIECE), ids[1:].split(PIECE), strict=True):
            hidden, state = self.states(given[None], state)
            found.append(F.cross_entropy(self.head(hidden[0]), wanted, reduction="none").cpu())
        return torch.cat(found)


class Reader:
    """Reads a text with the model, token by token. Not for two threads at once."""

    def __init__(self, model: LSTM):
        self.model = model
        self._forget()

    def _forget(self) -> None:
        self._seen: list[int] = []
        self._hidden: list[Tensor] = []  # of each token seen, [1, width]
        self._state: State | None = None

    @property
    def states(self) -> Tensor:
        """What the head read at each token so far, [tokens, width]."""
        return torch.cat(self._hidden) if self._hidden else torch.zeros(0, self.model.config.width)

    def copy(self) -> "Reader":
        """A reader that has read the same and goes its own way."""
        made = object.__new__(Reader)
        made.model, made._state = self.model, self._state  # a state is never changed in place
        made._seen, made._hidden = list(self._seen), list(self._hidden)
        return made

    @torch.inference_mode()
    def next_logits(self, ids: Sequence[int]) -> Tensor:
        """As `LSTM.next_logits`; a text that goes on from the last one is not read again."""
        if not len(ids):
            raise ValueError("A text model needs at least one token to go on from.")
        ids = list(ids)
        if text.shared(ids, self._seen) < len(self._seen):
            self._forget()
        new = ids[len(self._seen) :]
        if len(new) == 1 and self._state is not None:
            hidden, self._state = self.model.step(new[0], self._state)
            self._hidden.append(hidden)
        elif new:
            given = torch.tensor([new], device=self.model.head.weight.device)
            hidden, self._state = self.model.states(given, self._state)
            self._hidden += hidden[0].split(1)
        self._seen = ids
        return self.model.head(self._hidden[-1][0]).float().cpu()


def loss(model: LSTM, ids: Tensor) -> dict[str, Tensor]:
    """Mean -log p of the next token over ids [N, T + 1], in nats per token."""
    return {"loss": model.nats(ids).mean()}


def train(
    config: LSTMConfig,
    corpus: Corpus,
    *,
    steps: int,
    seed: int = 0,
    device: str | torch.device = "cpu",
    resume: dict | None = None,
) -> Iterator[TrainStep]:
    """Train on random pieces of the corpus, `config.context` tokens long; yields each step with the model.

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
CARD = {
    "overview": "A recurrent network, {layers} layers of LSTM (Hochreiter & Schmidhuber 1997) of width {width}, that "
    "predicts the next of {vocab} {units}; trained through pieces of {context}.",
    "use": "Teaching: beside the n-gram model and the GPT of the text tab.",
    "limits": "It has read one megabyte, and remembers only what its state holds.",
}


def load(name: str) -> LSTM:
    """A trained LSTM with its `tokenizer`, ready to use. Raises: CheckpointError, which says which names there are."""
    return text.load(name, LSTM, LSTMConfig)


def examples(recipe: Recipe) -> Corpus:
    """What a recipe trains on. Raises: DataError."""
    return text.examples(recipe.dataset, recipe.config.units, recipe.config.vocab)


def evaluate(name: str) -> dict:
    """Figures of a shipped LSTM on the last 10 % of its corpus (see `genai_core.cards.LABELS`)."""
    return text_evaluation.evaluate(load(name), RECIPES[name])

"""GPT: a transformer that predicts the next token from those before it (Vaswani 2017, Radford 2018 and 2019).

    x   = embedding of the tokens (+ of their places)
    x   = x + attention(norm(x));  x = x + mlp(norm(x))         for each layer ("pre-norm", Radford 2019)
    attention(q, k, v) = softmax(q k' / sqrt(d) + mask) v       over the tokens so far, in heads [Vaswani, eq. 1]
    p(next token) = softmax(head(norm(x)))

One config spells GPT-2 and the parts that came later: LayerNorm or RMSNorm (Zhang 2019), learned places or rotary ones
(Su 2021), GELU or squared ReLU (So 2021), with or without biases, a head tied to the embedding or not (Press 2017),
output projections that start at zero or not; AdamW, or Muon (Jordan 2024) for the hidden matrices.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genai_core import gpt_reader, text, text_evaluation
from genai_core.gpt_reader import Cache
from genai_core.text import Corpus, check_vocab, windows
from genai_core.training import Recipe, TrainStep, autocast, restore, seeded, set_lr, snapshot, stepwise_seed


@dataclass(frozen=True)
class GPTConfig:
    vocab: int = 65
    units: str = "characters"  # or "pairs": what a token is, see genai_core.text
    context: int = 256
    layers: int = 6
    heads: int = 4
    width: int = 256
    # parts
    norm: str = "rms"  # or "layer"
    positions: str = "rotary"  # or "learned"
    activation: str = "relu2"  # or "gelu"
    bias: bool = False
    tied: bool = False  # the head's weights are the embedding's
    zero_init: bool = True  # of the projections into the residual stream, and of an untied head
    dropout: float = 0.2  # of the embedding and of what each layer adds
    # optimisation
    optimizer: str = "muon"  # for the hidden matrices; AdamW for the rest. Or "adamw" for all
    batch: int = 32
    lr: float = 3e-3  # AdamW's
    muon_lr: float = 0.02
    weight_decay: float = 0.1  # of the hidden matrices
    warmup: int = 50
    clip: float = 1.0


GPT2 = {
    "norm": "layer",
    "positions": "learned",
    "activation": "gelu",
    "bias": True,
    "tied": True,
    "zero_init": False,
}


def rotary_table(context: int, width: int) -> Tensor:
    """cos and sin of place * 10000^(-2i / width) for the `width` / 2 pairs of a head: [2, context, width / 2]."""
    speeds = 10_000.0 ** -(torch.arange(0, width, 2).double() / width)
    angles = torch.arange(context).double()[:, None] * speeds
    return torch.stack([angles.cos(), angles.sin()]).float()


def rotate(x: Tensor, table: Tensor) -> Tensor:
    """x [..., T, width] with the pair (x_i, x_{i + width/2}) turned by its place's angle [Su 2021, eq. 15].

    table: [2, T, width / 2] of those places. The product of two rotated vectors depends on their distance alone.
    """
    a, b = x.chunk(2, dim=-1)
    cos, sin = table.to(x.dtype)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


class Attention(nn.Module):
    """Causal self-attention in several heads."""

    def __init__(self, config: GPTConfig, layer: int):
        super().__init__()
        self.heads, self.layer = config.heads, layer
        self.qkv = nn.Linear(config.width, 3 * config.width, bias=config.bias)
        self.out = nn.Linear(config.width, config.width, bias=config.bias)

    def forward(self, x: Tensor, table: Tensor | None, cache: Cache | None = None) -> Tensor:
        n, t, c = x.shape
        q, k, v = self.qkv(x).view(n, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)  # [N, heads, T, d] each
        if table is not None:
            q, k = rotate(q, table), rotate(k, table)
        if cache is not None:
            k, v = cache.extend(self.layer, k, v)
        mask = None
        if cache is not None and cache.length and t > 1:  # the tokens kept are all in the past of the new ones
            mask = torch.ones(t, k.shape[2], dtype=torch.bool, device=x.device).tril(cache.length)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None and t > 1)
        return self.out(y.transpose(1, 2).reshape(n, t, c))  # [N, T, width]


class MLP(nn.Module):
    def __init__(self, config: GPTConfig):
        super().__init__()
        self.up = nn.Linear(config.width, 4 * config.width, bias=config.bias)
        self.out = nn.Linear(4 * config.width, config.width, bias=config.bias)
        self.relu2 = config.activation == "relu2"

    def forward(self, x: Tensor) -> Tensor:
        x = self.up(x)  # [N, T, 4 width]
        return self.out(F.relu(x).square() if self.relu2 else F.gelu(x, approximate="tanh"))  # [N, T, width]


class Block(nn.Module):
    def __init__(self, config: GPTConfig, layer: int):
        super().__init__()
        self.norm1, self.norm2 = make_norm(config), make_norm(config)
        self.attention, self.mlp = Attention(config, layer), MLP(config)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, table: Tensor | None, cache: Cache | None = None) -> Tensor:
        x = x + self.dropout(self.attention(self.norm1(x), table, cache))
        return x + self.dropout(self.mlp(self.norm2(x)))


def make_norm(config: GPTConfig) -> nn.Module:
    if config.norm == "rms":
        return nn.RMSNorm(config.width, eps=1e-6)
    return nn.LayerNorm(config.width, eps=1e-5, bias=config.bias)


class GPT(nn.Module):
    """A transformer language model over token ids. `load` and `train` give it its `tokenizer`.

    Raises: ValueError for parts there are not, or a width that the heads do not divide evenly.
    """

    def __init__(self, config: GPTConfig):
        super().__init__()
        check(config)
        self.config = config
        self.embedding = nn.Embedding(config.vocab, config.width)
        self.places = nn.Embedding(config.context, config.width) if config.positions == "learned" else None
        self.blocks = nn.ModuleList(Block(config, layer) for layer in range(config.layers))
        self.norm = make_norm(config)
        self.head = nn.Linear(config.width, config.vocab, bias=False)
        self.dropout = nn.Dropout(config.dropout)
        if config.positions == "rotary":
            table = rotary_table(config.context, config.width // config.heads)
            self.register_buffer("table", table, persistent=False)
        self._initialise()

    def _initialise(self) -> None:
        """N(0, 0.02), less for what goes into the residual stream, as in GPT-2; or zero there."""
        config = self.config
        for name, p in self.named_parameters():
            if p.ndim == 2:
                nn.init.normal_(p, std=0.02 * (2 * config.layers) ** -0.5 if ".out." in name else 0.02)
            if p.ndim == 2 and config.zero_init and (".out." in name or (name == "head.weight" and not config.tied)):
                nn.init.zeros_(p)
            if name.endswith("bias"):
                nn.init.zeros_(p)
        if config.tied:
            self.head.weight = self.embedding.weight

    def states(self, ids: Tensor, cache: Cache | None = None) -> Tensor:
        """Token ids [N, T] -> what the head reads at every place, [N, T, width]; with a cache, N = 1, it is extended.

        Raises: ValueError if that is longer than the context.
        """
        first = cache.length if cache is not None else 0
        end = first + ids.shape[1]
        if end > self.config.context:
            raise ValueError(f"{end} tokens are more than the context of {self.config.context}.")
        x = self.embedding(ids)  # [N, T, width]
        if self.places is not None:
            x = x + self.places.weight[first:end]
        table = None if self.places is not None else self.table[:, first:end]
        x = self.dropout(x)
        for block in self.blocks:
            x = block(x, table, cache)
        if cache is not None:
            cache.length = end
        return self.norm(x)

    def forward(self, ids: Tensor) -> Tensor:
        """Token ids [N, T] -> logits of the token after each, [N, T, vocab]."""
        return self.head(self.states(ids)).float()

    def nats(self, ids: Tensor) -> Tensor:
        """-log p of every token of ids [N, T + 1] but the first, given those before it: [N, T], in nats."""
        return F.cross_entropy(self(ids[:, :-1]).transpose(1, 2), ids[:, 1:], reduction="none")

    def reader(self, half: bool = False) -> "gpt_reader.Reader":
        """Reads one text token by token, keeping what it has worked out; half: in bfloat16, on a CPU."""
        return gpt_reader.Reader(self, half)

    def next_logits(self, ids: Sequence[int]) -> Tensor:
        """Logits of the token after `ids`, [vocab] float32. Raises: ValueError if there are no ids."""
        return self.reader().next_logits(ids)

    @torch.inference_mode()
    def score(self, string: str) -> Tensor:
        """-log p of each token of a text given those before it, in nats, [tokens]; the first one after START.

        The same as reading on with `next_logits`. Raises: ValueError for characters outside the vocabulary.
        """
        ids = self.tokenizer.encode(string)
        if not ids:
            return torch.zeros(0)
        device = self.embedding.weight.device
        ids = torch.tensor([self.tokenizer.encode(text.START)[0], *ids], device=device)
        found, done = [], 0  # tokens predicted
        while done < len(ids) - 1:
            start = text.first_seen(done + 1, self.config.context)
            until = min(len(ids) - 1, start + self.config.context)
            found.append(self.nats(ids[None, start : until + 1])[0, done - start :])
            done = until
        return torch.cat(found).cpu()


def check(config: GPTConfig) -> None:
    """Raises: ValueError for parts there are not, or a width that the heads do not divide evenly."""
    choices = {
        "norm": ("rms", "layer"),
        "positions": ("rotary", "learned"),
        "activation": ("relu2", "gelu"),
        "optimizer": ("muon", "adamw"),
    }
    for name, known in choices.items():
        if getattr(config, name) not in known:
            raise ValueError(f"There is no {name} '{getattr(config, name)}'; there are {', '.join(known)}.")
    if config.width % (2 * config.heads):
        raise ValueError(f"A width of {config.width} cannot be shared by {config.heads} heads of even width.")


def loss(model: GPT, ids: Tensor) -> dict[str, Tensor]:
    """Mean -log p of the next token over ids [N, T + 1], in nats per token."""
    return {"loss": model.nats(ids).mean()}


def optimizers(model: GPT) -> dict[str, torch.optim.Optimizer]:
    """Muon or AdamW with weight decay for the matrices of the layers, AdamW without it for all else."""
    config = model.config
    matrices = [p for p in model.blocks.parameters() if p.ndim == 2]
    rest = [p for p in model.parameters() if not any(p is m for m in matrices)]
    adamw = partial(torch.optim.AdamW, lr=config.lr, betas=(0.9, 0.99), fused=True)
    if config.optimizer == "muon":
        hidden = torch.optim.Muon(matrices, lr=config.muon_lr, momentum=0.95, weight_decay=config.weight_decay)
    else:
        hidden = adamw(matrices, weight_decay=config.weight_decay)
    return {"hidden": hidden, "rest": adamw(rest, weight_decay=0.0)}


def trapezoid(step: int, steps: int, warmup: int) -> float:
    """Learning-rate factor: linear from 0 over `warmup` steps, 1 until 30 % of the steps, then linear to 2 %."""
    if step < warmup:
        return (step + 1) / warmup
    return min(1.0, 1 - 0.98 * (step / max(1, steps - 1) - 0.3) / 0.7)


def train(
    config: GPTConfig,
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
    model = seeded(seed, lambda: GPT(config)).to(device)
    model.tokenizer = corpus.tokenizer
    generator = torch.Generator().manual_seed(seed)
    both = optimizers(model)
    rates = {name: optimizer.param_groups[0]["lr"] for name, optimizer in both.items()}
    parts = {"model": model, **both}
    done = restore(resume, generator, parts)

    for step in range(done, steps):
        model.train()
        ids = windows(corpus.ids, config.batch, config.context, generator).to(device)
        with stepwise_seed(seed, step, device), autocast(device):  # of the dropout
            terms = loss(model, ids)
        model.zero_grad()
        terms["loss"].backward()
        nn.utils.clip_grad_norm_(model.parameters(), config.clip)
        for name, optimizer in both.items():
            set_lr(optimizer, rates[name] * trapezoid(step, steps, config.warmup))
            optimizer.step()
        model.eval()
        losses = {name: term.item() for name, term in terms.items()}
        yield TrainStep(step + 1, losses, model, partial(snapshot, step + 1, generator, parts))


STORIES = GPTConfig(vocab=1024, units="pairs", layers=6, heads=4, width=192, dropout=0.3)
RECIPES = {
    "gpt-shakespeare": Recipe(GPTConfig(), "shakespeare", steps=2600),
    "gpt-stories": Recipe(STORIES, "stories", steps=1100),
}
CARD = {
    "overview": "A transformer written from scratch (genai_core/gpt.py) that predicts the next token: {layers} layers, "
    "width {width}, {heads} heads, a context of {context} tokens, a vocabulary of {vocab} ({units}). Norm: {norm}, "
    "positions: {positions}, activation: {activation}.",
    "use": "Teaching: it drives the text tab (sampling, surprisal, comparison with n-gram and LSTM).",
    "limits": "It has read one megabyte: it knows spelling and manner, and means nothing by what it says. It repeats "
    "the prejudices of its corpus, and may repeat its sentences. On tiny Shakespeare it was to come to "
    "1.45 nat a character; 400 steps fewer, with the same recipe, came out half a hundredth of a nat worse.",
}


def load(name: str) -> GPT:
    """A trained GPT with its `tokenizer`, ready to use. Raises: CheckpointError, which says which names there are."""
    return text.load(name, GPT, GPTConfig)


def examples(recipe: Recipe) -> Corpus:
    """What a recipe trains on. Raises: DataError."""
    return text.examples(recipe.dataset, recipe.config.units, recipe.config.vocab)


def evaluate(name: str) -> dict:
    """Figures of a shipped GPT on the last 10 % of its corpus (see `genai_core.cards.LABELS`)."""
    return text_evaluation.evaluate(load(name), RECIPES[name])

"""GPT: a transformer that predicts the next token from those before it (Vaswani 2017, Radford 2018 and 2019).

    x   = embedding of the tokens (+ of their positions)
    x   = x + attention(norm(x));  x = x + mlp(norm(x))         for each layer ("pre-norm", Radford 2019)
    attention(q, k, v) = softmax(q k' / sqrt(d) + mask) v       over the tokens so far, in heads [Vaswani, eq. 1]
    p(next token) = softmax(head(norm(x)))

One config covers GPT-2 and later components: LayerNorm or RMSNorm (Zhang 2019), learned or rotary positions (Su
2021), GELU or squared ReLU (So 2021), with or without biases, a head tied to the embedding or not (Press 2017),
output projections that start at zero or not; AdamW, or Muon (Jordan 2024) for the hidden matrices.
"""

from collections.abc import Callable, Iterator, Sequence
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
    set_lr,
    snapshot,
    stepwise_seed,
    trapezoid,
)
from genai_core.language import evaluation, tokenizers
from genai_core.language.cache import Cache
from genai_core.language.tokenizers import Corpus, Tokenizer, check_vocab, windows

Edit = Callable[[int, Tensor], Tensor]  # (layers so far, residual stream [..., T, width]) -> the stream to go on with


@dataclass(frozen=True)
class GPTConfig:
    vocab_size: int = 65
    units: str = "characters"  # or "bpe": what a token is, see genai_core.language.tokenizers
    block_size: int = 256
    n_layer: int = 6
    n_head: int = 4
    n_embd: int = 256
    # components
    norm: str = "rms"  # or "layer"
    positions: str = "rotary"  # or "learned"
    activation: str = "relu2"  # or "gelu"
    bias: bool = False
    tied: bool = False  # the head's weights are the embedding's
    zero_init: bool = True  # of the projections into the residual stream, and of an untied head
    dropout: float = 0.2  # of the embedding and the output of each layer
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
    """cos and sin of position * 10000^(-2i / width) for the `width` / 2 pairs of a head: [2, context, width / 2]."""
    speeds = 10_000.0 ** -(torch.arange(0, width, 2).double() / width)
    angles = torch.arange(context).double()[:, None] * speeds
    return torch.stack([angles.cos(), angles.sin()]).float()


def rotate(x: Tensor, table: Tensor) -> Tensor:
    """x [..., T, width] with the pair (x_i, x_{i + width/2}) rotated by the angle of its position [Su 2021, eq. 15].

    table: [2, T, width / 2] of those positions. The product of two rotated vectors depends on their distance only.
    """
    a, b = x.chunk(2, dim=-1)
    cos, sin = table.to(x.dtype)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


class Attention(nn.Module):
    """Causal self-attention in several heads."""

    def __init__(self, config: GPTConfig, layer: int):
        super().__init__()
        self.heads, self.layer = config.n_head, layer
        self.qkv = nn.Linear(config.n_embd, 3 * config.n_embd, bias=config.bias)
        self.out = nn.Linear(config.n_embd, config.n_embd, bias=config.bias)

    def project(self, x: Tensor, table: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values of x [N, T, width], each [N, heads, T, d]."""
        n, t, c = x.shape
        q, k, v = self.qkv(x).view(n, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        if table is not None:
            q, k = rotate(q, table), rotate(k, table)
        return q, k, v

    def weights(self, x: Tensor, table: Tensor | None) -> Tensor:
        """How much each token attends to itself and to those before it, [N, heads, T, T]; `forward` never forms them.

        Each row is a distribution: it sums to 1.
        """
        q, k, _ = self.project(x, table)
        scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
        later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=x.device).triu(1)
        return scores.masked_fill(later, -torch.inf).softmax(-1)

    def forward(self, x: Tensor, table: Tensor | None, cache: Cache | None = None) -> Tensor:
        n, t, c = x.shape
        q, k, v = self.project(x, table)
        if cache is not None:
            k, v = cache.extend(self.layer, k, v)
        mask = None
        if cache is not None and cache.length and t > 1:  # all cached tokens precede the new ones
            mask = torch.ones(t, k.shape[2], dtype=torch.bool, device=x.device).tril(cache.length)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None and t > 1)
        return self.out(y.transpose(1, 2).reshape(n, t, c))  # [N, T, width]


class MLP(nn.Module):
    def __init__(self, config: GPTConfig):
        super().__init__()
        self.up = nn.Linear(config.n_embd, 4 * config.n_embd, bias=config.bias)
        self.out = nn.Linear(4 * config.n_embd, config.n_embd, bias=config.bias)
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


def make_norm(config: GPTConfig) -> nn.RMSNorm | nn.LayerNorm:
    if config.norm == "rms":
        return nn.RMSNorm(config.n_embd, eps=1e-6)
    return nn.LayerNorm(config.n_embd, eps=1e-5, bias=config.bias)


class GPT(nn.Module):
    """A transformer language model over token ids. `load` and `train` give it its `tokenizer`.

    Raises: ValueError as `check`.
    """

    tokenizer: Tokenizer
    table: Tensor  # of rotary positions

    def __init__(self, config: GPTConfig):
        super().__init__()
        check(config)
        self.config = config
        self.embedding = nn.Embedding(config.vocab_size, config.n_embd)
        self.position_embedding = (
            nn.Embedding(config.block_size, config.n_embd) if config.positions == "learned" else None
        )
        self.blocks = nn.ModuleList(Block(config, layer) for layer in range(config.n_layer))
        self.norm = make_norm(config)
        self.head = nn.Linear(config.n_embd, config.vocab_size, bias=False)
        self.dropout = nn.Dropout(config.dropout)
        if config.positions == "rotary":
            table = rotary_table(config.block_size, config.n_embd // config.n_head)
            self.register_buffer("table", table, persistent=False)
        self._initialise()

    def _initialise(self) -> None:
        """N(0, 0.02), scaled down for projections into the residual stream, as in GPT-2, or zero for them."""
        config = self.config
        for name, p in self.named_parameters():
            if p.ndim == 2:
                nn.init.normal_(p, std=0.02 * (2 * config.n_layer) ** -0.5 if ".out." in name else 0.02)
            if p.ndim == 2 and config.zero_init and (".out." in name or (name == "head.weight" and not config.tied)):
                nn.init.zeros_(p)
            if name.endswith("bias"):
                nn.init.zeros_(p)
        if config.tied:
            self.head.weight = self.embedding.weight

    def states(self, ids: Tensor, cache: Cache | None = None, edit: Edit | None = None) -> Tensor:
        """Token ids [N, T] -> the head's input at every position, [N, T, n_embd]; with a cache, N = 1, it is extended.

        edit: called after each layer with the residual stream, to read it or to change it.
        Raises: ValueError if that exceeds the context.
        """
        first = cache.length if cache is not None else 0
        end = first + ids.shape[1]
        if end > self.config.block_size:
            raise ValueError(f"{end} tokens are more than the context of {self.config.block_size}.")
        x = self.embedding(ids)  # [N, T, width]
        if self.position_embedding is not None:
            x = x + self.position_embedding.weight[first:end]
        table = None if self.position_embedding is not None else self.table[:, first:end]
        x = self.dropout(x)
        for layer, block in enumerate(self.blocks, 1):
            x = block(x, table, cache)
            if edit is not None:
                x = edit(layer, x)
        if cache is not None:
            cache.length = end
        return self.norm(x)

    def forward(self, ids: Tensor, edit: Edit | None = None) -> Tensor:
        """Token ids [N, T] -> logits of the token after each, [N, T, vocab]; edit: see `states`."""
        return self.head(self.states(ids, edit=edit)).float()

    def token_nll(self, ids: Tensor, edit: Edit | None = None) -> Tensor:
        """-log p of every token of ids [N, T + 1] but the first, given those before it: [N, T], in nats."""
        return F.cross_entropy(self(ids[:, :-1], edit).transpose(1, 2), ids[:, 1:], reduction="none")

    @torch.inference_mode()
    def next_logits(self, ids: Sequence[int]) -> Tensor:
        """Logits of the token after `ids`, [vocab_size] float32.

        Raises: ValueError for no ids, or one outside the vocabulary.
        The whole window is read again at each call; `decoding.DecodingSession` reads it once.
        """
        if not len(ids):
            raise ValueError("A language model needs at least one token to continue from.")
        tokenizers.check_ids(ids, self.config.vocab_size)
        seen = list(ids[tokenizers.window_start(len(ids), self.config.block_size) :])
        states = self.states(torch.tensor([seen], device=self.embedding.weight.device))[0]  # [T, n_embd]
        return self.head(states[-1]).float().cpu()

    @torch.inference_mode()
    def score(self, string: str) -> Tensor:
        """-log p of each token of a text given those before it, in nats, [tokens]; the first one after the start token.

        Equal to the probabilities by `next_logits`. Raises: ValueError for characters outside the vocabulary.
        """
        tokens = self.tokenizer.encode(string)
        if not tokens:
            return torch.zeros(0)
        device = self.embedding.weight.device
        ids = torch.tensor([self.tokenizer.start, *tokens], device=device)
        losses, done = [], 0  # tokens predicted
        while done < len(ids) - 1:
            start = tokenizers.window_start(done + 1, self.config.block_size)
            end = min(len(ids) - 1, start + self.config.block_size)
            losses.append(self.token_nll(ids[None, start : end + 1])[0, done - start :])
            done = end
        return torch.cat(losses).cpu()


def check(config: GPTConfig) -> None:
    """Raises: ValueError for unknown components, a size below 1, a dropout outside [0, 1], or if 2 n_head does not
    divide n_embd.
    """
    choices = {
        "norm": ("rms", "layer"),
        "positions": ("rotary", "learned"),
        "activation": ("relu2", "gelu"),
        "optimizer": ("muon", "adamw"),
    }
    for name, known in choices.items():
        if getattr(config, name) not in known:
            raise ValueError(f"There is no {name} '{getattr(config, name)}'; there are {', '.join(known)}.")
    for name in ("vocab_size", "block_size", "n_layer", "n_head", "n_embd"):
        checks.count(name, getattr(config, name))
    checks.number("dropout", config.dropout, 0, 1)
    if config.n_embd % (2 * config.n_head):
        raise ValueError(f"n_embd = {config.n_embd} is not divisible into {config.n_head} heads of even width.")


def loss(model: GPT, ids: Tensor) -> dict[str, Tensor]:
    """Mean -log p of the next token over ids [N, T + 1], in nats per token."""
    return {"loss": model.token_nll(ids).mean()}


def optimizers(model: GPT) -> dict[str, torch.optim.Optimizer]:
    """Muon or AdamW with weight decay for the matrices of the layers, AdamW without it for the rest."""
    config = model.config
    matrices = [p for p in model.blocks.parameters() if p.ndim == 2]
    rest = [p for p in model.parameters() if not any(p is m for m in matrices)]
    adamw = partial(torch.optim.AdamW, lr=config.lr, betas=(0.9, 0.99), fused=True)
    if config.optimizer == "muon":
        hidden: torch.optim.Optimizer = torch.optim.Muon(
            matrices, lr=config.muon_lr, momentum=0.95, weight_decay=config.weight_decay
        )
    else:
        hidden = adamw(matrices, weight_decay=config.weight_decay)
    return {"hidden": hidden, "rest": adamw(rest, weight_decay=0.0)}


@resumable
def train(
    config: GPTConfig,
    corpus: Corpus,
    *,
    steps: int,
    seed: int = 0,
    device: str | torch.device = "cpu",
    resume: dict | None = None,
) -> Iterator[TrainStep[GPT]]:
    """Train on random windows of the corpus, `config.block_size` tokens long; yields each step with the model.

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
        ids = windows(corpus.ids, config.batch, config.block_size, generator).to(device)
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


STORIES = GPTConfig(vocab_size=2048, units="bpe", n_layer=6, n_head=4, n_embd=224, dropout=0.1)
RECIPES = {
    "gpt-shakespeare": Recipe(GPTConfig(), "shakespeare", steps=2600),
    "gpt-stories": Recipe(STORIES, "tinystories", steps=6_000),
}
TINY = Recipe(GPTConfig(280, "bpe", block_size=16, n_layer=1, n_head=2, n_embd=16, batch=8), "stories", steps=60)
CARD = {
    "overview": "A transformer written from scratch (genai_core/language/gpt.py) that predicts the next token: "
    "{n_layer} layers, width {n_embd}, {n_head} heads, a context of {block_size} tokens, a vocabulary of {vocab_size} "
    "({units}). Norm: {norm}, positions: {positions}, activation: {activation}.",
    "use": "Teaching: it drives the text tab (sampling, surprisal, comparison with n-gram and LSTM).",
    "limits": "It knows one kind of text, in spelling and style; what its sentences say need not make sense, and "
    "in a story one thing need not follow from another. It repeats the prejudices of its corpus, and may repeat its "
    "sentences.",
}

LABELS = evaluation.LABELS


def load(name: str) -> GPT:
    """A trained GPT with its `tokenizer`, ready to use. Raises: CheckpointError, which says which names there are."""
    return tokenizers.load(name, GPT, GPTConfig)


def examples(recipe: Recipe) -> Corpus:
    """What a recipe trains on. Raises: DataError."""
    return tokenizers.examples(recipe.dataset, recipe.config.units, recipe.config.vocab_size)


def evaluate(name: str) -> dict:
    """Figures of a shipped GPT on the last 10 % of its corpus (see LABELS)."""
    return evaluation.evaluate(load(name), RECIPES[name])

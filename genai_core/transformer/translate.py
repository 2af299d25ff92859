"""Translation by an encoder and a decoder (Vaswani 2017): the decoder writes, and looks at all that the encoder read.

    memory = encoder(source);   p(next | before, source) = decoder(before, memory)

Source and target share their byte pairs and one embedding, which is also the head (section 3.4 of the paper). Layers as
in our GPT; positions are rotary in both. Beam search keeps the `width` likeliest beginnings of a translation.
Keys and values of what has been read are kept, so that each further token costs one row.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genai_core.common import checks
from genai_core.common.training import Recipe, TrainStep, autocast, restore, resumable, seeded, snapshot, stepwise_seed
from genai_core.data import parallel
from genai_core.language import tokenizers
from genai_core.language.gpt import rotary_table
from genai_core.language.tokenizers import BPETokenizer
from genai_core.transformer.attention import causal_mask
from genai_core.transformer.blocks import Cache, Layer, Optimizers, Rates, padding_mask


@dataclass(frozen=True)
class TranslateConfig:
    vocab_size: int = 5000  # byte pairs of both languages; the start, the end and the padding are three more
    longest: int = 64  # tokens of a sentence
    n_encoder: int = 4
    n_decoder: int = 4
    n_head: int = 4
    n_embd: int = 192
    dropout: float = 0.1
    # the training
    tokens: int = 4096  # of a batch, padding included, in either language
    smoothing: float = 0.1  # of the labels (Szegedy 2016)
    lr: float = 3e-3
    muon_lr: float = 0.02
    weight_decay: float = 0.1


class DecoderCache:
    """Keys and values of a decoder's layers, of N beginnings of a translation: of their tokens, and of the memory."""

    def __init__(self, layers: int):
        self.layers = [(Cache(), Cache()) for _ in range(layers)]
        self.length = 0  # tokens of each beginning

    def select(self, rows: Tensor) -> None:
        """Go on with these of the N beginnings, in this order."""
        for own, _ in self.layers:
            own.select(rows)


class Translator(nn.Module):
    """`load` and `train` give it its `tokenizer`. Raises: ValueError as `check`."""

    tokenizer: BPETokenizer
    table: Tensor  # of rotary positions

    def __init__(self, config: TranslateConfig):
        super().__init__()
        check(config)
        self.config = config
        self.start, self.end, self.padding = (config.vocab_size + k for k in range(3))
        width, heads = config.n_embd, config.n_head
        self.embedding = nn.Embedding(config.vocab_size + 3, width)
        nn.init.normal_(self.embedding.weight, std=0.02)
        self.layers = nn.ModuleDict(
            {
                "encoder": nn.ModuleList(Layer(width, heads, config.dropout) for _ in range(config.n_encoder)),
                "decoder": nn.ModuleList(
                    Layer(width, heads, config.dropout, cross=True) for _ in range(config.n_decoder)
                ),
            }
        )
        self.norm_encoder, self.norm_decoder = (nn.RMSNorm(width, eps=1e-6) for _ in range(2))
        self.dropout = nn.Dropout(config.dropout)
        self.register_buffer("table", rotary_table(config.longest + 1, width // heads), persistent=False)

    def embed(self, ids: Tensor) -> Tensor:
        return self.dropout(F.rms_norm(self.embedding(ids), self.embedding.weight.shape[1:]))

    def encode(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """Padded ids [N, S] -> (memory [N, S, width], bool [N, 1, 1, S], where a token is)."""
        mask = padding_mask((source != self.padding).sum(1), source.shape[1])
        x = self.embed(source)
        for layer in cast("Any", self.layers["encoder"]):
            x = layer(x, mask=mask, table=self.table[:, : source.shape[1]])
        return self.norm_encoder(x), mask

    def decode(self, target: Tensor, memory: Tensor, memory_mask: Tensor, cache: DecoderCache | None = None) -> Tensor:
        """Ids [N, T] that begin with the start -> logits of the token after each, [N, T, vocab + 3].

        With a cache the ids are those that are new, of N beginnings of one translation (memory [1, S, width]); it is
        extended by them.
        """
        first = cache.length if cache else 0
        end = first + target.shape[1]
        x, mask = self.embed(target), causal_mask(target.shape[1], end).to(target.device)
        unread = memory[:, :0] if first else memory
        for k, layer in enumerate(cast("Any", self.layers["decoder"])):
            x = layer(x, mask, self.table[:, first:end], unread, memory_mask, caches=cache.layers[k] if cache else None)
        if cache:
            cache.length = end
        return (self.norm_decoder(x) @ self.embedding.weight.T).float()

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        return self.decode(target, *self.encode(source))


def check(config: TranslateConfig) -> None:
    """Raises: ValueError for sizes below 1, rates outside [0, 1], or heads whose width is not even."""
    for name in ("vocab_size", "longest", "n_encoder", "n_decoder", "n_head", "n_embd", "tokens"):
        checks.count(name, getattr(config, name))
    for name in ("dropout", "smoothing"):
        checks.number(name, getattr(config, name), 0, 1)
    if config.n_embd % (2 * config.n_head):
        raise ValueError(f"n_embd = {config.n_embd} is not divisible into {config.n_head} heads of even width.")


@torch.inference_mode()
def alignments(model: Translator, source: Sequence[int], target: Sequence[int]) -> Tensor:
    """Where each head of the decoder looks in the source, before each token of the target: [layer, head, T, S].

    target: ids without the start. Each row is a distribution. Raises: ValueError for no ids, or too many.
    """
    check_length(model, source)
    check_length(model, target)
    device = model.embedding.weight.device
    memory, _ = model.encode(torch.tensor([list(source)], device=device))
    x = model.embed(torch.tensor([[model.start, *target[:-1]]], device=device))
    mask, table = causal_mask(len(target)).to(device), model.table[:, : len(target)]
    weights = []
    for layer in cast("Any", model.layers["decoder"]):
        asking = x + layer.attention(layer.norm1(x), mask=mask, table=table)
        weights.append(layer.cross.weights(layer.norm_cross(asking), memory)[0])
        x = layer(x, mask, table, memory)
    return torch.stack(weights).cpu()


def check_length(model: Translator, ids: Sequence[int]) -> None:
    """Raises: ValueError for no tokens, or more than a sentence may have."""
    if not 1 <= len(ids) <= model.config.longest:
        raise ValueError(f"A sentence has 1 to {model.config.longest} tokens, and this one {len(ids)}.")


@dataclass(frozen=True)
class Hypothesis:
    """A beginning of a translation: its ids without the start, the sum of their log p, and whether it is at its end.

    parent: which of the hypotheses that went on after the step before it extends.
    """

    ids: tuple[int, ...]
    log_p: float
    ended: bool
    parent: int = 0


def score(hypothesis: Hypothesis, alpha: float) -> float:
    """log p / ((5 + length) / 6)^alpha, so that long translations are not at a disadvantage (Wu 2016, eq. 14)."""
    return hypothesis.log_p / ((5 + len(hypothesis.ids)) / 6) ** alpha


@dataclass(frozen=True)
class BeamStep:
    """What a beam search has after a token: the hypotheses kept, and those pruned, both with the best first."""

    kept: list[Hypothesis]
    pruned: list[Hypothesis]


@torch.inference_mode()
def beam_steps(
    model: Translator, source: Sequence[int], width: int = 4, alpha: float = 0.6, shown: int = 0
) -> Iterator[BeamStep]:
    """Keep the `width` best hypotheses after each token, until all of them have ended; width 1 is greedy.

    shown: so many continuations of each hypothesis are listed, if more than `width`; what is kept
    does not depend on it.
    A translation has at most twice the tokens of its source, and ten. Raises: ValueError for a width below 1, or an
    empty or too long source.
    """
    checks.count("The width of the beam", width)
    check_length(model, source)
    device = model.embedding.weight.device
    memory, mask = model.encode(torch.tensor([list(source)], device=device))
    cache = DecoderCache(model.config.n_decoder)
    kept = going = [Hypothesis((), 0.0, False)]
    newest = torch.tensor([[model.start]], device=device)
    for _ in range(min(model.config.longest, 2 * len(source) + 10)):
        logits = model.decode(newest, memory, mask, cache)[:, -1]
        logits[:, [model.start, model.padding]] = -torch.inf  # are never said
        log_p = logits.log_softmax(-1).cpu()
        found = [h for h in kept if h.ended]
        for parent, (h, row) in enumerate(zip(going, log_p, strict=True)):
            best = row.topk(min(max(width, shown), len(row) - 2))
            for value, token in zip(best.values.tolist(), best.indices.tolist(), strict=True):
                found.append(Hypothesis((*h.ids, token), h.log_p + value, token == model.end, parent))
        found.sort(key=lambda h: -score(h, alpha))
        kept = found[:width]
        yield BeamStep(kept, found[width:])
        going = [h for h in kept if not h.ended]
        if not going:
            return
        cache.select(torch.tensor([h.parent for h in going], device=device))
        newest = torch.tensor([[h.ids[-1]] for h in going], device=device)


def beam_search(
    model: Translator, source: Sequence[int], width: int = 4, alpha: float = 0.6
) -> Iterator[list[Hypothesis]]:
    """The hypotheses that `beam_steps` keeps after each token, the best first. Raises: ValueError as there."""
    for step in beam_steps(model, source, width, alpha):
        yield step.kept


def text_of(model: Translator, hypothesis: Hypothesis) -> str:
    return model.tokenizer.decode(i for i in hypothesis.ids if i < model.config.vocab_size)


def translate(model: Translator, text: str, width: int = 4, alpha: float = 0.6) -> str:
    """The best translation of a sentence. Raises: ValueError as `beam_steps`."""
    *_, last = beam_steps(model, model.tokenizer.encode(text), width, alpha)
    return text_of(model, last.kept[0])


Pair = tuple[list[int], list[int]]


@dataclass(frozen=True, eq=False)
class Sentences:
    """What a translator trains on: token ids of sentences and of their translations, and the byte pairs of both."""

    pairs: Sequence[Pair]
    tokenizer: BPETokenizer | None


def batches(pairs: Sequence[Pair], tokens: int, generator: torch.Generator) -> Iterator[list[int]]:
    """The indices of one epoch's batches, sentences of about one length together, in random order.

    tokens: of the longer side of a batch, padding included. Pairs of equal length are in another order each time.
    """
    noise = torch.rand(len(pairs), generator=generator).tolist()
    lengths = [max(len(source), len(target)) + 1 for source, target in pairs]
    order = sorted(range(len(pairs)), key=lambda k: (lengths[k], noise[k]))
    made: list[list[int]] = []
    batch: list[int] = []
    for k in order:
        if batch and (len(batch) + 1) * lengths[k] > tokens:
            made.append(batch)
            batch = []
        batch.append(k)
    made += [batch] if batch else []
    for k in torch.randperm(len(made), generator=generator).tolist():
        yield made[k]


def padded(rows: Sequence[Sequence[int]], padding: int) -> Tensor:
    """[N, longest], the rest of each row being padding."""
    return nn.utils.rnn.pad_sequence([torch.tensor(list(row)) for row in rows], True, padding)


def loss(model: Translator, source: Tensor, target: Tensor) -> dict[str, Tensor]:
    """Cross-entropy with smoothed labels over targets [N, T] that begin with the start, and the plain one, in nats."""
    logits, wanted = model(source, target[:, :-1]).flatten(0, 1), target[:, 1:].flatten()
    entropy = partial(F.cross_entropy, logits, wanted, ignore_index=model.padding)
    return {"loss": entropy(label_smoothing=model.config.smoothing), "nll": entropy().detach()}


@resumable
def train(
    config: TranslateConfig,
    sentences: Sentences,
    *,
    steps: int,
    seed: int = 0,
    device: str | torch.device = "cpu",
    resume: dict | None = None,
) -> Iterator[TrainStep[Translator]]:
    """Train on pairs of token ids; each epoch has batches of its own. Raises: ValueError for no pairs."""
    pairs = sentences.pairs
    if not pairs:
        raise ValueError("There are no sentences to train on.")
    model = seeded(seed, lambda: Translator(config)).to(device)
    model.tokenizer = sentences.tokenizer  # type: ignore[assignment]
    optimizers = Optimizers(model, model.layers, Rates(config.muon_lr, config.lr, config.weight_decay))
    generator = torch.Generator().manual_seed(seed)
    parts = {"model": model, "optimizers": optimizers}
    done = restore(resume, generator, parts)
    step, epoch = 0, 0
    while step < steps:
        order = batches(pairs, config.tokens, torch.Generator().manual_seed(seed * 1_000_003 + epoch))
        for batch in order:
            step += 1
            if step <= done:
                continue  # a resumed run has been here
            if step > steps:
                return
            model.train()
            source = padded([pairs[k][0] for k in batch], model.padding).to(device)
            target = padded([[model.start, *pairs[k][1], model.end] for k in batch], model.padding).to(device)
            with stepwise_seed(seed, step, device), autocast(device):  # of the dropout
                terms = loss(model, source, target)
            optimizers.step(terms["loss"], step - 1, steps)
            model.eval()
            losses = {name: term.item() for name, term in terms.items()}
            yield TrainStep(step, losses, model, partial(snapshot, step, generator, parts))
        epoch += 1


def examples(recipe: Recipe) -> Sentences:
    """What a recipe trains on: the sentence pairs that are no longer than `config.longest`. Raises: DataError."""
    config = recipe.config
    english, french = zip(*parallel.pairs("train"), strict=True)
    tokenizer = BPETokenizer.train("\n".join(f"{a}\n{b}" for a, b in parallel.pairs("train")), config.vocab_size)
    encode = tokenizer.inner.encode_batch
    ids = [(a.ids, b.ids) for a, b in zip(encode(list(english)), encode(list(french)), strict=True)]
    return Sentences([(a, b) for a, b in ids if max(len(a), len(b)) < config.longest], tokenizer)


RECIPES = {"translate-en-fr": Recipe(TranslateConfig(), "tatoeba", steps=4_500)}
TINY = Recipe(TranslateConfig(280, 64, 1, 1, 2, 16, dropout=0.0, tokens=512), "tatoeba", steps=60)


def load(name: str) -> Translator:
    """A trained translator with its `tokenizer`. Raises: CheckpointError, which says which names there are."""
    return tokenizers.load(name, Translator, TranslateConfig)


CARD = {
    "overview": "An encoder and a decoder (genai_core/transformer/translate.py) that translate English sentences into "
    "French: {n_encoder} and {n_decoder} layers of width {n_embd}, {n_head} heads, {vocab_size} byte pairs of both "
    "languages, sentences of up to {longest} tokens.",
    "splits": "trained on 158,733 pairs; measured on the 2,778 English sentences of the test split, against all of "
    "their translations. No sentence of either language is in two splits.",
    "use": "Teaching: it drives Translate in the transformer tab.",
    "limits": "It knows short everyday sentences. Long ones, names and rare words come out wrong, unsaid.",
}
LABELS = {
    "bleu": ("BLEU against all references, beam of 4 (sacrebleu)", "{:.1f}"),
    "chrf": ("chrF, the same", "{:.1f}"),
    "exact": ("Translations equal to one of the references", "{:.1%}"),
    "bleu_greedy": ("BLEU, greedy", "{:.1f}"),
    "sentences": ("Test sentences", "{:,d}"),
}


def bleu(translations: Sequence[str], references: Sequence[Sequence[str]]) -> tuple[float, float]:
    """Corpus BLEU and chrF by sacrebleu, each translation against all of its references."""
    import sacrebleu

    most = max(map(len, references))
    columns: Any = [[refs[k] if k < len(refs) else None for refs in references] for k in range(most)]
    return (
        sacrebleu.corpus_bleu(list(translations), columns).score,
        sacrebleu.corpus_chrf(list(translations), columns).score,
    )


def sentence_scores(translation: str, reference: str) -> tuple[float, float]:
    """BLEU and chrF of one sentence against one reference by sacrebleu, both from 0 to 100.

    A sentence often shares no four words in a row, and BLEU would be 0: missing n-grams count as a half, a quarter, ...
    of one ("exp", Chen & Cherry 2014).
    """
    import sacrebleu

    return (
        sacrebleu.sentence_bleu(translation, [reference], smooth_method="exp").score,
        sacrebleu.sentence_chrf(translation, [reference]).score,
    )


def evaluate(name: str) -> dict:
    """Figures of a shipped translator on the test split (see LABELS)."""
    model, references = load(name), parallel.references("test")
    found = {width: [translate(model, english, width) for english in references] for width in (1, 4)}
    score, chrf = bleu(found[4], list(references.values()))
    right = sum(text in refs for text, refs in zip(found[4], references.values(), strict=True))
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "bleu": score,
        "chrf": chrf,
        "exact": right / len(references),
        "bleu_greedy": bleu(found[1], list(references.values()))[0],
        "sentences": len(references),
    }

"""DALL-E: one transformer reads a caption and writes a picture as tokens, one after the other (Ramesh 2021).

    caption, 32 tokens, padded | start | 64 tokens of a VQ-VAE, row by row        one sequence, read causally
    loss = 1/8 (cross-entropy of the caption) + 7/8 (cross-entropy of the picture)                [section 2.2]

Padding has a vector of its own at each place, as in the paper, so that no mask is needed. The place of a picture's
token is the sum of a vector of its row and one of its column.

Guidance without a classifier works on logits as it does on noise (Crowson 2021; Yu 2022, section 3.2): a share of the
captions is dropped in training, and what a caption changes is exaggerated,

    logits = l(empty) + g (l(caption) - l(empty))
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genai_core.autoencoders import vqvae
from genai_core.autoencoders.vqvae import GRID, VQVAE
from genai_core.clip.tokenizer import VOCAB, WordTokenizer
from genai_core.common import checkpoints, checks
from genai_core.common.training import Recipe, TrainStep, autocast, restore, resumable, seeded, snapshot
from genai_core.data import scenes
from genai_core.evaluation import scene_reader
from genai_core.multimodal import prompts
from genai_core.transformer.attention import causal_mask
from genai_core.transformer.blocks import Cache, Layer, Optimizers, Rates

TOKENS = GRID * GRID  # of a picture
TOKENIZER = "vqvae-scenes"  # whose tokens a picture is written in


@dataclass(frozen=True)
class DALLEConfig:
    vocab_size: int = VOCAB  # words
    context: int = 32  # tokens of a caption, start and end included
    codes: int = 512  # tokens of a picture
    n_layer: int = 6
    n_head: int = 4
    n_embd: int = 256
    # the training
    drop: float = 0.1  # share of the captions that are dropped
    caption: float = 0.125  # weight of the caption's cross-entropy
    batch: int = 64
    lr: float = 2e-3
    muon_lr: float = 0.02
    weight_decay: float = 0.05


class DALLE(nn.Module):
    """Captions and the beginning of pictures -> logits of what comes next. Raises: ValueError as `check`."""

    def __init__(self, config: DALLEConfig):
        super().__init__()
        check(config)
        self.config, width = config, config.n_embd
        self.tokenizer = WordTokenizer.of(config.context)
        self.words, self.padding = nn.Embedding(config.vocab_size, width), nn.Embedding(config.context, width)
        self.places = nn.Embedding(config.context, width)  # of a caption
        self.codes = nn.Embedding(config.codes + 1, width)  # the last one is the start
        self.rows, self.columns = nn.Embedding(GRID, width), nn.Embedding(GRID, width)
        self.layers = nn.ModuleList(Layer(width, config.n_head) for _ in range(config.n_layer))
        self.norm = nn.RMSNorm(width, eps=1e-6)
        self.word_head = nn.Linear(width, config.vocab_size, bias=False)
        self.code_head = nn.Linear(width, config.codes, bias=False)

    def embed_captions(self, captions: Tensor) -> Tensor:
        """Ids [N, context], 0 where there is padding -> [N, context, width]."""
        x = torch.where(captions[..., None] > 0, self.words(captions), self.padding.weight)
        return x + self.places.weight

    def embed_codes(self, tokens: Tensor, first: int = 0) -> Tensor:
        """Tokens [N, T], the start among them, what comes `first` + 1 st and on in a picture -> [N, T, width].

        Each has the place of the token that comes after it, which is what is asked for.
        """
        at = torch.arange(first, first + tokens.shape[1], device=tokens.device)
        return self.codes(tokens) + self.rows(at // GRID) + self.columns(at % GRID)

    def forward(self, captions: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Ids [N, context] and tokens of pictures [N, T], without the start -> logits of each word after the first
        [N, context - 1, vocab_size], and of the first T + 1 tokens, or of all of them [N, min(T + 1, 64), codes].
        """
        read = torch.cat([self.start(len(captions)), tokens], 1)[:, :TOKENS]
        x = torch.cat([self.embed_captions(captions), self.embed_codes(read)], 1)
        mask = causal_mask(x.shape[1]).to(x.device)
        for layer in self.layers:
            x = layer(x, mask)
        words, codes = self.norm(x).split([captions.shape[1], read.shape[1]], 1)
        return self.word_head(words[:, :-1]).float(), self.code_head(codes).float()

    def start(self, n: int) -> Tensor:
        return torch.full((n, 1), self.config.codes, device=self.codes.weight.device)

    def encode(self, captions: Sequence[str]) -> Tensor:
        """Captions -> ids [N, context]; an empty one is padding alone. Raises: ValueError as the tokenizer."""
        ids = torch.zeros(len(captions), self.config.context, dtype=torch.long)
        said = [k for k, caption in enumerate(captions) if caption]
        found = self.tokenizer.encode([captions[k] for k in said])
        ids[said, : found.shape[1]] = found
        return ids


def check(config: DALLEConfig) -> None:
    """Raises: ValueError for sizes below 1, shares outside [0, 1], or a width that the heads do not divide."""
    for name in ("vocab_size", "codes", "n_layer", "n_head", "n_embd", "batch"):
        checks.count(name, getattr(config, name))
    checks.count("context", config.context, 3)
    for name in ("drop", "caption"):
        checks.number(name, getattr(config, name), 0, 1)
    if config.n_embd % config.n_head:
        raise ValueError(f"n_embd = {config.n_embd} is not divisible into {config.n_head} heads.")


def loss(model: DALLE, captions: Tensor, tokens: Tensor) -> dict[str, Tensor]:
    """Terms for ids [N, context], padding alone where a caption was dropped, and tokens [N, 64], in nats a token."""
    words, codes = model(captions, tokens)
    wanted = captions[:, 1:]
    of_words = F.cross_entropy(words[wanted > 0], wanted[wanted > 0]) if bool((wanted > 0).any()) else words.sum() * 0
    of_codes = F.cross_entropy(codes.flatten(0, 1), tokens.flatten())
    share = model.config.caption
    return {"loss": share * of_words + (1 - share) * of_codes, "words": of_words, "codes": of_codes}


@resumable
def train(
    config: DALLEConfig,
    given: tuple[str, VQVAE],
    *,
    steps: int,
    seed: int = 0,
    device: str | torch.device = "cpu",
    resume: dict | None = None,
) -> Iterator[TrainStep[DALLE]]:
    """Train on `examples`: a stream of captioned scenes, each used once, and what tokenizes their pictures."""
    stream, tokenizer = given
    model = seeded(seed, lambda: DALLE(config)).to(device)
    optimizers = Optimizers(model, model.layers, Rates(config.muon_lr, config.lr, config.weight_decay))
    generator = torch.Generator().manual_seed(seed)
    parts = {"model": model, "optimizers": optimizers}
    done = restore(resume, generator, parts)
    captioned = prompts.pairs(f"{stream}/{seed}", done * config.batch)
    for step in range(done, steps):
        shown = list(islice(captioned, config.batch))
        tokens = tokenizer.encode(scenes.render([one.scene for one in shown])).flatten(1).clone()
        captions = model.encode([one.caption for one in shown])
        captions[torch.rand(len(captions), generator=generator) < config.drop] = 0
        model.train()
        with autocast(device):
            terms = loss(model, captions.to(device), tokens.to(device))
        optimizers.step(terms["loss"], step, steps)
        model.eval()
        values = {name: term.item() for name, term in terms.items()}
        yield TrainStep(step + 1, values, model, partial(snapshot, step + 1, generator, parts))


class Decoder:
    """Reads captions once, then gives the logits of one token after the other; keys and values are kept."""

    def __init__(self, model: DALLE, captions: Tensor):
        self.model, self.read = model, 0
        self.caches = [Cache() for _ in model.layers]
        x = model.embed_captions(captions)
        mask = causal_mask(x.shape[1]).to(x.device)
        for layer, cache in zip(model.layers, self.caches, strict=True):
            x = layer(x, mask, caches=(cache, Cache()))

    def __call__(self, tokens: Tensor) -> Tensor:
        """The newest tokens [N] of the pictures, at first the start -> logits [N, codes] of the next ones."""
        x = self.model.embed_codes(tokens[:, None], self.read)
        for layer, cache in zip(self.model.layers, self.caches, strict=True):
            x = layer(x, caches=(cache, Cache()))
        self.read += 1
        return self.model.code_head(self.model.norm(x[:, 0])).float()


@torch.inference_mode()
def write(
    model: DALLE,
    captions: Sequence[str],
    *,
    generator: torch.Generator,
    guidance: float = 3.0,
    temperature: float = 1.0,
    top_k: int = 0,
    begin: Sequence[int] = (),
) -> Iterator[tuple[Tensor, Tensor]]:
    """Write the tokens of a picture for each caption: after each, all tokens so far [N, t] and the logits that the last
    ones were drawn from [N, codes], as the filters left them, or would have for those that were given in `begin`.

    guidance: 1 is the caption alone, 0 no caption. temperature: 0 takes the likeliest. top_k: of the likeliest tokens,
    0 for all. The same generator gives the same pictures. Raises: ValueError for settings or tokens out of range.
    """
    checks.number("The guidance", guidance, 0)
    checks.number("The temperature", temperature, 0)
    checks.count("Top-k", top_k, 0, model.config.codes)
    if len(begin) > TOKENS or not all(0 <= token < model.config.codes for token in begin):
        raise ValueError(f"A picture has {TOKENS} tokens, from 0 to {model.config.codes - 1}.")
    n, device = len(captions), model.codes.weight.device
    ids = model.encode(captions).to(device)
    guided = guidance != 1
    decode = Decoder(model, torch.cat([ids, torch.zeros_like(ids)]) if guided else ids)
    newest, tokens = model.start(n)[:, 0], torch.zeros(n, 0, dtype=torch.long)
    for t in range(TOKENS):
        logits = decode(torch.cat([newest, newest]) if guided else newest)
        if guided:
            told, empty = logits.chunk(2)
            logits = empty + guidance * (told - empty)
        logits = filtered(logits.cpu(), temperature, top_k)
        drawn = torch.multinomial(logits.softmax(1), 1, generator=generator)[:, 0]
        newest = (torch.full_like(drawn, begin[t]) if t < len(begin) else drawn).to(device)
        tokens = torch.cat([tokens, newest.cpu()[:, None]], 1)
        yield tokens, logits


def filtered(logits: Tensor, temperature: float, top_k: int) -> Tensor:
    """Logits [N, codes] as temperature and top-k leave them, -inf for what they remove."""
    if temperature <= checks.COLDEST:
        best = F.one_hot(logits.argmax(1), logits.shape[1]).bool()
        return logits.masked_fill(~best, -torch.inf)
    if top_k:
        logits = logits.masked_fill(logits < logits.topk(top_k).values[:, -1:], -torch.inf)
    return logits / temperature


def sample_prompts(model: DALLE, tokenizer: VQVAE, captions: Sequence[str], **settings) -> Tensor:
    """Pictures [N, 3, 64, 64] in [0, 1] for captions; settings: those of `write`."""
    *_, (tokens, _) = write(model, captions, **settings)
    return tokenizer.decode(tokens.view(-1, GRID, GRID).to(next(tokenizer.parameters()).device)).cpu()


def load(name: str = "dalle-scenes") -> DALLE:
    """A trained model, ready to use. Raises: CheckpointError, which says which names there are."""
    return checkpoints.load(name, DALLE, DALLEConfig)


def examples(_recipe: Recipe) -> tuple[str, VQVAE]:
    """What a recipe trains on. Raises: CheckpointError."""
    return "train", vqvae.load(TOKENIZER)


RECIPES = {"dalle-scenes": Recipe(DALLEConfig(), "scenes", steps=7_000)}
TINY = Recipe(DALLEConfig(n_layer=1, n_head=2, n_embd=32, batch=16), "scenes", steps=40)

MEASURED = 400  # prompts of each kind
LABELS = {
    **{kind: (f"Pictures that show what was asked for, {kind}", "{:.1%}") for kind in prompts.KINDS},
    "codes": ("Cross-entropy of a picture's tokens, nat", "{:.3f}"),
}


def evaluate(name: str) -> dict:
    """Figures of a shipped model, by `reader-scenes` (see LABELS). Raises: CheckpointError."""
    model, tokenizer, reader = load(name), vqvae.load(TOKENIZER), scene_reader.load()
    figures: dict[str, float] = {"parameters": sum(p.numel() for p in model.parameters())}
    for kind in prompts.KINDS:
        queries, right = prompts.prompts(kind, MEASURED), list[bool]()
        generator = torch.Generator().manual_seed(0)
        for k in range(0, MEASURED, 100):
            part = queries[k : k + 100]
            pictures = sample_prompts(model, tokenizer, [scenes.say(query) for query in part], generator=generator)
            right += prompts.judged(reader, pictures, part)
        figures[kind] = sum(right) / len(right)
    held = list(islice(prompts.pairs("test", 0), 1000))
    tokens = tokenizer.encode(scenes.render([one.scene for one in held])).flatten(1)
    with torch.inference_mode():
        figures["codes"] = float(loss(model, model.encode([one.caption for one in held]), tokens)["codes"])
    return figures

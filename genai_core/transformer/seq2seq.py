"""An encoder and a decoder (Vaswani 2017), small enough to be trained while one watches: reverse, sort or add digits.

    encoder: x <- layer(x) over all symbols of the input
    decoder: y <- layer(y, x): each symbol of the output sees those before it, and by cross-attention the whole input
    loss = -log p(next symbol of the output | those before it, the input), by teacher forcing

All tasks are drawn anew at every step, so that nothing can be learned by heart.
"""

import math
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import safetensors.torch
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genai_core.common import checks
from genai_core.common.live import paced
from genai_core.common.training import TrainStep
from genai_core.transformer.attention import causal_mask
from genai_core.transformer.blocks import Layer, Optimizers, Rates

SYMBOLS = "0123456789+"
START, END = len(SYMBOLS), len(SYMBOLS) + 1
TASKS = {"reverse": r"[0-9]{1,12}", "sort": r"[0-9]{1,12}", "add": r"([0-9]{1,4})\+([0-9]{1,4})"}  # what inputs are
LONGEST = 12  # symbols of an input or an output
TRAINED = 8  # digits of an input to reverse or to sort, at most
ADDED = 3  # digits of a number to be added, at most
HELD = 200  # inputs on which a training is measured


@dataclass(frozen=True)
class Seq2SeqConfig:
    task: str = "reverse"
    n_layer: int = 1  # of the encoder, and of the decoder
    n_head: int = 2
    n_embd: int = 64
    # the training
    batch: int = 64
    lr: float = 3e-3
    muon_lr: float = 0.02


def answer(task: str, given: str) -> str:
    """What a task makes of an input. Raises: ValueError for an unknown task, or an input that is none of it."""
    if task not in TASKS:
        raise ValueError(f"There is no task '{task}'; there are {', '.join(TASKS)}.")
    if not re.fullmatch(TASKS[task], given, re.ASCII) or (task == "add" and len(set(map(len, given.split("+")))) > 1):
        what = "two numbers with the same number of digits, as 38+47" if task == "add" else f"1 to {LONGEST} digits"
        raise ValueError(f"To {task}, the input must be {what}.")
    if task == "reverse":
        return given[::-1]
    if task == "sort":
        return "".join(sorted(given))
    a, b = given.split("+")
    return f"{int(a) + int(b):0{len(a) + 1}d}"  # with the zero, so that each column has its digit


def encode(text: str) -> list[int]:
    return [SYMBOLS.index(c) for c in text]


def draw(task: str, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """n inputs of one random length and what the task makes of them, token ids [n, S] and [n, T]."""
    low, high = (1, ADDED) if task == "add" else (2, TRAINED)
    length = int(torch.randint(low, high + 1, (1,), generator=generator))
    digits = torch.randint(10, (n, 2 * length if task == "add" else length), generator=generator)
    rows = ["".join(map(str, row)) for row in digits.tolist()]
    given = [f"{row[:length]}+{row[length:]}" for row in rows] if task == "add" else rows
    return torch.tensor([encode(g) for g in given]), torch.tensor([encode(answer(task, g)) for g in given])


class EncoderDecoder(nn.Module):
    """Inputs [N, S] and outputs so far [N, T], which begin with START -> logits of what follows each, [N, T, symbols].

    Raises: ValueError for sizes below 1, heads that do not divide the width, or an unknown task.
    """

    def __init__(self, config: Seq2SeqConfig):
        super().__init__()
        for name in ("n_layer", "n_head", "n_embd", "batch"):
            checks.count(name, getattr(config, name))
        if config.n_embd % config.n_head or config.task not in TASKS:
            raise ValueError(f"There is no task '{config.task}', or {config.n_head} heads do not divide the width.")
        self.config = config
        width = config.n_embd
        self.embedding = nn.Embedding(len(SYMBOLS) + 2, width)
        self.positions = nn.Parameter(0.02 * torch.randn(2, LONGEST + 1, width))  # of inputs, and of outputs
        self.encoder = nn.ModuleList(Layer(width, config.n_head) for _ in range(config.n_layer))
        self.decoder = nn.ModuleList(Layer(width, config.n_head, cross=True) for _ in range(config.n_layer))
        self.norm = nn.RMSNorm(width, eps=1e-6)
        self.head = nn.Linear(width, len(SYMBOLS) + 2)

    @property
    def layers(self) -> nn.ModuleList:
        """Of both; they are parts of the network once, so that its weights are saved once."""
        return nn.ModuleList([*self.encoder, *self.decoder])

    def encode(self, source: Tensor) -> Tensor:
        """[N, S] -> [N, S, width]."""
        x = self.embedding(source) + self.positions[0, : source.shape[1]]
        for layer in self.encoder:
            x = layer(x)
        return x

    def decode(self, target: Tensor, memory: Tensor) -> Tensor:
        """Outputs so far [N, T], the encoder's [N, S, width] -> logits [N, T, symbols]."""
        y = self.embedding(target) + self.positions[1, : target.shape[1]]
        mask = causal_mask(target.shape[1])
        for layer in self.decoder:
            y = layer(y, mask, context=memory)
        return self.head(self.norm(y))

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        return self.decode(target, self.encode(source))

    @torch.inference_mode()
    def cross_attention(self, source: Tensor, target: Tensor) -> Tensor:
        """Where each symbol of an output [N, T] looks in the input, in the last layer: [N, heads, T, S]."""
        memory = self.encode(source)
        y = self.embedding(target) + self.positions[1, : target.shape[1]]
        mask = causal_mask(target.shape[1])
        layers: Any = self.decoder
        *before, last = layers
        for layer in before:
            y = layer(y, mask, context=memory)
        y = y + last.attention(last.norm1(y), mask=mask)
        return last.cross.weights(last.norm_cross(y), memory)

    @torch.inference_mode()
    def greedy(self, source: Tensor) -> Tensor:
        """The likeliest symbol after the other, [N, S] -> [N, LONGEST]; what follows an END has no meaning."""
        memory, out = self.encode(source), torch.full((len(source), 1), START)
        for _ in range(LONGEST):
            out = torch.cat([out, self.decode(out, memory)[:, -1:].argmax(-1)], 1)
            if bool((out == END).any(1).all()):
                break
        return out[:, 1:]


def text_of(ids: Tensor) -> str:
    """Symbols [T] up to END; one that has no sign, in an early guess, as "?"."""
    found = ids.tolist()
    found = found[: found.index(END)] if END in found else found
    return "".join(SYMBOLS[i] if i < len(SYMBOLS) else "?" for i in found)


def loss(model: EncoderDecoder, source: Tensor, target: Tensor) -> dict[str, Tensor]:
    """Mean -log p of every symbol of outputs [N, T] and of END, in nats."""
    edge = torch.full((len(target), 1), START)
    logits = model(source, torch.cat([edge, target], 1))
    wanted = torch.cat([target, torch.full_like(edge, END)], 1)
    return {"loss": F.cross_entropy(logits.flatten(0, 1), wanted.flatten())}


def build(config: Seq2SeqConfig, generator: torch.Generator) -> EncoderDecoder:
    """A network whose initial weights are drawn from the generator alone, so that a server's thread may ask for it."""
    model = EncoderDecoder(config)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name in ("embedding.weight", "positions"):
                p.normal_(0, 1 if name == "embedding.weight" else 0.02, generator=generator)
            elif name.endswith("bias"):
                p.zero_()
            elif p.ndim == 2 and ".out." not in name:  # those begin at zero
                p.uniform_(-(p.shape[1] ** -0.5), p.shape[1] ** -0.5, generator=generator)
    return model


def train(config: Seq2SeqConfig, *, steps: int, seed: int = 0) -> Iterator[TrainStep[EncoderDecoder]]:
    """Train on inputs that are drawn anew at every step. Raises: ValueError as `EncoderDecoder`."""
    generator = torch.Generator().manual_seed(seed)
    model = build(config, generator)
    optimizers = Optimizers(model, model.layers, Rates(config.muon_lr, config.lr, 0.0))
    for step in range(steps):
        value = loss(model, *draw(config.task, config.batch, generator))["loss"]
        optimizers.step(value, step, steps)
        yield TrainStep(step + 1, {"loss": value.item()}, model, dict)


def exact(model: EncoderDecoder, n: int = HELD, seed: int = 10_000) -> float:
    """The share of n inputs whose whole output is right, by greedy decoding."""
    generator, right, done = torch.Generator().manual_seed(seed), 0, 0
    while done < n:
        source, target = draw(model.config.task, min(20, n - done), generator)
        wanted = F.pad(target, (0, 1), value=END)
        found = F.pad(model.greedy(source), (0, LONGEST), value=END)[:, : wanted.shape[1]]
        right += int((found == wanted).all(1).sum())
        done += len(source)
    return right / n


@dataclass(frozen=True)
class Frame:
    """What a page shows of a training; step 0 is before it. output and attention, [heads][T][S], are of one input.

    weights: of the network, after the last step alone.
    """

    step: int
    steps: int
    loss: float  # mean over the steps since the last frame, in nats per symbol
    exact: float
    output: str
    attention: list
    seconds: float
    timed_out: bool
    weights: bytes = b""


def of_weights(task: str, weights: bytes) -> EncoderDecoder:
    """The network of a last frame."""
    model = EncoderDecoder(Seq2SeqConfig(task))
    model.load_state_dict(safetensors.torch.load(weights))
    return model.eval().requires_grad_(False)


def look(model: EncoderDecoder, given: str) -> tuple[str, list]:
    """The model's output for an input, and where it looks before each symbol of the right one, [heads][T][S].

    By teacher forcing, so that there is a row for every symbol from the first step on.
    """
    source, right = torch.tensor([encode(given)]), encode(answer(model.config.task, given))
    weights = model.cross_attention(source, torch.tensor([[START, *right[:-1]]]))[0]
    rows = [[[round(w, 3) for w in row] for row in head] for head in weights.tolist()]
    return text_of(model.greedy(source)[0]), rows


def before(*, task: str, given: str, seed: int) -> Frame:
    """The frame of a model that has not been trained. Raises: ValueError as `answer`."""
    answer(task, given)
    model = build(Seq2SeqConfig(task), torch.Generator().manual_seed(seed))
    return Frame(0, 0, math.log(len(SYMBOLS) + 2), exact(model), *look(model, given), 0.0, False)


def train_live(
    *, task: str, given: str, seed: int, steps: int, seconds: float = 55.0, frame: int = 25
) -> Iterator[Frame]:
    """Train, and show one input's output every `frame` steps, until `steps` or `seconds`. Raises: ValueError."""
    answer(task, given)
    begun = time.monotonic()
    training = train(Seq2SeqConfig(task), steps=steps, seed=seed)
    for moment in paced(training, total=steps, every=frame, seconds=seconds, begun=begun):
        last = moment.steps[-1]
        mean = sum(step.losses["loss"] for step in moment.steps) / len(moment.steps)
        found = look(last.model, given)
        weights = safetensors.torch.save(last.model.state_dict()) if last.step == steps else b""
        yield Frame(last.step, steps, mean, exact(last.model), *found, moment.seconds, moment.timed_out, weights)

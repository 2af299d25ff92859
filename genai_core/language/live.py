"""A GPT trained while you watch, on your own text: the `train` of the command line, with small values."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from genai_core.common.live import paced
from genai_core.language import gpt, tokenizers
from genai_core.language.sampling import Temperature, generate
from genai_core.language.tokenizers import Corpus

SHORTEST, LONGEST = 1000, 200_000  # characters
HELD_OUT = 0.1  # share of the text that is held out
FRAME = 25  # steps between two frames
SAMPLE = 160  # characters of a sample


@dataclass(frozen=True)
class GPTFrame:
    """What a page shows of a running training; losses in nats per character."""

    step: int
    steps: int
    loss: float  # mean over the steps since the last frame
    held: float  # on the part that is held out
    sample: str
    seconds: float
    timed_out: bool  # the time limit was reached before the last step


def config_for(vocab_size: int) -> gpt.GPTConfig:
    """A small GPT that learns to spell in a minute on two cores."""
    return gpt.GPTConfig(
        vocab_size=vocab_size, block_size=64, n_layer=3, n_head=4, n_embd=96, dropout=0.1, batch=16, lr=4e-3, warmup=20
    )


def check(string: str) -> None:
    """Raises: ValueError with one sentence if a text is too short, too long, or has too few different characters."""
    if not SHORTEST <= len(string) <= LONGEST:
        raise ValueError(
            f"The text has {len(string):,} characters; a training needs between {SHORTEST:,} and {LONGEST:,}."
        )
    if not 2 <= len(set(string)) <= 500:
        raise ValueError(f"The text has {len(set(string))} different characters; a training needs between 2 and 500.")


def train_gpt(*, string: str, seed: int, steps: int, seconds: float = 80.0, frame: int = FRAME) -> Iterator[GPTFrame]:
    """Train on a text without its end; a frame every `frame` steps, until `steps` or `seconds`.

    Raises: ValueError as `check`.
    """
    check(string)
    begun = time.monotonic()
    corpus = Corpus.of(string)
    cut = int((1 - HELD_OUT) * len(string))
    config = config_for(corpus.tokenizer.vocab_size)
    pieces = corpus.ids[cut:].unfold(0, config.block_size + 1, config.block_size)[:32]  # [pieces, context + 1]
    training = gpt.train(config, Corpus(corpus.ids[:cut], corpus.tokenizer), steps=steps, seed=seed)
    for moment in paced(training, total=steps, every=frame, seconds=seconds, begun=begun):
        step, losses = moment.steps[-1], [step.losses["loss"] for step in moment.steps]
        with torch.inference_mode():
            held = float(step.model.token_nll(pieces).mean())
        sample, loss = _sample(step.model, string, seed), sum(losses) / len(losses)
        yield GPTFrame(step.step, steps, loss, held, sample, moment.seconds, moment.timed_out)


def _sample(model: gpt.GPT, string: str, seed: int) -> str:
    start = tokenizers.START if tokenizers.START in string else string[0]
    ids = model.tokenizer.encode(start)
    generator = torch.Generator().manual_seed(seed)
    tokens = generate(model, ids, chain=[Temperature(0.8)], max_tokens=SAMPLE, generator=generator)
    return model.tokenizer.decode(tokens)

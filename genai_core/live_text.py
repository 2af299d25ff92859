"""A GPT trained while one watches, on a text of one's own: the `train()` of the command line, with small values."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from genai_core import gpt, text
from genai_core.text import Corpus
from genai_core.text_sampling import Temperature, generate

SHORTEST, LONGEST = 1000, 200_000  # characters
HELD = 0.1  # share of the text that is not trained on
FRAME = 25  # steps between two frames
WRITTEN = 160  # characters of a sample


@dataclass(frozen=True)
class GPTFrame:
    """What a page draws of a running training; losses in nats per character."""

    step: int
    steps: int
    loss: float  # mean over the steps since the last frame
    held: float  # on the part that is not trained on
    sample: str
    seconds: float
    late: bool  # the time was up before the last step


def config_for(vocab: int) -> gpt.GPTConfig:
    """A small GPT, which learns to spell in a minute on two cores."""
    return gpt.GPTConfig(
        vocab=vocab, context=64, layers=3, heads=4, width=96, dropout=0.1, batch=16, lr=4e-3, warmup=20
    )


def check(string: str) -> None:
    """Raises: ValueError with one sentence if a text is too short, too long or of too few kinds of characters."""
    if not SHORTEST <= len(string) <= LONGEST:
        raise ValueError(
            f"The text has {len(string):,} characters; a training needs between {SHORTEST:,} and {LONGEST:,}."
        )
    if not 2 <= len(set(string)) <= 500:
        raise ValueError(f"The text has {len(set(string))} kinds of characters; a training needs between 2 and 500.")


def train_gpt(*, string: str, seed: int, steps: int, seconds: float = 80.0, frame: int = FRAME) -> Iterator[GPTFrame]:
    """Train on all but the end of a text; a frame every `frame` steps, an end after `steps` or `seconds`.

    Raises: ValueError as `check`.
    """
    check(string)
    begun = time.monotonic()
    whole = Corpus.of(string)
    cut = int((1 - HELD) * len(string))
    config = config_for(whole.tokenizer.vocab)
    pieces = whole.ids[cut:].unfold(0, config.context + 1, config.context)[:32]  # [pieces, context + 1]
    losses = []
    for step in gpt.train(config, Corpus(whole.ids[:cut], whole.tokenizer), steps=steps, seed=seed):
        losses.append(step.losses["loss"])
        last = step.step == steps or time.monotonic() - begun > seconds
        if step.step % frame and not last:
            continue
        with torch.inference_mode():
            held = float(step.model.nats(pieces).mean())
        sample, late = _sample(step.model, string, seed), last and step.step < steps
        yield GPTFrame(step.step, steps, sum(losses) / len(losses), held, sample, time.monotonic() - begun, late)
        losses = []
        if last:
            return


def _sample(model: gpt.GPT, string: str, seed: int) -> str:
    start = text.START if text.START in model.tokenizer.characters else string[0]
    ids = model.tokenizer.encode(start)
    generator = torch.Generator().manual_seed(seed)
    made = generate(model, ids, chain=[Temperature(0.8)], max_tokens=WRITTEN, generator=generator)
    return model.tokenizer.decode(made)

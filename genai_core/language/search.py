"""Deterministic decoding: beam search and contrastive search."""

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from genai_core.common import checks
from genai_core.language import decoding
from genai_core.language.model import LanguageModel, Session


@dataclass(frozen=True)
class Candidate:
    """A beam with one more token.

    parent: index of the last step's kept beam that it extends (0 at first). score: the sum of log p of its tokens after
    the prompt, in nats. ended: its last token is one to stop at. kept: among the `width` best that go on, or ended as
    one of the `width` best of all.
    """

    parent: int
    token: int
    tokens: tuple[int, ...]  # all after the prompt
    score: float
    kept: bool
    ended: bool

    def value(self, length_penalty: float) -> float:
        """What texts of different lengths are ranked by: score / length^length_penalty, in nats."""
        return self.score / max(1, len(self.tokens)) ** length_penalty


@dataclass(frozen=True)
class BeamStep:
    """One step: its candidates, the likeliest first; the beams that go on; the best texts so far.

    texts: at most `width`, of those that go on and those that have ended at this step or before, best first.
    """

    index: int
    candidates: tuple[Candidate, ...]
    kept: tuple[Candidate, ...]
    texts: tuple[Candidate, ...]

    @property
    def best(self) -> Candidate:
        return self.texts[0]


def beam_search(
    model: LanguageModel,
    ids: Sequence[int],
    *,
    width: int = 4,
    max_tokens: int = 20,
    length_penalty: float = 0.0,
    stop: Collection[int] = (),
    shown: int | None = None,
) -> Iterator[BeamStep]:
    """The `width` likeliest texts of each length, each extending one of the shorter ones (Lowerre 1976).

    Of all continuations of the beams by one token, those of the `width` best that end with a token of `stop` have
    ended, and the `width` best of the others go on, as in transformers. Texts of different lengths are compared by
    score / length^length_penalty (Wu 2016 has a similar rule). shown: so many candidates of each beam are listed, or
    more where the search needs them (the default); the result does not depend on it.
    Ends after max_tokens, or when no beam can still become better than the worst of `width` texts that have ended
    (early_stopping="never" in transformers).
    Raises: ValueError for no ids, a negative max_tokens, a width that is no number of beams, or a length penalty
    outside [-10, 10].
    """
    checks.count("The number of beams", width)
    checks.number("The length penalty", length_penalty, -10, 10)
    prompt, stop = decoding.prompt(ids, max_tokens), frozenset(stop)
    beams, sessions = [Candidate(0, -1, (), 0.0, kept=True, ended=False)], [decoding.session(model)]
    finished: list[Candidate] = []

    def ranked(texts: list[Candidate]) -> list[Candidate]:
        return sorted(texts, key=lambda c: -c.value(length_penalty))[:width]

    for index in range(max_tokens):
        candidates = []
        for parent, (beam, session) in enumerate(zip(beams, sessions, strict=True)):
            log_p = session.next_logits([*prompt, *beam.tokens]).double().log_softmax(0)
            candidates += [
                Candidate(parent, token, (*beam.tokens, token), beam.score + gain, kept=False, ended=token in stop)
                for token, gain in _continuations(log_p, width, stop, max(width, shown or 0))
            ]
        candidates.sort(key=lambda c: -c.score)
        keep = {c.tokens for c in candidates[:width] if c.ended}
        keep |= {c.tokens for c in [c for c in candidates if not c.ended][:width]}
        candidates = [replace(c, kept=c.tokens in keep) for c in candidates]
        beams = [c for c in candidates if c.kept and not c.ended]
        finished = ranked(finished + [c for c in candidates if c.kept and c.ended])
        yield BeamStep(index, tuple(candidates), tuple(beams), tuple(ranked(beams + finished)))
        if not beams:
            return
        length = max_tokens if length_penalty > 0 else index + 1  # the one at which a beam's score is worth most
        if len(finished) == width and beams[0].score / length**length_penalty <= finished[-1].value(length_penalty):
            return
        sessions = _heirs(sessions, beams)


def _continuations(log_p: Tensor, width: int, stop: Collection[int], shown: int) -> Iterator[tuple[int, float]]:
    """The likeliest tokens of one beam with their log p: `shown` of them, and as many more as `width` can go on with.

    Those that can have none but p = 0 are left out.
    """
    gains, tokens = log_p.sort(descending=True, stable=True)
    going_on = 0
    for rank, (token, gain) in enumerate(zip(tokens.tolist(), gains.tolist(), strict=True)):
        if gain == -math.inf or (rank >= shown and going_on >= width):
            return
        going_on += token not in stop
        if rank < shown or token not in stop:
            yield token, gain


def tokens_with(model: LanguageModel, text: str) -> frozenset[int]:
    """The ids of all tokens that contain a text, such as "." or a line break: what `stop` must hold to end there."""
    decode = model.tokenizer.decode
    return frozenset(i for i in range(model.tokenizer.vocab_size) if text in decode([i]))


def _heirs(sessions: list[Session], beams: list[Candidate]) -> list[Session]:
    """A session for each new beam: its parent's own for the first child of a parent, copies for the others."""
    own = dict(enumerate(sessions))
    return [own.pop(beam.parent) if beam.parent in own else sessions[beam.parent].copy() for beam in beams]


@dataclass(frozen=True, eq=False)
class ContrastiveStep:
    """One token of a contrastive search, with all candidates, likeliest first."""

    index: int
    token: int
    candidates: tuple[int, ...]
    probabilities: tuple[float, ...]  # the model's own
    likeness: tuple[float, ...]  # of each to the tokens before it: the largest cosine of their hidden vectors
    scores: tuple[float, ...]  # the largest wins


def contrastive_search(
    model: LanguageModel,
    ids: Sequence[int],
    *,
    k: int = 5,
    alpha: float = 0.6,
    max_tokens: int = 100,
    stop: Collection[int] = (),
) -> Iterator[ContrastiveStep]:
    """Of the k likeliest tokens, the one that is likely and unlike the previous tokens (Su 2022, eq. 5):

        (1 - alpha) p(v) - alpha max_j cos(h_v, h_j)          over the hidden vectors of all tokens before v

    It is deterministic. The model's sessions must have `states` (an n-gram model has none).
    Raises: ValueError for no ids, a negative max_tokens, k below 1, alpha outside [0, 1], or a model without states.
    """
    checks.count("The number k of candidates", k)
    checks.number("alpha", alpha, 0, 1)
    ids, session = decoding.prompt(ids, max_tokens), decoding.session(model)
    if not hasattr(session, "states"):
        raise ValueError("Contrastive search compares hidden states, and an n-gram model has none.")
    logits = session.next_logits(ids)
    for index in range(max_tokens):
        best = logits.double().softmax(0).topk(min(k, len(logits)))
        options, likeness = [], []
        for token in best.indices.tolist():
            heir = session.copy()
            options.append((heir, heir.next_logits([*ids, token])))
            likeness.append(_likeness(heir.states))
        scores = (1 - alpha) * best.values - alpha * torch.tensor(likeness, dtype=torch.float64)
        at = int(scores.argmax())
        token = int(best.indices[at])
        session, logits = options[at]
        ids.append(token)
        yield ContrastiveStep(
            index,
            token,
            tuple(best.indices.tolist()),
            tuple(best.values.tolist()),
            tuple(likeness),
            tuple(scores.tolist()),
        )
        if token in stop:
            return


def _likeness(states: Tensor) -> float:
    """The largest cosine of the last of states [T, width] with any before it; 0 where there is none."""
    if len(states) < 2:
        return 0.0
    return float(F.cosine_similarity(states[:-1], states[-1:], dim=1).max())

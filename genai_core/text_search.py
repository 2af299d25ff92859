"""Ways to go on with a text that do not draw: beam search and contrastive search."""

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Candidate:
    """A beam with one token more.

    parent: which of the last step's kept candidates it goes on from (0 at first). score: the sum of log p of its tokens
    after the prompt, in nats. kept: among the best, or ended. ended: its last token is one to stop at.
    """

    parent: int
    token: int
    tokens: tuple[int, ...]  # all after the prompt
    score: float
    kept: bool
    ended: bool


@dataclass(frozen=True)
class BeamStep:
    """All that was looked at in one step, best first; `kept` are the beams that go on, in the order of parents."""

    index: int
    candidates: tuple[Candidate, ...]
    kept: tuple[Candidate, ...]
    best: Candidate  # so far, of those kept and those ended


def beam_search(
    model,
    ids: Sequence[int],
    *,
    width: int = 4,
    max_tokens: int = 20,
    length_penalty: float = 0.0,
    stop: Collection[int] = (),
    shown: int | None = None,
) -> Iterator[BeamStep]:
    """The `width` likeliest texts of each length, each made of those one token shorter (Lowerre 1976).

    Of texts of different lengths the better has the larger score / length^length_penalty (Wu 2016 has a kindred rule).
    shown: candidates of each beam that a step lists, at least `width` (the default).
    Ends after max_tokens, or when as many texts as beams have ended and none going on is better.
    Raises: ValueError for no ids, a width below 1.
    """
    if width < 1:
        raise ValueError(f"A beam search needs at least one beam, and has {width}.")
    prompt, start = list(ids), Candidate(0, -1, (), 0.0, kept=True, ended=False)
    beams, readers, ended = [start], [model.reader()], []

    def value(c: Candidate) -> float:
        return c.score / max(1, len(c.tokens)) ** length_penalty

    for index in range(max_tokens):
        found = []
        for parent, (beam, reader) in enumerate(zip(beams, readers, strict=True)):
            log_p = reader.next_logits([*prompt, *beam.tokens]).double().log_softmax(0)
            best = log_p.topk(min(max(width, shown or 0), len(log_p)))
            found += [
                Candidate(parent, token, (*beam.tokens, token), beam.score + gain, kept=False, ended=token in stop)
                for token, gain in zip(best.indices.tolist(), best.values.tolist(), strict=True)
                if gain > -math.inf
            ]
        found.sort(key=lambda c: -c.score)
        ended += [c for c in found[:width] if c.ended]
        keep = {c.tokens for c in [c for c in found if not c.ended][:width]}
        found = [Candidate(c.parent, c.token, c.tokens, c.score, c.tokens in keep, c.ended) for c in found]
        beams = [c for c in found if c.kept]
        yield BeamStep(index, tuple(found), tuple(beams), max([*beams, *ended], key=value))
        if not beams or (len(ended) >= width and max(map(value, ended)) >= value(beams[0])):
            return
        readers = _heirs(readers, beams)


def _heirs(readers: list, beams: list[Candidate]) -> list:
    """A reader for each new beam: its parent's own for one of a parent's heirs, copies for the others."""
    own = dict(enumerate(readers))
    return [own.pop(beam.parent) if beam.parent in own else readers[beam.parent].copy() for beam in beams]


@dataclass(frozen=True, eq=False)
class ContrastiveStep:
    """One token of a contrastive search, with all that were looked at, likeliest first."""

    index: int
    token: int
    candidates: tuple[int, ...]
    probabilities: tuple[float, ...]  # the model's own
    likeness: tuple[float, ...]  # of each to the tokens before it: the largest cosine of their hidden vectors
    scores: tuple[float, ...]  # the largest wins


def contrastive_search(
    model, ids: Sequence[int], *, k: int = 5, alpha: float = 0.6, max_tokens: int = 100, stop: Collection[int] = ()
) -> Iterator[ContrastiveStep]:
    """Of the k likeliest tokens, the one that is likely and unlike what was there (Su 2022, eq. 5):

        (1 - alpha) p(v) - alpha max_j cos(h_v, h_j)          over the hidden vectors of all tokens before v

    Nothing is drawn. The model's readers must have `states` (an n-gram model has none).
    Raises: ValueError for no ids, k below 1, alpha outside [0, 1], or a model without states.
    """
    if k < 1 or not 0 <= alpha <= 1:
        raise ValueError(f"Contrastive search needs k of 1 or more and alpha from 0 to 1, and has {k} and {alpha}.")
    ids, reader = list(ids), model.reader()
    if not hasattr(reader, "states"):
        raise ValueError("Contrastive search compares hidden states, and an n-gram model has none.")
    logits = reader.next_logits(ids)
    for index in range(max_tokens):
        best = logits.double().softmax(0).topk(min(k, len(logits)))
        looked, likeness = [], []
        for token in best.indices.tolist():
            heir = reader.copy()
            looked.append((heir, heir.next_logits([*ids, token])))
            likeness.append(_likeness(heir.states))
        scores = (1 - alpha) * best.values - alpha * torch.tensor(likeness, dtype=torch.float64)
        at = int(scores.argmax())
        token = int(best.indices[at])
        reader, logits = looked[at]
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

"""He or she: what a BERT fills in beside a word, and what its training corpus says there.

    share of "she" = p(she) / (p(he) + p(she))      by the model, the mean over sentences such as "[MASK] had a doll."
    share of "she" = n(she) / (n(he) + n(she))      in the corpus, over the sentences with the word and one of the two

Such a number is of the model and of what it has read. It is no measure of the world, and another one's choice of
sentences would give another number [Caliskan 2017; Blodgett 2020].
"""

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from genai_core.transformer.bert import BERT

HE, SHE = "He", "She"
PATTERNS = {
    "is": ("{} was {word}.", "{} was very {word}.", "{} is {word}.", "{} wanted to be {word}."),
    "has": ("{} had a {word}.", "{} saw a {word}.", "{} liked the {word}.", "{} asked for a {word}."),
    "meets": ("{} was a {word}.", "{} saw a {word}.", "{} talked to the {word}.", "{} wanted to be a {word}."),
}
WORDS = {  # word -> its patterns
    **dict.fromkeys(("lazy", "strong", "brave", "kind", "beautiful", "pretty"), "is"),
    **dict.fromkeys(("truck", "ball", "car", "cake", "doll", "dress"), "has"),
    **dict.fromkeys(("king", "teacher", "doctor", "princess"), "meets"),
}


def counts(text: str, words: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Of each word in how many sentences it stands with "he" and no "she", and with "she" and no "he"."""
    found = {word: [0, 0] for word in words}
    for sentence in re.split(r"[.!?\n]|<\|endoftext\|>", text.lower()):
        said = set(re.findall(r"\w+", sentence))
        if ("he" in said) != ("she" in said):
            for word in said & found.keys():
                found[word]["she" in said] += 1
    return {word: (he, she) for word, (he, she) in found.items()}


def share(model: "BERT", sentence: str) -> float:
    """p(she) / (p(he) + p(she)) at the place {} of a sentence. Raises: ValueError where either is several tokens."""
    start = [model.tokenizer.start]
    he, she = (start + model.tokenizer.encode(sentence.format(word)) + start for word in (HE, SHE))
    if len(he) != len(she) or sum(a != b for a, b in zip(he, she, strict=True)) != 1:
        raise ValueError(f"“{HE}” and “{SHE}” must be one token each.")
    place = next(k for k, (a, b) in enumerate(zip(he, she, strict=True)) if a != b)
    log_p = model.fill(he, [place])[0]
    return float(torch.sigmoid(log_p[she[place]] - log_p[he[place]]))


def measure(model: "BERT", text: str) -> list[dict[str, Any]]:
    """{"word", "she_model", "she_corpus", "count": of sentences} of each of WORDS, by the share in the corpus.

    text: the training corpus. A word that no sentence has with either is left out.
    """
    rows = []
    for word, (he, she) in counts(text, WORDS).items():
        if he + she:
            shares = [share(model, pattern.replace("{word}", word)) for pattern in PATTERNS[WORDS[word]]]
            corpus = {"she_corpus": round(she / (he + she), 4), "count": he + she}
            rows.append({"word": word, "she_model": round(sum(shares) / len(shares), 4), **corpus})
    return sorted(rows, key=lambda row: row["she_corpus"])


def ranks(values: Sequence[float]) -> torch.Tensor:
    """The rank of each value from 1; those that are equal share the mean of theirs."""
    x = torch.tensor(values, dtype=torch.float64)
    return ((x[:, None] > x).sum(1) + (x[:, None] >= x).sum(1) + 1) / 2


def correlation(a: Sequence[float], b: Sequence[float]) -> float:
    """Spearman's rank correlation, in [-1, 1]; 0 where one side is all alike, or there are fewer than two values."""
    if len(set(a)) < 2 or len(set(b)) < 2:
        return 0.0
    return round(float(torch.corrcoef(torch.stack([ranks(a), ranks(b)]))[0, 1]), 4)

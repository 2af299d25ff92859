"""Beam search as a tree with its pruned branches, and contrastive search token by token."""

import functools
from typing import Any

from PIL import Image

from demos._ui import text_image, trees, validation
from demos._ui.settings import Setting, choice, integer, number, text
from demos._ui.tab import Answer, Part, Preset
from demos._ui.tokens import candidate
from demos.text import _models, write
from demos.text.write import menus
from genai_core.language.search import (
    BeamStep,
    Candidate,
    ContrastiveStep,
    beam_search,
    contrastive_search,
    tokens_with,
)
from genai_core.language.text_stream import TextStream

SHOWN = 6  # candidates of each beam that are looked at, at least
SEARCHES = {"beam": "beam search", "contrastive": "contrastive search"}
STOPS = {"none": "nothing", "newline": "end of line", "full_stop": "full stop"}
MARKS = {"newline": "\n", "full_stop": "."}  # what the last token of a text contains


def show(
    model: str, prompt: str, way: str, width: int, tokens: int, penalty: float, k: int, alpha: float, stop: str
) -> dict:
    """The tree of a beam search, or the tokens of a contrastive one; "text" is what was found."""
    network = _models.load(model)
    ids, note = _models.encoded(network, prompt)
    stream = _models.text_stream(network, prompt)
    options = {"max_tokens": tokens, "stop": {*network.tokenizer.stop, *stop_tokens(model, stop)}}
    if way == "contrastive":
        try:
            steps = list(contrastive_search(network, ids, k=k, alpha=alpha, **options))
        except ValueError as error:  # an n-gram model has no states to compare
            raise validation.InputError(str(error)) from None
        chips = [contrasted(step, stream) for step in steps]
        value = {"tokens": chips, "text": "".join(chip["text"] for chip in chips)}
    else:
        tree = list(beam_search(network, ids, width=width, length_penalty=penalty, shown=SHOWN, **options))
        value = tree_value(tree, stream, width, penalty)
    return value | {"note": note, "models": menus()["models"]}


@functools.lru_cache(maxsize=32)
def stop_tokens(name: str, stop: str) -> frozenset[int]:
    """The tokens at which a text of a model ends, for a value of the setting `stop`."""
    return tokens_with(_models.load(name), MARKS[stop]) if stop in MARKS else frozenset()


def tree_value(steps: list[BeamStep], prompt: TextStream, width: int, penalty: float) -> dict:
    """A beam search for the page: what is drawn of each step, the texts at its end, best first, and the best.

    The value of a text at the end is its log p over length^penalty.
    """
    best = steps[-1].best

    @functools.cache
    def read(tokens: tuple[int, ...]) -> tuple[str, TextStream]:
        """The text of tokens after the prompt, and the stream that continues it."""
        if not tokens:
            return "", prompt
        text, stream = read(tokens[:-1])
        stream = stream.copy()
        return text + stream.add(tokens[-1]), stream

    def node(c: Candidate) -> dict:
        return {
            "parent": c.parent,
            "text": candidate(read(c.tokens[:-1])[1], c.token),
            "score": round(c.score, 3),
            "kept": c.kept,
            "ended": c.ended,
            "best": c.tokens == best.tokens[: len(c.tokens)],
        }

    def final(c: Candidate) -> dict:
        text = read(c.tokens)[0]
        return {"text": text, "score": round(c.score, 3), "value": round(c.value(penalty), 3), "ended": c.ended}

    return {
        "levels": [[node(c) for c in drawn(step, width)] for step in steps],
        "finals": [final(c) for c in steps[-1].texts],
        "count": sum(len(step.candidates) for step in steps),
        "text": read(best.tokens)[0],
    }


def drawn(step: BeamStep, width: int) -> list[Candidate]:
    """What is drawn of a step: the beams that go on, what ended, then as many of the pruned, each best first."""
    ended = [c for c in step.candidates if c.kept and c.ended]
    pruned = [c for c in step.candidates if not c.kept]
    return [*step.kept, *ended, *pruned[: max(2, width)]]


def contrasted(step: ContrastiveStep, stream: TextStream) -> dict:
    """One token of a contrastive search for the page; stream: the text before it, which is moved on."""
    before = stream.copy()
    rows = zip(step.candidates, step.probabilities, step.likeness, step.scores, strict=True)
    return {
        "text": stream.add(step.token),
        "candidates": [
            {
                "text": candidate(before, token),
                "p": round(p, 4),
                "likeness": round(likeness, 3),
                "score": round(score, 3),
                "taken": token == step.token,
            }
            for token, p, likeness, score in rows
        ],
        "likeliest": step.candidates[0] == step.token,
    }


def within(settings: dict[str, Any]) -> dict[str, Any]:
    """A tree of more than 24 columns cannot be read. Raises: InputError."""
    if settings["way"] == "beam":
        validation.integer(settings["tokens"], "The number of tokens of a beam search", 1, 24)
    return settings


def picture(**settings: Any) -> Image.Image:
    """What was found: of a beam search the tree and its texts, of a contrastive one the text with its marked tokens."""
    value = show(**settings)
    if "levels" in value:
        finals = [(f"log p = {f['score']:.2f} nat", settings["prompt"] + f["text"]) for f in value["finals"]]
        return trees.picture(value["levels"], finals)
    tokens = [(token["text"], 0.0 if token["likeliest"] else 0.35) for token in value["tokens"]]
    return text_image.of_text([(settings["prompt"], write.SOFT), *text_image.shaded(tokens)])


def code(
    model: str, prompt: str, way: str, width: int, tokens: int, penalty: float, k: int, alpha: float, stop: str
) -> str:
    first, last, lines = _models.model_code(model, prompt)
    own = "model.tokenizer.stop" if _models.load(model).tokenizer.stop else ""
    marked = f"tokens_with(model, {MARKS[stop]!r})" if stop in MARKS else ""
    ends = f"{{*{own}, *{marked}}}" if own and marked else own or marked
    ends = ends and f", stop={ends}"
    if way == "beam":
        call = f"beam_search(model, ids, width={width}, max_tokens={tokens}, length_penalty={penalty}{ends})"
        best = "best = step.best.tokens"
    else:
        call = f"contrastive_search(model, ids, k={k}, alpha={alpha}, max_tokens={tokens}{ends})"
        best = "best.append(step.token)"
    return f"""{first}from genai_core.language.search import {way}_search{", tokens_with" if marked else ""}
{last}
{lines}
best = []
for step in {call}:
    {best}
print(text_after(model.tokenizer, prompt, best))
"""


def says(**settings: Any) -> str:
    return show(**settings)["text"]


PART = Part(
    id="search",
    title="Search",
    lead="<b>Press Search</b>: no random draw, but several texts at a time. Look for a beam that was behind and wins, "
    "and for what was pruned.",
    stage="text/search",
    settings=(
        _models.MODEL,
        Setting("prompt", text(200, lines=2), "My lord, ", "The prompt"),
        Setting("way", choice(SEARCHES), "beam", "The search"),
        Setting("width", integer(1, 8), 4, "The number of beams"),
        Setting("tokens", integer(1, 120), 14, "The number of tokens"),
        Setting("penalty", number(0, 2, 0.1), 0.0, "The length penalty"),
        Setting("k", integer(1, 20), 5, "k"),
        Setting("alpha", number(0, 1), 0.6, "The degeneration penalty"),
        Setting("stop", choice(STOPS), "none", "The stop token"),
    ),
    check=within,
    functions=(menus,),
    presets=(
        Preset(
            "Four beams",
            "Four texts at a time. Is the best of them the one that was ahead at first?",
            {},
            "No: follow the bold path back. Its first letter, “m”, was only the fourth likeliest.",
            (
                Answer(
                    "Yes: who leads stays ahead.",
                    "A likely start may lead to unlikely words: that is what the other beams are kept for.",
                ),
                Answer("No."),
                Answer("That is left to chance.", "Nothing is drawn here: the same text comes out every time."),
            ),
        ),
        Preset(
            "One beam: greedy",
            "With one beam it is the likeliest token each time. What is its score against four beams?",
            {"width": 1},
            "Lower, −8.1 nat against −6.3: the likeliest token each time does not make the likeliest text.",
            (
                Answer("The same: it takes the best each time.", "The best step need not be on the best path."),
                Answer("Higher: no beam is wasted.", "Four beams include what one beam would keep, and compare it."),
                Answer("Lower."),
            ),
        ),
        Preset(
            "Eight beams",
            "Twice as many beams. Is the best text likelier than with four?",
            {"width": 8},
            "It is the same one: four beams were enough to find it. The next best are likelier than before.",
            (
                Answer("The same one."),
                Answer(
                    "Yes: twice as likely.", "The likeliest that can be found does not get likelier by searching more."
                ),
                Answer("No, less: probability is shared.", "Beams share nothing: each has the score of its own text."),
            ),
        ),
        Preset(
            "Length penalty",
            "Texts end at a full stop, and log p is divided by their length. Which one wins, and which at penalty 0?",
            {"stop": "full_stop", "tokens": 19, "penalty": 1.0},
            "“I will not speak.” with −0.55 nat a token, ahead of “my lord.” with −0.61. At penalty 0 the shorter one "
            "wins: each further token costs.",
            (
                Answer(
                    "The shorter one, both times.",
                    "At penalty 0 it does. Divided by its length, a longer text may have the better mean.",
                ),
                Answer("The longer one, both times.", "At penalty 0 each token costs, and the shorter one wins."),
                Answer("The longer one, and at 0 the shorter."),
            ),
        ),
        Preset(
            "Contrastive",
            "Likely, but unlike the tokens before. Does it still repeat itself?",
            {"way": "contrastive", "tokens": 60},
            "Not in these 60 tokens. At the marked letters the likeliest token was passed over.",
            (
                Answer(
                    "Yes: the likeliest loops.",
                    "A token that repeats has a state like those before it, and is marked down.",
                ),
                Answer("No, not here."),
                Answer("No, since tokens are drawn.", "Nothing is drawn: the best compromise is taken each time."),
            ),
        ),
    ),
    show=show,
    picture=picture,
    code=code,
    says=says,
)

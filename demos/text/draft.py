"""Speculative decoding: an n-gram model drafts, the GPT checks several tokens in one pass, and writes the same text."""

import itertools
import time
from collections.abc import Iterator
from typing import Any

from PIL import Image

from demos._ui import text_image, validation
from demos._ui.settings import Setting, integer, number, seed, text
from demos._ui.tab import Answer, Part, Preset
from demos.text import _models, write
from genai_core.language import speculative, tokenizers
from genai_core.language.text_stream import TextStream

MODEL, DRAFT = "gpt-shakespeare", "ngram-shakespeare"  # both read characters
SECONDS = 60.0  # a run's own end, whatever the machine
KEPT, OWN = "#047857", "#c2410c"  # the inks of a saved picture


def pass_value(step: speculative.Pass, number: int, stream: TextStream) -> list[list]:
    """The tokens of one pass for the page, in the order in which they stand there: [text, kind, pass].

    "kept" and "refused" were drafted, the rest is the GPT's: "own" instead of what was refused, a "bonus" if nothing
    was, "alone" if nothing had been drafted. stream: the text before the pass; it is moved on.
    (A list of lists of one length: Gradio 6.31 loses its count in others.)
    """
    last = "own" if step.accepted < len(step.drafted) else "bonus" if step.drafted else "alone"
    kept = [[stream.add(token), "kept", number] for token in step.drafted[: step.accepted]]
    drafted = stream.copy()  # the text as it would have been
    refused = [[drafted.add(token), "refused", number] for token in step.drafted[step.accepted :]]
    return [*kept, *refused, *([stream.add(token), last, number] for token in step.tokens[step.accepted :])]


def figures(steps: list[speculative.Pass], k: int) -> dict:
    """What the page says of the passes so far. rate: of acceptance; predicted: tokens per pass by that rate.

    Both are None where nothing was drafted.
    """
    drafted = sum(len(step.drafted) for step in steps)
    rate = speculative.acceptance_rate(steps) if drafted else None
    return {
        "tokens": sum(len(step.tokens) for step in steps),
        "passes": len(steps),
        "drafted": drafted,
        "checked": sum(step.checked for step in steps),
        "accepted": sum(step.accepted for step in steps),
        "rate": rate,
        "predicted": None if rate is None else speculative.tokens_per_pass(rate, k),
    }


def passes(prompt: str, k: int, order: int, temperature: float, tokens: int, seed: int) -> Iterator[speculative.Pass]:
    """The passes of the GPT; k = 0: plain decoding, one token a pass."""
    model, drafter = _models.load(MODEL), _models.load(DRAFT).at(order)
    ids, _ = _models.encoded(model, prompt)
    chain = _models.filters([["temperature", temperature]])
    generator = _models.generator_at(seed, 0)
    return speculative.passes(model, drafter, ids, k=k, chain=chain, max_tokens=tokens, generator=generator)


def draft(**settings: Any) -> Iterator[dict]:
    """The stage's value, some passes at a time; last, how plain decoding compares."""
    list(passes(**settings | {"tokens": 3}))  # what is made once is not timed
    begun = sent = time.monotonic()
    note = _models.encoded(_models.load(MODEL), settings["prompt"])[1]
    value = {"settings": settings, "note": note, "plain": None}
    stream = _models.text_stream(_models.load(MODEL), settings["prompt"])
    runs, texts, spent = (passes(**settings), passes(**settings | {"k": 0})), ([], []), [0.0, 0.0]
    steps, waiting = [], []

    def advance(which: int) -> speculative.Pass | None:
        """The next pass of one of the two, timed without what the page takes."""
        before = time.monotonic()
        step = next(runs[which], None)
        spent[which] += time.monotonic() - before
        texts[which].extend(step.tokens if step else ())
        return step

    def message() -> dict:
        return value | {"new": waiting, "begins": begins, "seconds": spent[0], "figures": figures(steps, settings["k"])}

    begins = True
    for count in itertools.count(1):
        if not (step := advance(0)):
            break
        steps.append(step)
        waiting += pass_value(step, count, stream)
        while len(texts[1]) < len(texts[0]) and advance(1):  # in turns, so that a busy machine slows both alike
            pass
        now = time.monotonic()
        if now - begun > SECONDS:
            raise validation.InputError(f"Time limit reached: {SECONDS:.0f} seconds. Choose fewer tokens.")
        if now - sent > write.EVERY:
            yield message()
            waiting, sent, begins = [], time.monotonic(), False
    drafted, plain = texts
    compared = {"seconds": spent[1], "alike": tokenizers.shared(drafted, plain), "tokens": len(plain)}
    yield message() | {"plain": compared}


def show(**settings: Any) -> dict:
    """The whole text."""
    *_, last = messages = list(draft(**settings))
    return last | {"new": [token for message in messages for token in message["new"]], "begins": True}


def picture(**settings: Any) -> Image.Image:
    """The text, who made each token in its ink."""
    inks = {"kept": KEPT, "own": OWN, "bonus": OWN, "alone": OWN}
    stream = _models.text_stream(_models.load(MODEL), settings["prompt"])
    new = [token for k, step in enumerate(passes(**settings)) for token in pass_value(step, k, stream)]
    tokens = [(piece, inks[kind]) for piece, kind, _ in new if kind in inks]
    return text_image.of_text([(settings["prompt"], write.SOFT), *tokens])


def code(prompt: str, k: int, order: int, temperature: float, tokens: int, seed: int) -> str:
    known, _ = _models.load(MODEL).tokenizer.known(prompt)
    return f'''import torch

from genai_core import language
from genai_core.language import speculative
from genai_core.language.sampling import Temperature

model, drafter = language.load("{MODEL}"), language.load("{DRAFT}").at({order})
ids = [model.tokenizer.start, *model.tokenizer.encode({known!r})]
options = dict(k={k}, chain=[Temperature({temperature})], max_tokens={tokens})
generator = torch.Generator().manual_seed({seed})
passes = list(speculative.passes(model, drafter, ids, generator=generator, **options))
print(len(passes), "passes of the GPT")
print(model.tokenizer.decode([token for step in passes for token in step.tokens]))
'''


def says(**settings: Any) -> str:
    steps = list(passes(**settings))
    text = _models.load(MODEL).tokenizer.decode([token for step in steps for token in step.tokens])
    return f"{len(steps)} passes of the GPT\n{text}"


PART = Part(
    id="draft",
    title="Draft",
    lead="<b>Press Write</b>: an n-gram guesses a few tokens, the GPT checks all of them at once. Look for what it "
    "keeps, what it strikes out, and how many passes that saves.",
    stage="text/draft",
    settings=(
        Setting("prompt", text(500, lines=2), "ROMEO:\n", "The prompt"),
        Setting("k", integer(0, 16), speculative.K, "The length of a draft"),
        Setting("order", integer(1, 8), 6, "The order of the n-gram"),
        Setting("temperature", number(0, 3), 0.8, "The temperature"),
        Setting("tokens", integer(1, 400), 240, "The number of tokens"),
        Setting("seed", seed(), 1, "Seed"),
    ),
    presets=(
        Preset(
            "Greedy",
            "The likeliest token each time. Are drafts accepted more often than with a random draw?",
            {"temperature": 0.0},
            "Yes: 77 % of those that were checked, and 57 % at temperature 0.8.",
            (
                Answer("Yes."),
                Answer(
                    "No: it is the same two models.",
                    "With random draws both must draw the same; here it is enough that their likeliest tokens agree.",
                ),
                Answer("All are accepted.", "The likeliest token of an n-gram is not always that of the GPT."),
            ),
        ),
        Preset(
            "Hot",
            "Temperature 1.5: both models draw from many tokens. How many drafts are still accepted?",
            {"temperature": 1.5},
            "38 % of those that were checked: the flatter both distributions are, the less often their tokens agree.",
            (
                Answer(
                    "More: any token will do.",
                    "A token is accepted as far as both models give it probability, and these spread apart.",
                ),
                Answer("Fewer."),
                Answer(
                    "As many: the same temperature acts on both.",
                    "It flattens both, and flat distributions agree by chance alone.",
                ),
            ),
        ),
        Preset(
            "A poor draft",
            "A 2-gram knows one letter. Does the text get worse, or only slower?",
            {"order": 2},
            "Only slower: every token that stands is the GPT's own choice.",
            (
                Answer(
                    "Worse: half of it is the 2-gram's.",
                    "What stands was checked by the GPT: the distribution is exactly its own.",
                ),
                Answer("Both worse and slower.", "Rejected drafts cost passes, never quality."),
                Answer("Only slower."),
            ),
        ),
        Preset(
            "Long drafts",
            "Twelve tokens at a time. Does checking more of them at once pay?",
            {"k": 12},
            "Hardly, as predicted: at an acceptance rate of 57 %, five tokens give 2.26 a pass and twelve give 2.33.",
            (
                Answer("Hardly."),
                Answer(
                    "Yes: twelve tokens for one pass.",
                    "After the first rejected one the rest of the draft is thrown away.",
                ),
                Answer(
                    "No: it gets slower with every token.",
                    "Checked in one pass they cost little, but they hardly ever count.",
                ),
            ),
        ),
        Preset(
            "No drafts",
            "Plain decoding: one token a pass. Compare the passes.",
            {"k": 0},
            "As many passes as tokens: this is what drafts are measured against.",
            (
                Answer(
                    "Half as many passes as tokens.",
                    "A pass of the GPT gives one token, unless something was guessed before.",
                ),
                Answer("As many passes as tokens."),
                Answer("One pass: the text is written at once.", "Each token needs the ones before it."),
            ),
        ),
    ),
    run=draft,
    show=show,
    picture=picture,
    code=code,
    says=says,
)

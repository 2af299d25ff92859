"""The same prompt and the same random draws through an n-gram model, an LSTM and a GPT, side by side."""

import math
import time
from collections.abc import Iterator
from typing import Any

from PIL import Image

from demos._ui import text_image
from demos._ui.settings import Setting, integer, number, seed, text
from demos._ui.tab import Answer, Part, Preset
from demos.text import _models, write
from genai_core.common import checkpoints
from genai_core.language.sampling import generate_steps

RACERS = {"ngram-shakespeare": "n-gram", "lstm-shakespeare": "LSTM", "gpt-shakespeare": "GPT"}


def racer(name: str, order: int):
    """The model; of the n-gram, one with no more than `order` of its orders."""
    model = _models.load(name)
    return model.at(order) if name.startswith("ngram") else model


def measured(name: str, order: int) -> float | None:
    """Nats per character on the last 10 % of the corpus, as the card has it; None where it was not evaluated."""
    try:
        metrics = checkpoints.read_json(name, "metrics.json")
    except checkpoints.CheckpointError:
        return None
    if name.startswith("ngram"):
        losses = metrics.get("nats_per_character_by_order")
        return losses[order - 1] if losses else None
    return metrics.get("nats_per_character")


def compare(prompt: str, order: int, temperature: float, tokens: int, seed: int) -> Iterator[dict]:
    """The stage's value, message by message, one model after the other so that each has the machine to itself."""
    for which, (name, title) in enumerate(RACERS.items()):
        model = racer(name, order)
        (ids, note), stream = _models.encoded(model, prompt), _models.text_stream(model, prompt)
        title = f"{order}-gram" if name.startswith("ngram") else title
        chain = _models.filters([["temperature", temperature]])
        steps = generate_steps(model, ids, chain=chain, max_tokens=tokens, generator=write.generator_at(seed, 0))
        value = {"model": name, "title": title, "note": note, "prompt": prompt, "loss": measured(name, order)}
        waiting, nll, count, spent, begins = [], 0.0, 0, 0.0, which == 0
        sent = begun = time.monotonic()
        for step in steps:
            now = time.monotonic()
            count, spent = count + 1, now - begun
            nll -= math.log(max(step.probability, 1e-12))
            waiting.append([stream.add(step.token), round(step.probability, 4)])
            if now - sent > write.EVERY:
                figures = {"ms": 1000 * spent / count, "nll": nll / count}
                yield value | {"new": waiting, "begins": begins, **figures}
                waiting, sent, begins = [], time.monotonic(), False
        figures = {"ms": 1000 * spent / max(1, count), "nll": nll / max(1, count)}
        yield value | {"new": waiting, "begins": begins, **figures}


def show(**settings: Any) -> dict:
    """All three texts, under "all"."""
    parts: dict[str, dict] = {}
    for message in compare(**settings):
        before = parts.get(message["model"], {"new": [], "begins": message["begins"]})
        parts[message["model"]] = message | {"new": before["new"] + message["new"], "begins": before["begins"]}
    return {"all": list(parts.values())}


def picture(**settings: Any) -> Image.Image:
    """The three texts, shaded by surprise."""
    parts = list[tuple[str, ...]]()
    for value in show(**settings)["all"]:
        parts += [(f"{value['title']}\n", "#4f46e5"), (settings["prompt"], write.SOFT)]
        parts += text_image.shaded((text, write.depth(p)) for text, p in value["new"])
        parts += [("\n\n", write.INK)]
    return text_image.of_text(parts)


def code(prompt: str, order: int, temperature: float, tokens: int, seed: int) -> str:
    known, _ = _models.load("gpt-shakespeare").tokenizer.known(prompt)
    return f"""import torch

from genai_core import language
from genai_core.language.sampling import Temperature, generate

ngram, lstm, gpt = (language.load(f"{{kind}}-shakespeare") for kind in ("ngram", "lstm", "gpt"))
for model in (ngram.at({order}), lstm, gpt):
    ids = [model.tokenizer.start, *model.tokenizer.encode({known!r})]
    generator = torch.Generator().manual_seed({seed})  # the same draws for all
    written = generate(model, ids, chain=[Temperature({temperature})], max_tokens={tokens}, generator=generator)
    print(model.tokenizer.decode(written))
    print("-" * 40)
"""


def says(**settings: Any) -> str:
    texts = ["".join(text for text, _ in value["new"]) for value in show(**settings)["all"]]
    return f"\n{'-' * 40}\n".join(texts)


PART = Part(
    id="compare",
    title="Compare",
    lead="<b>Press Compare</b>: one prompt, the same random draws, three models. Look for what each remembers: "
    "letters, words, or who is speaking.",
    stage="text/compare",
    settings=(
        Setting("prompt", text(500, lines=2), "KING HENRY:\n", "The prompt"),
        Setting("order", integer(1, 8), 5, "The order of the n-gram"),
        Setting("temperature", number(0, 3), 0.8, "The temperature"),
        Setting("tokens", integer(1, 400), 240, "The number of tokens"),
        Setting("seed", seed(), 1, "Seed"),
    ),
    presets=(
        Preset(
            "Three characters of memory",
            "A 3-gram sees two letters back. Which words come out whole?",
            {"order": 3},
            "Short ones: two letters of context are enough for “the”, and for little more.",
            (
                Answer("None.", "“th” is nearly always followed by “e”: two letters go a long way in short words."),
                Answer("Short ones."),
                Answer(
                    "All of them: it learned from whole words.",
                    "It has seen whole words, and remembers no more than two letters at a time.",
                ),
            ),
        ),
        Preset(
            "Eight against all",
            "An 8-gram is good at copying. How does its loss compare with the GPT's?",
            {"order": 8},
            "Whole words and phrases of the corpus, but on unseen text its loss is above the GPT's.",
            (
                Answer(
                    "It is lower: it has seen it all.",
                    "Of what it has seen. On other text most runs of eight letters are new to it.",
                ),
                Answer("It is higher."),
                Answer("It is the same.", "Copying helps on text that was seen; the card measures text that was not."),
            ),
        ),
        Preset(
            "Greedy",
            "Temperature 0: the likeliest token each time. Which of the three repeats itself first?",
            {"temperature": 0.0, "order": 8},
            "The LSTM, then the 8-gram, and nothing leads out of a loop; the GPT lasts for these 240 tokens.",
            (
                Answer("The 8-gram: it only copies.", "It comes second: its copies are long."),
                Answer(
                    "The GPT: it is the surest.",
                    "It has seen more of what it wrote than the others, and still changes the subject.",
                ),
                Answer("The LSTM."),
            ),
        ),
    ),
    first={"tokens": 120},
    run=compare,
    show=show,
    picture=picture,
    code=code,
    says=says,
)

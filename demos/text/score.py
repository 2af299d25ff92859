"""How surprising is a text? -log p of every token under each model, perplexity, and bits per character.

Models are ranked by bits per character: their tokens differ in length, so a perplexity per token compares nothing.
"""

import functools
import math
from typing import Any

from PIL import Image

from demos._ui import text_image, validation
from demos._ui.charts import ACCENT, INK
from demos._ui.settings import Setting, text
from demos._ui.tab import Answer, Part, Preset
from demos.text import _models
from demos.text._models import NAMES
from genai_core.language.text_stream import TextStream

LONGEST = 1500
SHAKESPEARE = "What sayest thou, my lord? I'll not believe\nThat ever he did speak so of the king."
MODERN = "Please switch the phone off before the train leaves, and keep the ticket until the end."
SHUFFLED = "Thou lord my sayest, what? Believe not I'll\nKing the of so speak did he ever that."
RANDOM = "qzx vwkj, fhgt pmz;\nbdwq ytrx jjk lmn zzv."


def not_blank(settings: dict[str, Any]) -> dict[str, Any]:
    if not settings["text"].strip():
        raise validation.InputError("There is nothing to score: type a text first.")
    return settings


@functools.lru_cache(maxsize=32)
def scored(name: str, string: str) -> dict:
    """One model's view of a text: its tokens with -log p of each in nats, and their means.

    Of a text that it cannot read in full, with characters outside its vocabulary, the rest is scored token by token,
    and the means, of another text than that of the other models, are None.
    """
    model = _models.load(name)
    known, unknown = model.tokenizer.known(string)
    ids, nll = model.tokenizer.encode(known), model.score(known).tolist()
    total, reads, stream = sum(nll), not unknown, TextStream(model.tokenizer)
    return {
        "model": name,
        "title": NAMES[name],
        "tokens": [[stream.add(i), round(v, 3)] for i, v in zip(ids, nll, strict=True)],
        "perplexity": math.exp(min(700, total / len(ids))) if reads else None,
        "bits": total / len(string) / math.log(2) if reads else None,
        "unknown": unknown[:12],
        "more": max(0, len(unknown) - 12),
    }


def show(text: str) -> dict:
    """What each model makes of a text: those that read all of it, the least surprised first, then the others."""
    rows = [scored(name, text) for name in NAMES]
    return {"rows": sorted(rows, key=lambda row: math.inf if row["bits"] is None else row["bits"])}


def figure(row: dict) -> str:
    """What is said of a model in one line."""
    return f"{row['bits']:.2f} bits per character" if row["bits"] is not None else "cannot read this"


def picture(text: str) -> Image.Image:
    """The text under each model, shaded by surprise, and the figures."""
    parts = list[tuple[str, ...]]()
    for row in show(text)["rows"]:
        parts.append((f"{row['title']}: {figure(row)}\n", ACCENT))
        parts += text_image.shaded((token, nats / 6) for token, nats in row["tokens"])
        parts.append(("\n\n", INK))
    return text_image.of_text(parts[:-1])


def code(text: str) -> str:
    return f"""import math

from genai_core import language

text = {text!r}
for name in {tuple(NAMES)}:
    model = language.load(name)
    _, unknown = model.tokenizer.known(text)
    if unknown:
        print(f"{{name}}: cannot read this")
    else:
        nll = model.score(text)  # -log p of each token in nat
        print(f"{{name}}: {{float(nll.sum()) / len(text) / math.log(2):.2f}} bits per character")
"""


def says(text: str) -> str:
    return "\n".join(f"{name}: {figure(scored(name, text))}" for name in NAMES)


PART = Part(
    id="score",
    title="Score",
    lead="<b>Type a text</b>: each model shades what surprises it. Look for the same letter being a surprise to one "
    "and no surprise to another.",
    stage="text/score",
    settings=(Setting("text", text(LONGEST, lines=3), SHAKESPEARE, "The text"),),
    check=not_blank,
    presets=(
        Preset(
            "In Shakespeare's manner",
            "Which letters does no model see coming?",
            {"text": SHAKESPEARE},
            "Mostly the first letters of words: once a word has begun, its end is cheap.",
            (
                Answer("The last letters of words.", "By then the word is known, and its end is nearly sure."),
                Answer("Punctuation.", "It comes where a sentence may end, and surprises less than the next word."),
                Answer("The first letters of words."),
            ),
        ),
        Preset(
            "Modern",
            "Plain words of today. Which of them are strange to these models?",
            {"text": MODERN},
            "“phone” and “ticket”, to the three that were trained on Shakespeare: neither occurs there.",
            (
                Answer("Words of things they never read of."),
                Answer("All of them: the grammar is new.", "Most of these short words are as old as Shakespeare."),
                Answer("None: letters are letters.", "It is the sequence that is unlikely, not the letter."),
            ),
        ),
        Preset(
            "A word in another position",
            "The same words, shuffled. Which model notices, and where?",
            {"text": SHUFFLED},
            "All do, most of all where a word begins: what comes before no longer announces it.",
            (
                Answer(
                    "Only the GPT: n-grams see no order.",
                    "An n-gram sees nothing but the order of the last few letters.",
                ),
                Answer("None: the words are the same.", "The words are, but each is predicted from those before it."),
                Answer("All of them, at the beginnings of words."),
            ),
        ),
        Preset(
            "Keys at random",
            "No language at all. How many bits does a letter cost?",
            {"text": RANDOM},
            "More than the 4.7 bits of a letter drawn evenly from 26: these models are sure, and wrong.",
            (
                Answer("4.7, as log₂ 26.", "That would be so for a model that does not prefer anything."),
                Answer("More than that."),
                Answer("Less: it still knows letters.", "It knows which letters follow which, and these do not."),
            ),
        ),
    ),
    show=show,
    picture=picture,
    code=code,
    says=says,
)

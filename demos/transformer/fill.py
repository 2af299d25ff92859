"""Fill: words of a text are taken away, a BERT says what stood there; and what it believes of he and she."""

from collections.abc import Mapping
from typing import Any

from PIL import Image

from demos._ui import charts, text_image, validation
from demos._ui.api import Value, endpoint
from demos._ui.settings import Setting, checked, choice, integer, seed, text
from demos._ui.tab import Answer, Part, Preset
from demos.transformer import _masks
from demos.transformer._masks import named, of_word, reading
from demos.transformer._models import BERT, chosen_on_stage
from genai_core.common import checkpoints
from genai_core.data.corpora import straight_quotes
from genai_core.transformer import bert

STORY = (
    "Once upon a time, there was a little dog named Max. Max loved to play with his red ball. One day, the ball rolled "
    "into the water. Max was very sad. A kind girl saw him and helped him get the ball back. Max was happy again."
)
CRIED = "Mia was sad. She cried because her doll was lost."
SANG = "The bird sang in the tree."
SHE = "Tom was sad because he lost his toy."
LONGEST = 300  # characters of a text
MOST = 126  # its tokens: the context has room for these and both ends
KINDS = {"words": "Whole words", "tokens": "Single tokens"}


def pressed_words(value: Any, _others: Mapping[str, Any]) -> list[int]:
    """ "3,7" or [3, 7]: the places of first tokens, each once and in order."""
    given = validation.parse_numbers(value, "The list of masked words")
    if not isinstance(given, list | tuple) or len(given) > MOST:
        raise validation.InputError(f"The masked words must be a list of at most {MOST} places.")
    return sorted({validation.integer(v, "The place of a masked word", 1, MOST) for v in given})


def first_pressed(others: Mapping[str, Any]) -> list[int]:
    return of_word(STORY, "ball") if others["text"] == STORY and not others["share"] else []


def check(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings of a text that the model can read; a place within a word is its first. Raises: InputError."""
    string = straight_quotes(settings["text"])
    if not string.strip():
        raise validation.InputError("The text is empty: type at least one word.")
    ids, units = _masks.units_of(string, settings["kind"])
    if len(ids) - 2 > MOST:
        raise validation.InputError(f"The text has {len(ids) - 2} tokens; this model reads at most {MOST} at a time.")
    pressed = [unit[0] for unit in units if set(unit) & set(settings["pressed"])]
    settings = settings | {"text": string, "pressed": pressed}
    chosen = reading(**settings).chosen
    return settings | {"word": chosen[0] if chosen else 0}


def measured() -> dict[str, Any]:
    """Of some words what the model and its corpus say, as it was measured; {} where it was not."""
    try:
        metrics = checkpoints.read_json(BERT, "metrics.json")
        return {"rows": metrics["pronouns"], "correlation": metrics["pronouns_correlation"]}
    except (checkpoints.CheckpointError, KeyError):
        return {}


def show(**settings: Any) -> dict[str, Any]:
    at = reading(**settings)
    units, found = [], _masks.filled(at)
    for unit in at.units:
        one: dict[str, Any] = {"at": unit[0], "text": named(at.ids[k] for k in unit), "tokens": len(unit)}
        if unit in found:
            guess, hit = found[unit]
            one |= {"guess": named(token for token, _ in guess), "right": hit}
        units.append(one)
    value = {"units": units, "score": _masks.score(at), "measured": measured()}
    if not at.chosen:
        return value
    rows, rank = _masks.likeliest(at)
    greedy = [[named([token]), p] for token, p in _masks.guesses(at)[at.masked.index(at.chosen)]]
    asked = {"sides": _masks.sides(at), "pronouns": _masks.he_or_she(at)}
    return value | {"likeliest": rows, "rank": rank, "greedy": greedy} | asked


def written(at: _masks.Reading) -> list[tuple[str, str]]:
    """The text with what the model fills in, as parts of a picture."""
    decode, found = _masks.model().tokenizer.decode, _masks.filled(at)
    parts = list[tuple[str, str]]()
    for unit in at.units:
        if unit not in found:
            parts.append((decode(at.ids[k] for k in unit), text_image.INK))
            continue
        guess, hit = found[unit]
        ink, sign = {True: (charts.GOOD, "✓"), False: (charts.BAD, "✗"), None: (charts.ACCENT, "")}[hit]
        space, string = " " * (unit != at.units[0]), decode(token for token, _ in guess).strip()
        parts += [(f"{space}{bert.MASK * len(unit)} ", text_image.SOFT), (f"{string}{sign}", ink)]
    return parts


def picture(**settings: Any) -> Image.Image:
    """The text with its masks and what is filled in, and the ten likeliest of the place that is looked at."""
    at = reading(**settings)
    hits, count = _masks.score(at)
    head = (f"BERT: {hits} of {count} right\n" if count else "BERT\n", charts.ACCENT)
    page = text_image.of_text([head, *written(at)])
    if not at.chosen:
        return page
    rows, rank = _masks.likeliest(at)
    inks = [charts.REAL if stood else charts.MADE for _, _, stood in rows]
    title = f"The likeliest in the place of “{named(at.ids[k] for k in at.chosen)}”" + (
        f", rank {rank}" if rank else ""
    )
    bars = charts.bars(
        [p for _, p, _ in rows],
        [f"{name} ✓" if stood else name for name, _, stood in rows],
        inks,
        title=title,
        width=560,
    )
    return charts.below([page, bars])


def says(**settings: Any) -> str:
    at = reading(**settings)
    if not at.chosen:
        return "Nothing is masked."
    own = _masks.model()
    top = _masks.distribution(at).topk(5)
    pairs = zip(top.values.tolist(), top.indices.tolist(), strict=True)
    return "\n".join(f"{own.tokenizer.decode([i])!r} {p:.4f}" for p, i in pairs)


def code(**settings: Any) -> str:
    at = reading(**settings)
    if not at.chosen:
        return 'print("Nothing is masked.")\n'
    return f"""from genai_core.transformer import bert

model = bert.load("{BERT}")
ids, words = bert.read(model, {settings["text"]!r})
masked = {at.places}  # places of tokens
p = model.fill(ids, masked)[masked.index({at.chosen[0]})].exp()  # of every token at one of them
for value, token in zip(*(part.tolist() for part in p.topk(5))):
    print(f"{{model.tokenizer.decode([token])!r}} {{value:.4f}}")
"""


PART = Part(
    id="fill",
    title="Fill",
    lead="<b>Press a word</b> to take it away: a BERT, which sees what stands before it and after it, says what was "
    "there. Then mask many at random, and see how many come back.",
    stage="transformer/fill",
    settings=(
        Setting("text", text(LONGEST, lines=2), STORY, "The text"),
        Setting("kind", choice(KINDS), "words", "What is masked"),
        Setting("share", integer(0, 100, 5), 0, "Masked at random, %"),
        Setting("seed", seed(), 0, "Seed", applies=lambda settings: settings["share"] > 0),
        Setting(
            "pressed",
            checked(
                pressed_words,
                lambda places: ",".join(map(str, places)),
                schema={"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": MOST}},
            ),
            first_pressed,
            "Words pressed",
        ),
        Setting("word", chosen_on_stage("The place", 0, MOST), 0, "The place that is looked at"),
    ),
    check=check,
    presets=(
        Preset(
            "How was Mia?",
            "“Mia was [MASK]. She cried because her doll was lost.” Before the place there is “Mia was” alone. What "
            "does a BERT say?",
            lambda: {"text": CRIED, "pressed": of_word(CRIED, "sad")},
            "“sad”, by far: it reads what comes after the place as well. Cut after the place, “sad” is one of many "
            "ways to go on, and not a likely one.",
            (
                Answer("Anything: too little stands before it.", "True for a GPT. A BERT sees “cried” as well."),
                Answer("“sad”, by far."),
                Answer("“lost”: it is the word of the text that fits.", "It asks what fits there, not what is near."),
            ),
        ),
        Preset(
            "Both sides",
            "“The [MASK] sang in the tree.” How much does the part after the place tell of the bird?",
            lambda: {"text": SANG, "pressed": of_word(SANG, "bird")},
            "It makes “bird” ten times as likely, and the first guess. A model that reads from the left alone never "
            "uses it: the price of being able to write.",
            (
                Answer("Nothing: a word depends on what comes before.", "That is how GPTs are trained, not language."),
                Answer("It makes “bird” ten times as likely."),
                Answer("It makes “bird” certain.", "A girl or a cat may sit in a tree, in stories at least."),
            ),
        ),
        Preset(
            "Half of the words",
            "Every second word of the story is gone, chosen at random, and all are filled in at once. How many come "
            "back?",
            {"text": STORY, "share": 50},
            "More than half, and by no means all: words that sentences cannot do without come back, and who or what "
            "it was often does not. In its training a fifth was masked; set 15 % and 80 % to compare.",
            (
                Answer("Hardly any: too little is left.", "What is left says a lot, of grammar most of all."),
                Answer("Nearly all: language is redundant.", "Grammar is, and what happens next is not."),
                Answer("More than half, and not all."),
            ),
        ),
        Preset(
            "He or she?",
            "“Tom was sad because he lost his toy.” What does it put for “he”, and what with “Lily” and “her” instead?",
            lambda: {"text": SHE, "pressed": of_word(SHE, "he")},
            "“he”, and with Lily and “her” it is “she”: names and pronouns agree. Where a sentence does not say, it "
            "falls back on what its corpus has most often beside the other words: see the table.",
            (
                Answer("“he” for both: it is more frequent.", "It is, and the name outweighs that."),
                Answer("“he” here, and “she” there."),
                Answer("“it”: the model knows no gender.", "No rule was given to it, and names of stories are enough."),
            ),
        ),
    ),
    form=True,
    wide=True,
    show=show,
    picture=picture,
    code=code,
    says=says,
)


@endpoint(
    PART.table,
    Value(
        "given: what the BERT reads; filled: for each masked word what stood there (null for a [MASK] of the text) and "
        "what the BERT says; likeliest: of the place that is looked at the ten likeliest tokens, each with its p"
    ),
)
def transformer_fill(**settings: Any) -> dict[str, Any]:
    """Fill in words of a text by a BERT: every [MASK] in it, places that are named, and a share at random."""
    at, own = reading(**settings), _masks.model()
    decode = own.tokenizer.decode
    given = "".join(
        " " * (unit != at.units[0]) + bert.MASK * len(unit) if unit in at.masked else decode(at.ids[k] for k in unit)
        for unit in at.units
    )
    filled = [
        {
            "at": unit[0],
            "word": None if own.mask in (truth := [at.ids[k] for k in unit]) else decode(truth),
            "guess": decode(token for token, _ in guess),
        }
        for unit, guess in zip(at.masked, _masks.guesses(at), strict=True)
    ]
    rows = _masks.likeliest(at)[0] if at.chosen else []
    return {"given": given, "filled": filled, "likeliest": {name: round(p, 5) for name, p, _ in rows}}

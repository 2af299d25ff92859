"""A tiny GPT trained while you watch, on a text of your own: loss, and what it writes, from noise to words."""

from collections.abc import Iterator
from pathlib import Path

import torch
from PIL import Image

from demos._server import lanes
from demos._ui import text_image, validation
from demos._ui.live import frames
from demos._ui.settings import Setting, choice, seed, text
from demos._ui.tab import Action, Answer, Part, Preset
from genai_core.language import live

STEPS = 900
OWN = "my text"
SOURCES = ("this app's own source", "sums", "roman numbers", OWN)
ROMAN = ((100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))


def own_source() -> str:
    """The Python of this project's core, as much of it as a training takes."""
    files = sorted(Path(live.__file__).parent.rglob("*.py"))
    return "\n\n".join(file.read_text(encoding="utf-8") for file in files)[: live.LONGEST]


def sums(lines: int = 6000) -> str:
    """Lines such as 17+25=42, drawn with seed 0."""
    pairs = torch.randint(0, 100, (lines, 2), generator=torch.Generator().manual_seed(0)).tolist()
    return "".join(f"{a}+{b}={a + b}\n" for a, b in pairs)


def roman(number: int) -> str:
    """1 to 399 in Roman digits."""
    digits = ""
    for value, sign in ROMAN:
        digits += sign * (number // value)
        number %= value
    return digits


def romans(lines: int = 8000) -> str:
    """Lines such as XIV=14, drawn with seed 0."""
    numbers = torch.randint(1, 400, (lines,), generator=torch.Generator().manual_seed(0)).tolist()
    return "".join(f"{roman(n)}={n}\n" for n in numbers)


def text_of(source: str, own: str) -> str:
    """The text that is trained on. Raises: InputError."""
    if source != OWN:
        return {SOURCES[0]: own_source, SOURCES[1]: sums, SOURCES[2]: romans}[source]()
    try:
        live.check(own)
    except ValueError as error:
        raise validation.InputError(str(error)) from None
    return own


def show(source: str, own: str, seed: int) -> dict:
    """Before a training: how the text begins."""
    if source == OWN:
        return {"example": own[:400] or "Paste a text of at least 1,000 characters into the field.", "length": 0}
    string = text_of(source, "")
    return {"example": string[:400], "length": len(string), "kinds": len(set(string))}


def train(source: str, own: str, seed: int) -> Iterator[dict | None]:
    """Train for at most a minute and a half; streams frames."""
    string = text_of(source, own)
    kinds = len(set(string))
    yield from frames(
        "genai_core.language.live:train_gpt",
        lambda frame: vars(frame) | {"kinds": kinds},
        string=string,
        seed=seed,
        steps=STEPS,
    )


def picture(source: str, own: str, seed: int, shown: dict | None = None) -> Image.Image:
    """What it wrote last (the stage's {"sample"}), or how its text begins."""
    shown = validation.json_object(shown or {}, "The stage")
    sample = validation.text(shown.get("sample") or show(source, own, seed)["example"], "The sample", 5000)
    return text_image.of_text([(sample, "#0f172a")])


def code(source: str, own: str, seed: int) -> str:
    lines = {
        SOURCES[0]: """files = sorted(Path(live.__file__).parent.rglob("*.py"))
string = "\\n\\n".join(file.read_text(encoding="utf-8") for file in files)[: live.LONGEST]""",
        SOURCES[1]: """pairs = torch.randint(0, 100, (6000, 2), generator=torch.Generator().manual_seed(0)).tolist()
string = "".join(f"{a}+{b}={a + b}\\n" for a, b in pairs)""",
        SOURCES[2]: f"""def roman(number, digits=""):
    for value, sign in {ROMAN}:
        while number >= value:
            number, digits = number - value, digits + sign
    return digits


numbers = torch.randint(1, 400, (8000,), generator=torch.Generator().manual_seed(0)).tolist()
string = "".join(f"{{roman(n)}}={{n}}\\n" for n in numbers)""",
        OWN: 'string = Path("my_text.txt").read_text(encoding="utf-8")',
    }
    return f"""from pathlib import Path

import torch

from genai_core.language import live

{lines[source]}
for frame in live.train_gpt(string=string, seed={seed}, steps={STEPS}):
    print(f"step {{frame.step}}: loss {{frame.loss:.3f}}, held out {{frame.held:.3f}}")
print(frame.sample)
"""


def says(source: str, own: str, seed: int, shown: dict | None = None) -> str:
    return (shown or {})["sample"]


PART = Part(
    id="train",
    title="Train",
    lead="<b>Press Train</b>: a small GPT begins with noise. Look for what comes first: letters, words, or the shape "
    "of a line.",
    stage="text/train",
    settings=(
        Setting("source", choice(SOURCES), SOURCES[0], "Text"),
        Setting(
            "own",
            text(live.LONGEST, lines=6),
            "",
            "My text",
            hint=f"{live.SHORTEST:,} to {live.LONGEST:,} characters; it is not stored",
            linked=False,
            selects=("source", OWN),
        ),
        Setting("seed", seed(), 0, "Seed"),
    ),
    presets=(
        Preset(
            "Our own source",
            "The Python of this project. After how many steps does it indent?",
            {"source": SOURCES[0]},
            "Line breaks and indents come within the first hundreds of steps, names much later.",
            (
                Answer("Within the first hundreds."),
                Answer(
                    "Only at the end.", "Indents are most of what there is to see: spaces after line breaks come first."
                ),
                Answer(
                    "Never: it reads one letter at a time.",
                    "It reads what came before each of them: a line break tells of an indent.",
                ),
            ),
        ),
        Preset(
            "Sums",
            "Lines such as 17+25=42. Does it learn to add, or only how a sum looks?",
            {"source": SOURCES[1]},
            "The shape of a line is perfect, most of the results are wrong.",
            (
                Answer("It learns to add.", "A minute is enough for the shape. Carrying takes far more examples."),
                Answer("It learns neither.", "Two digits, +, two digits, =: that is easy to predict."),
                Answer("It learns how a sum looks."),
            ),
        ),
        Preset(
            "Roman numbers",
            "XIV=14: a small grammar. How low can the loss go, and what is left?",
            {"source": SOURCES[2]},
            "What stays is the choice of the number itself, which nothing before it announces.",
            (
                Answer(
                    "To 0: the grammar is known then.",
                    "What comes after = can be known, but not which number comes next.",
                ),
                Answer("Down to the choice of the number."),
                Answer(
                    "It stays at that of single letters.",
                    "A number's letters follow rules, which it learns in seconds.",
                ),
            ),
        ),
    ),
    form=True,
    actions=(Action("run", "Train", primary=True), Action("stop", "Stop")),
    run=train,
    lane=lanes.TRAIN,
    again=("source", "own"),
    long=True,
    show=show,
    picture=picture,
    code=code,
    says=says,
)

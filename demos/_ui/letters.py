"""Letters of saved pictures, in any script that a font of this machine has.

Pillow's own font, which is there on every machine, has the letters of western Europe. What it lacks is taken from a
font of the system, letter by letter; what none of them has is written as what it means: "alpha", "x", "[grinning
face]", or its code point.
"""

import functools
import unicodedata
from collections.abc import Iterator
from itertools import groupby

from PIL import ImageDraw, ImageFont

# On Linux, Windows and macOS, by the names under which Pillow looks for them in the folders of the system.
FONTS = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "LiberationSans-Regular.ttf",
    "NotoSansCJK-Regular.ttc",
    "NotoEmoji-Regular.ttf",
    "segoeui.ttf",
    "seguisym.ttf",
    "seguiemj.ttf",
    "msyh.ttc",
    "msgothic.ttc",
    "Arial Unicode.ttf",
    "Apple Symbols.ttf",
)
MEANT = {"×": "x", "−": "-", "√": "sqrt ", "✓": "(true)", "✗": "(false)", "⁻": "-", "→": "->", "≥": ">=", "≤": "<="}
NOWHERE = "\uffff"  # never a character: fonts draw it as what they lack


@functools.cache
def own(size: int) -> ImageFont.FreeTypeFont:
    """Pillow's own font."""
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font


@functools.cache
def of_system(name: str, size: int) -> ImageFont.FreeTypeFont | None:
    """A font of the system, None where it is not on this machine."""
    try:
        return ImageFont.truetype(name, size)
    except OSError:
        return None


@functools.lru_cache(maxsize=4096)
def has(font: ImageFont.FreeTypeFont, letter: str) -> bool:
    """Whether a font can draw a letter."""
    if letter.isspace():
        return True
    drawn, lacking = (font.getmask(c) for c in (letter, NOWHERE))
    return (drawn.size, bytes(drawn)) != (lacking.size, bytes(lacking))


@functools.lru_cache(maxsize=4096)
def letter_of(letter: str, size: int) -> tuple[str, ImageFont.FreeTypeFont]:
    """What is drawn for a letter, and in which font."""
    if has(own(size), letter):
        return letter, own(size)
    for name in FONTS:
        font = of_system(name, size)
        if font and has(font, letter):
            return letter, font
    return meaning(letter), own(size)


def meaning(letter: str) -> str:
    """What a letter that no font has means, in ASCII."""
    if letter in MEANT:
        return MEANT[letter]
    name = unicodedata.name(letter, "").lower()
    if name.startswith("greek small letter "):
        return name.rsplit(" ", 1)[1]
    plain = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
    if plain:
        return plain
    if unicodedata.category(letter) in ("Mn", "Me", "Cf"):  # an accent alone, a joiner of emoji
        return ""
    return f"[{name}]" if name and unicodedata.category(letter) == "So" else f"[U+{ord(letter):04X}]"


def runs(text: str, size: int) -> Iterator[tuple[str, ImageFont.FreeTypeFont]]:
    """A text as pieces, each in one font."""
    for font, letters in groupby((letter_of(c, size) for c in text), key=lambda pair: pair[1]):
        yield "".join(c for c, _ in letters), font


def length(text: str, size: int) -> float:
    """How wide a text of one line is, in pixels."""
    return sum(font.getlength(piece) for piece, font in runs(text, size))


def write(
    pen: ImageDraw.ImageDraw, at: tuple[float, float], text: str, ink: str, size: int, anchor: str = "la", **options
) -> None:
    """Draw a text of one line. anchor: as of `pen.text`, l, m or r, then a (top), m or s (baseline)."""
    (x, y), (ascent, descent) = at, own(size).getmetrics()
    x -= {"l": 0, "m": 0.5, "r": 1}[anchor[0]] * length(text, size)
    y += {"a": ascent, "m": (ascent - descent) / 2, "s": 0}[anchor[1]]
    for piece, font in runs(text, size):
        pen.text((x, y), piece, fill=ink, font=font, anchor="ls", **options)
        x += font.getlength(piece)


def wrapped(text: str, size: int, width: float) -> list[str]:
    """A text as lines of at most `width` pixels, broken between words; a longer word has a line of its own."""
    lines = []
    for paragraph in text.split("\n"):
        row = ""
        for word in paragraph.split(" "):
            longer = f"{row} {word}" if row else word
            if row and length(longer, size) > width:
                lines.append(row)
                row = word
            else:
                row = longer
        lines.append(row)
    return lines

"""Letters of saved pictures, on machines with fonts and without any but Pillow's own."""

import pytest
from PIL import Image, ImageDraw

from demos._ui import charts, letters


@pytest.fixture(params=["the fonts of this machine", "no other font"])
def fonts(request, monkeypatch):
    if request.param == "no other font":
        monkeypatch.setattr(letters, "FONTS", ())
    letters.letter_of.cache_clear()
    yield request.param
    letters.letter_of.cache_clear()


@pytest.mark.parametrize("text", ["Привет, мир", "a 😀 é × − αβψηλ√ ✓ ✗ 10⁻⁶ ≥", "日本語", "“quoted” … — ·"])
def test_every_letter_is_drawn_or_replaced_by_what_it_means(fonts, text):
    for letter in text:
        drawn, font = letters.letter_of(letter, 14)
        assert all(letters.has(font, c) for c in drawn)
        assert drawn or letter == " "


def test_without_fonts_a_letter_is_written_as_what_it_means(monkeypatch):
    monkeypatch.setattr(letters, "FONTS", ())
    letters.letter_of.cache_clear()
    said = {c: letters.letter_of(c, 14)[0] for c in "α×−é😀я\u200d"}
    letters.letter_of.cache_clear()
    assert said == {"α": "alpha", "×": "x", "−": "-", "é": "e", "😀": "[grinning face]", "я": "[U+044F]", "\u200d": ""}


@pytest.mark.parametrize("anchor", ["la", "mm", "rs"])
def test_a_text_is_drawn_where_its_anchor_says(fonts, anchor):
    image = Image.new("L", (300, 60))
    letters.write(ImageDraw.Draw(image), (150, 30), "Hп", "white", 20, anchor)
    left, top, right, bottom = image.getbbox()
    wide = letters.length("Hп", 20)
    assert abs(left - (150 - {"l": 0, "m": wide / 2, "r": wide}[anchor[0]])) <= 3
    assert abs(right - left - wide) <= 5
    assert {"a": top >= 30, "m": top < 30 < bottom, "s": bottom <= 36}[anchor[1]]


def test_lines_are_broken_between_words_and_fit():
    text = "a saved picture has a line below it " * 5 + "\nand another"
    lines = letters.wrapped(text, 14, 200)
    assert " ".join(lines).split() == text.split()
    assert all(letters.length(line, 14) <= 200 for line in lines)
    assert lines[-1] == "and another"


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0.913, 0.99), (0.325, 0.4), (36, 2650), (0.5, 0.5)])
def test_the_marks_of_an_axis_are_round_and_lie_on_it(low, high):
    found = charts.ticks(low, high)
    assert len(found) <= 5
    assert all(low - 1e-9 <= v <= high + 1e-9 for v in found)
    assert all(float(charts.percent(v).rstrip(" %")) == pytest.approx(100 * v) for v in found)
    if high > low:
        assert len(found) >= 2


@pytest.mark.parametrize(("p", "said"), [(1, "100 %"), (0.475, "47.5 %"), (0.0007, "0.07 %"), (3e-5, "0.003 %")])
def test_shares_are_all_in_per_cent(p, said):
    assert charts.share(p) == said
    assert charts.share(1e-9) == "<0.0001 %"

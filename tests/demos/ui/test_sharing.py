"""Saved pictures, links and programs of a part that has one setting of each sort."""

import base64

import pytest
from PIL import Image

from demos._ui import errors, sharing, validation
from demos._ui.settings import Setting, choice, number, text
from demos._ui.tab import Part, Tab, opened

SECRET = "written for nobody else"


def picture(tone: str, size: float, words: str, private: str, shown: dict | None = None) -> Image.Image:
    ink = (shown or {}).get("ink", "green")
    return Image.new("RGB", (int(size), 8), ink if tone == "as shown" else tone)


def part(id_: str, formerly: str = "") -> Part:
    return Part(
        id=id_,
        title=id_.capitalize(),
        lead="",
        show=lambda **settings: {"tone": settings["tone"]},
        settings=(
            Setting("tone", choice(("red", "blue", "as shown")), "red", "Tone", formerly="colour"),
            Setting("size", number(1, 900), 12.0, "Size"),
            Setting("words", text(200), "", "Words"),
            Setting("private", text(200), "", "Private", linked=False),
        ),
        picture=picture,
        code=lambda tone, size, words, private, shown=None: f"print({tone!r}, {size:g}, {shown!r})",
        formerly=formerly,
    )


PAINT, OTHER = part("paint", formerly="draw"), part("other")


def tab(title: str) -> Tab:
    return Tab(title, "Foundations", (PAINT, OTHER), "", (), {}, "", "", dict)


ART = tab("Art")


def kept(png: str) -> dict:
    return validation.settings_in(base64.b64decode(png))


def test_a_picture_is_saved_with_the_settings_that_a_link_holds():
    png = sharing.saved(ART, PAINT, {"settings": {"tone": "blue", "words": "hi", "private": SECRET}})
    assert kept(png) == {"tab": "art", "part": "paint", "tone": "blue", "size": 12.0, "words": "hi"}
    assert SECRET.encode() not in base64.b64decode(png)
    found = sharing.opened(ART, PAINT, {"png": png})
    assert found["settings"] == {"tone": "blue", "size": 12.0, "words": "hi", "private": ""}
    assert found["value"] == {"tone": "blue", "settings": found["settings"]}


def test_a_saved_picture_shows_the_stage_between_a_title_and_the_settings():
    settings = PAINT.parse({"tone": "as shown", "size": 300})
    png = sharing.saved(ART, PAINT, {"settings": settings, "shown": {"ink": "yellow"}})
    image = validation.saved_png(base64.b64decode(png)).convert("RGB")
    rows = [y for y in range(image.height) if image.getpixel((image.width // 2, y)) == (255, 255, 0)]
    assert len(rows) == 8
    above, below = image.crop((0, 0, image.width, rows[0])), image.crop((0, rows[-1] + 1, image.width, image.height))
    assert all(len(place.getcolors(10**6)) > 5 for place in (above, below))  # letters, not paper alone


def test_the_line_below_a_picture_says_what_is_short_and_linked():
    settings = PAINT.parse({"words": "w" * 61, "private": "p"})
    assert sharing.described(PAINT, settings) == "Tone: red; Size: 12"
    assert sharing.described(PAINT, settings | {"words": "two words"}) == "Tone: red; Size: 12; Words: two words"
    assert sharing.described(PAINT, settings | {"words": "two\nlines"}) == "Tone: red; Size: 12"


@pytest.mark.parametrize("size", [1, 500])
def test_a_long_line_is_broken_and_no_letter_leaves_the_page(size):
    image, line = Image.new("RGB", (size, 10), "white"), "Setting: value; " * 30
    sheets = [sharing.titled(image, "Title", text) for text in ("Setting", line)]
    assert sheets[0].width == sheets[1].width >= image.width
    assert sheets[1].height > sheets[0].height + 5 * sharing.LINE
    edges = [sheets[1].crop((x, 0, x + 8, sheets[1].height)) for x in (0, sheets[1].width - 8)]
    assert all(edge.getcolors() == [(8 * edge.height, (255, 255, 255))] for edge in edges)


@pytest.mark.parametrize(
    ("inside", "sentence"),
    [
        ({"tab": "gan", "part": "paint"}, "another tab"),
        ({"part": "paint"}, "another tab"),
        ({"tab": "art", "part": "other"}, "another part"),
        ({"tab": "art", "part": ""}, "another part"),
        ({"tab": "art"}, "another part"),
        ({"tab": "art", "part": "paint", "tone": "plaid"}, "Tone must be one of"),
        ({"tab": "art", "part": "paint", "size": "broad"}, "Size must be a number"),
    ],
)
def test_a_picture_of_another_place_or_a_tampered_one_is_refused(inside, sentence):
    png = base64.b64encode(validation.png_with(Image.new("L", (8, 8)), inside)).decode()
    with pytest.raises(validation.InputError, match=sentence):
        sharing.opened(ART, PAINT, {"png": png})


def test_pictures_and_links_of_older_versions_still_open():
    old = {"tab": "art", "part": "draw", "colour": "blue"}
    png = base64.b64encode(validation.png_with(Image.new("L", (8, 8)), old)).decode()
    assert sharing.opened(ART, PAINT, {"png": png})["settings"]["tone"] == "blue"
    found = opened([ART], old)
    assert (found["part"], found["settings"]["tone"]) == ("paint", "blue")


def test_a_link_opens_what_it_was_made_of_and_nothing_private():
    settings = PAINT.parse({"size": 33.5, "words": "a, b & c", "private": SECRET})
    link = PAINT.table.to_text(settings)
    assert link == {"tone": "red", "size": "33.5", "words": "a, b & c"}
    assert opened([ART], {"tab": "art", "part": "paint", **link})["settings"] == settings | {"private": ""}


def test_a_program_is_made_of_the_settings_and_of_what_the_stage_shows():
    assert sharing.program(PAINT, {"settings": {"size": 5}, "shown": {"step": 3}}) == "print('red', 5, {'step': 3})"
    assert sharing.program(PAINT, {"settings": {}}) == "print('red', 12, None)"


@pytest.mark.parametrize(
    "call", [sharing.saved, sharing.opened, lambda _tab, part, asked: sharing.program(part, asked)]
)
@pytest.mark.parametrize(
    "bad", [None, 5, [], {}, {"settings": 5, "png": 5}, {"settings": {"size": -1}, "png": "AAAA"}], ids=str
)
def test_a_bad_request_gets_one_sentence(call, bad):
    answer = errors.guarded(lambda asked: call(ART, PAINT, asked))(bad)
    assert list(answer) == ["error"]
    assert answer["error"] != errors.UNKNOWN

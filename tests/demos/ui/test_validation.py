import io
import math

import gradio as gr
import numpy as np
import pytest
import torch
from PIL import Image

from demos._ui import digits, errors, validation
from demos._ui.validation import InputError


def as_png(image, **info):
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **info)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "bad", [None, True, "3", math.nan, math.inf, -math.inf, [1], {}, 5.1, -0.1, 10**400], ids=lambda v: str(v)[:9]
)
def test_a_number_is_finite_and_in_range(bad):
    with pytest.raises(InputError, match="^Beta must"):
        validation.number(bad, "Beta", 0, 5)


@pytest.mark.parametrize("bad", [1.5, "1", -1, 2**31, None, math.nan])
def test_a_seed_is_a_whole_number(bad):
    with pytest.raises(InputError, match="^The seed must"):
        validation.seed(bad)
    assert validation.seed(3.0) == 3


@pytest.mark.parametrize("bad", [None, "1,2", [1], [1, 2, 3], [1, "2"], [1, math.nan], [1, 99], {"a": 1}, [[1], [2]]])
def test_numbers_have_the_right_count_and_range(bad):
    with pytest.raises(InputError, match="z "):
        validation.numbers(bad, "z", 2, -6, 6)


def test_numbers_of_a_link_are_read_and_others_left_to_the_check_that_follows():
    assert validation.from_text("2.5", "x") == 2.5
    assert validation.parse_numbers("1,-2", "z") == [1.0, -2.0]
    assert validation.parse_numbers("", "z") == []
    for other in (None, [1], 5, {}):
        assert validation.from_text(other, "x") is validation.parse_numbers(other, "x") is other
    for bad in ("a", "1;2", "x" * 10**6, "1," * 10**6):
        with pytest.raises(InputError):
            validation.from_text(bad, "x")
        with pytest.raises(InputError):
            validation.parse_numbers(bad, "z")


@pytest.mark.parametrize("bad", [None, 5, ["a"], "123456", "a\ud800"])
def test_a_text_is_short_and_of_valid_characters(bad):
    with pytest.raises(InputError, match="^The text "):
        validation.text(bad, "The text", 5)
    assert validation.text("a\r\nbc", "The text", 5) == "a\nbc"


@pytest.mark.parametrize("bad", [None, 5, "", "../x", "a/../b", "a b;c", "x" * 300, "org/na\nme", "$(ls)"])
def test_a_hub_name_is_a_name_or_a_folder(bad):
    with pytest.raises(InputError, match="such as org/name"):
        validation.hub_name(bad, "org/name")
    for good in ("google/ddpm-cat-256", "gpt2", "/data/my models/x"):
        assert validation.hub_name(good, "org/name") == good


@pytest.mark.parametrize("bad", [None, 3, "c", ["a"], {"a": 1}, "a" * 10_000])
def test_a_choice_is_one_of_the_options(bad):
    with pytest.raises(InputError, match="must be one of: a, b"):
        validation.choice(bad, "The model", ("a", "b"))


@pytest.mark.parametrize("bad", [None, 3, "not base64!", "A" * 10_000, b"AAAA", "é"])
def test_base64_is_checked_and_limited(bad):
    with pytest.raises(InputError):
        validation.decoded(bad, "The drawing", limit=784)


PNG = as_png(Image.effect_noise((64, 64), 50))


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "not a picture"),
        (b"hello" * 100, "not a picture"),
        (PNG[: len(PNG) // 2], "not a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
        (as_png(Image.new("1", (13_000, 13_000))), "million pixels"),
        (as_png(Image.new("1", (8000, 5001))), "million pixels"),
        (b"\0" * (validation.MAX_BYTES + 1), "larger than 12 MB"),
    ],
    ids=["empty", "text", "truncated", "svg", "bomb", "large", "heavy"],
)
def test_a_bad_file_gets_one_sentence(data, sentence):
    with pytest.raises(InputError, match=sentence):
        validation.picture(data)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "not a picture"),
        (PNG[: len(PNG) // 2], "not a picture"),
        (as_png(Image.new("1", (13_000, 13_000))), "million pixels"),
        (as_png(Image.new("1", (2500, 2000))), "million pixels"),
    ],
    ids=["empty", "truncated", "bomb", "large"],
)
def test_a_bad_file_that_should_be_ours_gets_one_sentence(data, sentence):
    with pytest.raises(InputError, match=sentence):
        validation.settings_in(data)


def test_an_animated_picture_gives_its_first_frame():
    first, second = Image.new("L", (4, 4), 10), Image.new("L", (4, 4), 200)
    buffer = io.BytesIO()
    first.save(buffer, "GIF", save_all=True, append_images=[second])
    assert validation.picture(buffer.getvalue()).convert("L").getpixel((0, 0)) == 10


def test_settings_survive_in_a_png_and_a_picture_without_them_says_so():
    settings = {"tab": "vae", "z": [0.5, -1]}
    assert validation.settings_in(validation.png_with(Image.new("L", (4, 4)), settings)) == settings
    with pytest.raises(InputError, match="carries no settings"):
        validation.settings_in(PNG)


@pytest.mark.parametrize("text", ["{", "[1]", "null", "[" * 5000, "x" * 30_000])
def test_tampered_settings_say_so(text):
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text(validation.SETTINGS_KEY, text)
    with pytest.raises(InputError, match="carries no settings"):
        validation.settings_in(as_png(Image.new("L", (4, 4)), pnginfo=info))


def test_errors_reach_the_page_as_sentences_and_never_as_traces():
    def fail(kind):
        raise {"known": InputError("Beta must be a number."), "unknown": KeyError("/secret/path")}[kind]

    guarded, handler = errors.guarded(fail), errors.handler(fail)
    assert guarded("known") == {"error": "Beta must be a number."}
    assert guarded("unknown") == {"error": errors.UNKNOWN}
    for kind, sentence in (("known", "Beta must be a number."), ("unknown", errors.UNKNOWN)):
        with pytest.raises(gr.Error) as caught:
            handler(kind)
        assert caught.value.message == sentence
        assert caught.value.__cause__ is None


def test_an_upload_becomes_light_on_dark_and_centred():
    page = Image.new("RGB", (300, 200), "white")
    page.paste((20, 20, 60), (20, 30, 60, 150))  # a dark bar on paper, off the centre
    x = digits.upload(as_png(page))
    rows, columns = torch.meshgrid(torch.arange(28.0), torch.arange(28.0), indexing="ij")
    assert x.shape == (1, 1, 28, 28)
    assert [float((x[0, 0] * g).sum() / x.sum()) for g in (rows, columns)] == pytest.approx([13.5, 13.5], abs=0.6)
    assert x.max() > 0.9
    assert x[0, 0, 0].max() < 0.05
    assert (x[0, 0].amax(1) > 0.5).sum() == 20  # the height of MNIST's box


def bar(ink, ground, mode="RGB", size=(300, 200)) -> Image.Image:
    """An upright bar, as of a 1."""
    page = Image.new(mode, size, ground)
    page.paste(ink, (size[0] // 2 - 10, 30, size[0] // 2 + 10, 150))
    return page


def test_a_photographed_digit_stands_as_it_was_drawn_and_does_not_lie():
    exif = Image.Exif()
    exif[0x0112] = 6  # a telephone that was held upright
    buffer = io.BytesIO()
    bar("black", "white").rotate(90, expand=True).save(buffer, "JPEG", exif=exif)
    x = digits.upload(buffer.getvalue())
    assert (x[0, 0].amax(1) > 0.5).sum() == 20
    assert (x[0, 0].amax(0) > 0.5).sum() < 8


def test_strokes_on_nothing_are_seen_whatever_their_colour():
    right = digits.upload(as_png(bar("black", "white")))
    clear = (0, 0, 0, 0)
    for ink, ground in (("black", clear), ("white", clear), ("yellow", clear), ("black", (255, 255, 255, 0))):
        x = digits.upload(as_png(bar(ink, ground, "RGBA")))
        assert (x - right).abs().mean() < 0.02, (ink, ground)


def test_a_white_sheet_with_clear_corners_stays_a_white_sheet():
    page = bar("black", "white", "RGBA")
    page.putpixel((0, 0), (0, 0, 0, 0))
    assert torch.equal(digits.upload(as_png(page)), digits.upload(as_png(bar("black", "white"))))


def test_grey_of_16_bits_keeps_its_steps():
    ramp = np.linspace(0, 65535, 784).astype(np.uint16).reshape(28, 28)
    read = digits.drawing(digits.from_file(as_png(Image.fromarray(ramp))))
    torch.testing.assert_close(read[0, 0], torch.from_numpy(ramp / 65535).float(), atol=1 / 255, rtol=0)


def test_a_picture_of_28_x_28_is_taken_to_the_byte():
    x = np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)
    assert digits.drawing(digits.from_file(as_png(Image.fromarray(x)))).mul(255).round().flatten().tolist() == list(
        x.flatten()
    )


def test_what_is_transparent_in_a_mask_masks_nothing():
    mask = Image.new("RGBA", (28, 28), (0, 0, 0, 0))
    mask.paste("white", (0, 14, 28, 28))
    x = digits.drawing(digits.mask_from_file(as_png(mask)))
    assert (x[0, 0, :14].sum(), x[0, 0, 14:].mean()) == (0, 1)


@pytest.mark.parametrize("colour", ["white", "black", (128, 128, 128)])
def test_an_empty_page_stays_empty(colour):
    assert digits.upload(as_png(Image.new("RGB", (50, 40), colour))).sum() == 0
    assert digits.centred(torch.zeros(1, 1, 28, 28)).sum() == 0


def test_a_limit_is_written_with_all_its_digits():
    with pytest.raises(validation.InputError, match="between 0 and 2,147,483,647"):
        validation.seed(-1)
    with pytest.raises(validation.InputError, match=r"between 0\.05 and 2\."):
        validation.number(3, "It", 0.05, 2)

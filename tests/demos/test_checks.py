import io
import math

import gradio as gr
import pytest
import torch
from PIL import Image

from demos import _checks, _pictures
from demos._checks import InputError


def as_png(image, **info):
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **info)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "bad", [None, True, "3", math.nan, math.inf, -math.inf, [1], {}, 5.1, -0.1, 10**400], ids=lambda v: str(v)[:9]
)
def test_a_number_is_finite_and_in_range(bad):
    with pytest.raises(InputError, match="^Beta must"):
        _checks.number(bad, "Beta", 0, 5)


@pytest.mark.parametrize("bad", [1.5, "1", -1, 2**31, None, math.nan])
def test_a_seed_is_a_whole_number(bad):
    with pytest.raises(InputError, match="^The seed must"):
        _checks.seed(bad)
    assert _checks.seed(3.0) == 3


@pytest.mark.parametrize("bad", [None, "1,2", [1], [1, 2, 3], [1, "2"], [1, math.nan], [1, 99], {"a": 1}, [[1], [2]]])
def test_numbers_have_the_right_count_and_range(bad):
    with pytest.raises(InputError, match="z "):
        _checks.numbers(bad, "z", 2, -6, 6)


@pytest.mark.parametrize("bad", [None, 3, "c", ["a"], {"a": 1}, "a" * 10_000])
def test_a_choice_is_one_of_the_options(bad):
    with pytest.raises(InputError, match="must be one of: a, b"):
        _checks.choice(bad, "The model", ("a", "b"))


@pytest.mark.parametrize("bad", [None, 3, "not base64!", "A" * 10_000, b"AAAA", "é"])
def test_base64_is_checked_and_limited(bad):
    with pytest.raises(InputError):
        _checks.decoded(bad, "The drawing", limit=784)


PNG = as_png(Image.effect_noise((64, 64), 50))


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "not a picture"),
        (b"hello" * 100, "not a picture"),
        (PNG[: len(PNG) // 2], "not a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
        (as_png(Image.new("1", (13_000, 13_000))), "million pixels"),
        (as_png(Image.new("1", (2500, 2000))), "million pixels"),
        (b"\0" * (_checks.MAX_BYTES + 1), "larger than 5 MB"),
    ],
    ids=["empty", "text", "truncated", "svg", "bomb", "large", "heavy"],
)
def test_a_bad_file_gets_one_sentence(data, sentence):
    with pytest.raises(InputError, match=sentence):
        _checks.picture(data)


def test_an_animated_picture_gives_its_first_frame():
    first, second = Image.new("L", (4, 4), 10), Image.new("L", (4, 4), 200)
    buffer = io.BytesIO()
    first.save(buffer, "GIF", save_all=True, append_images=[second])
    assert _checks.picture(buffer.getvalue()).convert("L").getpixel((0, 0)) == 10


def test_settings_survive_in_a_png_and_a_picture_without_them_says_so():
    settings = {"tab": "vae", "z": [0.5, -1]}
    assert _checks.settings_in(_checks.png_with(Image.new("L", (4, 4)), settings)) == settings
    with pytest.raises(InputError, match="carries no settings"):
        _checks.settings_in(PNG)


@pytest.mark.parametrize("text", ["{", "[1]", "null", "[" * 5000, "x" * 30_000])
def test_tampered_settings_say_so(text):
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text(_checks.SETTINGS_KEY, text)
    with pytest.raises(InputError, match="carries no settings"):
        _checks.settings_in(as_png(Image.new("L", (4, 4)), pnginfo=info))


def test_errors_reach_the_page_as_sentences_and_never_as_traces():
    def fail(kind):
        raise {"known": InputError("Beta must be a number."), "unknown": KeyError("/secret/path")}[kind]

    guarded, handler = _checks.guarded(fail), _checks.handler(fail)
    assert guarded("known") == {"error": "Beta must be a number."}
    assert guarded("unknown") == {"error": _checks.UNKNOWN}
    for kind, sentence in (("known", "Beta must be a number."), ("unknown", _checks.UNKNOWN)):
        with pytest.raises(gr.Error) as caught:
            handler(kind)
        assert caught.value.message == sentence
        assert caught.value.__cause__ is None


def test_an_upload_becomes_light_on_dark_and_centred():
    page = Image.new("RGB", (300, 200), "white")
    page.paste((20, 20, 60), (20, 30, 60, 150))  # a dark bar on paper, off the centre
    x = _pictures.upload(as_png(page))
    rows, columns = torch.meshgrid(torch.arange(28.0), torch.arange(28.0), indexing="ij")
    assert x.shape == (1, 1, 28, 28)
    assert [float((x[0, 0] * g).sum() / x.sum()) for g in (rows, columns)] == pytest.approx([13.5, 13.5], abs=0.6)
    assert x.max() > 0.9
    assert x[0, 0, 0].max() < 0.05
    assert (x[0, 0].amax(1) > 0.5).sum() == 20  # the height of MNIST's box


@pytest.mark.parametrize("colour", ["white", "black", (128, 128, 128)])
def test_an_empty_page_stays_empty(colour):
    assert _pictures.upload(as_png(Image.new("RGB", (50, 40), colour))).sum() == 0
    assert _pictures.centred(torch.zeros(1, 1, 28, 28)).sum() == 0

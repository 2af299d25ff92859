import base64

import gradio as gr
import pytest
from PIL import Image

from demos import _checks, _keep

PART = {"tab": "vae", "part": "beta", "digit": "5"}


def act(request, digit="5"):
    """What the bar of a part with one control answers."""
    with gr.Blocks() as demo:
        radio = gr.Radio(["5", "7"])
        _keep.bar("vae", "beta", [radio], settings, lambda digit: Image.new("L", (8, 8)), lambda s: (s["digit"],))
    (event,) = demo.fns.values()
    return event.fn(request, digit)


def settings(digit):
    return {"digit": _checks.choice(digit, "The digit", ("5", "7"))}


def test_what_is_saved_can_be_opened_and_linked():
    answer, untouched = act({"action": "save"})
    assert untouched == gr.skip()
    assert _checks.settings_in(base64.b64decode(answer["png"])) == PART
    told, digit = act({"action": "open", "png": answer["png"]}, "7")
    assert (digit, told["told"]) == ("5", "Settings restored from the picture.")
    assert act({"action": "link"})[0]["settings"] == PART


@pytest.mark.parametrize("kept", [{**PART, "tab": "gan"}, {**PART, "part": "train"}, {"digit": "5"}])
def test_a_picture_of_another_place_is_refused_in_one_sentence(kept):
    png = _keep.saved(Image.new("L", (8, 8)), kept)
    answer, untouched = act({"action": "open", "png": png})
    assert "saved in another" in answer["error"]
    assert untouched == gr.skip()


@pytest.mark.parametrize(
    "request_", [None, 5, {}, {"action": "eat"}, {"action": "open"}, {"action": "open", "png": "AAAA"}]
)
def test_a_bad_wish_gets_one_sentence(request_):
    answer, untouched = act(request_)
    assert list(answer) == ["error"]
    assert answer["error"] != _checks.UNKNOWN
    assert untouched == gr.skip()


def test_numbers_of_a_link_are_read_and_others_refused():
    assert _keep.from_link("2.5", "x") == 2.5
    assert _keep.listed("1,-2", "z") == [1.0, -2.0]
    assert _keep.seed("7") == 7
    for bad in ("", "a", "1;2", "x" * 10**6):
        with pytest.raises(_checks.InputError):
            _keep.from_link(bad, "x")
        with pytest.raises(_checks.InputError):
            _keep.listed(bad, "z")
    for bad in ("nan", "inf", "-1", "1.5", None, []):
        with pytest.raises(_checks.InputError):
            _keep.seed(bad)

"""Keep what a part of a tab shows: a PNG that carries its settings, and a link; each brings the settings back.

Settings are a flat dictionary of texts and numbers with "tab" and "part" among them. In a link all of them are text.
"""

import base64
from collections.abc import Callable
from types import ModuleType

import gradio as gr
from PIL import Image

from demos import _checks, _common


def saved(image: Image.Image, settings: dict) -> str:
    """A PNG in base64 that carries `settings`."""
    return base64.b64encode(_checks.png_with(image, settings)).decode()


def opened(request: dict, tab: str, part: str) -> dict:
    """{"png"}: a picture saved in this part of this tab -> its settings, still to be checked one by one."""
    settings = _checks.settings_in(_checks.decoded(_checks.record(request).get("png"), "That file"))
    if settings.get("tab") != tab:
        raise _checks.InputError("That picture was saved in another tab; open it there.")
    if settings.get("part") != part:
        raise _checks.InputError("That picture was saved in another part of this tab; open it there.")
    return settings


def from_link(value, name: str):
    """A number that may come as text, as links have it; anything else is left to the check that follows."""
    if isinstance(value, str):
        try:
            value = float(value[:40])
        except ValueError:
            raise _checks.InputError(f"{name} must be a number.") from None
    return value


def listed(value, name: str) -> list:
    """Numbers that may come as text with commas between them; anything else is left to the check that follows."""
    if isinstance(value, str):
        try:
            value = [float(part) for part in value[:4000].split(",")]
        except ValueError:
            raise _checks.InputError(f"{name} must be numbers with commas between them.") from None
    return value


def seed(value) -> int:
    """A seed from a link or a saved picture."""
    return _checks.seed(from_link(value, "The seed"))


def among(counts: dict[str, int], part: str, found: tuple) -> list:
    """A tab's answer to a link: the sub-tab to open, then the values of every part, of which one has some."""
    answer = [gr.Tabs(selected=part)]
    for name, count in counts.items():
        answer += found if name == part else [gr.skip()] * count
    return answer


def restored_by(tab: ModuleType, query: dict) -> list:
    """A tab's answer to a link; one that names a part and no settings opens it as it is. Raises: InputError."""
    if query.keys() - {"tab", "part"}:
        return tab.restore(query)
    part = _checks.choice(query.get("part"), "The part", tuple(tab.PARTS))
    return among(tab.PARTS, part, (gr.skip(),) * tab.PARTS[part])


def bar(
    tab: str, part: str, inputs: list, settings: Callable[..., dict], picture: Callable, values: Callable[[dict], tuple]
) -> gr.HTML:
    """Three buttons for a part whose settings are the values of `inputs`.

    settings: these values -> checked settings. picture: the same values -> the picture to save.
    values: settings as a link or a PNG gives them -> values for `inputs`. Each may raise InputError.
    """
    line = _common.control("bar", None)
    marked = {"tab": tab, "part": part}

    def act(request: dict, *given) -> tuple:
        request = _checks.record(request)
        match _checks.choice(request.get("action"), "The action", ("save", "link", "open")):
            case "save":
                kept = marked | settings(*given)
                return {"png": saved(picture(*given), kept), "file": f"{tab}-{part}.png"}, *[gr.skip()] * len(inputs)
            case "link":
                return {"settings": marked | settings(*given)}, *[gr.skip()] * len(inputs)
            case "open":
                found = values(opened(request, tab, part))
                return {"told": "Settings restored from the picture."}, *found

    def answer(request, *given):
        result = _checks.guarded(lambda _: act(request, *given))()
        return result["ok"] if "ok" in result else (result, *[gr.skip()] * len(inputs))

    line.input(answer, [line, *inputs], [line, *inputs], **_common.LIGHT, **_common.QUIET)
    return line

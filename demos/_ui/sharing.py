"""What a part shows, to keep: a PNG that carries its settings, a link, and the program that makes it.

In a saved picture settings are a flat dictionary with "tab" and "part" among them. In a link all of them are text.
"""

import base64
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import gradio as gr
from PIL import Image, ImageDraw

from demos._ui import controls, letters, validation

if TYPE_CHECKING:
    from demos._ui.tab import Part, Tab

MARGIN, TITLE, LINE = 16, 18, 14  # pixels around a saved picture, and of its letters
INK, SOFT = "#0f172a", "#475569"
LONGEST = 60  # characters of a setting that is written below a saved picture


def described(part: "Part", settings: dict[str, Any]) -> str:
    """The settings in one line, as below a saved picture; without long texts, lists and drawings.

    Options have the titles that they have on the page.
    """
    said = []
    for setting in part.settings:
        given = settings[setting.name]
        if not setting.linked or not setting.has_part(settings) or given == "" or isinstance(given, list | dict):
            continue
        titles = {str(value): title for value, title in setting.kind.field().get("options", ())}
        value = titles.get(str(given)) or setting.kind.to_text(given)
        if value and len(value) <= LONGEST and "\n" not in value:
            said.append(f"{setting.title}: {value}")
    return "; ".join(said)


def linked(part: "Part", settings: dict[str, Any]) -> dict[str, Any]:
    """The settings that a link and a saved picture hold."""
    return {name: value for name, value in settings.items() if name not in part.table.unlinked()}


def titled(image: Image.Image, title: str, line: str) -> Image.Image:
    """The picture on a white page with a title above it and a line below, broken where it is longer than the page."""
    width = max(image.width, 360) + 2 * MARGIN
    lines = letters.wrapped(line, LINE, width - 2 * MARGIN)
    top = TITLE + 2 * MARGIN
    sheet = Image.new("RGB", (width, top + image.height + MARGIN + (LINE + 6) * len(lines) + MARGIN // 2), "white")
    pen = ImageDraw.Draw(sheet)
    letters.write(pen, (MARGIN, MARGIN), title, INK, TITLE)
    sheet.paste(image.convert("RGB"), ((width - image.width) // 2, top))
    for k, row in enumerate(lines):
        letters.write(pen, (MARGIN, top + image.height + MARGIN // 2 + (LINE + 6) * k), row, SOFT, LINE)
    return sheet


def saved(tab: "Tab", part: "Part", request: dict) -> str:
    """{"settings", "shown"} -> the part's picture as PNG in base64, titled, its settings inside."""
    assert part.picture is not None
    request = validation.json_object(request)
    settings = part.parse(request.get("settings"))
    image = part.picture(**settings, **shown_to(part.picture, request))
    page = titled(image, f"{tab.title}: {part.title}", described(part, settings))
    return base64.b64encode(
        validation.png_with(page, {"tab": tab.id, "part": part.id, **linked(part, settings)})
    ).decode()


def shown_to(fn: Callable, request: dict) -> dict[str, Any]:
    """What the stage alone knows, for a function that takes it."""
    return {"shown": request.get("shown")} if "shown" in inspect.signature(fn).parameters else {}


def opened(tab: "Tab", part: "Part", request: dict) -> dict:
    """{"png"}: a picture saved in this part -> its settings and the stage's value."""
    png = validation.decoded(validation.json_object(request).get("png"), "That file")
    settings = validation.settings_in(png)
    if settings.get("tab") != tab.id:
        raise validation.InputError("That picture was saved in another tab; open it there.")
    if settings.get("part") not in (part.id, part.formerly or part.id):
        raise validation.InputError("That picture was saved in another part of this tab; open it there.")
    clean = part.parse(settings)
    return {"settings": clean, "value": part.value(clean)}


def program(part: "Part", request: dict) -> str:
    """{"settings"} -> a short program that makes what the stage shows of them."""
    assert part.code is not None
    request = validation.json_object(request)
    return part.code(**part.parse(request.get("settings")), **shown_to(part.code, request))


def bar(tab: "Tab", part: "Part") -> gr.HTML:
    """Save PNG, Open a saved PNG, Copy link, Show code."""

    def save(request: dict) -> str:
        return saved(tab, part, request)

    def open(request: dict) -> dict:
        return opened(tab, part, request)

    def code(request: dict) -> str:
        return program(part, request)

    functions = [*([save, open] if part.picture else []), *([code] if part.code else [])]
    props = {"part": f"{tab.id}/{part.id}", "saves": bool(part.picture), "codes": bool(part.code)}
    return controls.control("share_bar", None, functions, **props)

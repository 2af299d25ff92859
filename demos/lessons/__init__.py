"""Lessons: a title, and steps, each a link of this app and what to do there. Those that are shipped are beside this.

    {"title": "A VAE in six steps", "steps": [{"link": "tab=vae&part=sliders&seed=3", "text": "Drag the top slider."}]}

A teacher's own are in their links and files alone (`_ui/js/lesson.js`): the server never has them.
"""

import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from demos._ui import controls, validation
from demos._ui.tab import Tab

FOLDER = Path(__file__).parent


@functools.cache
def shipped() -> dict[str, dict[str, Any]]:
    """{name: lesson}, in the order of their names, which begin with a number."""
    files = sorted(FOLDER.glob("*.json"))
    return {file.stem.split("-", 1)[1]: json.loads(file.read_text(encoding="utf-8")) for file in files}


def lesson(request: dict) -> dict[str, Any]:
    """{"name"} -> the shipped lesson."""
    name = validation.choice(validation.json_object(request).get("name"), "The lesson", tuple(shipped()))
    return shipped()[name]


def bar(tabs: Sequence[Tab]) -> None:
    """The bar of the lesson that the address names, and what builds one."""
    titles = {tab.id: tab.title for tab in tabs}
    titles |= {f"{tab.id}/{part.id}": part.title for tab in tabs for part in tab.parts}
    controls.control("lesson", None, [lesson], titles=titles)


def contents() -> None:
    """What there is, for Home."""
    about = [{"name": name, "title": one["title"], "steps": len(one["steps"])} for name, one in shipped().items()]
    controls.control("lesson_list", about)

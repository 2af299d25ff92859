"""Home: what there is to touch, one card a technique, each with a picture that its own model makes."""

import functools
from collections.abc import Sequence

from demos import lessons
from demos._ui import controls, page, validation
from demos._ui.tab import Tab
from demos.home import comparison


def pictures(tabs: Sequence[Tab]):
    """The server function of the cards: {"id"} of a tab -> its picture, made once a server."""
    by_id = {tab.id: tab for tab in tabs}

    @functools.cache
    def made(id_: str) -> dict:
        return by_id[id_].picture()

    def picture(request: dict) -> dict:
        """{"image" (PNG in base64)}, {"words"} or {"dots"}."""
        return made(validation.choice(validation.json_object(request).get("id"), "The card", tuple(by_id)))

    return picture


def build(tabs: Sequence[Tab]) -> None:
    """One card a technique, which opens its tab; below them, one label through four generators."""
    page.lead(
        "Every model here was trained by this project and runs on your machine, with no network. <b>Open a "
        "technique</b>, touch it, and read the very source that runs."
    )
    cards = [{"id": tab.id, "title": tab.title, "headline": tab.headline, "text": tab.text} for tab in tabs]
    controls.control("home/cards", cards, [pictures(tabs)])
    lessons.contents()
    comparison.build()

"""The frame around the tabs: their navigation, and what a link opens."""

import functools
import threading
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import gradio as gr

from demos import classroom, lessons
from demos._server import lanes
from demos._ui import controls, tab
from demos._ui.tab import Tab
from demos.serve import BLOCKS

TITLE = "Generative AI, by touching it"
LATE = 8.0  # seconds in which requests that were on their way when a page was closed are answered


def groups(tabs: Sequence[Tab]) -> list[dict[str, Any]]:
    """The tabs under the titles of their groups, in the order in which these come first."""
    titles = dict.fromkeys(one.group for one in tabs)
    return [
        {"title": title, "tabs": [{"id": one.id, "title": one.title} for one in tabs if one.group == title]}
        for title in titles
    ]


def build_tabs(home: ModuleType, tabs: Sequence[Tab]) -> tuple[gr.Tabs, dict[str, gr.Tabs]]:
    """Home and every tab, which the navigation opens; returns them, and the parts of each."""
    inner = {}
    with gr.Tabs(selected="home", elem_classes="techniques") as outer:
        with gr.Tab("Home", id="home"):
            home.build(tabs)
        for one in tabs:
            with gr.Tab(one.title, id=one.id):
                inner[one.id] = tab.build(one)
    return outer, inner


def build_router(tabs: Sequence[Tab], home: bool) -> gr.HTML:
    """What opens the tab, the part and the settings that the address names."""
    parts = {one.id: [part.id for part in one.parts] for one in tabs}
    unnamed = {one.id: one.unnamed for one in tabs if one.unnamed}

    def open(query: dict) -> dict[str, Any]:
        return tab.opened(tabs, query)

    return controls.control("router", None, [open], parts=parts, unnamed=unnamed, home=home)


def wire(router: gr.HTML, inner: dict[str, gr.Tabs], outer: gr.Tabs | None = None) -> None:
    """The router's event selects in Gradio's own tabs. It asks no server, whose answers might come in another order."""
    outputs = [*([outer] if outer else []), *inner.values()]
    router.select(None, router, outputs, js="(asked) => genai.selected(asked)", **lanes.PAGE_ONLY)


def build(home: ModuleType, tabs: Sequence[Tab]) -> gr.Blocks:
    """Home and the tabs as one app."""
    with gr.Blocks(title=TITLE, **BLOCKS) as demo:
        with gr.Row(elem_classes="frame", equal_height=False):
            with gr.Column(scale=0, min_width=0, elem_classes="rail"):
                controls.control("nav", None, groups=groups(tabs))
            with gr.Column(scale=1, min_width=0, elem_classes="content"):
                classroom.bar()
                lessons.bar(tabs)
                router = build_router(tabs, True)
                outer, inner = build_tabs(home, tabs)
        wire(router, inner, outer)

        def forget(request: gr.Request) -> None:
            """A page was closed: what Gradio keeps of it goes now, and not when 300 others have come.

            And once more when requests that were on their way, which begin it anew, have been answered.
            """
            drop = functools.partial(demo.state_holder.session_data.pop, request.session_hash, None)
            drop()
            again = threading.Timer(LATE, drop)
            again.daemon = True
            again.start()

        demo.unload(forget)  # after whatever else ends with a page
    return demo


def alone(one: Tab) -> gr.Blocks:
    """One tab as an app."""
    with gr.Blocks(title=one.title, **BLOCKS) as demo:
        router = build_router([one], False)
        wire(router, {one.id: tab.build(one)})
    return demo


def warm(tabs: Sequence[Tab]) -> None:
    """Import what takes long, when the first page has been served."""
    for one in tabs:
        if one.warm:
            one.warm()

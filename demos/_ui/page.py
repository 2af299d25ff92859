"""What frames a tab: the lead, "How it works" with the source that runs, and model cards."""

import functools
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

import gradio as gr

from demos._server.lanes import LIGHT, PAGE_ONLY
from demos._ui.errors import handler
from demos._ui.validation import choice
from genai_core.common import checkpoints


def lead(text: str) -> None:
    """One or two sentences: what to touch (in <b>) and what to look for. Trusted HTML."""
    gr.HTML(f'<p class="lead">{text}</p>', js_on_load=None)


def how_it_works(text: str, *sources: Callable) -> None:
    """Folded: Markdown with the equations and the paper, and the very source that ran, read when it is unfolded."""
    with gr.Accordion("How it works", open=False) as folded:
        gr.Markdown(
            text,
            latex_delimiters=[
                {"left": "$$", "right": "$$", "display": True},
                {"left": "$", "right": "$", "display": False},
            ],
        )
        code = gr.Markdown(latex_delimiters=[], elem_classes="source")
    folded.expand(lambda: listing(sources), None, code, **LIGHT, **PAGE_ONLY)


def source_of(computes: Callable) -> str:
    """The source of a function, a method or a class."""
    return textwrap.dedent(inspect.getsource(computes))


@functools.cache
def listing(sources: tuple[Callable, ...]) -> str:
    """The source of functions and classes as Markdown, each under its name."""
    return "\n\n".join(
        f"`{source.__module__}.{source.__qualname__}`\n\n```python\n{source_of(source)}```" for source in sources
    )


def card(name: str) -> str:
    """The model card of a checkpoint in Markdown, without its picture; one sentence where it is missing."""
    try:
        text = (checkpoints.ASSETS / name / "README.md").read_text(encoding="utf-8")
    except OSError:
        return f"The card of {name} is missing."
    return text.replace("![samples](samples.png)\n\n", "")


def model_card(name: str) -> gr.Markdown:
    """Folded: the measured numbers of a checkpoint. Update it by returning `card(name)`."""
    with gr.Accordion("Model card", open=False):
        return gr.Markdown(card(name), elem_classes="prose-narrow")


def model_cards(names: dict[str, str]) -> None:
    """Folded: the cards of several checkpoints {name: title}, one at a time."""

    def chosen(name: str) -> str:
        return card(choice(name, "The model", tuple(names)))

    first = next(iter(names))
    with gr.Accordion("Model cards", open=False):
        model = gr.Dropdown(
            [(title, name) for name, title in names.items()], value=first, label="Model", elem_classes="short"
        )
        text = gr.Markdown(card(first), elem_classes="prose-narrow")
    options: dict[str, Any] = {**LIGHT, **PAGE_ONLY}
    model.input(handler(chosen), model, text, **options)

"""Own controls: markup and a script that stand beside the part that uses them; and what ends a run."""

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from demos._ui.bundle import css_class
from demos._ui.errors import guarded
from genai_core.common.checkpoints import CheckpointError


def control(name: str, value: Any = None, server_functions: Sequence[Callable] = (), **props: Any) -> gr.HTML:
    """An own control, which is in the page's one file of scripts (`demos/_ui/bundle.py`).

    `value` is JSON-able; the script reads it as `props.value`, and Python sets it by returning a new one. So are the
    `props`, among them `part`, such as "vae/plane". Server functions are guarded: each answers {"ok": result} or
    {"error": sentence}.
    """
    return gr.HTML(
        value,
        html_template=" ",  # markup and style come with the scripts, once for all pages
        elem_classes=[css_class(name)],
        js_on_load=f'genai.start("{name}", {{ element, props, server, trigger, watch, upload }})',
        server_functions=[guarded(fn) for fn in server_functions] or None,
        apply_default_css=False,
        **props,
    )


def or_error(value: Callable[[], Any]) -> Any:
    """`value()`, or {"error": sentence} where a checkpoint is missing: the page then still builds, and says so."""
    try:
        return value()
    except CheckpointError as error:
        return {"error": str(error)}


def cancel_on(runs: list, *events: Callable) -> None:
    """The runs end when one of these events comes."""
    gr.on(list(events), None, None, None, cancels=runs, api_visibility="private")

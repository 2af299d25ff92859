"""A pretrained language model of the Hugging Face Hub, or a local transformers folder, behind the same controls."""

import html
from collections.abc import Iterator

import gradio as gr

from demos import _checks, _common
from demos._common import QUIET, TRAIN
from demos.text import _models, write
from genai_core import hub_text

KNOWN = ("distilgpt2", "HuggingFaceTB/SmolLM2-135M", "EleutherAI/pythia-70m")
FIRST = {"prompt": "Once upon a time", "tokens": 40}


def values(found: dict) -> tuple:
    """Settings of a link -> the model's name. Raises: InputError."""
    return (_checks.hub_name(found.get("source", KNOWN[0]), KNOWN[0]),)


def card(said: str) -> str:
    return f'<div class="card empty num">{html.escape(said)}</div>'


@_checks.stream_handler
def fetch(name) -> Iterator[tuple]:
    """The model's name -> how far it is, and at last the control, with a text that the model wrote."""
    name = _checks.hub_name(name, KNOWN[0])
    try:
        for found in hub_text.loading(name):
            if isinstance(found, str):
                yield card(found), gr.skip()
    except hub_text.HubError as error:
        raise _checks.InputError(str(error)) from None
    _models.FETCHED.put(name, found, found.network)
    value = write.whole(write.FIRST | FIRST | {"model": name}) | write.choices({name: name})
    yield "", gr.HTML(value, visible=True)


def failed() -> str:
    return card("That did not work, as the message in the corner says. No other part needs a network.")


def build() -> list:
    """Returns what `values` fills."""
    _common.lead(
        "<b>Name a language model</b> of the Hugging Face Hub: it is fetched once, and written with by our sampler. "
        "This needs a network the first time, and patience."
    )
    with gr.Row():
        name = gr.Dropdown(
            list(KNOWN), value=KNOWN[0], allow_custom_value=True, label="Model, or a transformers folder", scale=3
        )
        go = gr.Button("Fetch", variant="primary", min_width=80, scale=1)
        stop = gr.Button("Stop", min_width=80, scale=1)
    told = gr.HTML(card("Nothing is fetched until you press Fetch."))
    control, writing = write.control(visible=False)
    run = go.click(fetch, name, [told, control], show_progress="hidden", api_visibility="private", **TRAIN)
    run.failure(failed, None, told, **_common.LIGHT, **QUIET)
    _common.ended_by([run], stop.click)
    _common.ended_by([writing], control.stop)
    return [name]

"""A pretrained OpenCLIP behind the same controls: it knows the world, and looks at a sample of our drawings, too."""

import html
from collections.abc import Iterator

import gradio as gr
import torch

from demos import _checks, _common
from demos._common import LIGHT, QUIET
from demos.clip import _collections, _models, mine, search
from genai_core import gallery, hub_clip, retrieval

KNOWN = ("ViT-B-32/laion2b_s34b_b79k", "ViT-B-16/laion2b_s34b_b88k", "hf-hub:timm/ViT-B-16-SigLIP")
SAMPLE = 200  # scenes of the gallery that it looks at
FIRST = {"terms": [[1, "text", "a red heart"]], "results": 15}


def named(value) -> tuple[str, str | None]:
    """ "model/weights", "hf-hub:owner/name" or a folder -> what `hub_clip.load` takes. Raises: InputError."""
    kind = value.partition(":")[0] if isinstance(value, str) and ":" in value else ""
    if kind not in ("", "hf-hub"):
        raise _checks.InputError(f"The model must be a name such as {KNOWN[0]}, or a folder on the server.")
    clean = _checks.hub_name(value.removeprefix("hf-hub:") if kind else value, KNOWN[0])
    if kind:
        return f"hf-hub:{clean}", None
    if clean.startswith("/"):
        return f"local-dir:{clean}", None
    name, _, weights = clean.partition("/")
    return name, weights or None


def values(found: dict) -> tuple:
    """Settings of a link -> the model's name. Raises: InputError."""
    source = found.get("source", KNOWN[0])
    named(source)
    return (source,)


def card(said: str) -> str:
    return f'<div class="card empty num">{html.escape(said)}</div>'


@_checks.stream_handler
def fetch(source) -> Iterator[tuple]:
    """The model's name -> how far it is; at last the control over the scenes it saw, and the menu of the tab Yours."""
    name, weights = named(source)
    try:
        for found in hub_clip.loading(name, weights):
            if isinstance(found, str):
                yield card(found), gr.skip(), gr.skip()
    except hub_clip.HubError as error:
        raise _checks.InputError(str(error)) from None
    collection = retrieval.private(source, found.dimension)
    try:
        for part in torch.arange(SAMPLE).split(10):
            ids = part.tolist()
            vectors = found.encode_image(gallery.pictures(ids))
            attributes = [gallery.attributes(_models.scene(i)) for i in ids]
            collection.add(vectors, attributes, ids=[str(i) for i in ids])
            yield card(f"It has looked at {ids[-1] + 1} of {SAMPLE} drawings."), gr.skip(), gr.skip()
    except BaseException:
        collection.close()
        raise
    _models.FETCHED.put(source, found, found.network)
    _collections.keep_sample(source, collection)
    value = search.search({**FIRST, "model": source, "collection": _collections.SAMPLE})
    yield "", gr.HTML(value, visible=True), gr.Dropdown(choices=mine.models())


def failed() -> str:
    return card("That did not work, as the message in the corner says. No other part needs a network.")


def build(menu: gr.Dropdown) -> list:
    """Returns what `values` fills. menu: the models of the tab Yours."""
    _common.lead(
        "<b>Name an OpenCLIP model</b>: it is fetched once, and searches a sample of our drawings; in the tab Yours it "
        "then reads your photos. This needs a network the first time."
    )
    with gr.Row():
        name = gr.Dropdown(
            list(KNOWN), value=KNOWN[0], allow_custom_value=True, label="Model/weights, or a folder", scale=3
        )
        go = gr.Button("Fetch", variant="primary", min_width=80, scale=1)
        stop = gr.Button("Stop", min_width=80, scale=1)
    told = gr.HTML(card("Nothing is fetched until you press Fetch."))
    control = search.control(visible=False)
    run = go.click(fetch, name, [told, control, menu], show_progress="hidden", api_visibility="private", **mine.INDEX)
    run.failure(failed, None, told, **LIGHT, **QUIET)
    _common.ended_by([run], stop.click)
    return [name]

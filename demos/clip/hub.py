"""A pretrained OpenCLIP behind the same controls: it knows the world, and looks at a sample of our drawings, too."""

import html
from collections.abc import Iterator
from typing import Any

import torch

from demos._ui import validation
from demos._ui.settings import Setting, checked
from demos._ui.tab import Action, Part
from demos.clip import _collections, _models, yours
from genai_core.clip import gallery, hub
from genai_core.common import vector_store

KNOWN = ("ViT-B-32/laion2b_s34b_b79k", "ViT-B-16/laion2b_s34b_b88k", "hf-hub:timm/ViT-B-16-SigLIP")
SAMPLE = 200  # scenes of the gallery that it looks at


def named(value) -> tuple[str, str | None]:
    """ "model/weights", "hf-hub:owner/name" or a folder -> what `clip.hub.load` takes. Raises: InputError."""
    kind = value.partition(":")[0] if isinstance(value, str) and ":" in value else ""
    if kind not in ("", "hf-hub"):
        raise validation.InputError(f"The model must be a name such as {KNOWN[0]}, or a folder on the server.")
    clean = validation.hub_name(value.removeprefix("hf-hub:") if kind else value, KNOWN[0])
    if kind:
        return f"hf-hub:{clean}", None
    if clean.startswith("/"):
        return f"local-dir:{clean}", None
    name, _, weights = clean.partition("/")
    return name, weights or None


def source_name(value: Any, _others: Any) -> str:
    named(value)
    return value


def card(sentence: str) -> str:
    return f'<div class="card stage empty num">{html.escape(sentence)}</div>'


def show(source: str) -> dict:
    if source in _models.FETCHED:
        return done(source)
    return {"html": card("Nothing is fetched until you press Fetch.")}


def done(source: str) -> dict:
    """What can be done with it now, and the search that its button opens."""
    sentence = f"{source} has been fetched, and has looked at {SAMPLE} of our drawings. In Yours it embeds your photos."
    search = {"model": source, "collection": _collections.SAMPLE, "terms": [[1, "text", "a red heart"]]}
    return {"html": card(sentence), "search": search}


def fetch(source: str) -> Iterator[dict | None]:
    """How far it is: the model is loaded, then it looks at a sample of our drawings."""
    name, weights = named(source)
    try:
        for found in hub.loading(name, weights):
            if isinstance(found, str):
                yield {"html": card(found)}
    except hub.HubError as error:
        raise validation.InputError(str(error)) from None
    collection = vector_store.private(source, found.dimension)
    try:
        for part in torch.arange(SAMPLE).split(10):
            ids = part.tolist()
            vectors = found.encode_image(gallery.pictures(ids))
            attributes = [gallery.attributes(_models.scene(i)) for i in ids]
            collection.add(vectors, attributes, ids=[str(i) for i in ids])
            yield {"html": card(f"It has looked at {ids[-1] + 1} of {SAMPLE} drawings.")}
    except BaseException:
        collection.close()
        raise
    _models.FETCHED.put(source, found, found.network)
    _collections.keep_sample(source, collection)
    yield done(source)


def code(source: str) -> str:
    name, weights = named(source)
    return f"""from genai_core.clip import gallery, hub

model = hub.load({name!r}, {weights!r})
pictures = model.encode_image(gallery.pictures(range(20)))
similarity = pictures @ model.encode_text(["a red heart"])[0]
for i in similarity.argsort(descending=True).tolist():
    print(i, round(float(similarity[i]), 4))
"""


PART = Part(
    id="hub",
    title="Hub",
    lead="<b>Name an OpenCLIP model</b>: it is fetched once, and searches a sample of our drawings; in the part Yours "
    "it then embeds your photos. This needs a network the first time.",
    stage="clip/hub",
    settings=(Setting("source", checked(source_name, suggestions=KNOWN), KNOWN[0], "Model/weights, or a folder"),),
    form=True,
    actions=(Action("run", "Fetch", primary=True), Action("stop", "Stop")),
    run=fetch,
    lane=yours.INDEX,
    long=True,
    online=True,
    show=show,
    code=code,
)

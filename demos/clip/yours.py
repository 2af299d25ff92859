"""Your own pictures: drop files or a zip, watch them being encoded, search them at once."""

import html
from collections.abc import Iterator

import gradio as gr
import torch
from gradio.context import Context

from demos._server.lanes import LIGHT, PAGE_ONLY
from demos._ui import errors, validation
from demos._ui.tab import Part
from demos.clip import _collections, _models, search
from genai_core.common.vector_store import Collection
from genai_core.data import uploads
from genai_core.data.uploads import Upload

INDEX = {"concurrency_id": "index", "concurrency_limit": 1}  # reading pictures may take a minute
BATCH = 16  # pictures between two messages
FILES = 200  # dropped at a time
PRIVATE = "Only for me, until I leave"
FOUND = {"terms": [[1, "text", "a red circle"]], "results": 15}


def card(sentence: str, skipped: list[tuple[str, str]] = (), done: float | None = None) -> str:
    """What is done, as a bar and a sentence, and what was skipped and why, as HTML.

    done: the share, in [0, 1], where something is under way; 0 where nobody knows how much is left.
    """
    lines = "".join(f"<li>{html.escape(name[:80])}: {html.escape(why)}</li>" for name, why in skipped[:40])
    more = f"<li>and {len(skipped) - 40} more</li>" if len(skipped) > 40 else ""
    listed = (
        f"<details open><summary>{len(skipped)} skipped</summary><ul>{lines}{more}</ul></details>" if skipped else ""
    )
    share = f' value="{done:.3f}"' if done else ""
    bar = "" if done is None else f'<progress max="1"{share} aria-label="Reading"></progress>'
    return f'<div class="card num">{bar}<p class="caption" role="status">{html.escape(sentence)}</p>{listed}</div>'


def models() -> list[tuple[str, str]]:
    """What can read pictures: a Hub model that was fetched first, since ours know drawings alone."""
    return [(name, name) for name in _models.FETCHED] + [(title, name) for name, title in _models.NAMES.items()]


def paths(files) -> list[str]:
    """The files that were dropped; Gradio has checked that they lie where uploads do."""
    if isinstance(files, str):
        files = [files]
    if not isinstance(files, list) or not files or not all(isinstance(file, str) for file in files):
        raise validation.InputError("Drop some pictures or a zip first.")
    if len(files) > FILES:
        raise validation.InputError(f"At most {FILES} files are taken at a time; put them into a zip.")
    return files


def added(encoder, collection: Collection, read: list[Upload]) -> dict[str, str]:
    """Pictures are put into the collection -> {id: name of the file}."""
    x = torch.stack([uploads.tensor(upload.picture, encoder.size) for upload in read])
    captions = [{"caption": upload.name[:120]} for upload in read]
    ids = collection.add(encoder.encode_image(x), captions, pictures=[upload.picture for upload in read])
    return dict(zip(ids, (upload.name for upload in read), strict=True))


def found(model: str, collection: str) -> dict:
    """The first search in a collection, as the stage's value."""
    return search.show_request({**FOUND, "model": model, "collection": collection})


@errors.stream_handler
def index(files, model, name, request: gr.Request) -> Iterator[tuple]:
    """Dropped files, the model, where to keep them -> how far it is, and at last the control that searches them."""
    chosen = paths(files)
    encoder = _models.load(model)
    key, collection, names = place(name, model, encoder.dimension, request.session_hash or "")
    waiting, skipped, taken = [], [], 0
    for upload in uploads.unpack(chosen):
        if isinstance(upload, Upload):
            waiting.append(upload)
        else:
            skipped.append((upload.name, upload.why))
        if len(waiting) == BATCH:
            names |= added(encoder, collection, waiting)
            taken += len(waiting)
            waiting = []
            yield card(f"{taken} pictures read so far.", skipped, done=0), gr.skip(), gr.skip()
    if waiting:
        names |= added(encoder, collection, waiting)
        taken += len(waiting)
    if not len(collection):
        yield card("None of these files is a picture that can be read.", skipped), gr.HTML(visible=False), None
        return
    value = found(model, key)
    kept = "they are gone when you leave" if not key.startswith(_collections.NAMED) else "they are kept on this server"
    sentence = f"{taken} pictures read, {len(collection)} in all; {kept}."
    yield card(sentence, skipped), gr.HTML(value, visible=True), None


def place(name, model: str, dimension: int, session: str) -> tuple[str, Collection, dict]:
    """Where pictures go: the collection's key on the page, itself, and the names to be added to."""
    if name in (None, "", PRIVATE):
        key, mine = _collections.mine(session, model, dimension)
        return key, mine.collection, mine.names
    if not isinstance(name, str):
        raise validation.InputError("The collection must be named.")
    collection = _collections.named(name, model, create=True, dimension=dimension)
    return f"{_collections.NAMED}{name}", collection, {}


@errors.stream_handler
def read_again(model, request: gr.Request) -> Iterator[tuple]:
    """Another model was chosen: it reads the pictures that are there already."""
    encoder = _models.load(model)
    for key, mine in _collections.earlier(request.session_hash or "", model):
        new_key, new = _collections.mine(mine.session, model, encoder.dimension)
        ids, n = list(mine.names), len(mine.names)
        for first in range(0, n, BATCH):
            part = {id_: mine.collection.picture(id_) for id_ in ids[first : first + BATCH]}
            again = [Upload(mine.names[id_], picture) for id_, picture in part.items() if picture]
            new.names |= added(encoder, new.collection, again)
            yield card(f"{first + len(part)} of {n} read again.", done=(first + len(part)) / n), gr.skip()
        _collections.forget([key])
        if new.names:
            value = found(model, new_key)
            yield card(f"All {len(new.names)} pictures were read by {model}."), gr.HTML(value, visible=True)


@errors.handler
def open_named(name, model) -> tuple:
    """The name of a collection of `--collections` -> the control that searches it, if there are pictures in it."""
    if name in (None, "", PRIVATE) or name not in _collections.names():
        return gr.skip(), gr.skip()
    value = found(model, f"{_collections.NAMED}{name}")
    return card(f"{value['of']} pictures in “{name}”."), gr.HTML(value, visible=bool(value["of"]))


def left(request: gr.Request) -> None:
    """The page was closed: what was private goes."""
    _collections.leave(request.session_hash or "")


def build(id_: str, panel: gr.Tab) -> None:
    """Files, the encoder and, where collections are kept, their name; below them the search."""
    with gr.Row():
        files = gr.File(
            file_count="multiple",
            file_types=["image", ".heic", ".heif", ".avif", ".zip"],
            label="Pictures, or a zip of them",
            scale=4,
        )
        with gr.Column(scale=3, min_width=260):
            model = gr.Dropdown(models(), value=_models.MODELS[0], label="Encoder", elem_classes="short")
            name = gr.Dropdown(
                [PRIVATE, *_collections.names()],
                value=PRIVATE,
                label="Kept as",
                allow_custom_value=True,
                visible=_collections.folder() is not None,
                elem_classes="short",
            )
    status = gr.HTML(
        card(
            f"Nothing is there yet. Up to {uploads.PICTURES} pictures at a time are read on this machine, and go "
            "nowhere else; what cannot be read is listed here."
        )
    )
    stage = search.stage(id_)
    out = [status, stage]
    run = files.upload(index, [files, model, name], [*out, files], **INDEX, **PAGE_ONLY)
    again = model.input(read_again, model, out, **INDEX, **PAGE_ONLY)
    name.input(open_named, [name, model], out, **LIGHT, **PAGE_ONLY)
    files.clear(
        lambda: card("These files are forgotten; what was read stays until you leave."),
        None,
        status,
        **LIGHT,
        **PAGE_ONLY,
    )
    run.failure(
        lambda: (failed(), None), None, [status, files], **LIGHT, **PAGE_ONLY
    )  # the next drop is read by itself
    again.failure(failed, None, status, **LIGHT, **PAGE_ONLY)
    Context.root_block.unload(left)
    panel.select(lambda: gr.Dropdown(choices=models()), None, model, **LIGHT, **PAGE_ONLY)  # a fetched one joins


def failed() -> str:
    return card("That did not work, as the message in the corner says. What was read before is still there.")


def show() -> dict:
    """Nothing of it is in a link: pictures are private to the page."""
    return {}


PART = Part(
    id="yours",
    title="Yours",
    lead="<b>Drop in pictures or a zip</b>, and search them at once. Our CLIP knows drawings: what does it make of "
    "photos? A model from the part Hub knows the world.",
    stage="clip/search",
    show=show,
    build=build,
)

"""What the tabs share: pictures for the page, own controls, presets, "How it works", model cards, links."""

import base64
import functools
import html
import inspect
import io
import os
import textwrap
from collections.abc import Callable
from pathlib import Path

import gradio as gr
import numpy as np
from PIL import Image
from torch import Tensor

from demos import _jobs
from demos._checks import choice, guarded, handler
from genai_core import checkpoints
from genai_core.checkpoints import CheckpointError

JS = Path(__file__).parent / "js"
LIGHT = {"concurrency_id": "light", "concurrency_limit": 8}  # the lane of a decode; queued, so that errors are shown
STREAMS = int(os.environ.get("GENAI_STREAMS") or 2)
STREAM = {"concurrency_id": "stream", "concurrency_limit": STREAMS}  # the lane of what takes up to about two seconds
AGAIN = {"trigger_mode": "multiple"}  # a run that may be asked for while the last one is not quite at its end
TRAIN = {"concurrency_id": "train", "concurrency_limit": _jobs.WORKERS}  # the lane of live training
QUIET = {"api_visibility": "private", "show_progress": "hidden"}  # events of the page that are no endpoints
GAP = 60  # the grey between tiled pictures


# --- pictures ---------------------------------------------------------------------------------------------------------


def pixels(x: Tensor) -> np.ndarray:
    """[..., C, H, W] in [0, 1] -> uint8 [..., H, W] where it is grey, [..., H, W, 3] in colour."""
    return (x.movedim(-3, -1).squeeze(-1).clamp(0, 1) * 255).round().byte().cpu().numpy()


def picture(x: Tensor) -> Image.Image:
    """[C, H, W] in [0, 1], grey or in colour, as a picture."""
    return Image.fromarray(pixels(x))


def tile(x: Tensor, columns: int, gap: int = 0, zoom: int = 1, between: int = GAP) -> Image.Image:
    """Pictures [N, C, H, W] in [0, 1] as one, row by row, each enlarged by a whole number, `between` them a grey."""
    array = pixels(x).repeat(zoom, 1).repeat(zoom, 2)  # [N, H, W] or [N, H, W, 3]
    n, height, width, *channels = array.shape
    rows = -(-n // columns)
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, *channels), between, np.uint8)
    for i, part in enumerate(array):
        top, left = i // columns * (height + gap), i % columns * (width + gap)
        sheet[top : top + height, left : left + width] = part
    return Image.fromarray(sheet)


def png(image: Image.Image) -> str:
    """PNG bytes in base64; the fastest compression, since they travel a few metres at most."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return base64.b64encode(buffer.getvalue()).decode()


def data_uri(image: Image.Image) -> str:
    return f"data:image/png;base64,{png(image)}"


def signed(x: Tensor) -> Image.Image:
    """A map of signed values [H, W] in [-1, 1]: blue below 0, white at 0, orange above."""
    value = x.clamp(-1, 1).cpu().numpy()[..., None]
    blue, white, orange = (np.array(c, np.float32) for c in ((37, 99, 235), (255, 255, 255), (234, 88, 12)))
    ramp = white + (orange - white) * np.maximum(value, 0) + (blue - white) * np.maximum(-value, 0)
    return Image.fromarray(ramp.round().astype(np.uint8))


def thumbs(images: list[Image.Image], captions: list[str], alt: str) -> str:
    """HTML of small pictures with captions; texts are escaped here."""
    figures = (
        f'<figure><img class="pixels" src="{data_uri(image)}" alt="{html.escape(f"{alt}: {caption}")}">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
        for image, caption in zip(images, captions, strict=True)
    )
    return f'<div class="thumbs">{"".join(figures)}</div>'


# --- parts of a page --------------------------------------------------------------------------------------------------


def control(name: str, value, server_functions: list[Callable] = (), **arguments) -> gr.HTML:
    """An own control: `js/<name>.html` (markup, then one <style>) and `js/<name>.js` (after `js/shared.js`).

    Lines `<!-- keep -->` and `<!-- pad -->` of the markup stand for `js/keep.html` (see `demos/_keep.py`) and for the
    drawing pad of `js/pad.html`. Where there is a pad, or chips are made, their script comes before the control's.
    `value` is JSON-able; the script reads it as `props.value`, and Python sets it by returning a new one.
    Server functions are guarded: each answers {"ok": result} or {"error": sentence}.
    """
    markup, _, style = (JS / f"{name}.html").read_text().partition("<style>")
    for part in ("keep", "pad"):
        markup = markup.replace(f"<!-- {part} -->\n", (JS / f"{part}.html").read_text())
    script = (JS / f"{name}.js").read_text()
    needed = [part for part, sign in (("pad", 'class="pad"'), ("chips", "chipOf(")) if sign in markup + script]
    return gr.HTML(
        value,
        html_template=markup,
        css_template=style.removesuffix("</style>\n"),  # Gradio scopes it to the control
        js_on_load="".join((JS / f"{part}.js").read_text() for part in ("shared", *needed)) + script,
        server_functions=[guarded(fn) for fn in server_functions] or None,
        apply_default_css=False,
        **arguments,
    )


def or_error(value: Callable):
    """`value()`, or {"error": sentence} where a checkpoint is missing: the page then still builds, and says so."""
    try:
        return value()
    except CheckpointError as error:
        return {"error": str(error)}


def lead(text: str) -> None:
    """One or two sentences: what to touch (in <b>) and what to look for. Trusted HTML."""
    gr.HTML(f'<p class="lead">{text}</p>')


def presets(options: dict[str, str]) -> gr.HTML:
    """A row of pills, {label: tooltip}. Its `.click` gives the label as `event.preset`, of type gr.EventData.

    Before each click comes a `.stop`, for the run of the preset before: see `ended_by`.
    """
    buttons = "".join(
        f'<button type="button" title="{html.escape(t)}">{html.escape(p)}</button>' for p, t in options.items()
    )
    return gr.HTML(
        html_template=f'<div class="pills"><span>Try this</span>{buttons}</div>',
        js_on_load="""element.querySelectorAll('button').forEach((button) => button.addEventListener('click', () => {
            trigger('stop'); trigger('click', { preset: button.textContent });
        }));""",
        apply_default_css=False,
    )


def ended_by(runs: list, *events: Callable) -> None:
    """The runs end when one of these events comes: Stop, or another preset, whose own run is then one of AGAIN."""
    gr.on(list(events), None, None, None, cancels=runs, api_visibility="private")


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
    folded.expand(lambda: listing(sources), None, code, **LIGHT, **QUIET)


@functools.cache
def listing(sources: tuple[Callable, ...]) -> str:
    """The source of functions and classes as Markdown, each under its name."""
    return "\n\n".join(
        f"`{source.__module__}.{source.__qualname__}`\n\n```python\n{textwrap.dedent(inspect.getsource(source))}```"
        for source in sources
    )


def card(name: str) -> str:
    """The model card of a checkpoint in Markdown, without its picture; one sentence where it is missing."""
    try:
        text = (checkpoints.ASSETS / name / "README.md").read_text()
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
    model.input(handler(chosen), model, text, **LIGHT, **QUIET)

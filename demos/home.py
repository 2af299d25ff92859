"""Home: what there is to touch, one card a technique, each with a picture that its own model makes at start."""

import html

import gradio as gr
import torch

from demos import _common
from genai_core import vae

TITLE = "Home"


def sample_sheet() -> str:
    """Thirty digits from the VAE's prior as a data URI, or an empty text where the checkpoint is missing."""
    made = _common.or_error(lambda: vae.sample(vae.load("vae-mnist"), 30, generator=torch.Generator().manual_seed(0)))
    return "" if isinstance(made, dict) else _common.data_uri(_common.tile(made.cpu(), 10, gap=2))


CARDS = {
    "VAE": (
        sample_sheet,
        "Thirty digits that no one wrote",
        "A variational autoencoder squeezes a picture into sixteen numbers. Drag them, and watch the digit follow.",
    ),
}


def build_tab() -> gr.HTML:
    """One card a technique; a click gives the tab's title as `event.tab`."""
    _common.lead(
        "Every model here was trained by this project and runs on your machine, with no network. <b>Open a "
        "technique</b>, touch it, and read the very source that runs."
    )
    cards = []
    for title, (picture, headline, text) in CARDS.items():
        source = picture()
        image = f'<img class="pixels" src="{source}" alt="{html.escape(headline)}">' if source else ""
        cards.append(
            f'<button type="button" class="card door" data-tab="{title}"><h3>{title}</h3>{image}'
            f"<b>{headline}</b><p>{text}</p></button>"
        )
    return gr.HTML(
        html_template=f'<div class="doors">{"".join(cards)}</div>',
        js_on_load="""element.querySelectorAll('.door').forEach((door) =>
            door.addEventListener('click', () => trigger('click', { tab: door.dataset.tab })));""",
        apply_default_css=False,
    )

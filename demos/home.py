"""Home: what there is to touch, one card a technique, each with a picture that its own model makes at start."""

import html

import gradio as gr
import torch

from demos import _common
from genai_core import diffusion, ngram, text_sampling, vae
from genai_core.gan import lab
from genai_core.text_sampling import Temperature

TITLE = "Home"


def thirty_digits() -> str:
    """Thirty digits from the VAE's prior as HTML, or an empty text where the checkpoint is missing."""
    made = _common.or_error(lambda: vae.sample(vae.load("vae-mnist"), 30, generator=torch.Generator().manual_seed(0)))
    if isinstance(made, dict):
        return ""
    return f'<img class="pixels" src="{_common.data_uri(_common.tile(made.cpu(), 10, gap=2))}" alt="Thirty digits">'


def opening() -> str:
    """The 2-D game before its first move as SVG: real points in blue, the untrained generator's in orange."""
    random, config = torch.Generator().manual_seed(0), lab.LabConfig()
    with torch.inference_mode():  # no whole Lab: its optimisers would cost a second of imports at start
        made = lab.mlp(config.latents, 2, config, random)(torch.randn((240, config.latents), generator=random))
    real = lab.distribution("grid").draw(240, random)
    dots = "".join(
        f'<circle cx="{150 + 110 * x:.0f}" cy="{46 - 36 * y:.0f}" r="1.6" fill="var({ink})"/>'
        for points, ink in ((real, "--real"), (made, "--made"))
        for x, y in points.tolist()
        if max(abs(x), abs(y)) < lab.WINDOW
    )
    return f'<svg viewBox="0 0 300 92" role="img" aria-label="Real and generated points">{dots}</svg>'


def noise_to_digits() -> str:
    """Ten digits at three moments of their denoising as HTML, or an empty text where the checkpoint is missing."""

    def states() -> torch.Tensor:
        steps = diffusion.sample_steps(
            diffusion.load("ddpm-mnist-fewstep"),
            10,
            generator=torch.Generator().manual_seed(5),
            labels=torch.arange(10),
            steps=4,
        )
        walk = list(steps)
        return torch.cat([diffusion.picture(x) for x in (walk[0].x, walk[2].x, walk[-1].after)]).cpu()

    made = _common.or_error(states)
    if isinstance(made, dict):
        return ""
    return (
        f'<img class="pixels" src="{_common.data_uri(_common.tile(made, 10, gap=2))}" alt="Noise becoming ten digits">'
    )


def eight_lines() -> str:
    """What the 8-gram model says in the manner of Shakespeare, each letter shaded by its surprise, as HTML."""

    def letters() -> str:
        model, random = ngram.load("ngram-shakespeare"), torch.Generator().manual_seed(3)
        ids = model.tokenizer.encode("\nKING:\n")
        steps = text_sampling.generate_steps(model, ids, chain=[Temperature(0.7)], max_tokens=150, generator=random)
        return "".join(
            f'<span style="opacity:{0.35 + 0.65 * step.probability:.2f}">'
            f"{html.escape(model.tokenizer.decode([step.token]))}</span>"
            for step in steps
        )

    made = _common.or_error(letters)
    return "" if isinstance(made, dict) else f'<div class="lines">{made}</div>'


CARDS = {
    "VAE": (
        thirty_digits,
        "Thirty digits that no one wrote",
        "A variational autoencoder squeezes a picture into sixteen numbers. Drag them, and watch the digit follow.",
    ),
    "GAN": (
        opening,
        "Two networks, one game",
        "A generator learns to fool a discriminator, in two dimensions where all of it is seen. Watch it collapse, "
        "find what helps, then drive six trained ones.",
    ),
    "Diffusion": (
        noise_to_digits,
        "Noise, step by step a picture",
        "One network that tells noise from picture, asked again and again. Watch what it sees at every step, race six "
        "samplers, and let it fill what you paint over.",
    ),
    "Text": (
        eight_lines,
        "One letter after the other",
        "An n-gram, an LSTM and a GPT write in the manner of Shakespeare. Click any letter: see what else could have "
        "come, what each filter removed, and the draw that decided.",
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
        cards.append(
            f'<button type="button" class="card door" data-tab="{title}"><h3>{title}</h3>{picture()}'
            f"<b>{headline}</b><p>{text}</p></button>"
        )
    return gr.HTML(
        html_template=f'<div class="doors">{"".join(cards)}</div>',
        js_on_load="""element.querySelectorAll('.door').forEach((door) =>
            door.addEventListener('click', () => trigger('click', { tab: door.dataset.tab })));""",
        apply_default_css=False,
    )

"""The GAN tab: the game in two dimensions, samples and their scores, latent directions, ways, and training history."""

import gradio as gr

from demos import _checks, _common, _interpolate, _keep
from demos._common import LIGHT, QUIET, STREAM
from demos.gan import _models, directions, history, lab, samples
from genai_core import gan
from genai_core.gan import cgan, game, losses
from genai_core.gan.lab import Lab

TITLE = "GAN"
HOW = r"""
In a **generative adversarial network** (Goodfellow 2014, [arXiv 1406.2661](https://arxiv.org/abs/1406.2661)) two
networks play against one another. The generator turns noise $z$ into a sample; the discriminator says how real a sample
looks; each is trained against the other:

$$\min_G \max_D \; \mathbb{E}_{x} \log D(x) + \mathbb{E}_{z} \log (1 - D(G(z)))$$

Where $D$ is sure, this **minimax** loss gives the generator almost no slope, and it falls in love with a few modes. The
**non-saturating** loss asks it to raise $\log D(G(z))$ instead. **Least squares** (Mao 2017), **hinge** (Lim 2017) and
**Wasserstein** with gradient penalty (Gulrajani 2017) change what is measured between the two clouds. A few
**coins** among the latents (values −1 or 1) spare the generator from drawing bridges between modes.
A mode counts as covered when a sample of high quality, within 3σ, lies nearest to it (Srivastava 2017).

Among pictures: the **conditional** models see the class in both networks, the discriminator through a projection
(Miyato & Koyama 2018, [arXiv 1802.05637](https://arxiv.org/abs/1802.05637)). **Truncation** draws
$z \sim \mathcal{N}(0, \psi^2 I)$: nearer to the middle, surer and more alike (Brock 2018). **Directions** are the
eigenvectors of $A^\top A$ for the weight $A$ of the generator's first layer: the unit $n$ that make $\|A n\|$
largest (SeFa, Shen 2021, [arXiv 2007.06600](https://arxiv.org/abs/2007.06600)); no data and no labels are needed.
"""


@_checks.handler
def gan_sample(seed: int, model: str = "cgan-mnist", truncation: float = 1.0, label: int = samples.MIXED) -> dict:
    """Draw 36 samples; returns the settings, the sheet as PNG in base64 (row by row), scores and labels."""
    return samples.draw({"seed": seed, "model": model, "truncation": truncation, "label": label})


PARTS = {"lab": 12, "samples": 1, "directions": 2, "interpolate": 5, "history": 1}  # values that a link fills


def restore(query: dict) -> list:
    """Settings of a link -> values for what `build_tab` returns. Raises: InputError, CheckpointError."""
    part = _checks.choice(query.get("part", "lab"), "The part", tuple(PARTS))
    if part == "directions":
        value = directions.restored(query, "Settings restored from the link.")
        found = (value, value["model"])
    elif part == "samples":
        found = (samples.draw(query),)
    elif part == "history":
        found = (history.frames(query),)
    else:
        found = {"lab": lab.values, "interpolate": _models.SPACE.values}[part](query)
    return _keep.among(PARTS, part, found)


def build_tab() -> list:
    """Layout and wiring; returns the components that `restore` fills."""
    with gr.Tabs() as parts:
        with gr.Tab("Lab", id="lab"):
            played = lab.build()
        with gr.Tab("Samples", id="samples"):
            sheet = samples.build()
        with gr.Tab("Directions", id="directions"):
            model, sliders = directions.build()
        with gr.Tab("Interpolate", id="interpolate") as way_tab:
            way_inputs, way, show_way = _interpolate.build(_models.SPACE)
        with gr.Tab("History", id="history") as history_tab:
            run = history.build()
    _common.how_it_works(
        HOW, losses.discriminator_loss, losses.generator_loss, game.train, cgan.Discriminator, gan.directions, Lab
    )
    _common.model_cards(_models.NAMES)

    sheet.input(samples.to_directions, sheet, [sliders, model], **LIGHT, **QUIET).success(
        lambda: gr.Tabs(selected="directions"), None, parts, **LIGHT, **QUIET
    )
    way_tab.select(show_way, way_inputs, way, **STREAM, **QUIET)
    history_tab.select(history.opened, run, run, **STREAM, **QUIET)
    gr.api(gan_sample, api_name="gan_sample", **STREAM)
    return [parts, *played, sheet, sliders, model, *way_inputs, run]

"""The VAE tab: latent sliders, latent plane, encoding, interpolation, beta, and a training to watch."""

import gradio as gr

from demos import _checks, _common, _interpolate, _keep
from demos._common import LIGHT, QUIET, STREAM
from demos.vae import _models, beta, encode, explore, live, plane
from demos.vae._models import MODELS
from genai_core import vae

TITLE = "VAE"

HOW = r"""
A **variational autoencoder** (Kingma & Welling 2013, [arXiv 1312.6114](https://arxiv.org/abs/1312.6114)) is two
networks trained as one. The encoder gives each picture $x$ a Gaussian $q(z|x) = \mathcal{N}(\mu, \sigma^2)$ over the
latent variables; the decoder gives each $z$ the pixel probabilities $p(x|z)$. Together they raise a lower bound of
$\log p(x)$:

$$\mathrm{ELBO}(x) = \underbrace{\mathbb{E}_{q(z|x)} \log p(x|z)}_{-\text{distortion}}
- \underbrace{\mathrm{KL}\big(q(z|x) \,\|\, \mathcal{N}(0, I)\big)}_{\text{rate}}$$

The draw from $q$ is written $z = \mu + \sigma \epsilon$, $\epsilon \sim \mathcal{N}(0, I)$, so that gradients
pass through it. **β-VAE** (Higgins 2017) weighs the rate with β. **Importance weights** (Burda 2015,
[arXiv 1509.00519](https://arxiv.org/abs/1509.00519)) average $k$ draws inside the logarithm, for a tighter bound:

$$\mathcal{L}_k(x) = \mathbb{E} \log \frac{1}{k} \sum_{i=1}^{k} \frac{p(x|z_i)\,p(z_i)}{q(z_i|x)} \;\le\; \log p(x)$$

The source below is what runs in this tab.
"""


@_checks.handler
def vae_decode(z: list[float], model: str = "vae-mnist") -> str:
    """Decode one latent code; returns the 28x28 picture as a PNG data URI."""
    return "data:image/png;base64," + explore.decode({"model": model, "z": z})


@_checks.handler
def vae_encode(pixels: str, model: str = "vae-mnist") -> dict:
    """Encode one 28x28 picture (784 grey bytes in base64); returns mu, sigma, KL per dimension, and PNGs in base64."""
    return encode.encode({"model": model, "pixels": pixels})


@_checks.handler
def vae_sample(seed: int, model: str = "vae-mnist") -> dict:
    """Draw a code from the prior; returns z, the settings and the picture as a PNG data URI."""
    return explore.draw({"model": model, "seed": seed})


PARTS = {"sliders": 2, "plane": 1, "encode": 1, "interpolate": 5, "beta": 1, "train": 4}  # values that a link fills


def restore(query: dict) -> list:
    """Settings of a link -> values for what `build_tab` returns. Raises: InputError, CheckpointError."""
    part = _checks.choice(query.get("part", "sliders"), "The part", tuple(PARTS))
    if part == "sliders":
        value = _models.state(*_models.settings_of(query), note="Settings restored from the link.")
        found = (value, value["model"])
    elif part == "plane":
        found = (plane.plane(plane.settings_of(query)),)
    elif part == "encode":
        found = (encode.restored(query),)
    else:
        found = {"interpolate": _models.SPACE.values, "beta": beta.values, "train": live.values}[part](query)
    return _keep.among(PARTS, part, found)


def build_tab() -> list:
    """Layout and wiring; returns the components that `restore` fills."""
    with gr.Tabs() as parts:
        with gr.Tab("Sliders", id="sliders"):
            model, sliders, pills = explore.build()
        with gr.Tab("Plane", id="plane") as plane_tab:
            sheet = plane.build()
        with gr.Tab("Encode", id="encode"):
            drawing = encode.build()
        with gr.Tab("Interpolate", id="interpolate") as way_tab:
            way_inputs, way, show_way = _interpolate.build(_models.SPACE)
        with gr.Tab("Beta", id="beta") as beta_tab:
            digit, family = beta.build()
        with gr.Tab("Train", id="train"):
            training = live.build()
    _common.how_it_works(HOW, vae.kl, vae.loss, vae.train, vae.VAE)
    card = _common.model_card(MODELS[0])

    model.input(explore.choose, model, [sliders, card], **LIGHT, **QUIET)
    pills.click(explore.preset, None, [sliders, model, card], **LIGHT, **QUIET)
    plane_tab.select(plane.refresh, [sliders, sheet], sheet, **STREAM, **QUIET)
    sheet.input(plane.to_sliders, sheet, sliders, **LIGHT, **QUIET)
    way_tab.select(show_way, way_inputs, way, **STREAM, **QUIET)
    beta_tab.select(beta.show, digit, family, **STREAM, **QUIET)
    for endpoint in (vae_decode, vae_encode, vae_sample):
        gr.api(endpoint, api_name=endpoint.__name__, **STREAM)
    return [parts, sliders, model, sheet, drawing, *way_inputs, digit, *training]

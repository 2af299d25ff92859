"""The VAE tab: latent sliders, latent plane, encoding, interpolation, beta, and a training to watch."""

import torch

from demos._ui import images, interpolation
from demos._ui.tab import Tab
from demos.vae import _api, _models, beta, encode, model, plane, sliders, train
from genai_core import vae

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


def thirty_digits() -> dict:
    """Thirty digits from the prior, for the card on Home."""
    x = vae.sample(vae.load("vae-mnist"), 30, generator=torch.Generator().manual_seed(0))
    return {"image": images.png(images.tile(x.cpu(), 10, gap=2)), "alt": "Thirty digits"}


TAB = Tab(
    title="VAE",
    group="Likelihood",
    headline="Thirty digits that no one wrote",
    text="A variational autoencoder squeezes a picture into sixteen numbers. Drag them, and watch the digit follow.",
    picture=thirty_digits,
    parts=(model.PART, sliders.PART, plane.PART, encode.PART, interpolation.part(_models.SPACE), beta.PART, train.PART),
    how=HOW,
    sources=(vae.kl, vae.loss, vae.train, vae.VAE),
    cards=_models.NAMES,
    endpoints=_api.ENDPOINTS,
    unnamed="sliders",
)

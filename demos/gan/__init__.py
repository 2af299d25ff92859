"""The GAN tab: the game in two dimensions, samples and their scores, latent directions, paths, and training history."""

import torch

from demos._ui import interpolation
from demos._ui.tab import Tab
from demos.gan import _api, _models, directions, history, lab, model, samples
from genai_core import gan
from genai_core.gan import base, cgan, losses
from genai_core.gan import lab as core_lab

HOW = r"""
In a **generative adversarial network** (Goodfellow 2014, [arXiv 1406.2661](https://arxiv.org/abs/1406.2661)) two
networks play against one another. The generator turns noise $z$ into a sample; the discriminator says how real a sample
looks; each is trained against the other:

$$\min_G \max_D \; \mathbb{E}_{x} \log D(x) + \mathbb{E}_{z} \log (1 - D(G(z)))$$

Two things go wrong in two ways. **Vanishing gradients**: where $D$ is sure that a sample is generated, the
**minimax** loss $\log(1 - D(G(z)))$ is flat, and the generator stops learning. The **non-saturating** loss raises
$\log D(G(z))$ instead, which is steepest there; **Wasserstein** with gradient penalty (Gulrajani 2017) keeps a slope
near 1 all the way between the two clouds. **Mode collapse**: the gradient is there, but it sends every sample to where
$D$ is fooled best at this moment, and no term of the loss asks for variety; $D$ learns to refuse that place, and all of
them move on. The non-saturating loss does not cure that (the preset on the ring shows it). What helps: a discriminator
that keeps up, a penalty on its gradient, several samples seen at once (PacGAN, Lin 2018), and a few **discrete
latents** (values −1 or 1), which spare the generator from drawing bridges between modes. **Least squares** (Mao 2017)
and **hinge** (Lim 2017) change what is measured between the two clouds.
A mode counts as covered when a sample of high quality, within 3σ, lies nearest to it (Srivastava 2017).

Among pictures: the **conditional** models see the class in both networks, the discriminator through a projection
(Miyato & Koyama 2018, [arXiv 1802.05637](https://arxiv.org/abs/1802.05637)). **Truncation** keeps $z$ near the middle:
surer pictures, and more alike. Brock 2018 ([arXiv 1809.11096](https://arxiv.org/abs/1809.11096)) draws every value of
$z$ beyond $\pm\psi$ again; scaling, $z \sim \mathcal{N}(0, \psi^2 I)$, is the simpler relative. **Directions** are the
eigenvectors of $A^\top A$ for the weight $A$ of the generator's first layer: the unit $n$ that make $\|A n\|$
largest (SeFa, Shen 2021, [arXiv 2007.06600](https://arxiv.org/abs/2007.06600)); no data and no labels are needed.
"""


def opening() -> dict:
    """The 2-D game before its first move: real points in blue, the untrained generator's in orange."""
    random, config = torch.Generator().manual_seed(0), core_lab.LabConfig()
    with torch.inference_mode():  # no whole Lab: its optimisers would cost a second of imports
        fake = core_lab.mlp(config.latents, 2, config, random)(torch.randn((240, config.latents), generator=random))
    real = core_lab.distribution("grid").draw(240, random)
    dots = [
        [round(150 + 110 * x), round(46 - 36 * y), ink]
        for points, ink in ((real, "--real"), (fake, "--made"))
        for x, y in points.tolist()
        if max(abs(x), abs(y)) < core_lab.WINDOW
    ]
    return {"dots": dots, "alt": "Real and generated points"}


TAB = Tab(
    title="GAN",
    group="Adversarial",
    headline="Two networks, one game",
    text="A generator learns to fool a discriminator, in two dimensions where all of it is seen. Watch it collapse, "
    "find what helps, then drive six trained ones.",
    picture=opening,
    parts=(model.PART, lab.PART, samples.PART, directions.PART, interpolation.part(_models.SPACE), history.PART),
    how=HOW,
    sources=(
        losses.discriminator_loss,
        losses.generator_loss,
        base.train,
        cgan.Discriminator,
        gan.directions,
        core_lab.Lab,
    ),
    cards=_models.NAMES,
    endpoints=_api.ENDPOINTS,
    unnamed="lab",
)

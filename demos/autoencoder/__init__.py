"""The autoencoder tab: squeeze a digit, try to sample from its codes, and watch a training."""

import torch

from demos._ui import images
from demos._ui.tab import Tab
from demos.autoencoder import (
    _api,
    _models,
    anomaly,
    codebook,
    colour,
    compress,
    denoise,
    features,
    model,
    sample,
    sparse,
    squeeze,
    train,
)
from genai_core.autoencoders import ae, codec, denoising, nested, principal, sae_gpt, vqvae
from genai_core.autoencoders import anomaly as detectors
from genai_core.autoencoders import sparse as k_sparse

HOW = r"""
An **autoencoder** (Hinton & Salakhutdinov 2006,
[Science 313](https://www.cs.toronto.edu/~hinton/absps/science.pdf)) is an encoder $f$ that turns a picture $x$ into a
few numbers, its code $z$, and a decoder $g$ that turns the code back into a picture. Both are trained to rebuild what
went in, so that the bottleneck keeps what matters most for that:

$$\min_{f, g}\; \mathbb{E}_x\, \big\lVert x - g(f(x)) \big\rVert^2 \qquad\text{or}\qquad
\min_{f, g}\; -\mathbb{E}_x \sum_i \big[x_i \log \hat{x}_i + (1 - x_i) \log (1 - \hat{x}_i)\big],$$

where $\hat{x} = g(f(x))$.

If $f$ and $g$ are linear, the squared error is least where $g$ spans the first principal components (Baldi & Hornik
1989): a linear autoencoder is **PCA**. Nothing in the loss says where codes lie, so there is no distribution to draw
them from; the **VAE** in the next tab adds it. What has been made of the idea since:

- **Ordered** (Rippel 2014, [arXiv 1402.0915](https://arxiv.org/abs/1402.0915)): in training every picture keeps only
  its first $k$ codes, $k$ drawn anew, so that the first say most, as principal components do.
- **Denoising** (Vincent 2008): rebuild $x$ from a noisy $\tilde{x}$. The reconstruction then points along the score,
  $g(f(\tilde{x})) - \tilde{x} \approx \sigma^2 \nabla \log p(\tilde{x})$ (Alain & Bengio 2014), which diffusion models
  build on.
- **Sparse** (Makhzani 2013, [arXiv 1312.5663](https://arxiv.org/abs/1312.5663)): more features than pixels, but only
  the $k$ largest may speak. On the inner states of a language model such features can be read (Bricken 2023,
  [Towards Monosemanticity](https://transformer-circuits.pub/2023/monosemantic-features)).
- **Vector-quantised** (van den Oord 2017, [arXiv 1711.00937](https://arxiv.org/abs/1711.00937)): every code is the
  nearest entry of a learned codebook, so that a picture becomes a short text of tokens.
- **Compressing** (Ballé 2017, [arXiv 1611.01704](https://arxiv.org/abs/1611.01704)): rounded codes with a learned
  entropy model, trained on rate and distortion together, $R + \lambda D$.

The source below is what runs in this tab.
"""


def through_bottlenecks() -> dict:
    """Ten digits and what the autoencoder keeps of them in 2, 8 and 32 numbers, for the card on Home."""
    x = _models.own_digits()
    rows = [x, *(ae.reconstruct(ae.load(f"ae-mnist-mse-{size}"), x) for size in _models.SIZES)]
    sheet = images.tile(torch.cat(rows), 10, gap=2)
    return {"image": images.png(sheet), "alt": "Ten digits, rebuilt from 2, 8 and 32 codes"}


TAB = Tab(
    title="Autoencoder",
    group="Likelihood",
    headline="784 pixels through a keyhole",
    text="An autoencoder squeezes a picture into a few numbers and rebuilds it. See what two, eight and thirty-two of "
    "them keep, and why what lies between two codes may be nothing at all.",
    picture=through_bottlenecks,
    parts=(
        model.PART,
        squeeze.PART,
        colour.PART,
        sample.PART,
        denoise.PART,
        sparse.PART,
        anomaly.PART,
        compress.PART,
        codebook.PART,
        features.PART,
        train.PART,
    ),
    how=HOW,
    sources=(
        ae.AE,
        ae.loss,
        ae.train,
        principal.PCA,
        nested.loss,
        denoising.loss,
        k_sparse.loss,
        detectors.rebuild,
        codec.encode,
        vqvae.loss,
        vqvae.Codebook,
        sae_gpt.steering,
    ),
    cards=_models.CARDS,
    endpoints=_api.ENDPOINTS,
    unnamed="squeeze",
)

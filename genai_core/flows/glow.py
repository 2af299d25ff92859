"""Glow: learned rotations of the channels between couplings (Kingma & Dhariwal 2018).

A step of flow is actnorm, an invertible 1 x 1 convolution, and a coupling between halves of the channels: the
convolution mixes the channels, so that no mask has to alternate.

    4 x 14 x 14      squeeze, steps; half of the channels are latent from here on
    8 x 7 x 7        squeeze, steps

Not in the paper: couplings bend as well as stretch, by a mixture of logistics (Flow++, Ho 2019), which does with a
dozen steps what took 96; `components` 0 gives the paper's affine couplings. Values enter through `Gaussianise`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from genai_core.common import checkpoints
from genai_core.common.training import Recipe, TrainStep
from genai_core.flows import base, evaluation
from genai_core.flows.base import FlowConfig, ImageFlow, loss, preview, sample
from genai_core.flows.couplings import AffineCoupling, Coupling, MixtureCoupling
from genai_core.flows.layers import ActNorm, Gaussianise, InvertibleConv, Layer, Squeeze
from genai_core.flows.networks import ResidualNet

__all__ = ["CARD", "LABELS", "RECIPES", "TINY", "Glow", "evaluate", "load", "loss", "preview", "sample", "train"]


@dataclass(frozen=True)
class GlowConfig(FlowConfig):
    steps: tuple[int, int] = (8, 4)  # of flow, at 14 x 14 and at 7 x 7
    width: int = 48
    blocks: int = 1
    components: int = 3  # of each mixture; 0: affine couplings


SIDE = 7  # of the grid that all networks work on


class Glow(ImageFlow):
    def __init__(self, config: GlowConfig):
        def steps(count: int, channels: int, squeezed: bool) -> list[Layer]:
            layers: list[Layer] = []
            for _ in range(count):
                layers += [ActNorm(channels), InvertibleConv(channels), coupling(config, channels // 2, squeezed)]
            return layers

        fine, coarse = config.steps
        super().__init__(
            config, [Gaussianise(), Squeeze(), *steps(fine, 4, True)], [Squeeze(), *steps(coarse, 8, False)]
        )


def coupling(config: GlowConfig, half: int, squeezed: bool) -> Coupling:
    """A coupling between halves of the channels, `half` each; its network works on a grid of 7 x 7."""
    half *= 4 if squeezed else 1
    network = ResidualNet(half, (2 + 3 * config.components) * half, SIDE, config.width, config.blocks)
    if config.components:
        return MixtureCoupling(network, "channels", squeezed=squeezed, components=config.components)
    return AffineCoupling(network, "channels", squeezed=squeezed)


def train(config: GlowConfig, examples: tuple[Tensor, Tensor], **options) -> Iterator[TrainStep[ImageFlow]]:
    """`base.train` of a Glow."""
    return base.train(Glow, config, examples, **options)


RECIPES = {"glow-mnist": Recipe(GlowConfig(width=96, muon_lr=0.03), "mnist", steps=16000)}
TINY = Recipe(GlowConfig(steps=(1, 1), width=8, components=2, batch=8, lr=5e-3, muon_lr=0.03), "sprites", steps=40)

CARD = {
    "overview": "Glow (Kingma & Dhariwal 2018), a flow of {steps} steps of actnorm, invertible 1 x 1 convolution and "
    "coupling at 14 x 14 and at 7 x 7, with residual networks of {width} channels. Couplings are mixtures of "
    "{components} logistics (Ho 2019). It turns a picture of 28 x 28 pixels into 784 independent normal numbers and "
    "back, and knows its exact density.",
    "use": "Teaching: samples at a temperature and likelihoods of the Flow tab.",
    "limits": "Samples are less clean than a GAN's or a diffusion model's of the same size. A likelihood says little "
    "of pictures that are no digits. It models centred digits only.",
}
LABELS = evaluation.LABELS


def load(name: str) -> Glow:
    """A trained Glow, ready to use. Raises: CheckpointError, which says which names there are."""
    return checkpoints.load(name, Glow, GlowConfig)


def evaluate(name: str) -> dict:
    """Figures of a shipped Glow (see LABELS)."""
    return evaluation.evaluate(load(name), RECIPES[name].dataset)

"""RealNVP: couplings that shift and stretch, in two scales (Dinh 2016).

    z_a = x_a,   z_b = x_b exp(s(x_a)) + t(x_a)        log |det| = sum of s

    28 x 28          checkerboard couplings          each sees the black squares and changes the white, or vice versa
    4 x 14 x 14      squeeze, channel couplings; half of the channels are latent from here on
    8 x 7 x 7        squeeze, channel couplings

Not in the paper: a picture's values enter through `Gaussianise` in place of the logit; all networks work on a grid of
7 x 7, whatever they are given, which buys width; what leaves after the first scale is last changed given what stays.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from genai_core.common import checkpoints
from genai_core.common.training import Recipe, TrainStep
from genai_core.flows import base, evaluation
from genai_core.flows.base import FlowConfig, ImageFlow, loss, preview, sample
from genai_core.flows.couplings import AffineCoupling
from genai_core.flows.layers import ActNorm, Gaussianise, Layer, Squeeze
from genai_core.flows.networks import ResidualNet

__all__ = ["CARD", "LABELS", "RECIPES", "TINY", "RealNVP", "evaluate", "load", "loss", "preview", "sample", "train"]


@dataclass(frozen=True)
class RealNVPConfig(FlowConfig):
    couplings: tuple[int, int, int] = (4, 4, 4)  # checkerboard at 28 x 28; channels at 14 x 14, at 7 x 7
    width: int = 48
    blocks: int = 1


SIDE = 7  # of the grid that all networks work on


class RealNVP(ImageFlow):
    def __init__(self, config: RealNVPConfig):
        def couplings(count: int, mask: str, channels: int, half: int, squeezed: bool = True) -> list[Layer]:
            """half: the channels that a network is given, 7 x 7, of halves of [channels, ...] under the mask."""
            layers: list[Layer] = []
            for i in reversed(range(count)):  # the last one changes the second half, which then may leave
                network = ResidualNet(half, 2 * half, SIDE, config.width, config.blocks)
                layers += [ActNorm(channels), AffineCoupling(network, mask, flip=i % 2 == 1, squeezed=squeezed)]
            return layers

        a, b, c = config.couplings
        fine = [Gaussianise(), *couplings(a, "checkerboard", 1, 8), Squeeze(), *couplings(b, "channels", 4, 8)]
        super().__init__(config, fine, [Squeeze(), *couplings(c, "channels", 8, 4, squeezed=False)])


def train(config: RealNVPConfig, examples: tuple[Tensor, Tensor], **options) -> Iterator[TrainStep[ImageFlow]]:
    """`base.train` of a RealNVP."""
    return base.train(RealNVP, config, examples, **options)


RECIPES = {
    "realnvp-mnist": Recipe(RealNVPConfig(width=96, muon_lr=0.03), "mnist", steps=16_000),
    "realnvp-fashion": Recipe(RealNVPConfig(), "fashion", steps=5000),
}
TINY = Recipe(RealNVPConfig(couplings=(2, 1, 2), width=8, batch=8, lr=5e-3), "sprites", steps=40)

CARD = {
    "overview": "RealNVP (Dinh 2016), a flow of affine couplings ({couplings}: checkerboard at 28 x 28, channels at "
    "14 x 14 and at 7 x 7) with residual networks of {width} channels, in two scales. It turns a picture of 28 x 28 "
    "pixels into 784 independent normal numbers and back, and knows its exact density.",
    "use": "Teaching: the layers, the ledger of log-determinants and the likelihoods of the Flow tab.",
    "limits": "A high likelihood does not mean that a picture is of the kind that the flow was trained on: smooth and "
    "dark pictures of anything are likely (Nalisnick 2018). Samples are less clean than a GAN's. It models centred "
    "pictures of its data set only.",
}
LABELS = evaluation.LABELS


def load(name: str) -> RealNVP:
    """A trained RealNVP, ready to use. Raises: CheckpointError, which says which names there are."""
    return checkpoints.load(name, RealNVP, RealNVPConfig)


def evaluate(name: str) -> dict:
    """Figures of a shipped RealNVP (see LABELS)."""
    return evaluation.evaluate(load(name), RECIPES[name].dataset)

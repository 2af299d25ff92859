"""NICE: the first flow of pictures (Dinh 2014). Additive couplings, which preserve volume, and one learned scale.

    z_a = x_a,   z_b = x_b + m(x_a)        even and odd pixels in turn
    last: z = exp(s) x, and a logistic prior

All couplings move without stretching: log |det| is the sum of s, the same for every picture. Networks are dense, as in
the paper; with fewer units (five layers of 1000 there).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from genai_core.common import checkpoints
from genai_core.common.training import Recipe, TrainStep
from genai_core.flows import base, evaluation
from genai_core.flows.base import FlowConfig, ImageFlow, loss, preview, sample
from genai_core.flows.couplings import AdditiveCoupling
from genai_core.flows.layers import Gaussianise, Scale
from genai_core.flows.networks import MLP

__all__ = ["CARD", "LABELS", "NICE", "RECIPES", "TINY", "evaluate", "load", "loss", "preview", "sample", "train"]


@dataclass(frozen=True)
class NICEConfig(FlowConfig):
    couplings: int = 4
    hidden: int = 512
    layers: int = 3  # hidden layers of each network
    histogram: bool = True  # values enter through `Gaussianise`; otherwise as they are
    batch: int = 128


class NICE(ImageFlow):
    prior = "logistic"

    def __init__(self, config: NICEConfig):
        half = (1, 28, 14)
        couplings = [
            AdditiveCoupling(MLP(half, config.hidden, config.layers), "columns", flip=bool(i % 2))
            for i in range(config.couplings)
        ]
        first = [Gaussianise()] if config.histogram else []
        super().__init__(config, [*first, *couplings, Scale(*base.SHAPE)])


def train(config: NICEConfig, examples: tuple[Tensor, Tensor], **options) -> Iterator[TrainStep[ImageFlow]]:
    """`base.train` of a NICE."""
    return base.train(NICE, config, examples, **options)


RECIPES = {"nice-mnist": Recipe(NICEConfig(), "mnist", steps=12_000)}
TINY = Recipe(NICEConfig(couplings=2, hidden=16, layers=1, batch=8, lr=1e-2), "sprites", steps=80)

CARD = {
    "overview": "NICE (Dinh 2014), a flow of {couplings} additive couplings between even and odd pixels, each with a "
    "dense network of {layers} hidden layers of {hidden} units, and one learned scale for each latent number. It "
    "turns a picture of 28 x 28 pixels into 784 independent logistic numbers and back, and knows its exact density.",
    "use": "Teaching: the first step of the Flow tab's road, to be compared with RealNVP and Glow.",
    "limits": "Couplings that only shift cannot make regions wider or narrower from picture to picture: likelihood "
    " and samples are far behind later flows. It models centred digits only.",
}
LABELS = evaluation.LABELS


def load(name: str) -> NICE:
    """A trained NICE, ready to use. Raises: CheckpointError, which says which names there are."""
    return checkpoints.load(name, NICE, NICEConfig)


def evaluate(name: str) -> dict:
    """Figures of a shipped NICE (see LABELS)."""
    return evaluation.evaluate(load(name), RECIPES[name].dataset)

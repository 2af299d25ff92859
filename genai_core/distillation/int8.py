"""Post-training quantisation to eight bits, symmetric, with one scale per output channel (Krishnamoorthi 2018,
section 3.1; Jacob 2018, eq. 1 with zero point 0).

Batch normalisation is first folded into the convolution before it. Each output channel's weights w are then stored as
integers q = round(w / s) from -127 to 127 with s = max |w| / 127, so that the error is at most s / 2. The integers are
stored as int8 and dequantised, w = s q, in the forward pass: half the bytes of float16, a quarter of float32. It is not
faster, since the arithmetic is still float32; that would also need activations in eight bits and integer kernels.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genai_core import data
from genai_core.common import checkpoints
from genai_core.common.quantisation import dequantise, per_output, quantise
from genai_core.common.training import Recipe, TrainStep
from genai_core.distillation import compact, metrics
from genai_core.evaluation.classifier import LeNet


@dataclass(frozen=True)
class Int8Config:
    channels: tuple[int, int, int] = compact.CompactConfig.channels
    features: int = compact.CompactConfig.features
    source: str = "compact-mnist"  # checkpoint that is quantised


def fold(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Weight [out, in, k, k] and bias [out] of the one convolution that is `conv`, then `norm` (in evaluation).

    Raises: ValueError for a norm without running statistics.
    """
    mean, variance = norm.running_mean, norm.running_var
    if mean is None or variance is None:
        raise ValueError("Only a batch normalisation that keeps running statistics can be folded.")
    factor = norm.weight / (variance + norm.eps).sqrt()
    return conv.weight * per_output(factor, conv.weight), norm.bias - mean * factor


class Int8Layer(nn.Module):
    """The weights of a convolution (3x3) or a dense layer in eight bits, scale and bias in floating point."""

    def __init__(self, *shape: int):
        super().__init__()
        self.q = nn.Parameter(torch.zeros(shape, dtype=torch.int8), requires_grad=False)
        self.scale, self.bias = (nn.Parameter(torch.zeros(shape[0]), requires_grad=False) for _ in range(2))

    def set(self, weight: Tensor, bias: Tensor) -> None:
        """Quantise and store weights [out, ...] and bias [out]."""
        q, scale = quantise(weight)
        for mine, value in ((self.q, q), (self.scale, scale), (self.bias, bias)):
            mine.copy_(value)

    def forward(self, x: Tensor) -> Tensor:
        weight = dequantise(self.q, self.scale)
        return F.conv2d(x, weight, self.bias, padding=1) if weight.dim() == 4 else F.linear(x, weight, self.bias)


class Int8LeNet(nn.Module):
    """A LeNet without its batch normalisation and with weights in eight bits."""

    def __init__(self, config: Int8Config):
        super().__init__()
        self.config = config
        a, b, c = config.channels
        self.convolutions = nn.ModuleList(Int8Layer(out, inside, 3, 3) for inside, out in ((1, a), (a, b), (b, c)))
        self.dense, self.head = Int8Layer(config.features, 9 * c), Int8Layer(10, config.features)

    def forward(self, x: Tensor) -> Tensor:
        """[N, 1, 28, 28] in [0, 1] -> logits [N, 10]."""
        h = 2 * x - 1
        for convolution in self.convolutions:
            h = F.max_pool2d(convolution(h).relu(), 2)  # [N, a, 14, 14], [N, b, 7, 7], [N, c, 3, 3]
        return self.head(self.dense(h.flatten(1)).relu())


@torch.no_grad()
def quantised(model: LeNet, config: Int8Config) -> Int8LeNet:
    """The LeNet in eight bits; `config` has its channels and features."""
    small = Int8LeNet(config).to(next(model.parameters()).device)
    convolutions = [layer for layer in model.body if isinstance(layer, nn.Conv2d)]
    norms = [layer for layer in model.body if isinstance(layer, nn.BatchNorm2d)]
    for layer, conv, norm in zip(small.convolutions, convolutions, norms, strict=True):
        cast(Int8Layer, layer).set(*fold(conv, norm))
    (dense,) = (layer for layer in model.body if isinstance(layer, nn.Linear))
    small.dense.set(dense.weight, dense.bias)
    small.head.set(model.head.weight, model.head.bias)
    return small.eval()


def train(
    config: Int8Config, examples: tuple[Tensor, Tensor], *, device: str = "cpu", **_unused
) -> Iterator[TrainStep]:
    """A single step without learning: the checkpoint `config.source`, quantised. Raises: CheckpointError."""
    model = quantised(cast(LeNet, compact.load(config.source)), config).to(device)
    yield TrainStep(1, {}, model, dict)


RECIPES = {
    f"compact-{dataset}-int8": Recipe(Int8Config(source=f"compact-{dataset}"), dataset, steps=1)
    for dataset in compact.DATASETS
}
TINY = Recipe(Int8Config(), "sprites", steps=1)

CARD = {
    "overview": "The classifier `{source}` with its batch normalisation folded in and its weights as "
    "eight-bit integers, one scale for each output channel, quantised after training without data. That classifier is "
    "its teacher below.",
    "stored": "int8",
    "use": "Teaching: what eight-bit weights cost in accuracy, and what they save in bytes.",
    "limits": "Smaller, not faster: the weights are dequantised to float32 in the forward pass.",
}
LABELS = metrics.LABELS


def load(name: str) -> Int8LeNet:
    """A quantised classifier, ready to use. Raises: CheckpointError, which says which names there are."""
    return checkpoints.load(name, Int8LeNet, Int8Config)


def evaluate(name: str) -> dict:
    """Figures of a shipped quantised classifier on the test split; its "teacher" is the unquantised one."""
    recipe = RECIPES[name]
    test = data.load(recipe.dataset, "test")
    return metrics.of_classifier(name, load(name), test, compact.load(recipe.config.source))

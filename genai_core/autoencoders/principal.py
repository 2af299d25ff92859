"""Principal component analysis (Pearson 1901, Hotelling 1933): the best linear autoencoder, in closed form.

With the mean m of the pictures and their covariance C = U diag(variances) U^T, the code of x is the k coordinates of
x - m along the first k eigenvectors, and its reconstruction is their sum:

    z = U_k^T (x - m),    x' = m + U_k z

No k linear numbers rebuild the training pictures with a smaller squared error (Eckart & Young 1936), and a linear
autoencoder trained to the end has the same subspace (Baldi & Hornik 1989).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from genai_core import data
from genai_core.common import checkpoints, checks
from genai_core.common.training import Recipe, TrainStep


@dataclass(frozen=True)
class PCAConfig:
    components: int = 32


class PCA(nn.Module):
    """Mean, first principal components and their variances of pictures of 28x28 pixels."""

    def __init__(self, config: PCAConfig):
        super().__init__()
        self.config = config
        k = config.components
        self.mean, self.components, self.variances = (
            nn.Parameter(torch.zeros(shape), requires_grad=False) for shape in ((784,), (k, 784), (k,))
        )

    @torch.no_grad()
    def fit(self, x: Tensor) -> None:
        """Set the parameters from pictures x [N, 1, 28, 28]. Each component's largest entry is positive."""
        flat = x.flatten(1).double()  # [N, 784]
        mean = flat.mean(0)
        variances, vectors = torch.linalg.eigh((flat - mean).T @ (flat - mean) / len(flat))  # in rising order
        components = vectors.T.flip(0)[: self.config.components]
        components *= components.gather(1, components.abs().argmax(1, keepdim=True)).sign()
        self.mean.copy_(mean)
        self.components.copy_(components)
        self.variances.copy_(variances.flip(0)[: self.config.components].clamp(min=0))

    def encode(self, x: Tensor, codes: int | None = None) -> Tensor:
        """[N, 1, 28, 28] in [0, 1] -> the first `codes` coordinates, [N, codes]. Raises: ValueError for too many."""
        codes = self.config.components if codes is None else codes
        checks.count("The number of codes", codes, 1, self.config.components)
        return (x.flatten(1) - self.mean) @ self.components[:codes].T

    def linear(self, z: Tensor) -> Tensor:
        """[N, codes] -> the sum of the mean and the components, [N, 1, 28, 28], of any value."""
        return (self.mean + z @ self.components[: z.shape[1]]).view(-1, 1, 28, 28)

    def decode(self, z: Tensor) -> Tensor:
        """The same clipped to [0, 1], which only comes nearer to a picture."""
        return self.linear(z).clamp(0, 1)


def train(
    config: PCAConfig, examples: tuple[Tensor, Tensor], *, device: str | torch.device = "cpu", **_unused
) -> Iterator[TrainStep[PCA]]:
    """A single step: the eigenvectors of the covariance of `examples` (pictures [N, 1, 28, 28] in [0, 1], labels)."""
    model = PCA(config)
    model.fit(examples[0])
    yield TrainStep(1, {}, model.to(device).eval(), dict)


@torch.inference_mode()
def sample(model: PCA, n: int, *, generator: torch.Generator) -> Tensor:
    """n pictures decoded from z ~ N(0, diag(variances)), [n, 1, 28, 28] in [0, 1]: the model as a Gaussian.

    Raises: ValueError for n below 1.
    """
    checks.count("The number of pictures", n)
    z = torch.randn((n, model.config.components), generator=generator).to(model.variances.device)
    return model.decode(z * model.variances.sqrt())


RECIPES = {"pca-mnist": Recipe(PCAConfig(), "mnist", steps=1)}
TINY = Recipe(PCAConfig(components=4), "sprites", steps=1)
SIZES = (2, 8, 32)  # numbers of codes that are measured

CARD = {
    "overview": "The mean and the first {components} principal components of pictures of 28 x 28 pixels: the linear "
    "autoencoder with the smallest squared error, found without gradient descent. The grid below is drawn from a "
    "Gaussian with its variances.",
    "use": "Teaching: what the autoencoders with as many codes are measured against.",
    "limits": "A sum of fixed patterns cannot move or turn a stroke, so strokes blur. Reconstructions are clipped to "
    "[0, 1], which makes every error below a little smaller than that of the unclipped sum.",
}
LABELS = {
    **{f"mse_{k}": (f"Mean squared error of a pixel at {k} codes, test split", "{:.5f}") for k in SIZES},
    "mse_unclipped": ("The same at all codes, not clipped", "{:.5f}"),
    "explained": ("Share of the test split's variance that all codes explain, not clipped", "{:.1%}"),
}


def load(name: str) -> PCA:
    """The shipped components, ready to use. Raises: CheckpointError."""
    return cast(PCA, checkpoints.load(name, PCA, PCAConfig))


def reconstruction_error(model: PCA, x: Tensor, codes: int) -> float:
    """Mean squared error of a pixel of x [N, 1, 28, 28] at so many codes, clipped. Raises: ValueError for too many."""
    return float((model.decode(model.encode(x, codes)) - x).square().mean())


@torch.inference_mode()
def evaluate(name: str) -> dict:
    """Figures of the shipped components on the test split (see LABELS)."""
    model = load(name)
    x = data.load(RECIPES[name].dataset, "test")[0].to(checkpoints.default_device())
    unclipped = float((model.linear(model.encode(x)) - x).square().mean())
    return {
        **{f"mse_{k}": reconstruction_error(model, x, k) for k in SIZES},
        "mse_unclipped": unclipped,
        "explained": 1 - unclipped / float((x - x.mean(0)).square().mean()),
    }

"""Autoencoder (Hinton & Salakhutdinov 2006): a picture through a bottleneck of a few numbers, and back.

An encoder f turns a picture x into a code z, a decoder g turns the code back into a picture. Both are trained together
to rebuild what went in; the bottleneck is all that keeps them from copying it:

    z = f(x),    x' = g(z),    minimise  sum (x - x')^2                                    "mse"
                               or        - sum [x log x' + (1 - x) log (1 - x')]           "bce"

With "bce" the decoder ends in a sigmoid; with "mse" it does not, because a squared error through a sigmoid that is
saturated has no gradient, and the training can stay at black pictures for ever.

Nothing says where codes may lie. So there is no distribution to draw them from: `sample` fits a Gaussian afterwards,
and what it draws between the codes of training pictures is what the decoder was never asked for. A VAE adds the missing
term. Without its non-linearities, and with "mse", an autoencoder finds the subspace of PCA (Baldi & Hornik 1989).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genai_core import data, evaluation
from genai_core.autoencoders import principal
from genai_core.common import checkpoints, checks
from genai_core.common.training import (
    EMA,
    Recipe,
    TrainStep,
    autocast,
    cosine,
    minibatches,
    restore,
    resumable,
    seeded,
    set_lr,
    snapshot,
)
from genai_core.vae import Residual

LOSSES = ("mse", "bce")


@dataclass(frozen=True)
class AEConfig:
    codes: int = 32
    channels: tuple[int, int] = (16, 32)  # at 14x14 and at 7x7
    hidden: int = 128
    loss: str = "mse"  # one of LOSSES
    linear: bool = False  # one matrix in, one matrix out; the two fields above then mean nothing
    # optimisation
    batch: int = 128
    lr: float = 3e-3
    weight_decay: float = 0.01


class AE(nn.Module):
    """Convolutional (or linear) autoencoder of 28x28 pictures. `mean` and `scale` are of the training codes."""

    mean: Tensor  # [codes]
    scale: Tensor  # [codes, codes], lower triangular: scale scale^T is their covariance

    def __init__(self, config: AEConfig):
        super().__init__()
        if config.loss not in LOSSES:
            raise ValueError(f"There is no loss '{config.loss}'. There are: {', '.join(LOSSES)}.")
        self.config = config
        build = _linear if config.linear else _convolutional
        self.encoder, self.decoder = build(config)
        self.register_buffer("mean", torch.zeros(config.codes))
        self.register_buffer("scale", torch.eye(config.codes))

    def encode(self, x: Tensor) -> Tensor:
        """[N, 1, 28, 28] in [0, 1] -> codes [N, codes]."""
        return self.encoder(2 * x - 1).float()

    def output(self, z: Tensor) -> Tensor:
        """[N, codes] -> the decoder's output, [N, 1, 28, 28]: pixels of any value with "mse", logits with "bce"."""
        return self.decoder(z).float()

    def decode(self, z: Tensor) -> Tensor:
        """[N, codes] -> pictures [N, 1, 28, 28] in [0, 1]."""
        out = self.output(z)
        return out.sigmoid() if self.config.loss == "bce" else out.clamp(0, 1)

    @torch.no_grad()
    def fit_codes(self, x: Tensor) -> None:
        """Set `mean` and `scale` from the codes of pictures x [N, 1, 28, 28]."""
        z = torch.cat([self.encode(part) for part in x.split(1000)]).double()  # [N, codes]
        variance = z.T.cov(correction=0).reshape(len(self.mean), -1)
        jitter = 1e-6 * variance.diagonal().mean() + 1e-12
        self.mean.copy_(z.mean(0))
        self.scale.copy_(torch.linalg.cholesky(variance + jitter * torch.eye(len(variance)).to(variance)))


def _linear(config: AEConfig) -> tuple[nn.Module, nn.Module]:
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(784, config.codes))
    return encoder, nn.Sequential(nn.Linear(config.codes, 784), nn.Unflatten(1, (1, 28, 28)))


def _convolutional(config: AEConfig) -> tuple[nn.Module, nn.Module]:
    a, b = config.channels
    encoder = nn.Sequential(
        nn.Conv2d(1, a, 3, stride=2, padding=1),  # [N, a, 14, 14]
        Residual(a),
        nn.Conv2d(a, b, 3, stride=2, padding=1),  # [N, b, 7, 7]
        Residual(b),
        nn.SiLU(),
        nn.Flatten(),
        nn.Linear(49 * b, config.hidden),
        nn.SiLU(),
        nn.Linear(config.hidden, config.codes),
    )
    decoder = nn.Sequential(
        nn.Linear(config.codes, config.hidden),
        nn.SiLU(),
        nn.Linear(config.hidden, 49 * b),
        nn.Unflatten(1, (b, 7, 7)),
        Residual(b),
        nn.Conv2d(b, 4 * a, 3, padding=1),
        nn.PixelShuffle(2),  # [N, a, 14, 14]
        Residual(a),
        nn.SiLU(),
        nn.Conv2d(a, 4, 3, padding=1),
        nn.PixelShuffle(2),  # [N, 1, 28, 28]
    )
    return encoder, decoder


def loss(model: AE, x: Tensor) -> dict[str, Tensor]:
    """The reconstruction error of x [N, 1, 28, 28] in [0, 1], summed over a picture's pixels, mean over the batch.

    "loss" is the squared error, or the cross-entropy in nats, as the config says; "mse" the mean one of a pixel.
    """
    out = model.output(model.encode(x))
    decoded = out if model.config.loss == "mse" else out.sigmoid()
    errors = reconstruction_error(model.config, out, x)
    return {"loss": errors.sum((1, 2, 3)).mean(), "mse": (decoded.detach() - x).square().mean()}


def reconstruction_error(config: AEConfig, out: Tensor, x: Tensor) -> Tensor:
    """Of each pixel of what the decoder puts out: the squared error, or the cross-entropy of logits in nats."""
    if config.loss == "mse":
        return (out - x).square()
    return F.binary_cross_entropy_with_logits(out, x, reduction="none")


@resumable
def train(
    config: AEConfig,
    examples: tuple[Tensor, Tensor],
    *,
    steps: int,
    seed: int = 0,
    device: str | torch.device = "cpu",
    resume: dict | None = None,
) -> Iterator[TrainStep[AE]]:
    """Train on `examples` (pictures [N, 1, 28, 28] in [0, 1], labels unused); yields each step with its EMA.

    After the last step the Gaussian of `sample` is fitted to the codes of at most 10,000 of them.
    """
    pictures, _ = examples
    model = seeded(seed, lambda: AE(config)).to(device)
    ema = EMA(model)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=config.lr, betas=(0.9, 0.99), weight_decay=config.weight_decay, fused=True
    )
    generator = torch.Generator().manual_seed(seed)
    parts = {"model": model, "ema": ema, "optimizer": optimizer}
    done = restore(resume, generator, parts)

    for step, index in enumerate(minibatches(len(pictures), config.batch, seed, done), done):
        if step >= steps:
            return
        set_lr(optimizer, config.lr * cosine(step, steps, warmup=50))
        with autocast(device):
            terms = loss(model, pictures[index].to(device))
        optimizer.zero_grad()
        terms["loss"].backward()
        nn.utils.clip_grad_norm_(model.parameters(), 50.0)
        optimizer.step()
        ema.update(model)
        if step + 1 == steps:
            ema.model.fit_codes(pictures[:10_000].to(device))
        losses = {name: term.item() for name, term in terms.items()}
        yield TrainStep(step + 1, losses, ema.model, partial(snapshot, step + 1, generator, parts))


@torch.inference_mode()
def sample(model: AE, n: int, *, generator: torch.Generator) -> Tensor:
    """n pictures decoded from a Gaussian with the mean and covariance of the training codes: [n, 1, 28, 28] in [0, 1].

    Raises: ValueError for n below 1.
    """
    checks.count("The number of pictures", n)
    noise = torch.randn((n, model.config.codes), generator=generator).to(model.mean.device)
    return model.decode(model.mean + noise @ model.scale.T)


RECIPES = {
    f"ae-mnist-{name}-{codes}": Recipe(AEConfig(codes=codes, loss=name), "mnist", steps=3000)
    for name in LOSSES
    for codes in (2, 8, 32)
}
TINY = Recipe(AEConfig(codes=2, channels=(8, 8), hidden=16, batch=8), "sprites", steps=60)

CARD = {
    "overview": "A convolutional autoencoder (Hinton & Salakhutdinov 2006) that squeezes a picture of 28 x 28 pixels "
    "into {codes} numbers and rebuilds it, trained with the loss {loss}. The grid below is drawn as an autoencoder can "
    "be: codes from a Gaussian with the mean and covariance of the training codes.",
    "use": "Teaching: what a bottleneck keeps, against PCA with as many numbers; and why a plain autoencoder is no "
    "generative model.",
    "limits": "Its codes follow no distribution, so samples fall between the training codes, and many are no digits. "
    "It rebuilds centred, upright digits only; anything else is pulled towards them. The Gaussian's samples are "
    "measured as those of the VAE are.",
}
LABELS = {
    "mse": ("Mean squared error of a pixel, test split (lower is better)", "{:.5f}"),
    "mse_pca": ("The same of PCA with as many codes, clipped to [0, 1]", "{:.5f}"),
    "ratio_to_pca": ("Ratio of the two", "{:.3f}"),
    "bce": ("Cross-entropy of a picture, test split", "{:.2f} nat"),
    "reconstruction_read_as": ("Reconstructions that the LeNet classifies as their label", "{:.2%}"),
    **evaluation.SAMPLE_LABELS,
}


def load(name: str) -> AE:
    """A trained autoencoder, ready to use. Raises: CheckpointError, which says which names there are."""
    return checkpoints.load(name, AE, AEConfig)


@torch.inference_mode()
def reconstruct(model: AE, x: Tensor) -> Tensor:
    """Pictures x [N, 1, 28, 28] in [0, 1], encoded and decoded a thousand at a time: the same shape, on the CPU."""
    device = next(model.parameters()).device
    return torch.cat([model.decode(model.encode(part.to(device))).cpu() for part in x.split(1000)])


def evaluate(name: str) -> dict:
    """Figures of a shipped autoencoder on the test split (see LABELS)."""
    model, recipe = load(name), RECIPES[name]
    classifier = evaluation.evaluation_classifier(recipe.dataset)
    x, y = data.load(recipe.dataset, "test")
    rebuilt = reconstruct(model, x)
    mse = float((rebuilt - x).square().mean())
    pca = principal.load(f"pca-{recipe.dataset}").cpu()
    mse_pca = principal.reconstruction_error(pca, x, model.config.codes)
    pictures = sample(model, 10_000, generator=torch.Generator().manual_seed(1)).cpu()
    return {
        "mse": mse,
        "mse_pca": mse_pca,
        "ratio_to_pca": mse / mse_pca,
        "bce": float(F.binary_cross_entropy(rebuilt, x, reduction="sum")) / len(x),
        "reconstruction_read_as": evaluation.read_as(classifier, rebuilt, y),
        **evaluation.of_samples(classifier, recipe.dataset, pictures),
    }

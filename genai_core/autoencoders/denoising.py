"""Denoising autoencoder (Vincent 2008): a picture x is spoiled to x~, and the network learns to give x back.

    loss = E |r(x~) - x|^2,   x ~ data,  x~ ~ C(x~ | x)          which is least for r(x~) = E[x | x~]

To undo noise it must know what pictures look like: it learns to go back to where the data lies. For Gaussian noise of
width sigma the way back is the score of the spoiled data [Alain & Bengio 2014, theorem 1; Miyasawa 1961]:

    r(x~) - x~ = sigma^2 grad log p_sigma(x~)

A diffusion model is this autoencoder, told sigma and used again and again. Points in the plane, where the score is
known, are in `plane.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from genai_core import data
from genai_core.autoencoders.noise import corrupt, corrupt_any, linear, psnr
from genai_core.common import checkpoints
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


@dataclass(frozen=True)
class DAEConfig:
    channels: tuple[int, int] = (32, 64)  # at 14x14 and at 7x7
    batch: int = 128
    lr: float = 2e-3
    weight_decay: float = 0.01
    clip: float = 1.0


class DAE(nn.Module):
    """Convolutional denoising autoencoder of 28x28 pictures. It is not told kind or strength of the noise.

    The code [b, 7, 7] is no bottleneck: what keeps the network from copying its input is the noise. One skip at 14x14
    carries the strokes' edges over to the decoder, as in a U-Net.
    """

    def __init__(self, config: DAEConfig):
        super().__init__()
        self.config = config
        a, b = config.channels
        self.stem = nn.Sequential(nn.Conv2d(1, a, 3, stride=2, padding=1), Residual(a))
        self.encoder = nn.Sequential(nn.Conv2d(a, b, 3, stride=2, padding=1), Residual(b), Residual(b))
        self.decoder = nn.Sequential(Residual(b), nn.Conv2d(b, 4 * a, 3, padding=1), nn.PixelShuffle(2))
        self.head = nn.Sequential(
            Residual(a), Residual(a), nn.SiLU(), nn.Conv2d(a, 4, 3, padding=1), nn.PixelShuffle(2)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Spoiled pictures [N, 1, 28, 28], of any values -> r(x), clean ones in [0, 1], of the same shape."""
        skip = self.stem(2 * x - 1)  # [N, a, 14, 14]
        code = self.encoder(skip)  # [N, b, 7, 7]
        return self.head(skip + self.decoder(code)).float().sigmoid()  # [N, 1, 28, 28]


def loss(model: DAE, x: Tensor, *, generator: torch.Generator) -> dict[str, Tensor]:
    """Squared error of what the network makes of spoiled pictures, summed over each: x [N, 1, 28, 28] in [0, 1]."""
    error = (model(corrupt_any(x, generator=generator)) - x).square().sum((1, 2, 3))
    return {"loss": error.mean()}


@resumable
def train(
    config: DAEConfig,
    examples: tuple[Tensor, Tensor],
    *,
    steps: int,
    seed: int = 0,
    device: str | torch.device = "cpu",
    resume: dict | None = None,
) -> Iterator[TrainStep[DAE]]:
    """Train on `examples` (pictures [N, 1, 28, 28] in [0, 1], labels unused); yields each step with its EMA."""
    pictures, _ = examples
    model = seeded(seed, lambda: DAE(config)).to(device)
    ema = EMA(model, 0.998)
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
            terms = loss(model, pictures[index].to(device), generator=generator)
        optimizer.zero_grad()
        terms["loss"].backward()
        nn.utils.clip_grad_norm_(model.parameters(), config.clip)
        optimizer.step()
        ema.update(model)
        losses = {name: term.item() for name, term in terms.items()}
        yield TrainStep(step + 1, losses, ema.model, partial(snapshot, step + 1, generator, parts))


MEASURED = {"gaussian": 0.3, "masking": 0.5, "salt": 0.3}  # strengths that `evaluate` reports
NAMES = {"gaussian": "Gaussian noise, σ = 0.3", "masking": "half the pixels masked", "salt": "salt and pepper on 30 %"}

RECIPES = {"dae-mnist": Recipe(DAEConfig(), "mnist", steps=2500)}
TINY = Recipe(DAEConfig(channels=(8, 8), batch=16), "sprites", steps=30)

CARD = {
    "overview": "A denoising autoencoder (Vincent 2008) with residual convolutions: 28 x 28 pixels to a code of "
    "7 x 7 and back, {channels} channels, one skip. It was trained to undo Gaussian noise, masking, and salt and "
    "pepper, each of random strength, and is told neither kind nor strength.",
    "use": "Teaching: it drives Denoise in the Autoencoder tab.",
    "limits": "It cleans centred, upright digits; a picture of anything else is pulled towards them. What the noise "
    "has hidden it fills in with the mean of what could be there, which is blurred where noise is strong. The noisy "
    "pictures' own PSNR is measured after clipping them to [0, 1], as a screen shows them. The linear denoiser is "
    "the best affine map for that noise (Wiener), from mean and covariance of the training split.",
}

LABELS = {
    f"psnr_{kind}{what}": (f"PSNR under {name}: {title}", "{:.2f} dB")
    for kind, name in NAMES.items()
    for what, title in (("_noisy", "noisy"), ("_linear", "best linear denoiser"), ("", "cleaned"), ("_gain", "gain"))
    if what != "_linear" or kind == "gaussian"
}


def load(name: str) -> DAE:
    """A trained denoising autoencoder, ready to use. Raises: CheckpointError, which says which names there are."""
    return checkpoints.load(name, DAE, DAEConfig)


@torch.inference_mode()
def evaluate(name: str) -> dict:
    """PSNR of a shipped model on the test split, before and after (see LABELS)."""
    model, dataset = load(name), RECIPES[name].dataset
    x, _ = data.load(dataset, "test")
    figures = {}
    for kind, strength in MEASURED.items():
        noisy = corrupt(x, kind, strength, generator=torch.Generator().manual_seed(0))
        cleaned = torch.cat([model(part.to(checkpoints.default_device())).cpu() for part in noisy.split(500)])
        before, after = (float(psnr(y, x).mean()) for y in (noisy.clamp(0, 1), cleaned))
        if kind == "gaussian":
            mapped = linear(noisy, data.load(dataset, "train")[0], strength).clamp(0, 1)
            figures[f"psnr_{kind}_linear"] = float(psnr(mapped, x).mean())
        figures |= {f"psnr_{kind}_noisy": before, f"psnr_{kind}": after, f"psnr_{kind}_gain": after - before}
    return figures

"""An autoencoder whose codes are ordered: nested dropout (Rippel 2014), on pictures in colour.

A picture of 64x64 pixels becomes a grid of 8x8 places with 16 numbers each. In training every picture keeps only the
first k channels of its code, k drawn anew each time, and must be rebuilt from them:

    min E_k E_x [ |x - g(z_1..k)| + (x - g(z_1..k))^2 ],    z = f(x),    k ~ U{1..16}       [Rippel 2014, section 2]

So the first channel must say what matters most, the second what matters most after it: one model is a whole family of
bottlenecks, as PCA is. Beside it stands PCA itself, of the patches of 8x8 pixels, with as many numbers.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genai_core.autoencoders.noise import psnr
from genai_core.autoencoders.scene_layers import decoder_layers, encoder_layers, layout_layers
from genai_core.common import checkpoints, checks
from genai_core.common.training import (
    EMA,
    Recipe,
    TrainStep,
    autocast,
    cosine,
    restore,
    resumable,
    seeded,
    set_lr,
    snapshot,
)
from genai_core.data import scenes

GRID = 8  # places of a side
PATCH = scenes.SIZE // GRID  # pixels of a place's side
FITTED = 500  # scenes of which PCA takes the patches


@dataclass(frozen=True)
class NestedConfig:
    codes: int = 16  # channels of the code
    channels: tuple[int, int, int] = (128, 64, 32)  # at 8x8, 16x16 and, in the decoder only, 32x32
    # optimisation
    batch: int = 32
    lr: float = 2e-3
    weight_decay: float = 0.01
    clip: float = 1.0


class NestedAutoencoder(nn.Module):
    """Pictures [N, 3, 64, 64] in [0, 1] as codes [N, k, 8, 8], k = 1 to `codes`, and back."""

    mean: Tensor
    components: Tensor

    def __init__(self, config: NestedConfig):
        super().__init__()
        self.config = config
        self.encoder = nn.Sequential(*encoder_layers(config.channels, config.codes))
        layout = layout_layers(config.channels, config.codes)
        self.decoder = nn.Sequential(*layout, *decoder_layers(config.channels))
        patch = 3 * PATCH * PATCH
        self.register_buffer("mean", torch.zeros(patch))  # of the patches
        self.register_buffer("components", torch.zeros(config.codes, patch))  # their first principal ones

    def encode(self, x: Tensor, k: int | None = None) -> Tensor:
        """[N, 3, 64, 64] in [0, 1] -> the first k channels of the code, all of them by default: [N, k, 8, 8].

        Raises: ValueError for another shape, or a k that is not 1 to `codes`.
        """
        checks.shape("Pictures", x, None, 3, scenes.SIZE, scenes.SIZE)
        return self.encoder(2 * x - 1).float()[:, : self._channels(k)]

    def decode(self, z: Tensor) -> Tensor:
        """[N, k, 8, 8] -> pictures [N, 3, 64, 64] in [0, 1]; the channels that are not there are 0.

        Raises: ValueError for another shape, or a k that is not 1 to `codes`.
        """
        checks.shape("Codes", z, None, None, GRID, GRID)
        self._channels(z.shape[1])
        return self.draw(z).clamp(0, 1)

    def draw(self, z: Tensor) -> Tensor:
        """`decode` without the clamp, which would stop gradients."""
        full = F.pad(z, (0, 0, 0, 0, 0, self.config.codes - z.shape[1]))
        return (self.decoder(full).float() + 1) / 2

    @torch.no_grad()
    def fit(self, x: Tensor) -> None:
        """Set PCA's mean and components from the patches of pictures x [N, 3, 64, 64]."""
        patches = F.pixel_unshuffle(x, PATCH).movedim(1, -1).flatten(0, 2).double()  # [64 N, 192]
        mean = patches.mean(0)
        _, vectors = torch.linalg.eigh((patches - mean).T @ (patches - mean))  # in rising order
        self.mean.copy_(mean)
        self.components.copy_(vectors.T.flip(0)[: self.config.codes])

    def pca(self, x: Tensor, k: int | None = None) -> Tensor:
        """Pictures as PCA rebuilds them from k numbers a patch: [N, 3, 64, 64] in [0, 1]. Raises: as `encode`."""
        checks.shape("Pictures", x, None, 3, scenes.SIZE, scenes.SIZE)
        first = self.components[: self._channels(k)]
        patches = F.pixel_unshuffle(x, PATCH).movedim(1, -1) - self.mean  # [N, 8, 8, 192]
        rebuilt = self.mean + patches @ first.T @ first
        return F.pixel_shuffle(rebuilt.movedim(-1, 1), PATCH).clamp(0, 1)

    def _channels(self, k: int | None) -> int:
        k = self.config.codes if k is None else k
        checks.count("The number of channels", k, 1, self.config.codes)
        return k


def keep(z: Tensor, k: Tensor) -> Tensor:
    """Codes [N, C, H, W] of which example i keeps its first k[i] channels; the others are 0."""
    channel = torch.arange(z.shape[1], device=z.device)
    return z * (channel < k[:, None])[:, :, None, None]


def loss(model: NestedAutoencoder, x: Tensor, k: Tensor) -> dict[str, Tensor]:
    """The terms for pictures x [N, 3, 64, 64] in [0, 1], each rebuilt from its first k [N] channels."""
    rebuilt = model.draw(keep(model.encode(x), k))
    l1, mse = (rebuilt - x).abs().mean(), F.mse_loss(rebuilt, x)
    return {"loss": l1 + mse, "l1": l1, "mse": mse}


@resumable
def train(
    config: NestedConfig,
    split: str,
    *,
    steps: int,
    seed: int = 0,
    device: str | torch.device = "cpu",
    resume: dict | None = None,
) -> Iterator[TrainStep[NestedAutoencoder]]:
    """Train on the scenes of a split, each drawn on demand and used once; yields each step with its EMA."""
    model = seeded(seed, lambda: NestedAutoencoder(config))
    model.fit(scenes.render([scenes.scene(split, i) for i in range(FITTED)]))
    model = model.to(device).train()
    ema = EMA(model)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=config.lr, betas=(0.9, 0.99), weight_decay=config.weight_decay, fused=True
    )
    generator = torch.Generator().manual_seed(seed)
    parts = {"model": model, "ema": ema, "optimizer": optimizer}
    done = restore(resume, generator, parts)

    for step in range(done, steps):
        first = step * config.batch
        x = scenes.render([scenes.scene(split, first + i) for i in range(config.batch)]).to(device)
        k = torch.randint(1, config.codes + 1, (config.batch,), generator=generator).to(device)
        set_lr(optimizer, config.lr * cosine(step, steps, warmup=50))
        with autocast(device):
            terms = loss(model, x, k)
        optimizer.zero_grad()
        terms["loss"].backward()
        nn.utils.clip_grad_norm_(model.parameters(), config.clip)
        optimizer.step()
        ema.update(model)
        losses = {name: term.item() for name, term in terms.items()}
        yield TrainStep(step + 1, losses, ema.model, partial(snapshot, step + 1, generator, parts))


@torch.inference_mode()
def sample(model: NestedAutoencoder, n: int, *, generator: torch.Generator) -> Tensor:
    """n pictures: random scenes, each followed by what 1, 4 and all channels keep of it. [n, 3, 64, 64] in [0, 1]."""
    checks.count("The number of pictures", n)
    first = int(torch.randint(10_000, (), generator=generator))
    x = scenes.render([scenes.scene("validation", first + i) for i in range((n + 3) // 4)])
    z = model.encode(x.to(model.mean.device))
    rebuilt = [model.decode(z[:, :k]).cpu() for k in (1, min(4, model.config.codes), model.config.codes)]
    return torch.stack([x, *rebuilt], 1).flatten(0, 1)[:n]


RECIPES = {"ae-scenes": Recipe(NestedConfig(), "scenes", steps=2500)}
TINY = Recipe(NestedConfig(codes=4, channels=(8, 8, 8), batch=4), "scenes", steps=4)
HELD = 2000  # scenes that `evaluate` rebuilds
SIZES = (1, 2, 4, 8, 16)  # channels that are measured

CARD = {
    "overview": "A convolutional autoencoder of pictures in colour with nested dropout (Rippel 2014): 8 x 8 places of "
    "up to {codes} numbers, ordered by what they add. It also carries the principal components of the training "
    "scenes' patches of 8 x 8 pixels, to be compared with.",
    "use": "Teaching: it drives In colour in the Autoencoder tab.",
    "limits": "It knows one world of small drawings. With one channel, the 64 numbers hardly tell a shape; a model "
    "trained for that size alone would do better. Nothing in its loss says where codes lie: it cannot be sampled.",
}
LABELS = {
    **{f"psnr_{k}": (f"PSNR from {64 * k} numbers, mean over the scenes", "{:.2f} dB") for k in SIZES},
    **{f"psnr_pca_{k}": (f"PSNR of PCA of patches from {64 * k} numbers", "{:.2f} dB") for k in SIZES},
    "held_out": ("Unseen scenes, with combinations never seen in training", "{:,d}"),
}


def load(name: str = "ae-scenes") -> NestedAutoencoder:
    """The trained autoencoder, ready to use. Raises: CheckpointError, which says which names there are."""
    return checkpoints.load(name, NestedAutoencoder, NestedConfig)


def examples(recipe: Recipe) -> str:
    """What a recipe trains on: the name of a split of the scenes, which are drawn on demand."""
    return "train"


@torch.inference_mode()
def evaluate(name: str) -> dict:
    """Figures on scenes of the test split (see LABELS)."""
    model, device = load(name), checkpoints.default_device()
    figures: dict[str, float] = {}
    x = scenes.render([scenes.scene("test", i) for i in range(HELD)])
    for k in SIZES:
        parts = [(p, p.to(device)) for p in x.split(250)]
        ours = torch.cat([psnr(model.decode(model.encode(on, k)).cpu(), p) for p, on in parts])
        pca = torch.cat([psnr(model.pca(on, k).cpu(), p) for p, on in parts])
        figures[f"psnr_{k}"], figures[f"psnr_pca_{k}"] = float(ours.mean()), float(pca.mean())
    return figures | {"held_out": HELD}

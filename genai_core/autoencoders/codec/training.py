"""Training of the learned codec, its tables, and what is shipped."""

from collections.abc import Iterator
from functools import partial

import torch
from torch import nn

from genai_core.autoencoders.codec.model import Codec, CodecConfig, loss
from genai_core.autoencoders.codec.prior import LARGEST, LEVELS, contexts
from genai_core.common import checkpoints
from genai_core.common.training import EMA, Recipe, TrainStep, cosine, restore, resumable, seeded, snapshot
from genai_core.data import scenes


@resumable
def train(
    config: CodecConfig,
    split: str,
    *,
    steps: int,
    seed: int = 0,
    device: str | torch.device = "cpu",
    resume: dict | None = None,
) -> Iterator[TrainStep[Codec]]:
    """Train on the scenes of a split, each drawn once, each at a random quality; yields each step with its EMA."""
    model = seeded(seed, lambda: Codec(config)).to(device)
    ema = EMA(model)
    scales = {name for name, _ in model.named_parameters() if name.startswith(("prior", "gain", "inverse"))}
    groups: list[dict] = [
        {"params": [p for name, p in model.named_parameters() if (name in scales) == fast], "peak": peak}
        for fast, peak in ((False, config.lr), (True, config.scales_lr))
    ]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.99), weight_decay=config.weight_decay, fused=True)
    generator = torch.Generator().manual_seed(seed)
    parts = {"model": model, "ema": ema, "optimizer": optimizer}
    done = restore(resume, generator, parts)

    for step in range(done, steps):
        drawn = [scenes.scene(split, step * config.batch + i) for i in range(config.batch)]
        x, q = scenes.render(drawn).to(device), torch.rand(config.batch, generator=generator).to(device)
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * cosine(step, steps, warmup=100)
        terms = loss(model, x, q, generator=generator)
        optimizer.zero_grad()
        terms["loss"].backward()
        nn.utils.clip_grad_norm_(model.parameters(), config.clip)
        optimizer.step()
        ema.update(model)
        if step + 1 == steps:
            fit_tables(ema.model, split, steps * config.batch)
        losses = {name: term.item() for name, term in terms.items()}
        yield TrainStep(step + 1, losses, ema.model, partial(snapshot, step + 1, generator, parts))


@torch.no_grad()
def fit_tables(model: Codec, split: str, first: int) -> None:
    """Fill the tables of frequencies, with counts from `config.counted` scenes of a split from `first` on."""
    config, device = model.config, next(model.parameters()).device
    x = scenes.render([scenes.scene(split, first + i) for i in range(config.counted)])
    counts_y, counts_z = (torch.zeros(p.frequencies.shape, device=device) for p in (model.prior_y, model.prior_z))
    for level in range(LEVELS):
        for part in x.split(32):
            q = torch.full((len(part),), level / (LEVELS - 1), device=device)
            y, z = (t.round().clamp(-LARGEST, LARGEST) for t in model.analyse(part.to(device), q))
            counts_y[level] += model.prior_y.count(y, contexts(y, config.groups))
            counts_z[level] += model.prior_z.count(z, torch.zeros_like(z, dtype=torch.long))
    model.prior_y.freeze(counts_y)
    model.prior_z.freeze(counts_z)


def examples(recipe: Recipe) -> str:
    """What a recipe trains on: the name of a split of the scenes, which are drawn on demand."""
    return "train"


def load(name: str) -> Codec:
    """A trained codec, ready to use. Raises: CheckpointError, which says which names there are."""
    return checkpoints.load(name, Codec, CodecConfig)


RECIPES = {"codec-scenes": Recipe(CodecConfig(), "scenes", steps=8000)}
TINY = Recipe(
    CodecConfig(channels=(8, 8, 8), blocks=(1, 1, 1, 1), latents=8, overall=4, groups=2, anchors=2, counted=8, batch=4),
    "scenes",
    steps=4,
)
CARD = {
    "overview": "A learned codec (Balle 2017) for pictures of {size} x {size} pixels: residual convolutions to "
    "{latents} latents for each place of 8 x 8 pixels and {overall} for the whole picture, rounded and written by a "
    "range coder with learned distributions. One model for every rate, from lambda {lowest} to {highest} (gains, Cui "
    "2021).",
    "use": "Teaching: it drives the part Compress of the Autoencoder tab.",
    "limits": "It was trained on one world of small drawings: other pictures come back as if drawn there, with more "
    "bytes. A file opens only with this very model, thousands of times its size; WebP and JPEG need none.",
}

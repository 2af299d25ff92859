"""Training of the VQ-VAE in two stages, its recipe and its card."""

from collections.abc import Iterator
from functools import partial

import torch
from torch import nn

from genai_core.autoencoders.vqvae.model import GRID, SIGMA, VQVAE, VQVAEConfig, loss, reading_loss
from genai_core.common import checkpoints
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
from genai_core.evaluation import scene_reader

READ = scene_reader.SceneReaderConfig.sigma  # cells: of the reader's


@resumable
def train(
    config: VQVAEConfig,
    split: str,
    *,
    steps: int,
    seed: int = 0,
    device: str | torch.device = "cpu",
    resume: dict | None = None,
) -> Iterator[TrainStep[VQVAE]]:
    """Train on the scenes of a split, each drawn on demand and used once; yields each step with its EMA.

    The second stage takes the last `config.second` steps, and goes on from the EMA of the first.
    """
    model = seeded(seed, lambda: VQVAE(config)).to(device).train()
    ema = EMA(model)
    adamw = partial(torch.optim.AdamW, lr=config.lr, betas=(0.9, 0.99), weight_decay=config.weight_decay, fused=True)
    whole = adamw(model.parameters())
    decoder = adamw([*model.layout.parameters(), *model.decoder.parameters()])
    generator = torch.Generator().manual_seed(seed)
    parts = {"model": model, "ema": ema, "whole": whole, "decoder": decoder}
    done = restore(resume, generator, parts)
    first = max(0, steps - config.second)  # steps of the first stage

    for step in range(done, steps):
        start = step * config.batch
        shown = [scenes.scene(split, start + i) for i in range(config.batch)]
        x = scenes.render(shown).to(device)
        sigma, grid = (SIGMA, GRID) if step < first else (READ, scene_reader.GRID)
        truth = {name: value.to(device) for name, value in scene_reader.targets(shown, sigma, grid).items()}
        if step < first:
            optimizer, rate = whole, cosine(step, first, warmup=50)
            with autocast(device):
                terms, z, tokens = loss(model, x, truth, min(1.0, step / max(1, config.gentle * first)))
        else:
            if step == first:
                model.load_state_dict(ema.model.state_dict())
            optimizer, rate = decoder, 0.5 * cosine(step - first, steps - first, warmup=50)
            noise = torch.Generator().manual_seed(seed * 1_000_003 + step)
            with autocast(device):
                terms = reading_loss(model, scene_reader.load(scene_reader.SMALL), x, truth, generator=noise)
        set_lr(optimizer, config.lr * rate)
        model.zero_grad()
        terms["loss"].backward()
        nn.utils.clip_grad_norm_(model.parameters(), config.clip)
        optimizer.step()
        if step < first:
            model.codebook.update(z, tokens)
            if step % config.revive_every == 0 and step < config.revive_until * first:
                model.codebook.revive(z, generator)
        ema.update(model)
        losses = {name: term.item() for name, term in terms.items()}
        yield TrainStep(step + 1, losses, ema.model, partial(snapshot, step + 1, generator, parts))


RECIPES = {"vqvae-scenes": Recipe(VQVAEConfig(), "scenes", steps=7500)}
TINY = Recipe(VQVAEConfig(codes=16, channels=(8, 8, 8), batch=4, second=2), "scenes", steps=4)

CARD = {
    "overview": "A VQ-VAE (van den Oord 2017) with an EMA codebook (Razavi 2019) of {codes} unit vectors of "
    "{dimension} numbers (Yu 2021). It turns a picture of 64 x 64 pixels into 8 x 8 tokens and draws it again from "
    "them alone.",
    "use": "Teaching: it drives Codebook in the Autoencoder tab, and its tokens are few enough for a model that "
    "writes them.",
    "limits": "It knows one world of small drawings: of a photograph it keeps large blotches. Stripes and dots come "
    "back in another phase, and paler: the reader finds them more often than an eye would. Its training scenes lack "
    "some combinations of colour and shape, which the scenes measured here contain. A head that named the things from "
    "the codes and a small reader of its pictures helped to train it; the reader that judges it is another network, of "
    "other sizes, trained on other scenes.",
}


def load(name: str = "vqvae-scenes") -> VQVAE:
    """A trained VQ-VAE, ready to use. Raises: CheckpointError, which says which names there are."""
    return checkpoints.load(name, VQVAE, VQVAEConfig)


def examples(recipe: Recipe) -> str:
    """What a recipe trains on: the name of a split of the scenes, which are drawn on demand."""
    return "train"

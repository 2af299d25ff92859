"""How well the VQ-VAE rebuilds scenes, by an independent reader of them, and how far one token acts."""

import math

import torch
from torch import Tensor

from genai_core.autoencoders.noise import psnr
from genai_core.autoencoders.vqvae.model import GRID, PATCH, VQVAE, perplexity
from genai_core.autoencoders.vqvae.training import load
from genai_core.common import checkpoints
from genai_core.data import scenes
from genai_core.evaluation import scene_reader

HELD = 5000  # scenes that `evaluate` rebuilds
REACH = 300  # scenes in which it exchanges one token


@torch.inference_mode()
def reach(model: VQVAE, tokens: Tensor, generator: torch.Generator) -> dict[str, float]:
    """How far one token acts: in each of pictures, tokens [N, 8, 8], one in the middle is exchanged at random.

    "inside": the share of the squared change that falls on the token's own 8x8 pixels; "around": on these and the
    eight patches around them; in [0, 1].
    """
    device = tokens.device
    n = len(tokens)
    row, column = (torch.randint(1, GRID - 1, (n,), generator=generator).to(device) for _ in range(2))
    other = tokens.clone()
    shift = torch.randint(1, model.config.codes, (n,), generator=generator).to(device)
    i = torch.arange(n, device=device)
    other[i, row, column] = (tokens[i, row, column] + shift) % model.config.codes
    change = (model.decode(other) - model.decode(tokens)).square().sum(1)  # [N, 64, 64]
    patches = change.view(n, GRID, PATCH, GRID, PATCH).sum((2, 4))  # [N, 8, 8]
    axis = torch.arange(GRID, device=device)
    far = torch.maximum((axis[:, None] - row[:, None, None]).abs(), (axis - column[:, None, None]).abs())
    total = patches.sum()
    return {
        "inside": float((patches * (far == 0)).sum() / total),
        "around": float((patches * (far <= 1)).sum() / total),
    }


LABELS = {
    "objects": ("Things that the reader finds in what is rebuilt, all attributes right", "{:.2%}"),
    "objects_degraded": ("The same where what is rebuilt is blurred and noisy as well", "{:.2%}"),
    "objects_original": ("The same in the originals, the reader's own limit", "{:.2%}"),
    "found": ("Things found", "{:.2%}"),
    "shape": ("Shape right, of the things found", "{:.2%}"),
    "colour": ("Colour right, of the things found", "{:.2%}"),
    "fill": ("Fill right, of the things found", "{:.2%}"),
    "size": ("Size right, of the things found", "{:.2%}"),
    "invented": ("Things read where there is none, per true thing", "{:.2%}"),
    "psnr": ("PSNR, mean over the scenes", "{:.2f} dB"),
    "perplexity": ("Perplexity of the codebook's usage", "{:.0f}"),
    "used": ("Codes used", "{:d}"),
    "bytes": ("Bytes of a picture: 64 tokens of 9 bits", "{:d}"),
    "inside": ("Of what exchanging one token changes (squared), inside its own patch", "{:.1%}"),
    "around": ("Inside its own patch and the eight around it", "{:.1%}"),
    "held_out": ("Unseen scenes, with combinations never seen in training", "{:,d}"),
}


def evaluate(name: str) -> dict:
    """Figures of a VQ-VAE on scenes of the test split (see LABELS); "usage": how often each code is chosen."""
    model, device = load(name), checkpoints.default_device()
    reader = scene_reader.load()
    shown = [scenes.scene("test", i) for i in range(HELD)]
    x = scenes.render(shown)
    tokens = torch.cat([model.encode(part.to(device)) for part in x.split(250)])
    rebuilt = torch.cat([model.decode(part).cpu() for part in tokens.split(250)])
    worse = scene_reader.degrade(rebuilt, reader.config.noise, torch.Generator().manual_seed(0))
    usage = torch.bincount(tokens.flatten().cpu(), minlength=model.config.codes)
    return {
        **scene_reader.accuracy(reader, rebuilt, shown),
        "objects_degraded": scene_reader.accuracy(reader, worse, shown)["objects"],
        "objects_original": scene_reader.accuracy(reader, x, shown)["objects"],
        "psnr": float(psnr(rebuilt, x).mean()),
        "perplexity": float(perplexity(usage / usage.sum())),
        "used": int((usage > 0).sum()),
        "bytes": math.ceil(GRID * GRID * math.ceil(math.log2(model.config.codes)) / 8),
        **reach(model, tokens[:REACH], torch.Generator().manual_seed(0)),
        "held_out": HELD,
        "usage": usage.tolist(),
    }

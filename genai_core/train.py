"""Train a checkpoint: `python -m genai_core.train vae-mnist` trains it and writes `assets/vae-mnist/`.

A run is saved every minute outside the repository, and resumes from there when it is started again. If the technique
has a `preview(model)`, its pictures at twelve steps of the run are saved as `assets/<name>/history.png`.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import torch
from torch import Tensor
from torchvision.transforms.functional import to_pil_image
from torchvision.utils import make_grid
from tqdm import tqdm

from genai_core import data, techniques
from genai_core.common import checkpoints

SAVE_EVERY = 60.0  # seconds


def runs() -> Path:
    """Folder of unfinished runs: `GENAI_RUNS`, or a cache folder."""
    return Path(os.environ.get("GENAI_RUNS") or Path.home() / ".cache" / "genai_core" / "runs")


def history_steps(steps: int) -> list[int]:
    """The steps that a history shows: the last, half of it, a quarter ... twelve in all, since most happens early."""
    return sorted({steps >> i for i in range(12)} - {0})


def history_strip(pictures: list[Tensor]) -> Tensor:
    """Square numbers of pictures [M, C, H, W] in [0, 1], one set per step -> their grids side by side, [C, .., ..]."""
    grids = [
        make_grid(x.cpu(), nrow=round(len(x) ** 0.5), padding=0)[: x.shape[1]] for x in pictures
    ]  # one channel for greyscale
    return torch.cat(grids, dim=2)


def _steps(text: str) -> int:
    if (steps := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"a training has 1 step or more, not {steps}")
    return steps


def main() -> None:
    recipes = {
        name: (technique, recipe) for technique in techniques.TECHNIQUES for name, recipe in technique.RECIPES.items()
    }
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=recipes, metavar="name", help=", ".join(recipes))
    parser.add_argument("--steps", type=_steps, help="optimiser steps (default: the recipe's)")
    parser.add_argument("--seed", type=int, help="seed of weights, order and noise (default: the recipe's)")
    parser.add_argument("--device", default=str(checkpoints.default_device()))
    parser.add_argument("--restart", action="store_true", help="discard an interrupted run")
    options = parser.parse_args()

    technique, recipe = recipes[options.name]
    steps = options.steps or recipe.steps
    seed = recipe.seed if options.seed is None else options.seed
    try:
        training_data = techniques.examples(technique, recipe)
    except data.DataError as error:
        sys.exit(str(error))
    torch.manual_seed(seed)

    unfinished = runs() / f"{options.name}-{steps}-{seed}.pt"
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    resume = None
    if unfinished.exists() and not options.restart:
        resume = torch.load(unfinished, map_location=options.device, weights_only=True)
    seconds = resume["seconds"] if resume else 0.0
    history: dict[int, Tensor] = resume.get("history", {}) if resume else {}
    preview = getattr(technique, "preview", None)
    shown = history_steps(steps) if preview else []

    begun = saved = time.monotonic()
    loop = technique.train(recipe.config, training_data, steps=steps, seed=seed, device=options.device, resume=resume)
    with tqdm(total=steps, initial=resume["step"] if resume else 0, desc=options.name, mininterval=1) as bar:
        for step in loop:
            bar.update()
            bar.set_postfix({name: f"{value:.4g}" for name, value in step.losses.items()}, refresh=False)
            if preview and step.step in shown:
                history[step.step] = preview(step.model)
            if step.step < steps and time.monotonic() - saved > SAVE_EVERY:
                saved = time.monotonic()
                partly = unfinished.with_suffix(".part")
                torch.save({**step.state(), "seconds": seconds + saved - begun, "history": history}, partly)
                partly.replace(unfinished)  # a kill during the write leaves the older file intact
    run = {
        "dataset": recipe.dataset,
        "steps": steps,
        "seed": seed,
        "device": torch.device(options.device).type,
        "threads": torch.get_num_threads(),
        "seconds": round(seconds + time.monotonic() - begun),
    }
    notes = {"run": run, "history": {"steps": list(history)}} if history else {"run": run}
    try:
        folder = checkpoints.save(options.name, step.model, recipe.config, **notes)
    except checkpoints.CheckpointError as error:
        sys.exit(str(error))
    if history:
        to_pil_image(history_strip(list(history.values()))).save(folder / "history.png", optimize=True)
    unfinished.unlink(missing_ok=True)
    print(f"Written to {folder}. Next: python -m genai_core.evaluate {options.name}")


if __name__ == "__main__":
    main()

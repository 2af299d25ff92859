"""Measure a checkpoint: `python -m genai_core.evaluate vae-mnist` rewrites metrics.json, samples.png and the card.

Without a name, all checkpoints. `distillation` stands for those of its experiments, and prints the paper's table beside
ours at the end.
"""

import argparse
import json
import sys
import time

import torch
from torchvision.utils import save_image

from genai_core import data, distillation
from genai_core.common import cards, checkpoints
from genai_core.techniques import find


def evaluate(name: str) -> dict:
    """Measure one checkpoint and write its metrics, sample grid and card; returns the metrics.

    Raises: CheckpointError, DataError.
    """
    technique = find(name)
    begun = time.monotonic()
    model, folder = technique.load(name), checkpoints.ASSETS / name
    metrics = {"parameters": sum(p.numel() for p in model.parameters()), **technique.evaluate(name)}
    metrics["seconds"] = round(time.monotonic() - begun)
    (folder / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    if hasattr(technique, "sample"):
        pictures = technique.sample(model, 60, generator=torch.Generator().manual_seed(0))
        save_image(pictures.repeat_interleave(2, 2).repeat_interleave(2, 3), folder / "samples.png", nrow=12, padding=4)
    card = cards.render(name, technique.CARD, technique.LABELS)
    (folder / "README.md").write_text(card, encoding="utf-8", newline="\n")
    return metrics


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="name", help="checkpoints (default: all)")
    names = parser.parse_args().names
    paper = names == ["distillation"]
    if paper:
        names = [name for name in distillation.RECIPES if name in checkpoints.names()]
    for name in names or checkpoints.names():
        try:
            metrics = evaluate(name)
        except (checkpoints.CheckpointError, data.DataError) as error:
            sys.exit(str(error))
        print(
            f"\n{name}\n"
            + "\n".join(f"  {value:>10}  {what}" for what, value in cards.rows(metrics, find(name).LABELS))
        )
    if paper:
        print(f"\n{distillation.table()}")


if __name__ == "__main__":
    main()

"""Runs behind a figure that are not shipped: more seeds, other temperatures.

`python -m genai_core.distillation.sweep distill-student` trains each of `hinton.variants(name)` that is not in
`assets/<name>/study.json` yet and writes its test errors there; the weights are discarded. `genai_core.evaluate`
reports them. Without a name, all studies.
"""

import argparse
import json
import sys
import time

from tqdm import tqdm

from genai_core import data
from genai_core.common import checkpoints
from genai_core.common.training import Recipe
from genai_core.distillation import hinton, metrics


def run(recipe: Recipe, title: str, device: str) -> dict:
    """Train one variant and count its test errors. Raises: DataError, CheckpointError (without its teacher)."""
    begun = time.monotonic()
    loop = hinton.train(recipe.config, data.load(recipe.dataset), steps=recipe.steps, seed=recipe.seed, device=device)
    for step in tqdm(loop, total=recipe.steps, desc=title, mininterval=1):
        last = step
    wrong = metrics.errors(last.model, data.load(recipe.dataset, "test"))
    return {"errors": wrong, "steps": recipe.steps, "seconds": round(time.monotonic() - begun)}


def main() -> None:
    studies = {name: found for name in hinton.RECIPES if (found := hinton.variants(name))}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(studies))
    parser.add_argument("--device", default=str(checkpoints.default_device()))
    options = parser.parse_args()
    for name in options.names or studies:
        if name not in studies:
            sys.exit(f"There is no study of '{name}'; there are {', '.join(studies)}.")
        done = metrics.study(name)
        for title, recipe in studies[name].items():
            if title in done:
                continue
            try:
                done[title] = run(recipe, f"{name}, {title}", options.device)
            except (checkpoints.CheckpointError, data.DataError) as error:
                sys.exit(str(error))
            folder = checkpoints.ASSETS / name
            folder.mkdir(parents=True, exist_ok=True)
            (folder / metrics.STUDY).write_text(json.dumps(done, indent=2) + "\n", encoding="utf-8")
        print(f"\n{name}\n" + "\n".join(f"  {run['errors']:>5} errors  {title}" for title, run in done.items()))


if __name__ == "__main__":
    main()

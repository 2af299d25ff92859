"""Model cards: `assets/<name>/README.md`, rendered from config.json and metrics.json: no number is typed."""

import textwrap

from genai_core.common import checkpoints

SOURCES = {
    "mnist": "MNIST (LeCun 1998)",
    "fashion": "Fashion-MNIST (Xiao 2017)",
    "cifar10": "CIFAR-10 (Krizhevsky 2009), re-encoded as JPEG with slight artefacts",
    "shakespeare": "tiny Shakespeare (Karpathy 2015), public domain",
    "scenes": "Procedural drawings (`genai_core/data/scenes`), rendered on demand",
    "functions": "Functions and examples drawn at random, anew for every prompt",
    "stories": "0.9 MB of TinyStories (Eldan & Li 2023), CDLA-Sharing-1.0",
    "tinystories": "18,653 stories of TinyStories (Eldan & Li 2023), 15 MB, CDLA-Sharing-1.0",
    "english": "TinyStories (Eldan & Li 2023), CDLA-Sharing-1.0, and English sentences of Tatoeba, CC BY 2.0 FR",
    "tatoeba": "Sentences of Tatoeba (tatoeba.org), selected by ManyThings (manythings.org/anki), CC BY 2.0 FR",
}
SPLITS = {
    "pictures": "trained on the training split, measured on the test split, which was used for no choice.",
    "text": "trained on the first 90 %, measured on the last 10 %.",
    "tinystories": "measured on 928 other stories, split by a hash of each story's words.",
}
KIND = {"shakespeare": "text", "stories": "text", "tinystories": "tinystories"}  # of the splits; "pictures" of others

Labels = dict[str, tuple[str, str]]  # metric -> (what it is, the format of its value), in the order of the card


def rows(metrics: dict, labels: Labels) -> list[tuple[str, str]]:
    """(what, value with its unit) for every metric that has a label, in the order of the labels."""
    return [
        (label, ", ".join(form.format(v) for v in (metrics[key] if isinstance(metrics[key], list) else [metrics[key]])))
        for key, (label, form) in labels.items()
        if key in metrics
    ]


def table(metrics: dict, labels: Labels) -> str:
    """The metrics as a Markdown table."""
    return "\n".join(
        ["| measure | value |", "| --- | ---: |", *(f"| {what} | {value} |" for what, value in rows(metrics, labels))]
    )


def file_size(n: int) -> str:
    """n bytes as text, in MiB or KiB."""
    return f"{n / 2**20:.1f} MiB" if n > 2**20 / 10 else f"{n / 2**10:.0f} KiB"


def render(name: str, card: dict[str, str], labels: Labels) -> str:
    """The model card of a checkpoint in Markdown.

    card: the technique's "overview" (with the config's fields in braces, "none" for an empty name), "use" and "limits",
    "stored" where the weights are not float16, and "splits" where it was trained on others. labels: of its metrics.

    Raises: CheckpointError if a file of the checkpoint is missing, or does not have what a card tells.
    """
    try:
        return _render(name, card, labels)
    except (OSError, KeyError) as error:
        missing = "model.safetensors" if isinstance(error, OSError) else "config.json or metrics.json"
        raise checkpoints.damaged(name, missing) from error


def _render(name: str, card: dict[str, str], labels: Labels) -> str:
    config, metrics = checkpoints.read_json(name, "config.json"), checkpoints.read_json(name, "metrics.json")
    run, folder = config["run"], checkpoints.ASSETS / name
    size = file_size((folder / "model.safetensors").stat().st_size)
    where = f"{run['threads']} threads of the {run['device'].upper()}"
    picture = "\n![samples](samples.png)\n" if (folder / "samples.png").exists() else ""
    source = SOURCES.get(run["dataset"], run["dataset"])
    splits = card.get("splits", SPLITS[KIND.get(run["dataset"], "pictures")])
    if "written" in metrics:
        picture = f"\nA sample (seed 0, no filters):\n\n{textwrap.indent(metrics['written'], '    ')}\n"
    return f"""# {name}

## Overview
{card["overview"].format(**{key: "none" if value == "" else value for key, value in config["model"].items()})}

{metrics["parameters"]:,} parameters, {size} in {card.get("stored", "float16")}, Apache-2.0.
{picture}
## Data
{source}: {splits}

## Performance
{table(metrics, labels)}

## Intended use
{card["use"]}

## Limitations
{card["limits"]}

## Reproduce
`python -m genai_core.train {name}`, then `python -m genai_core.evaluate {name}`.
Seed {run["seed"]}, {run["steps"]:,} steps, {run["seconds"] / 60:.0f} minutes on {where} under other load.
"""

"""Model cards: `assets/<name>/README.md`, written from config.json and metrics.json so that no number is typed."""

import textwrap

from genai_core import checkpoints

SOURCES = {
    "mnist": "MNIST (LeCun 1998)",
    "fashion": "Fashion-MNIST (Xiao 2017)",
    "shakespeare": "tiny Shakespeare (Karpathy 2015), public domain",
    "scenes": "Small drawings that this project makes itself (`genai_core/scenes`), drawn as they are needed",
    "stories": "0.9 MB of TinyStories (Eldan & Li 2023), CDLA-Sharing-1.0",
}
SPLITS = {
    "pictures": "trained on the training split, measured on the test split, which took part in no choice.",
    "text": "trained on the first 90 %, measured on the last 10 %.",
}

# metric -> (what it is, how a value is written)
LABELS = {
    "accuracy": ("Test accuracy", "{:.2%}"),
    "errors": ("Test errors of 10,000", "{:d}"),
    "errors_by_seed": ("The same with seeds 0, 1, 2", "{:d}"),
    "errors_mean": ("Mean of these", "{:.1f}"),
    "errors_missing": ("Of these, on classes that it never saw", "{:d}"),
    "bias": ("Bias that these classes are given, chosen on training digits", "{:.1f}"),
    "errors_corrected": ("Test errors with it", "{:d}"),
    "errors_missing_corrected": ("Of these, on classes that it never saw", "{:d}"),
    "bias_test_bias": ("Bias that is best on the test split, as the paper chose it", "{:.1f}"),
    "errors_corrected_test_bias": ("Test errors with it", "{:d}"),
    "temperatures": ("Temperatures of the students below", "{:g}"),
    "errors_by_temperature": ("Test errors of the student at each temperature", "{:d}"),
    "agreement": ("Test pictures to which it gives its teacher's answer", "{:.2%}"),
    "ms_batch1": ("Time for one picture alone", "{:.3f} ms"),
    "ms_batch256": ("Time for one picture of 256 at once", "{:.3f} ms"),
    "elbo": ("ELBO, mean over the test split (higher is better)", "{:.2f} nat"),
    "iw_bound": ("Importance-weighted bound on log p(x), k below (higher is better)", "{:.2f} nat"),
    "k": ("k, importance samples of that bound", "{:d}"),
    "rate": ("Rate, KL(q(z given x), prior)", "{:.2f} nat"),
    "distortion": ("Distortion, -E log p(x given z)", "{:.2f} nat"),
    "active_dimensions": ("Active latent dimensions (KL above 0.01 nat)", "{:d}"),
    "frechet_distance": ("Frechet distance in LeNet features, 10,000 samples against the test split", "{:.3g}"),
    "frechet_floor": ("The same for 10,000 training pictures (the floor)", "{:.3g}"),
    "frechet_ratio": ("Times the floor", "{:.1f}"),
    "coverage": ("Coverage (Naeem 2020), k = 5", "{:.1%}"),
    "reconstruction_read_as": ("Reconstructions that the LeNet reads as their label", "{:.2%}"),
    "read_as_label": ("Samples that the LeNet reads as their label", "{:.2%}"),
    "nfe": ("Network evaluations per sample behind the figures above (DDIM, guidance 1)", "{:d}"),
    "read_as_label_8nfe": ("Read as their label at 8 evaluations (DDIM, eta 0.5)", "{:.2%}"),
    "frechet_ratio_8nfe": ("Frechet distance there, times the floor", "{:.2f}"),
    "read_as_label_guided": ("Read as their label with guidance (10 steps of DDIM)", "{:.2%}"),
    "frechet_ratio_guided": ("Frechet distance there, times the floor", "{:.2f}"),
    "guidance": ("Guidance, of these", "{:g}"),
    "frechet_ratio_2000": ("Times the floor, samples and training pictures in lots of 2,000", "{:.2f}"),
    "frechet_ratio_2000_8nfe": ("The same at 8 evaluations (DDIM, eta 0.5)", "{:.2f}"),
    **{
        f"frechet_ratio_8nfe_{sampler}": (f"Frechet distance of {title} at 8 evaluations, times the floor", "{:.2f}")
        for sampler, title in (
            ("ddim", "DDIM"),
            ("ddpm", "DDPM"),
            ("euler", "Euler"),
            ("heun", "Heun (7)"),
            ("dpmpp_2m", "DPM-Solver++ 2M"),
            ("langevin", "Langevin"),
        )
    },
    "read_as_label_2nfe": ("Read as their label at 2 evaluations", "{:.2%}"),
    "frechet_ratio_2nfe": ("Frechet distance there, times the floor", "{:.2f}"),
    "read_as_label_1nfe": ("Read as their label at 1 evaluation", "{:.2%}"),
    "frechet_ratio_1nfe": ("Frechet distance there, times the floor", "{:.2f}"),
    "nats_per_character": ("Loss on the last 10 % of the corpus, windows of 256 tokens", "{:.3f} nat per character"),
    "bits_per_character": ("The same", "{:.3f} bit per character"),
    "perplexity_per_token": ("Perplexity per token", "{:.2f}"),
    "characters_per_token": ("Characters per token", "{:.2f}"),
    "nats_per_character_by_order": ("Loss of orders 1, 2, 3 ... of the n-gram model", "{:.3f}"),
    "tokens_per_second": ("Tokens written a second at batch 1", "{:.0f}"),
    "tokens_per_second_limit": (
        "The most that memory allows there: its bandwidth over the weights (more where a cache holds them)",
        "{:.0f}",
    ),
    "bandwidth_share": ("Share of that limit reached", "{:.0%}"),
    **{
        f"precision_{kind}_{split}": (f"Precision@10 of queries {about}{held_out}", "{:.1%}")
        for kind, about in (
            ("one", "on one thing (colour, shape and size)"),
            ("two", "on two things (each its own colour and shape)"),
            ("relation", "on a relation of two shapes"),
            ("count", "on a number of things"),
        )
        for split, held_out in (("seen", ""), ("held_out", ", combinations never seen in training"))
    },
    "recall_image_to_text": ("Recall@1 of a picture's caption among 1,000", "{:.1%}"),
    "recall_text_to_image": ("Recall@1 of a caption's picture among 1,000", "{:.1%}"),
    **{
        f"zero_shot_{field}": (f"Zero-shot accuracy, {field} (of {classes})", "{:.1%}")
        for field, classes in (("shape", 8), ("colour", 8), ("fill", 4), ("size", 2), ("count", 4), ("relation", 4))
    },
    **{
        f"probe_{name}": (f"{name.capitalize()}: the caption preferred to one that is wrong in that alone", "{:.1%}")
        for name in ("binding", "order", "counting", "negation")
    },
    "scenes": ("Unseen scenes that were searched", "{:,d}"),
    "class_shares": ("Shares of the ten classes among samples, as read", "{:.1%}"),
    "kl_per_dimension": ("KL of each latent dimension, in nat", "{:.2f}"),
}


def rows(metrics: dict) -> list[tuple[str, str]]:
    """(what, value with its unit) for every metric that has a label, in the order of LABELS."""
    return [
        (label, ", ".join(form.format(v) for v in (metrics[key] if isinstance(metrics[key], list) else [metrics[key]])))
        for key, (label, form) in LABELS.items()
        if key in metrics
    ]


def table(metrics: dict) -> str:
    """The metrics as a Markdown table."""
    return "\n".join(
        ["| measure | value |", "| --- | ---: |", *(f"| {what} | {value} |" for what, value in rows(metrics))]
    )


def render(name: str, card: dict[str, str]) -> str:
    """The model card of a checkpoint in Markdown; `card` holds the technique's "overview", "use" and "limits".

    Raises: CheckpointError if a file of the checkpoint is missing.
    """
    config, metrics = checkpoints.read_json(name, "config.json"), checkpoints.read_json(name, "metrics.json")
    run, folder = config["run"], checkpoints.ASSETS / name
    size = (folder / "model.safetensors").stat().st_size
    size = f"{size / 2**20:.1f} MiB" if size > 2**20 / 10 else f"{size / 2**10:.0f} KiB"
    where = f"{run['threads']} threads of the {run['device'].upper()}"
    picture = "\n![samples](samples.png)\n" if (folder / "samples.png").exists() else ""
    source, splits = SOURCES.get(run["dataset"], run["dataset"]), SPLITS["text" if "written" in metrics else "pictures"]
    if "written" in metrics:
        picture = f"\nWhat it writes (seed 0, no filters):\n\n{textwrap.indent(metrics['written'], '    ')}\n"
    return f"""# {name}

## Overview
{card["overview"].format(**config["model"])}

{metrics["parameters"]:,} parameters, {size} in {card.get("stored", "float16")}, Apache-2.0.
{picture}
## Data
{source}: {splits}

## Performance
{table(metrics)}

## Intended use
{card["use"]}

## Limitations
{card["limits"]}

## Reproduce
`python -m genai_core.train {name}`, then `python -m genai_core.evaluate {name}`.
Seed {run["seed"]}, {run["steps"]:,} steps, {run["seconds"] / 60:.0f} minutes on {where} with other work beside it.
"""

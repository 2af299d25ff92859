"""Figures of a flow-matching model's card. Solvers, guidance and steps are fixed here, not tuned on the test."""

from typing import Any

import torch
from torch import Tensor

from genai_core import data, diffusion, evaluation
from genai_core.diffusion.unet import UNet
from genai_core.flows.matching import generate, solvers
from genai_core.flows.matching.model import VelocityUNet
from genai_core.flows.matching.straight import straightness

SAMPLES = 10_000
GUIDANCE = 1.5
BUDGETS = (1, 2, 4, 8, 20)  # evaluations at which the models are compared; the last one's samples are the main ones
DIFFUSION = "ddpm-mnist"  # compared with FIRST, by DDIM
CURVES, FINE = 1000, 50  # noises and Euler steps of the straightness
LABELS = {
    **evaluation.SAMPLE_LABELS,
    "nfe": ("Network evaluations per sample behind the figures above (Euler, guidance 1)", "{:d}"),
    "read_as_label_guided": ("Classified as their label with guidance, as many evaluations", "{:.2%}"),
    "frechet_ratio_guided": ("Fréchet distance there, over the reference", "{:.2f}"),
    "guidance": ("Guidance, of these", "{:g}"),
    "frechet_ratio_2000": ("Ratio to the reference, samples and training pictures in sets of 2,000", "{:.2f}"),
    "straightness": ("Straightness (Liu 2022) over the chord's square: 0 for a straight path", "{:.3f}"),
    "straightness_ddim": ("The same of the diffusion model by DDIM, over its noise level", "{:.3f}"),
    **{
        f"{key}_{nfe}nfe{ending}": (f"{what} at {nfe} evaluation{'s' * (nfe > 1)} of {title}", form)
        for ending, title in (
            ("", "Euler"),
            ("_midpoint", "the midpoint rule"),
            ("_heun", "Heun"),
            ("_ddim", "the diffusion model by DDIM"),
        )
        for nfe in BUDGETS
        for key, what, form in (
            ("read_as_label", "Classified as their label", "{:.2%}"),
            ("frechet_ratio", "Fréchet distance over the reference", "{:.2f}"),
        )
    },
}


def evaluate(name: str) -> dict:
    """Figures of a shipped model (see LABELS), by the LeNet of its data set.

    Samples of Euler at each of BUDGETS; a model that is not rectified is also sampled by the other solvers and with
    guidance, and so is the diffusion model DIFFUSION from the same noise.
    """
    model, recipe = generate.load(name), generate.RECIPES[name]
    classifier, labels = evaluation.evaluation_classifier(recipe.dataset), torch.arange(SAMPLES) % model.config.classes
    real, _ = data.load(recipe.dataset, "test")
    rectified = bool(model.config.teacher)

    def pictures(sampler: str, nfe: int, guidance: float = 1.0) -> Tensor:
        options: dict[str, Any] = {
            "labels": labels,
            "guidance": guidance,
            "generator": torch.Generator().manual_seed(1),
        }
        if sampler == "ddim":
            return diffusion.sample(diffusion.load(DIFFUSION), SAMPLES, steps=nfe, **options).cpu()
        steps = solvers.steps_within(sampler, nfe)
        return generate.sample(model, SAMPLES, sampler=sampler, steps=steps, **options).cpu()

    def brief(x: Tensor, ending: str) -> dict:
        ratio = evaluation.frechet_distance(classifier, real, x) / main["frechet_reference"]
        return {f"read_as_label_{ending}": evaluation.read_as(classifier, x, labels), f"frechet_ratio_{ending}": ratio}

    nfe = generate.default_steps(model)
    x = pictures("euler", nfe)
    main = {
        "read_as_label": evaluation.read_as(classifier, x, labels),
        **evaluation.of_samples(classifier, recipe.dataset, x),
        "nfe": nfe,
        "frechet_ratio_2000": evaluation.frechet_ratio_in_subsets(classifier, recipe.dataset, x),
        "straightness": mean_straightness(model),
    }
    for budget in BUDGETS:
        main |= brief(x if budget == nfe else pictures("euler", budget), f"{budget}nfe")
    if rectified:
        return main
    main |= brief(pictures("euler", nfe, GUIDANCE), "guided") | {"guidance": GUIDANCE}
    for sampler in ("midpoint", "heun", "ddim"):
        for budget in BUDGETS:
            if sampler == "ddim" or budget >= solvers.COST[sampler]:
                main |= brief(pictures(sampler, budget), f"{budget}nfe_{sampler}")
    return main | {"straightness_ddim": mean_straightness(diffusion.load(DIFFUSION))}


def mean_straightness(model: UNet) -> float:
    """The mean `straightness` of the ways of CURVES noises, in FINE steps of Euler or, of a diffusion model, DDIM.

    A diffusion model's time is its noise level, from 1 to 0.
    """
    generator = torch.Generator().manual_seed(3)
    labels = torch.arange(CURVES) % model.config.classes
    options: dict[str, Any] = {"generator": generator, "labels": labels, "steps": FINE}
    if isinstance(model, VelocityUNet):
        path = [(step.x, step.t, step.after) for step in generate.sample_steps(model, CURVES, **options)]
    else:
        path = [(step.x, 1 - step.t, step.after) for step in diffusion.sample_steps(model, CURVES, **options)]
    states = torch.stack([x.cpu() for x, *_ in path] + [path[-1][2].cpu()])
    return float(straightness(states, torch.tensor([*(t for _, t, _ in path), 1.0])).mean())

"""The figures on the card of a diffusion model. Samplers, guidance and steps are fixed here, not tuned on the test."""

import itertools

import torch
from torch import Tensor

from genai_core import data, evaluation
from genai_core.diffusion import bound, generate
from genai_core.diffusion.samplers import SAMPLERS

SAMPLES = 10_000
GUIDANCE, GUIDED = 1.5, 10  # and its steps
RACED = "ddpm-mnist"  # its samplers are compared on the page
BUDGETS = (4, 8, 16, 50)  # network evaluations of that comparison
GRID = "trailing"  # its time grid, one for all: on grids of their own, samplers could not be compared
FEW = {"sampler": "ddim", "steps": 8, "eta": 0.5}  # at 8 evaluations; chosen on pictures of the training split
STUDENT = (4, 2, 1)  # steps of a few-step student; its main figures are for the first
TITLES = {
    "ddim": "DDIM",
    "ddpm": "DDPM",
    "euler": "Euler",
    "heun": "Heun",
    "dpmpp_2m": "DPM-Solver++ 2M",
    "langevin": "Langevin",
}
LABELS = {
    **bound.LABELS,
    **evaluation.SAMPLE_LABELS,
    "nfe": ("Network evaluations per sample behind the figures above (DDIM, guidance 1)", "{:d}"),
    "read_as_label_8nfe": ("Classified as their label at 8 evaluations (DDIM, eta 0.5)", "{:.2%}"),
    "frechet_ratio_8nfe": ("Fréchet distance there, over the reference", "{:.2f}"),
    "read_as_label_guided": ("Classified as their label with guidance (10 steps of DDIM)", "{:.2%}"),
    "frechet_ratio_guided": ("Fréchet distance there, over the reference", "{:.2f}"),
    "guidance": ("Guidance, of these", "{:g}"),
    "frechet_ratio_2000": ("Ratio to the reference, samples and training pictures in sets of 2,000", "{:.2f}"),
    "frechet_ratio_2000_8nfe": ("The same at 8 evaluations (DDIM, eta 0.5)", "{:.2f}"),
    **{
        f"frechet_ratio_{nfe}nfe_{sampler}": (
            f"Fréchet distance of {title} at {nfe} evaluations, over the reference",
            "{:.2f}",
        )
        for nfe in BUDGETS
        for sampler, title in TITLES.items()
    },
    **{
        f"{key}_{steps}nfe": label
        for steps, evaluations in ((2, "2 evaluations"), (1, "1 evaluation"))
        for key, label in (
            ("read_as_label", (f"Classified as their label at {evaluations}", "{:.2%}")),
            ("frechet_ratio", ("Fréchet distance there, over the reference", "{:.2f}")),
        )
    },
}


def evaluate(name: str) -> dict:
    """Figures of a shipped diffusion model (see LABELS), by the LeNet of its data set.

    A model: DDIM at 50 evaluations, FEW at 8, and DDIM with guidance; for RACED also the bound, and every sampler
    at each of BUDGETS. A student: at 4, 2 and 1.
    """
    model, dataset = generate.load(name), generate.RECIPES[name].dataset
    classifier, labels = evaluation.evaluation_classifier(dataset), torch.arange(SAMPLES) % model.config.classes
    real, _ = data.load(dataset, "test")

    def generate_pictures(**options) -> Tensor:
        generator = torch.Generator().manual_seed(1)
        return generate.sample(model, SAMPLES, generator=generator, labels=labels, **options).cpu()

    def in_subsets(x: Tensor) -> float:
        return evaluation.frechet_ratio_in_subsets(classifier, dataset, x)

    def brief(x: Tensor, ending: str) -> dict:
        ratio = evaluation.frechet_distance(classifier, real, x) / main["frechet_reference"]
        return {f"read_as_label_{ending}": evaluation.read_as(classifier, x, labels), f"frechet_ratio_{ending}": ratio}

    nfe = STUDENT[0] if model.jumps else 50
    x = generate_pictures(steps=nfe)
    main = {
        "read_as_label": evaluation.read_as(classifier, x, labels),
        **evaluation.of_samples(classifier, dataset, x),
        "nfe": nfe,
    }
    main["frechet_ratio_2000"] = in_subsets(x)
    if model.jumps:
        for steps in STUDENT[1:]:
            main |= brief(generate_pictures(steps=steps), f"{steps}nfe")
        return main
    guided = brief(generate_pictures(steps=GUIDED, guidance=GUIDANCE), "guided")
    few = generate_pictures(**FEW)
    main |= brief(few, "8nfe") | {"frechet_ratio_2000_8nfe": in_subsets(few)} | guided | {"guidance": GUIDANCE}
    if name == RACED:
        main |= bound.evaluate(model, dataset)
        for nfe, sampler in itertools.product(BUDGETS, SAMPLERS):
            x = generate_pictures(sampler=sampler, steps=race_steps(sampler, nfe), spacing=GRID)
            distance = evaluation.frechet_distance(classifier, real, x)
            main[f"frechet_ratio_{nfe}nfe_{sampler}"] = distance / main["frechet_reference"]
    return main


def race_steps(sampler: str, nfe: int) -> int:
    """The steps of a sampler that cost `nfe` evaluations on GRID; nfe is one of BUDGETS.

    There Heun's first step, from noise alone, is Euler's, as its last one is: one evaluation each, and two for others.
    """
    return nfe // 2 + 1 if sampler == "heun" else nfe

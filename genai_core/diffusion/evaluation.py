"""What a model card says of a diffusion model. Samplers, guidance and steps are fixed here, not tuned on the test."""

import torch
from torch import Tensor

from genai_core import data, lenet, metrics
from genai_core.diffusion.samplers import SAMPLERS, steps_within

SAMPLES = 10_000
GUIDANCE, GUIDED = 1.5, 10  # and steps with it
RACED = "ddpm-mnist"  # whose samplers the page compares
FEW = {"sampler": "ddim", "steps": 8, "eta": 0.5}  # at 8 evaluations; chosen on pictures of the training split
STUDENT = (4, 2, 1)  # steps of a few-step student; its main figures are for the first


def evaluate(name: str) -> dict:
    """Figures of a shipped diffusion model (see `genai_core.cards.LABELS`), by the LeNet of its data set.

    A model: DDIM at 50 evaluations, FEW at 8, and DDIM with guidance; of RACED, every sampler at 8, too. A student:
    at 4, 2 and 1.
    """
    from genai_core import diffusion  # which imports this module

    model, dataset = diffusion.load(name), diffusion.RECIPES[name].dataset
    judge, labels = lenet.judge(dataset), torch.arange(SAMPLES) % model.config.classes
    real, _ = data.load(dataset, "test")

    def made(**options) -> Tensor:
        generator = torch.Generator().manual_seed(1)
        return diffusion.sample(model, SAMPLES, generator=generator, labels=labels, **options).cpu()

    def in_lots(x: Tensor) -> float:
        return metrics.frechet_ratio_in_lots(judge, dataset, x)

    def brief(x: Tensor, ending: str) -> dict:
        ratio = metrics.frechet_distance(judge, real, x) / main["frechet_floor"]
        return {f"read_as_label_{ending}": metrics.read_as(judge, x, labels), f"frechet_ratio_{ending}": ratio}

    nfe = STUDENT[0] if model.jumps else 50
    x = made(steps=nfe)
    main = {"read_as_label": metrics.read_as(judge, x, labels), **metrics.of_samples(judge, dataset, x), "nfe": nfe}
    main["frechet_ratio_2000"] = in_lots(x)
    if model.jumps:
        for steps in STUDENT[1:]:
            main |= brief(made(steps=steps), f"{steps}nfe")
        return main
    guided = brief(made(steps=GUIDED, guidance=GUIDANCE), "guided")
    few = made(**FEW)
    main |= brief(few, "8nfe") | {"frechet_ratio_2000_8nfe": in_lots(few)} | guided | {"guidance": GUIDANCE}
    if name == RACED:
        for sampler in SAMPLERS:
            x = made(sampler=sampler, steps=steps_within(sampler, 8))
            main[f"frechet_ratio_8nfe_{sampler}"] = metrics.frechet_distance(judge, real, x) / main["frechet_floor"]
    return main

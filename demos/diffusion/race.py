"""A race: the same starting noise through every sampler, on one time grid, at equal network evaluations."""

import functools
import time
from collections.abc import Iterator

import gradio as gr
import torch
from PIL import Image

from demos._ui import images
from demos._ui.settings import Setting, choice
from demos._ui.tab import Answer, Part, Preset
from demos.diffusion import _models
from demos.diffusion._models import COUNT, SAMPLERS
from genai_core import diffusion
from genai_core.common import checkpoints
from genai_core.diffusion.evaluation import BUDGETS, GRID, SAMPLES, race_steps

NAME = "ddpm-mnist"


@functools.lru_cache(maxsize=64)  # a class asks for the same race, and saves it
def pictures(sampler: str, nfe: str, label: str, seed: int) -> tuple[torch.Tensor, int, float]:
    """One sampler's pictures [COUNT, 1, 28, 28], its evaluations, and the seconds that they took.

    The starting noise is the generator's first draw, the same for every sampler; fresh noise comes after it.
    """
    model, begun = diffusion.load(NAME), time.perf_counter()
    *_, last = diffusion.sample_steps(
        model,
        COUNT,
        generator=torch.Generator().manual_seed(seed),
        labels=_models.labels(NAME, label, COUNT),
        sampler=sampler,
        spacing=GRID,
        steps=race_steps(sampler, int(nfe)),
    )
    return diffusion.picture(last.after).cpu(), last.nfe, time.perf_counter() - begun


def figure(metrics: dict, sampler: str, budget: str) -> str:
    """The Fréchet distance measured for this sampler at this budget, in times the reference, or a dash."""
    value = metrics.get(f"frechet_ratio_{budget}nfe_{sampler}")
    if value is None:
        return "–"
    return f"{value:.2f}×" if value < 100 else f"{value:,.0f}×"


def row(title: str, sampler: str, nfe: str, label: str, seed: int) -> str:
    x, evaluations, seconds = pictures(sampler, nfe, label, seed)
    metrics = checkpoints.read_json(NAME, "metrics.json")
    cells = "".join(
        f'<img class="pixels" src="{images.data_uri(images.tile(p[None], 1))}" alt="{title}, picture {k + 1}">'
        for k, p in enumerate(x)
    )
    return (
        f'<div class="race"><b>{title}</b><div class="pictures">{cells}</div><span class="num">{evaluations}</span>'
        f'<span class="num">{1000 * seconds:.0f} ms</span>'
        f'<span class="num">{figure(metrics, sampler, nfe)}</span></div>'
    )


def race(nfe: str, label: str, seed: int) -> Iterator[str]:
    """The table as HTML, row by row."""
    head = (
        '<div class="race head"><span>sampler</span><span>the same noise, the same network</span>'
        "<span>evaluations</span><span>time here</span><span>Fréchet, × reference</span></div>"
    )
    rows = []
    for title, sampler in SAMPLERS.items():
        rows.append(row(title, sampler, nfe, label, seed))
        yield f'<div class="card stage">{head}{"".join(rows)}</div>'


def show(nfe: str, label: str, seed: int) -> str:
    *_, table = race(nfe, label, seed)
    return table


def picture(nfe: str, label: str, seed: int) -> Image.Image:
    """All rows as one picture, in the order of the table."""
    x = torch.cat([pictures(sampler, nfe, label, seed)[0] for sampler in SAMPLERS.values()])
    return images.tile(x, COUNT, gap=2, zoom=4)


def code(nfe: str, label: str, seed: int) -> str:
    steps = {sampler: race_steps(sampler, int(nfe)) for sampler in SAMPLERS.values()}
    return f'''import torch

from genai_core import diffusion
from genai_core.common.pictures import tile

model, rows = diffusion.load("{NAME}"), []
for sampler, steps in {steps}.items():
    rows.append(
        diffusion.sample(
            model,
            {COUNT},
            generator=torch.Generator().manual_seed({seed}),
            labels={_models.labels_code(NAME, label, COUNT)},
            sampler=sampler,
            spacing="{GRID}",
            steps=steps,
        )
    )
image = tile(torch.cat(rows).cpu(), {COUNT}, gap=2, zoom=4)
image.save("picture.png")
'''


def note() -> None:
    """What stands below the table."""
    gr.Markdown(
        "All samplers visit noise levels of one grid, so that the rule alone differs: Euler's is DDIM's, and their "
        f"rows are the same. The Fréchet figures were measured for {SAMPLES:,} digits each, in times the distance of "
        "as many training digits; a dash: not measured. Langevin dynamics was made for hundreds of steps.",
        elem_classes="prose-narrow",
    )


PART = Part(
    id="race",
    title="Race",
    lead="<b>Choose a budget</b> of network evaluations and compare the rows: same noise, same network, six samplers. "
    "Look for those that need the fewest steps.",
    settings=(
        Setting("nfe", choice([str(nfe) for nfe in BUDGETS]), "8", "Network evaluations"),
        Setting("label", choice(_models.class_choices(NAME)), _models.MIXED, "Class", formerly="class"),
        _models.SEED,
    ),
    presets=(
        Preset(
            "Four evaluations",
            "Hardly any budget. Which sampler comes nearest to the data, by the Fréchet distance?",
            {"nfe": "4"},
            "DPM-Solver++: it is of second order, and takes what it needs for that from the step before.",
            (
                Answer("Heun: it is of second order.", "It pays with two evaluations a step: four make two steps."),
                Answer("DPM-Solver++."),
                Answer("Langevin: it needs no schedule.", "It needs many small steps at each level, and gets one."),
            ),
        ),
        Preset(
            "Euler and DDIM",
            "Two names from two papers, the same noise. How far do their pictures differ?",
            {"nfe": "16"},
            "Not at all: on this time grid a step of DDIM is a step of Euler along the same ODE.",
            (
                Answer("Not at all."),
                Answer("A little, as solvers do.", "Two solvers would. These are one, in other words."),
                Answer(
                    "Like two seeds: one of them is a Markov chain.",
                    "DDIM comes from one, and with η = 0 draws no noise.",
                ),
            ),
        ),
        Preset(
            "Fifty evaluations",
            "Enough for all but one. Which sampler is the best now?",
            {"nfe": "50"},
            "DDPM, which adds fresh noise at every step: later steps mend the errors of earlier ones.",
            (
                Answer(
                    "DPM-Solver++, as before.", "With many steps its order no longer matters: all ODE solvers agree."
                ),
                Answer("Heun: the most exact.", "It solves the ODE best, and keeps the errors of the network with it."),
                Answer("DDPM, the ancestral one."),
            ),
        ),
    ),
    form=True,
    wide=True,
    below=note,
    run=race,
    show=show,
    picture=picture,
    code=code,
)

"""A race: the same starting noise through every sampler, at equal network evaluations."""

import time

import gradio as gr
import torch

from demos import _checks, _common, _keep
from demos._common import QUIET, STREAM
from demos.diffusion import _models
from demos.diffusion._models import COUNT, MIXED, SAMPLERS, TAB
from genai_core import cards, checkpoints, diffusion
from genai_core.diffusion.samplers import steps_within

NAME = "ddpm-mnist"
BUDGETS = ("4", "8", "16", "50")  # network evaluations


def settings(budget, chosen, seed) -> dict:
    """The page's controls, checked."""
    _models.labels(NAME, chosen, 1)
    return {
        "nfe": _checks.choice(budget, "The number of evaluations", BUDGETS),
        "class": chosen,
        "seed": _checks.seed(seed),
    }


def values(found: dict) -> tuple:
    """Settings of a link or a saved picture -> values of the controls. Raises: InputError."""
    return tuple(settings(found.get("nfe", "8"), found.get("class", MIXED), _keep.seed(found.get("seed", 0))).values())


def run(clean: dict, sampler: str) -> tuple[torch.Tensor, int, float]:
    """One sampler's pictures [COUNT, 1, 28, 28], its evaluations, and its seconds.

    The starting noise is the generator's first draw, the same for every sampler; fresh noise comes after it.
    """
    model, begun = diffusion.load(NAME), time.perf_counter()
    *_, last = diffusion.sample_steps(
        model,
        COUNT,
        generator=torch.Generator().manual_seed(clean["seed"]),
        labels=_models.labels(NAME, clean["class"], COUNT),
        sampler=sampler,
        steps=steps_within(sampler, int(clean["nfe"])),
    )
    return diffusion.picture(last.after).cpu(), last.nfe, time.perf_counter() - begun


def figure(metrics: dict, sampler: str, budget: str) -> str:
    """The Frechet distance that was measured for this sampler at this budget, in times the floor, or a dash."""
    value = metrics.get(f"frechet_ratio_{budget}nfe_{sampler}")
    return "–" if value is None else f"{value:.2f}×"


def row(title: str, sampler: str, clean: dict, metrics: dict) -> str:
    x, nfe, seconds = run(clean, sampler)
    pictures = "".join(
        f'<img class="pixels" src="{_common.data_uri(_common.tile(p[None], 1))}" alt="{title}, picture {k + 1}">'
        for k, p in enumerate(x)
    )
    return (
        f'<div class="race"><b>{title}</b><div class="pictures">{pictures}</div><span class="num">{nfe}</span>'
        f'<span class="num">{1000 * seconds:.0f} ms</span>'
        f'<span class="num">{figure(metrics, sampler, clean["nfe"])}</span></div>'
    )


@_checks.stream_handler
def show(budget, chosen, seed):
    """The page's controls -> the table as HTML, row by row."""
    clean = settings(budget, chosen, seed)
    metrics = checkpoints.read_json(NAME, "metrics.json")
    head = (
        '<div class="race head"><span>sampler</span><span>the same noise, the same network</span>'
        "<span>evaluations</span><span>time here</span><span>Frechet, × floor</span></div>"
    )
    rows = []
    for title, sampler in SAMPLERS.items():
        rows.append(row(title, sampler, clean, metrics))
        yield f'<div class="card stage">{head}{"".join(rows)}</div>'


def sheet(budget, chosen, seed):
    """All rows as one picture, in the order of the table."""
    clean = settings(budget, chosen, seed)
    x = torch.cat([run(clean, sampler)[0] for sampler in SAMPLERS.values()])
    return _common.tile(x, COUNT, gap=2, zoom=4)


def build() -> tuple[list, gr.HTML]:
    """Returns the inputs and the output, for the first race when the sub-tab is opened."""
    _common.lead(
        "<b>Choose a budget</b> of network evaluations and compare the rows: same noise, same network, six ways of "
        "walking. Look for the samplers that need the fewest steps."
    )
    with gr.Row():
        budget = gr.Radio(list(BUDGETS), value="8", label="Network evaluations")
        chosen = gr.Dropdown([MIXED, _models.NONE, *_models.classes(NAME)], value=MIXED, label="Class")
        seed = gr.Number(0, label="Seed", precision=0, minimum=0, maximum=_checks.SEEDS)
    table = gr.HTML('<div class="card empty">Six samplers, one noise.</div>')
    gr.Markdown(
        "The Frechet figures are measured, for 10,000 digits each, as times the distance between training and test "
        f"digits (see the model card: *{cards.LABELS['frechet_ratio'][0].lower()}*); where a dash stands, none was "
        "measured. Heun spends two evaluations a step. Langevin dynamics was made for hundreds.",
        elem_classes="prose-narrow",
    )
    inputs = [budget, chosen, seed]
    _keep.bar(TAB, "race", inputs, settings, sheet, values)
    for part in inputs:
        part.change(show, inputs, table, trigger_mode="always_last", **STREAM, **QUIET)
    return inputs, table

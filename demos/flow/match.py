"""Match: from one noise, flow matching, its rectified model and diffusion draw a digit on straight or curved paths."""

import functools
import html
from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from demos._server import lanes
from demos._ui import images
from demos._ui.api import Pictures, Value, endpoint
from demos._ui.settings import Setting, choice, integer, number, seed
from demos._ui.tab import Answer, Part, Preset
from genai_core import data, diffusion, evaluation
from genai_core.common import checkpoints
from genai_core.flows import matching
from genai_core.flows.matching import solvers, straight
from genai_core.flows.matching.evaluation import BUDGETS, DIFFUSION, SAMPLES

FLOW, RECTIFIED = "flowmatch-mnist", "reflow-mnist"
MODELS = {FLOW: "Flow matching", RECTIFIED: "Rectified", DIFFUSION: "Diffusion"}
INKS = {FLOW: "--real", RECTIFIED: "--made", DIFFUSION: "--noise"}
SAMPLERS = {"euler": "Euler", "midpoint": "Midpoint", "heun": "Heun"}
FINE = (24, 50)  # steps of the path that is drawn as a line: of these, the first that are no fewer than the evaluations
FRAMES = 5  # evaluations of a path that are shown
UNIT = 8000  # int16 of a chord, in what travels to the page


@dataclass(frozen=True, eq=False)
class Trace:
    """One path from noise to a digit."""

    states: Tensor  # [steps + 1, 1, 28, 28]
    ends: Tensor  # [steps, 1, 28, 28], the digit that is expected at each step's beginning
    times: Tensor  # [steps + 1], from 0 to 1; of diffusion, 1 - noise level
    nfe: int


@functools.lru_cache(maxsize=96)
def trace(name: str, sampler: str, nfe: int, label: int, guidance: float, seed: int) -> Trace:
    """The path that a model takes in `nfe` evaluations, or fewer if a step of the sampler needs two."""
    generator, labels = torch.Generator().manual_seed(seed), torch.tensor([label])
    if name == DIFFUSION:
        run = diffusion.sample_steps(
            diffusion.load(name), 1, generator=generator, labels=labels, steps=nfe, guidance=guidance
        )
        each = [(step.x, step.x0, 1 - step.t, step) for step in run]
    else:
        run = matching.sample_steps(
            matching.load(name),
            1,
            generator=generator,
            labels=labels,
            sampler=sampler,
            steps=solvers.steps_within(sampler, nfe),
            guidance=guidance,
        )
        each = [(step.x, step.end, step.t, step) for step in run]
    last = each[-1][3]
    return Trace(
        torch.cat([x for x, *_ in each] + [last.after]).cpu(),
        torch.cat([end for _, end, *_ in each]).cpu(),
        torch.tensor([t for *_, t, _ in each] + [1.0]),
        last.nfe,
    )


def taken(name: str, label: str, guidance: float, nfe: int, sampler: str, seed: int) -> Trace:
    """The path of a model with these settings. The rectified one has learned guided paths, and takes no guidance."""
    return trace(name, sampler, nfe, int(label), 1.0 if name == RECTIFIED else guidance, seed)


def fine(name: str, **settings: Any) -> Trace:
    """The path in so many steps that more would hardly change it."""
    steps = next(steps for steps in FINE if steps >= settings["nfe"])
    return taken(name, **{**settings, "nfe": steps, "sampler": "euler"})


def packed(x: Tensor) -> str:
    """States in [-1, 1], and what lies beyond as black or white, as bytes in base64."""
    return images.base64_of(images.pixels(matching.picture(x)))


def paths(one: Trace, whole: Trace) -> dict[str, str]:
    """In the plane of the whole path's chord: along, away, and |x_t - chord(t)| at the times t, as int16 in base64.

    Of the evaluations that were taken, "dots", and of the whole path, "line": [points, 4] each.
    """
    start, end = whole.states[0], whole.states[-1]

    def points(path: Trace) -> str:
        along, away = straight.plane(path.states, start, end)
        off = straight.deviation(path.states, path.times, start, end)
        numbers = torch.stack([path.times, along, away, off], 1).clamp(-4, 4)
        return images.base64_of((UNIT * numbers).round().numpy().astype(np.int16))

    return {"dots": points(one), "line": points(whole)}


def shown_steps(steps: int) -> list[int]:
    """At most FRAMES of so many steps, the first and the last among them, evenly."""
    return sorted({round(k * (steps - 1) / (FRAMES - 1)) for k in range(FRAMES)})


def straightness(whole: Trace) -> float:
    return float(straight.straightness(whole.states[:, None], whole.times)[0])


def read(x: Tensor) -> tuple[int, float]:
    """The digit that the LeNet reads in a state [1, 28, 28], and its probability."""
    p = evaluation.read(evaluation.evaluation_classifier("mnist"), matching.picture(x)[None])[0]
    return int(p.argmax()), float(p.max())


def about(name: str, one: Trace, sampler: str) -> str:
    """The rule and its evaluations: "Euler, 4 evaluations"."""
    rule = "DDIM" if name == DIFFUSION else SAMPLERS[sampler]
    return f"{rule}, {one.nfe} evaluation{'s' * (one.nfe > 1)}"


def row(name: str, **settings: Any) -> dict[str, Any]:
    """What the stage shows of one model."""
    one, whole = taken(name, **settings), fine(name, **settings)
    steps = shown_steps(len(one.ends))
    digit, sure = read(one.states[-1])
    return {
        "title": MODELS[name],
        "ink": INKS[name],
        "about": about(name, one, settings["sampler"]),
        "steps": [step + 1 for step in steps],
        "states": packed(one.states[steps]),
        "ends": packed(one.ends[steps]),
        "sample": packed(one.states[-1:]),
        "digit": digit,
        "sure": sure,
        "straightness": straightness(whole),
        **paths(one, whole),
    }


def show(**settings: Any) -> dict:
    return {"rows": [row(name, **settings) for name in MODELS]}


def picture(**settings: Any) -> Image.Image:
    """Two rows a model: its states and at the end its sample; below them, the digits that were expected there."""
    rows = []
    for name in MODELS:
        one = taken(name, **settings)
        steps = shown_steps(len(one.ends))
        blank = torch.zeros(FRAMES - len(steps), 1, 28, 28)
        rows += [one.states[steps], one.states[-1:], blank, one.ends[steps], one.ends[-1:], blank]
    return images.tile(matching.picture(torch.cat(rows)), FRAMES + 1, gap=2, zoom=3)


def code(label: str, guidance: float, nfe: int, sampler: str, seed: int) -> str:
    options = f'noise=noise, sampler="{sampler}", steps={solvers.steps_within(sampler, nfe)}'
    return f'''import torch

from genai_core import diffusion
from genai_core.common.pictures import tile
from genai_core.flows import matching

noise = torch.randn((1, 1, 28, 28), generator=torch.Generator().manual_seed({seed}))
more = dict(labels=torch.tensor([{label}]), generator=torch.Generator())  # nothing else is drawn
flow, rectified = matching.load("{FLOW}"), matching.load("{RECTIFIED}")
denoiser = diffusion.load("{DIFFUSION}")
runs = (
    ("end", matching.sample_steps(flow, 1, {options}, guidance={guidance!r}, **more)),
    ("end", matching.sample_steps(rectified, 1, {options}, **more)),
    ("x0", diffusion.sample_steps(denoiser, 1, start=(0, noise), steps={nfe}, guidance={guidance!r}, **more)),
)
rows = []
for expected, run in runs:
    steps = list(run)
    print(steps[-1].nfe, "evaluations")
    kept = sorted({{round(k * (len(steps) - 1) / {FRAMES - 1}) for k in range({FRAMES})}})
    blank = [torch.zeros(1, 1, 28, 28)] * ({FRAMES} - len(kept))
    for key, last in (("x", steps[-1].after), (expected, getattr(steps[-1], expected))):
        rows += [*(getattr(steps[k], key).cpu() for k in kept), last.cpu(), *blank]
tile(matching.picture(torch.cat(rows)), {FRAMES + 1}, gap=2, zoom=3).save("picture.png")
'''


def quality() -> str:
    """What was measured of many digits at each number of evaluations, as an HTML table."""
    try:
        measured = [
            (checkpoints.read_json(FLOW, "metrics.json"), "", MODELS[FLOW]),
            (checkpoints.read_json(RECTIFIED, "metrics.json"), "", MODELS[RECTIFIED]),
            (checkpoints.read_json(FLOW, "metrics.json"), "_ddim", MODELS[DIFFUSION]),
        ]
    except checkpoints.CheckpointError as error:
        return f'<p class="caption">{html.escape(str(error))}</p>'
    head = "".join(
        f'<th colspan="2"><i style="background:var({ink})"></i>{title}</th>'
        for (_, _, title), ink in zip(measured, INKS.values(), strict=True)
    )
    rows = "".join(
        f"<tr><td>{nfe}</td>"
        + "".join(
            f"<td>{m[f'read_as_label_{nfe}nfe{ending}']:.1%}</td><td>{ratio(m[f'frechet_ratio_{nfe}nfe{ending}'])}</td>"
            for m, ending, _ in measured
        )
        + "</tr>"
        for nfe in BUDGETS
    )
    second = "<th>read as label</th><th>Fréchet</th>" * len(measured)
    return (
        f'<div class="wide" tabindex="0"><table class="costs num"><tr><th></th>{head}</tr>'
        f"<tr><th>evaluations</th>{second}</tr>{rows}</table></div>"
        f'<p class="caption">Measured on {SAMPLES:,} digits each, without guidance (the rectified model has its '
        "teacher’s within it), by Euler and DDIM; Fréchet distance in times that of as many training digits.</p>"
    )


def ratio(value: float) -> str:
    return f"{value:.2f}×" if value < 10 else f"{value:,.0f}×"


def table() -> None:
    """What stands below the stage."""
    gr.HTML(f'<div class="card"><h3>Quality against evaluations</h3>{quality()}</div>', js_on_load=None)


PART = Part(
    id="match",
    title="Match",
    lead="<b>Drag the evaluations</b>: from the same noise three models draw the same digit. Look for how straight "
    "their paths are, and how few steps each one needs.",
    stage="flow/match",
    settings=(
        Setting("nfe", integer(1, FINE[-1]), 4, "Evaluations"),
        Setting("label", choice(data.CLASSES["mnist"]), "5", "Class"),
        Setting("seed", seed(), 0, "Seed"),
        Setting("guidance", number(0, 4, 0.25), 1.5, "Guidance (1 = off)"),
        Setting("sampler", choice(SAMPLERS), "euler", "Flow solver"),
    ),
    presets=(
        Preset(
            "One evaluation",
            "Each model may look at the noise once. Whose digit is nearest to the end of its whole path?",
            {"nfe": 1, "label": "2", "seed": 3},
            "The rectified model’s: its path is nearly straight, and one step misses the end by less than half of what "
            "the others miss it by. Those draw a grey mean of all that could come.",
            (
                Answer(
                    "Flow matching’s, trained on straight lines.",
                    "The lines were straight, but its paths are not: lines of different pairs cross.",
                ),
                Answer("The rectified model’s."),
                Answer(
                    "Diffusion’s, the best with many steps.",
                    "Many steps follow its curve, and a single one leaves it along the tangent.",
                ),
            ),
        ),
        Preset(
            "An arc and two lines",
            "All three begin with the same noise and end with a 7. Which path is a detour?",
            {"nfe": 24, "label": "7", "seed": 4},
            "Diffusion’s: it mixes picture and noise so that the variance stays, which is an arc. Flow matching mixes "
            "on a line and bends only where lines would cross; rectified, it hardly bends at all.",
            (
                Answer("None: they join the same noise with a 7.", "Ends say nothing of the way between them."),
                Answer("Flow matching’s: lines that cross make it bend.", "It does bend there, but not much."),
                Answer("Diffusion’s."),
            ),
        ),
        Preset(
            "Heun and the noise",
            "Heun’s rule is of second order, Euler’s of first. With 4 evaluations each, whose 4 is the cleaner one?",
            {"nfe": 4, "label": "4", "seed": 1, "sampler": "heun"},
            "Heun leaves noise in both flows’ digits, as half of its last step is a velocity at t = 1, where x says "
            "nothing of the noise that it came from. Choose Euler, or Midpoint, which is of second order as well and "
            "never asks there: the noise is gone.",
            (
                Answer(
                    "Heun’s, as its error shrinks faster.",
                    "Faster is as steps get small, and where the velocity is smooth to the end.",
                ),
                Answer("Euler’s."),
                Answer(
                    "Both are as clean: the paths are nearly straight.",
                    "A straight path has one velocity all along, but the network does not give it at its end.",
                ),
            ),
        ),
    ),
    form=True,
    wide=True,
    below=table,
    show=show,
    picture=picture,
    code=code,
)


@endpoint(
    PART.table,
    Pictures("A digit of each model, 28 x 28, with the model's name"),
    Value("For each model: nfe, its evaluations; digit, as the LeNet reads it; straightness, 0 for a straight path"),
    takes=("label", "seed", "nfe", "guidance", "sampler"),
    lane=lanes.STREAM,
)
def flow_match(**settings: Any) -> tuple[list, dict]:
    """Draw a digit from one noise by flow matching, its rectified model, and diffusion."""
    pictures, figures = [], {}
    for name, title in MODELS.items():
        one, curve = taken(name, **settings), straightness(fine(name, **settings))
        pictures.append((images.tile(matching.picture(one.states[-1:]), 1), title))
        figures[name] = {"nfe": one.nfe, "digit": read(one.states[-1])[0], "straightness": curve}
    return pictures, figures


ENDPOINTS = (flow_match,)

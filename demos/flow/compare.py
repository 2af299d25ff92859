"""Compare: four ways to model the same digits, what each knows of a picture's probability, what its samples cost."""

import functools
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr
import torch
from PIL import Image
from torch import Tensor

from demos._server import lanes
from demos._ui import charts, images
from demos._ui.api import Pictures, Value, endpoint
from demos._ui.settings import Setting, choice, seed
from demos._ui.tab import Answer, Part, Preset
from genai_core import diffusion, gan, vae
from genai_core.common import checkpoints
from genai_core.diffusion.evaluation import BUDGETS, GRID
from genai_core.flows import base, variants

FLOWS = {"glow-mnist": "Glow", "realnvp-mnist": "RealNVP", "nice-mnist": "NICE"}
COUNT = 10  # samples of each
RUNS, PATIENCE = 3, 500.0  # of which the time is the median; milliseconds after which no other run begins
DIFFUSION = "ddpm-mnist"
STEPS = {str(nfe): f"{nfe} steps" for nfe in BUDGETS}


@dataclass(frozen=True)
class Family:
    """known: how a picture's probability is known. good, weak: what it is good at, and what it pays for that."""

    title: str
    ink: str
    known: str
    good: str
    weak: str


FAMILIES = {
    "vae": Family(
        "VAE",
        "--real",
        "a lower bound, which its encoder makes tight",
        "16 numbers say what a picture is.",
        "Samples are blurred: given z, its decoder takes every pixel for independent.",
    ),
    "flow": Family(
        "Flow",
        "--noise",
        "exactly, of a picture with its noise",
        "No bound and no sampling: one pass tells the density, and its inverse draws.",
        "Every layer must be invertible, and z has as many numbers as the picture.",
    ),
    "diffusion": Family(
        "Diffusion",
        "--made",
        "a lower bound, the sum over 1,000 steps",
        "Trained by regression alone, with no game and no layer that must be invertible.",
        "Each picture takes many passes of its network.",
    ),
    "gan": Family(
        "GAN",
        "--ink-soft",
        "not at all: it draws pictures and gives none of them a probability",
        "One pass draws a sharp picture.",
        "No likelihood tells what it leaves out.",
    ),
}
MODELS = {"vae": "vae-mnist", "diffusion": DIFFUSION, "gan": "cgan-mnist"}


def models(flow: str) -> dict[str, str]:
    """The checkpoint of each family, in the order of FAMILIES."""
    return {key: MODELS.get(key, flow) for key in FAMILIES}


def sampler(model: str, nfe: str) -> Callable[[torch.Generator], Tensor]:
    """generator -> COUNT pictures [COUNT, 1, 28, 28] in [0, 1] of a model; one of each class where it takes classes."""
    labels = torch.arange(COUNT)
    if model in FLOWS:
        return lambda generator: base.sample(variants.load(model), COUNT, generator=generator)
    return {
        "vae-mnist": lambda generator: vae.sample(vae.load(model), COUNT, generator=generator),
        "cgan-mnist": lambda generator: gan.sample(gan.load(model), COUNT, generator=generator, labels=labels),
        DIFFUSION: lambda generator: diffusion.sample(
            diffusion.load(model), COUNT, generator=generator, labels=labels, steps=int(nfe), spacing=GRID
        ),
    }[model]


@functools.lru_cache(maxsize=64)
def pictures(model: str, nfe: str, seed: int) -> Tensor:
    """COUNT samples [COUNT, 1, 28, 28] in [0, 1]."""
    return sampler(model, nfe)(torch.Generator().manual_seed(seed)).cpu()


@functools.cache  # once a server: what is saved is what is shown
def milliseconds(model: str, nfe: str) -> float:
    """Time to draw COUNT pictures on this machine: the median of RUNS, or of fewer that take PATIENCE together."""
    draw, times = sampler(model, nfe), []
    pictures(model, nfe, 0)  # the first of a model is not counted
    while len(times) < RUNS and sum(times) < PATIENCE:
        begun = time.perf_counter()
        draw(torch.Generator().manual_seed(0)).cpu()
        times.append(1000 * (time.perf_counter() - begun))
    return statistics.median(times)


def diffusion_key(nfe: str) -> str:
    return f"frechet_ratio_{nfe}nfe_ddim"


def frechet(model: str, nfe: str) -> float:
    """Fréchet distance of 10,000 samples in that of as many training pictures, of diffusion with these steps."""
    key = diffusion_key(nfe) if model == DIFFUSION else "frechet_ratio"
    return checkpoints.read_json(model, "metrics.json")[key]


def row(key: str, model: str, nfe: str, seed: int) -> dict[str, Any]:
    """What the stage shows of one family; bits is null where there is no density."""
    family = FAMILIES[key]
    return {
        "title": f"Flow: {FLOWS[model]}" if key == "flow" else family.title,
        "ink": family.ink,
        "model": model,
        "known": family.known,
        "good": family.good,
        "weak": family.weak,
        "bits": checkpoints.read_json(model, "metrics.json").get("bits") if key != "gan" else None,
        "frechet": frechet(model, nfe),
        "passes": int(nfe) if key == "diffusion" else 1,
        "ms": milliseconds(model, nfe if key == "diffusion" else ""),  # the others' is one, whatever diffusion takes
        "pictures": images.base64_of(images.pixels(pictures(model, nfe, seed))),
    }


def rows(flow: str, nfe: str, seed: int) -> list[dict[str, Any]]:
    return [row(key, model, nfe, seed) for key, model in models(flow).items()]


def best(found: list[dict[str, Any]]) -> dict[str, int]:
    """Which row has the least of each measure."""
    return {
        name: min((k for k, one in enumerate(found) if one[name] is not None), key=lambda k: found[k][name])
        for name in ("bits", "frechet", "ms")
    }


def show(**settings: Any) -> dict:
    found = rows(**settings)
    return {"rows": found, "best": best(found), "count": COUNT}


def times(value: float) -> str:
    return f"{value:.1f}×" if value < 10 else f"{value:.0f}×"


def bits_of(one: dict[str, Any]) -> str:
    return "none" if one["bits"] is None else f"{'≤ ' if 'at most' in one['known'] else ''}{one['bits']:.2f}"


def picture(**settings: Any) -> Image.Image:
    """The samples, a row each, above the table of the stage."""
    found = rows(**settings)
    header = ("", "bits per dimension", "Fréchet", "passes", f"{COUNT} digits here")
    lines = [
        (one["title"], bits_of(one), times(one["frechet"]), str(one["passes"]), f"{one['ms']:.0f} ms") for one in found
    ]
    drawn = torch.cat(
        [pictures(model, settings["nfe"], settings["seed"]) for model in models(settings["flow"]).values()]
    )
    return charts.below([images.tile(drawn, COUNT, gap=2, zoom=2), charts.table([header, *lines])], 16)


def says(flow: str, nfe: str, seed: int) -> str:
    return "\n".join(
        f"{one['model']}: bits per dimension {one['bits']}, Fréchet distance {one['frechet']:.2f} times the reference"
        for one in rows(flow, nfe, seed)
    )


def code(flow: str, nfe: str, seed: int) -> str:
    return f'''import torch

from genai_core import diffusion, gan, vae
from genai_core.common import checkpoints
from genai_core.common.pictures import tile
from genai_core.flows import base, variants

one_each = dict(labels=torch.arange({COUNT}))
draws = {{
    "vae-mnist": lambda name, g: vae.sample(vae.load(name), {COUNT}, generator=g),
    "{flow}": lambda name, g: base.sample(variants.load(name), {COUNT}, generator=g),
    "{DIFFUSION}": lambda name, g: diffusion.sample(
        diffusion.load(name), {COUNT}, generator=g, steps={nfe}, spacing="{GRID}", **one_each
    ),
    "cgan-mnist": lambda name, g: gan.sample(gan.load(name), {COUNT}, generator=g, **one_each),
}}
for name in draws:
    measured = checkpoints.read_json(name, "metrics.json")
    ratio = measured["{diffusion_key(nfe)}" if name == "{DIFFUSION}" else "frechet_ratio"]
    print(f"{{name}}: bits per dimension {{measured.get('bits')}}, Fréchet distance {{ratio:.2f}} times the reference")
x = torch.cat([draw(name, torch.Generator().manual_seed({seed})).cpu() for name, draw in draws.items()])
tile(x, {COUNT}, gap=2, zoom=2).save("samples.png")
'''


MEASURED = """
<p><b>Bits per dimension</b> of MNIST’s test digits, as whole grey levels from 0 to 255; fewer are better. All that have
them are asked for the same. The flow’s is the mean over uniform noise, which bounds that of whole levels from above
(Theis 2016). The VAE and the diffusion model predict values, not levels: a table, counted on training pictures, says
which levels follow a prediction. The VAE’s is the importance-weighted bound with 50 draws (Burda 2015), the diffusion
model’s the variational bound over its 1,000 steps, without a label (Ho 2020).</p>
<p><b>Fréchet</b>: the distance between 10,000 samples and the test digits in the features of our LeNet, in times that
of as many training digits. <b>Time</b>: to draw ten digits on this machine, the median of up to three. GAN and
diffusion draw one of each class, VAE and flow what comes.</p>
"""


def measured() -> None:
    """What stands below the stage."""
    gr.HTML(f'<div class="card"><h3>How this is measured</h3>{MEASURED}</div>', js_on_load=None)


PART = Part(
    id="compare",
    title="Compare",
    lead="The same digits, <b>four ways to model them</b>. Look for who knows how likely a picture is, whose samples "
    "are best, and what they cost.",
    stage="flow/compare",
    settings=(
        Setting("flow", choice(FLOWS), "glow-mnist", "Flow"),
        Setting("nfe", choice(STEPS), "50", "Diffusion's steps"),
        Setting("seed", seed(), 0, "Seed"),
    ),
    presets=(
        Preset(
            "Few steps",
            "Diffusion pays for each picture with many passes of its network. What do only 4 of them give?",
            {"nfe": "4"},
            "Digits farther from real ones than with 50 steps, and still nearer than the VAE’s and the flow’s.",
            (
                Answer("Digits, somewhat farther from real ones."),
                Answer(
                    "Noise: most of it is not removed yet.",
                    "Fewer steps are longer ones, and together they remove all of the noise.",
                ),
                Answer("Digits as good as with 50 steps.", "The path is curved, and long steps cut its corners."),
            ),
        ),
        Preset(
            "The first flow",
            "NICE moves values and never stretches them. How many bits does it take for the same digits?",
            {"flow": "nice-mnist"},
            "More than Glow takes for the same digits: a volume that cannot change must fit everywhere.",
            (
                Answer(
                    "As many as Glow: both tell them exactly.",
                    "Exact is how the density is computed, not how well it fits.",
                ),
                Answer(
                    "Fewer than Glow: it has less to describe.",
                    "Bits count how surprised a model is by digits, not how large it is.",
                ),
                Answer("More than Glow."),
            ),
        ),
        Preset(
            "Likely and good",
            "Glow gives the test digits the fewest bits of all. Are its samples the nearest to real ones, too?",
            {"flow": "glow-mnist", "nfe": "50"},
            "They are the farthest from real ones. Diffusion’s are far nearer, though its bits are the most of the "
            "three that have any. A likelihood hardly notices bad samples: were 99 of 100 noise, each digit would take "
            "0.01 bits per dimension more (Theis 2016).",
            (
                Answer(
                    "Yes: who tells digits best draws them best.",
                    "To give real digits density is one thing, to give little to all else another.",
                ),
                Answer(
                    "They are as near as the others: all fit the same digits.",
                    "Each fits them by a loss of its own, and what it gets wrong is its own, too.",
                ),
                Answer("No: none are farther."),
            ),
        ),
    ),
    form=True,
    wide=True,
    below=measured,
    show=show,
    picture=picture,
    code=code,
    says=says,
)


@endpoint(
    PART.table,
    Pictures("Ten samples of each model, with its name"),
    Value("For each model: bits, per dimension of test digits (or null); frechet; passes a picture takes; ms here"),
    takes=("flow", "nfe", "seed"),
    lane=lanes.STREAM,
)
def flow_compare(**settings: Any) -> tuple[list, dict]:
    """Samples of a VAE, a flow, a diffusion model and a GAN of the same digits, and what was measured of each."""
    found = rows(**settings)
    drawn = [
        (images.tile(pictures(one["model"], settings["nfe"], settings["seed"]), COUNT, gap=2), one["model"])
        for one in found
    ]
    return drawn, {one["model"]: {name: one[name] for name in ("bits", "frechet", "passes", "ms")} for one in found}


ENDPOINTS = (flow_compare,)

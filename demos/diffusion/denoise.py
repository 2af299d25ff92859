"""Denoising step by step: the state, the noise that the network sees in it, and the picture it believes is behind."""

import time
from collections.abc import Iterator

import gradio as gr
import torch

from demos import _checks, _common, _keep
from demos._common import AGAIN, LIGHT, QUIET, STREAM
from demos.diffusion import _models
from demos.diffusion._models import COUNT, MIXED, MODELS, NAMES, SAMPLERS, STUDENT, TAB
from genai_core import diffusion
from genai_core.diffusion import schedules
from genai_core.diffusion.samplers import SPACING, Step

SECONDS = 30.0  # a run's own end, whatever the machine
EVERY = 0.03  # seconds between two messages: a page is not sent more than it can draw
PRESETS = {
    "A seven in 50 steps": "DDIM. At which step do you know that it is a 7?",
    "Only 8 steps": "The same noise with 8 evaluations by DPM-Solver++. What is lost?",
    "Four, by the student": "A distilled student jumps four times. Does it look as if it had taken 50?",
    "Guidance 4": "Further from “any digit” towards the class. What happens to the variety?",
    "No class at all": "The network is told nothing: it must decide itself. When does it?",
}
STATES = {
    "A seven in 50 steps": {"class": "7"},
    "Only 8 steps": {"class": "7", "sampler": "DPM-Solver++ 2M", "steps": 8},
    "Four, by the student": {"model": "ddpm-mnist-fewstep", "steps": 4},
    "Guidance 4": {"guidance": 4.0, "steps": 25},
    "No class at all": {"class": _models.NONE},
}


def shown(step: Step, seconds: float) -> dict:
    """One step for the page: COUNT pictures each of x_t, predicted noise, predicted x_0 and the state after it."""
    norm = None if step.guidance_norm is None else round(float(step.guidance_norm.mean()), 3)
    return {
        "step": step.step,
        "t": round(step.t, 4),
        "nfe": step.nfe,
        "ms": round(1000 * seconds),
        "x": _models.packed(step.x, -2.5, 2.5),
        "noise": _models.packed(step.noise, -2.5, 2.5),
        "x0": _models.packed(step.x0, -1, 1),
        "after": _models.packed(step.after, -2.5, 2.5),
        "norm": norm,
    }


def run_of(clean: dict, branch: tuple[int, int] | None) -> Iterator[Step]:
    """The steps of a run; of a branch (step k, its seed), those from k on: the way to k again, then fresh noise."""
    model, generator = diffusion.load(clean["model"]), torch.Generator().manual_seed(clean["seed"])
    options = _models.options(clean)
    steps = diffusion.sample_steps(model, COUNT, generator=generator, **options)
    if branch is None:
        yield from steps
        return
    k, seed = branch
    state = next(step.x for step in steps if step.step == k)
    fresh = options | {"sampler": "ddpm", "spacing": SPACING.get(options["sampler"], "trailing")}
    yield from diffusion.sample_steps(
        model, COUNT, generator=torch.Generator().manual_seed(seed), start=(k, state), **fresh
    )


def frames(clean: dict, branch: tuple[int, int] | None = None) -> Iterator[dict]:
    """The control's value, message by message: what is new since the last, and of the first one the whole plan."""
    begun = sent = time.monotonic()
    sampler = SAMPLERS[clean["sampler"]]
    grid = schedules.grid(schedules.schedule(clean["schedule"]), clean["steps"], SPACING.get(sampler, "trailing"))
    plan = {
        "run": f"{begun:.6f}",
        "levels": [round(float(t), 4) for t in grid[:-1]],
        "seed": clean["seed"],
        "branch": None if branch is None else branch[0],
    }
    waiting = []
    for step in run_of(clean, branch):
        now = time.monotonic()
        waiting.append(shown(step, now - begun))
        last = step.step == clean["steps"] - 1
        if last or len(waiting) == 1 == step.nfe or now - sent > EVERY or now - begun > SECONDS:
            yield plan | {"new": waiting, "done": last}
            waiting, sent = [], now
        if now - begun > SECONDS:
            raise _checks.InputError(f"This run was ended after {SECONDS:.0f} seconds; choose fewer steps.")


@_checks.stream_handler
def sample(*controls) -> Iterator[dict]:
    """The page's controls -> the stage's value, step by step."""
    yield from frames(_models.settings(*controls))


@_checks.stream_handler
def branch(view: dict, *controls) -> Iterator[dict]:
    """The stage's value {"branch": {"step", "seed"}} and the controls -> another run from that step on."""
    wish = _checks.record(_checks.record(view, "The stage").get("branch"), "The branch")
    clean = _models.settings(*controls)
    if diffusion.load(clean["model"]).jumps:
        raise _checks.InputError("The few-step student cannot be branched: it was not made for DDPM's fresh noise.")
    k = _checks.whole(wish.get("step"), "The step", 0, clean["steps"] - 1)
    yield from frames(clean, (k, _checks.seed(wish.get("seed"))))


def picture(*controls):
    """The run's samples as one picture."""
    *_, last = run_of(_models.settings(*controls), None)
    return _common.tile(diffusion.picture(last.after).cpu(), 3, gap=2, zoom=6)


def values(found: dict) -> tuple:
    """Settings of a link or a saved picture -> values of the controls, the class and the sampler with choices."""
    model, chosen, sampler, *rest = _models.values(found)
    return model, gr.Dropdown(choices=class_choices(model), value=chosen), sampler_choices(model, sampler), *rest


def class_choices(model: str) -> list[str]:
    return [MIXED, _models.NONE, *_models.classes(model)]


def sampler_choices(model: str, value: str):
    known = STUDENT if diffusion.load(model).jumps else list(SAMPLERS)
    return gr.Dropdown(choices=known, value=value if value in known else known[0])


@_checks.handler
def choose(model: str, chosen: str, sampler: str, steps: float):
    """Another model -> class, sampler and steps that fit it."""
    model = _checks.choice(model, "The model", MODELS)
    jumps = diffusion.load(model).jumps
    classes = class_choices(model)
    fits = gr.Dropdown(choices=classes, value=chosen if chosen in classes else MIXED)
    return fits, sampler_choices(model, sampler), 4 if jumps else (50 if steps == 4 else steps)


@_checks.handler
def preset(event: gr.EventData):
    """The chosen preset -> values of the controls."""
    return values(STATES[_checks.choice(event.preset, "The preset", tuple(PRESETS))])


def start(_request: dict) -> dict:
    """The stage at first: the end of a short run, all steps of it, so that there is something to scrub."""
    clean = _models.settings(*_models.values({"class": MIXED, "steps": 20}))
    *messages, last = frames(clean)
    return last | {"new": [part for message in (*messages, last) for part in message["new"]]}


def controls() -> list:
    """Model, class, sampler, steps, guidance; folded: schedule, eta; and the seed. Returns them in `settings` order."""
    model = gr.Dropdown([(title, name) for name, title in NAMES.items()], value=MODELS[0], label="Model")
    chosen = gr.Dropdown(class_choices(MODELS[0]), value=MIXED, label="Class")
    sampler = gr.Dropdown(list(SAMPLERS), value="DDIM", label="Sampler")
    steps = gr.Slider(1, 200, value=20, step=1, label="Steps")
    guidance = gr.Slider(0, 8, value=1, step=0.25, label="Guidance (1: none)")
    with gr.Accordion("More", open=False):
        schedule = gr.Dropdown(list(schedules.NAMES), value="cosine", label="Noise schedule")
        eta = gr.Slider(0, 1, value=0, step=0.05, label="η, DDIM's share of fresh noise")
    seed = gr.Number(0, label="Seed", precision=0, minimum=0, maximum=_checks.SEEDS)
    model.input(choose, [model, chosen, sampler, steps], [chosen, sampler, steps], **LIGHT, **QUIET)
    return [model, chosen, sampler, steps, guidance, schedule, eta, seed]


def build() -> list:
    """Returns the controls, which `values` fills."""
    _common.lead(
        "<b>Press Sample</b> and watch noise become six pictures. Then drag the step: look for when the network knows "
        "what it is drawing, long before it can be seen."
    )
    pills = _common.presets(PRESETS)
    with gr.Row():
        with gr.Column(scale=4, min_width=280):
            with gr.Row():
                go = gr.Button("Sample", variant="primary", min_width=80)
                stop = gr.Button("Stop", min_width=80)
            parts = controls()
        with gr.Column(scale=7, min_width=320):
            stage = _common.control("denoise", None, [start])
            _keep.bar(TAB, "denoise", parts, _models.settings, picture, values)
    quiet = {"show_progress": "hidden", "api_visibility": "private", **STREAM}
    run = go.click(sample, parts, stage, **quiet)
    other = stage.input(branch, [stage, *parts], stage, **quiet)
    chosen = pills.click(preset, None, parts, **LIGHT, **QUIET)
    _common.ended_by([run, other, chosen.success(sample, parts, stage, **quiet, **AGAIN)], stop.click, pills.stop)
    return parts

"""Denoising step by step: the state, the noise that the network predicts in it, and the predicted picture."""

import time
from collections.abc import Iterator
from typing import Any

import torch
from PIL import Image

from demos._ui import images, validation
from demos._ui.settings import Setting, integer, seed
from demos._ui.tab import Action, Answer, Part, Preset
from demos.diffusion import _models
from demos.diffusion._models import COUNT, SAMPLERS, STUDENT
from genai_core import diffusion
from genai_core.diffusion import schedules
from genai_core.diffusion.samplers import SPACING, Step

SECONDS = 30.0  # a run's own end, whatever the machine
EVERY = 0.03  # seconds between two messages: a page is not sent more than it can draw
AT_ONCE = 100  # passes of the network that a link waits for; the page streams a longer run
WIDE = (  # by how much, for Gaussian data, whose score is exact
    "Langevin dynamics needs many small steps: its samples are about 1.4 times too wide at 50, 1.1 times at 200."
)


def step_value(step: Step, seconds: float) -> dict:
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


def steps_of(**settings: Any) -> Iterator[Step]:
    """The steps of a run; of a branch at step k: the run up to k, then from its state on with fresh noise, by DDPM."""
    model, generator = diffusion.load(settings["model"]), torch.Generator().manual_seed(settings["seed"])
    options, k = _models.options(settings), settings["branch_step"]
    for step in diffusion.sample_steps(model, COUNT, generator=generator, **options):
        if step.step == k:
            break
        yield step
    else:
        return
    fresh = options | {"sampler": "ddpm", "spacing": SPACING.get(options["sampler"], "trailing")}
    generator = torch.Generator().manual_seed(settings["branch_seed"])
    yield from diffusion.sample_steps(model, COUNT, generator=generator, start=(k, step.x), **fresh)


def sample(**settings: Any) -> Iterator[dict]:
    """The stage's value, message by message: what is new since the last, and with it the plan of the whole run."""
    begun = sent = time.monotonic()
    spacing = SPACING.get(SAMPLERS[settings["sampler"]], "trailing")
    grid = schedules.grid(schedules.schedule(settings["schedule"]), settings["steps"], spacing)
    plan = {
        "levels": [round(float(t), 4) for t in grid[:-1]],
        "seed": settings["seed"],
        "branch": settings["branch_step"],
        "passes": _models.passes(settings),
        "remark": WIDE if SAMPLERS[settings["sampler"]] == "langevin" else "",
    }
    waiting, first = [], True
    for step in steps_of(**settings):
        now = time.monotonic()
        waiting.append(step_value(step, now - begun))
        last = step.step == settings["steps"] - 1
        if last or first or now - sent > EVERY or now - begun > SECONDS:
            yield plan | {"new": waiting, "begins": first, "done": last, "step": step.step + last}
            waiting, sent, first = [], now, False
        if now - begun > SECONDS:
            raise validation.InputError(f"This run was ended after {SECONDS:.0f} seconds; choose fewer steps.")


def show(**settings: Any) -> dict:
    """All steps of a run, so that there is something to scrub; of a long one the first, and the page runs it."""
    run = sample(**settings)
    evaluations = settings["steps"] * (2 if SAMPLERS[settings["sampler"]] == "heun" else 1)
    if evaluations * _models.passes(settings) > AT_ONCE:
        return next(run)
    *messages, last = run
    new = [step for message in (*messages, last) for step in message["new"]]
    return last | {"new": new, "begins": True}


def shown_step(shown: dict | None, steps: int) -> int:
    """The step that the stage shows, of {"step"}: `steps`, the samples, where it says nothing. Raises: InputError."""
    given = validation.json_object(shown or {}, "The stage")
    return validation.integer(given.get("step", steps), "The step that is shown", 0, steps)


def picture(shown: dict | None = None, **settings: Any) -> Image.Image:
    """The samples as one picture; at an earlier step the states, and below them the predicted pictures."""
    at = shown_step(shown, settings["steps"])
    if at == settings["steps"]:
        *_, last = steps_of(**settings)
        return images.tile(diffusion.picture(last.after).cpu(), 3, gap=2, zoom=6)
    step = next(step for step in steps_of(**settings) if step.step == at)
    return images.tile(diffusion.picture(torch.cat([step.x, step.x0])).cpu(), COUNT, gap=2, zoom=6)


STOP = """
    if step.step == {at}:  # the step that the stage shows
        break"""
SAMPLES = "tile(diffusion.picture(step.after).cpu(), 3, gap=2, zoom=6)"
STATES = f"tile(diffusion.picture(torch.cat([step.x, step.x0])).cpu(), {COUNT}, gap=2, zoom=6)"


def code(
    model: str,
    label: str,
    sampler: str,
    branch_step: int,
    branch_seed: int,
    seed: int,
    shown: dict | None = None,
    **settings: Any,
) -> str:
    at = shown_step(shown, settings["steps"])
    branch_step = -1 if at < branch_step else branch_step
    options = ", ".join(f"{name}={settings[name]!r}" for name in ("steps", "guidance", "schedule", "eta"))
    branch = f"""
# a branch at step {branch_step}: the same state, then fresh noise by DDPM
x = next(step.x for step in steps if step.step == {branch_step})
options |= dict(sampler="ddpm", spacing=SPACING.get(options["sampler"], "trailing"), start=({branch_step}, x))
steps = diffusion.sample_steps(model, {COUNT}, generator=torch.Generator().manual_seed({branch_seed}), **options)"""
    spacing = "from genai_core.diffusion.samplers import SPACING\n" if branch_step >= 0 else ""
    return f'''import torch

from genai_core import diffusion
from genai_core.common.pictures import tile
{spacing}
model = diffusion.load("{model}")
labels = {_models.labels_code(model, label, COUNT)}
options = dict(labels=labels, sampler="{SAMPLERS[sampler]}", {options})
steps = diffusion.sample_steps(model, {COUNT}, generator=torch.Generator().manual_seed({seed}), **options){
        branch if branch_step >= 0 else ""
    }
for step in steps:
    print(step.step, step.nfe, "noise level", round(step.t, 3)){"" if at == settings["steps"] else STOP.format(at=at)}
image = {SAMPLES if at == settings["steps"] else STATES}
image.save("picture.png")
'''


def branchable(settings: dict[str, Any]) -> dict[str, Any]:
    """What a branch asks of the other settings. Raises: InputError."""
    if settings["branch_step"] >= 0 and settings["model"] == STUDENT:
        raise validation.InputError("The few-step student cannot be branched: it was not made for DDPM's fresh noise.")
    if settings["branch_step"] >= settings["steps"]:
        raise validation.InputError("The step of the branch must be one of the steps.")
    return settings


PART = Part(
    id="denoise",
    title="Denoise",
    lead="<b>Press Sample</b> and watch noise become six pictures. Then drag the step: look for when the network knows "
    "what it is drawing, long before it can be seen.",
    stage="diffusion/denoise",
    settings=(
        _models.MODEL,
        _models.LABEL,
        _models.SAMPLER,
        _models.STEPS,
        _models.GUIDANCE,
        _models.SCHEDULE,
        _models.ETA,
        _models.SEED,
        Setting("branch_step", integer(-1, 199), -1, "The step of the branch", once=True),
        Setting("branch_seed", seed(), 0, "The seed of the branch", once=True),
    ),
    check=branchable,
    presets=(
        Preset(
            "A seven in 50 steps",
            "DDIM, guidance 1.5. At which step do you know that these are sevens?",
            {"label": "7", "guidance": 1.5},
            "Drag the step back: the predicted picture is a 7 within the first steps, while x is still noise.",
            (
                Answer("Within the first steps."),
                Answer("About half-way.", "x looks like noise for that long. The predicted picture is ahead of it."),
                Answer("In the last few steps.", "They only sharpen: what it is was decided long before."),
            ),
        ),
        Preset(
            "Only 8 steps",
            "The same noise with 8 evaluations by DPM-Solver++. What is lost?",
            {"label": "7", "guidance": 1.5, "sampler": "DPM-Solver++ 2M", "steps": 8},
            "Little: the same sevens, with slightly different strokes.",
            (
                Answer(
                    "The digits: other ones come out.",
                    "An ODE of the same field from the same noise ends near the same picture.",
                ),
                Answer("Little."),
                Answer("Nothing: both are exact.", "Each step is an approximation, and fewer steps are a coarser one."),
            ),
        ),
        Preset(
            "Four, by the student",
            "A distilled student jumps four times. Does it look as if it had taken 50?",
            {"model": STUDENT, "steps": 4},
            "Four evaluations, clean digits: progressive distillation has folded many steps into one.",
            (
                Answer(
                    "No: four steps must be blurred.",
                    "Four steps of the teacher are. The student was trained to land where the teacher's many steps do.",
                ),
                Answer(
                    "Yes, and it is the same network.",
                    "It has the same shape, and weights of its own: it learned from the teacher.",
                ),
                Answer("Yes, nearly."),
            ),
        ),
        Preset(
            "Guidance 4",
            "Away from “any digit”, towards the class. What becomes of the strokes? Compare guidance 1, by Sample.",
            {"guidance": 4.0, "steps": 25},
            "Bolder and plainer: a third more ink than at guidance 1, from the same noise. Thin and unusual strokes go "
            "first.",
            (
                Answer("They get bolder and plainer."),
                Answer(
                    "They get finer: more detail.",
                    "It moves towards what is typical of the class, and details are what differs within it.",
                ),
                Answer(
                    "Nothing: the class was given before, too.",
                    "Guidance decides how far beyond the class's own prediction it goes.",
                ),
            ),
        ),
        Preset(
            "No class at all",
            "The network is given no class: it must decide itself. When does it?",
            {"label": _models.NONE},
            "Most have settled on a digit in the first third of the steps, and some never become a clear one.",
            (
                Answer("In the last third.", "By then only strokes are drawn: the rest follows from what is there."),
                Answer(
                    "Never: without a class it draws a mix.",
                    "A mean of digits is what it predicts at first, and no picture that it was trained on.",
                ),
                Answer("In the first third, most of the time."),
            ),
        ),
    ),
    first={"steps": 20, "guidance": 1.5},
    form=True,
    actions=(Action("run", "Sample", primary=True), Action("stop", "Stop")),
    run=sample,
    show=show,
    picture=picture,
    code=code,
)

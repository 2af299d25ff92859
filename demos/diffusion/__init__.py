"""The diffusion tab: denoising step by step, a race of samplers, noising, inpainting, ways, a lab, Hub models."""

import gradio as gr

from demos import _checks, _common, _interpolate, _keep
from demos._common import QUIET, STREAM
from demos.diffusion import _models, denoise, forward, hub, inpaint, lab, race
from genai_core import diffusion
from genai_core.diffusion import fewstep, guided, samplers, schedules, unet
from genai_core.diffusion.inpaint import inpaint_steps

TITLE = "Diffusion"

HOW = r"""
A **diffusion model** (Sohl-Dickstein 2015; Ho 2020, [arXiv 2006.11239](https://arxiv.org/abs/2006.11239)) is one
network that was shown pictures under every amount of noise, and asked what is noise in them:

$$x_t = \sqrt{\bar\alpha_t}\, x_0 + \sqrt{1 - \bar\alpha_t}\, \epsilon, \qquad \epsilon \sim \mathcal{N}(0, I)$$

Ours predicts $v = \sqrt{\bar\alpha_t}\,\epsilon - \sqrt{1 - \bar\alpha_t}\,x_0$ (Salimans & Ho 2022), from which noise
and picture both follow. A **sampler** begins with noise and walks to the picture: it asks the network, moves a little
towards what it answers, asks again. **DDPM** draws fresh noise at each step, **DDIM** (Song 2020) none, so that the
first noise decides everything; **Heun** (Karras 2022) and **DPM-Solver++** (Lu 2022) solve the same differential
equation

$$\frac{d\,(x/\alpha)}{d\,(\sigma/\alpha)} = \epsilon_\theta(x, t)$$

to second order, so that fewer, longer steps do. **Guidance** (Ho & Salimans 2022) exaggerates what the class changes:
$v = v_\varnothing + w\,(v_y - v_\varnothing)$. The **few-step student** learned to go in one step where its teacher
goes in two, again and again (progressive distillation, Salimans & Ho 2022). **RePaint** (Lugmayr 2022) fills holes by
setting the known pixels at every step, and steps back to let both parts meet.
"""


@_checks.handler
def diffusion_sample(
    seed: int,
    model: str = "ddpm-mnist",
    label: str = _models.MIXED,
    sampler: str = "DDIM",
    steps: int = 20,
    guidance: float = 1.0,
) -> dict:
    """Draw six pictures; returns the settings, network evaluations, and a 3 x 2 sheet as PNG in base64."""
    clean = _models.settings(model, label, sampler, steps, guidance, "cosine", 0.0, seed)
    *_, last = denoise.run_of(clean, None)
    return {**clean, "nfe": last.nfe, "sheet": _common.png(_common.tile(diffusion.picture(last.after).cpu(), 3))}


# Values that a link fills, part by part.
PARTS = {"denoise": 8, "race": 3, "forward": 1, "inpaint": 5, "interpolate": 5, "lab": 5, "hub": 4}


def restore(query: dict) -> list:
    """Settings of a link -> values for what `build_tab` returns. Raises: InputError, CheckpointError."""
    part = _checks.choice(query.get("part", "denoise"), "The part", tuple(PARTS))
    if part == "forward":
        found = (forward.restored(query),)
    else:
        found = {
            "denoise": denoise.values,
            "race": race.values,
            "inpaint": inpaint.values,
            "interpolate": _models.SPACE.values,
            "lab": lab.values,
            "hub": hub.values,
        }[part](query)
    return _keep.among(PARTS, part, found)


def build_tab() -> list:
    """Layout and wiring; returns the components that `restore` fills."""
    with gr.Tabs() as parts:
        with gr.Tab("Denoise", id="denoise"):
            controls = denoise.build()
        with gr.Tab("Race", id="race") as race_tab:
            race_inputs, table = race.build()
        with gr.Tab("Forward", id="forward"):
            picture = forward.build()
        with gr.Tab("Inpaint", id="inpaint") as hole_tab:
            hole = inpaint.build(hole_tab)
        with gr.Tab("Interpolate", id="interpolate") as way_tab:
            way_inputs, way, show_way = _interpolate.build(_models.SPACE)
        with gr.Tab("Lab", id="lab"):
            trained = lab.build()
        with gr.Tab("Hub", id="hub"):
            fetched = hub.build()
    _common.how_it_works(
        HOW,
        unet.loss,
        guided.denoiser,
        samplers.ddpm,
        samplers.ddim,
        samplers.heun,
        samplers.dpmpp_2m,
        fewstep.train,
        inpaint_steps,
        schedules.schedule,
    )
    _common.model_cards(_models.NAMES)
    race_tab.select(race.show, race_inputs, table, **STREAM, **QUIET)
    way_tab.select(show_way, way_inputs, way, **STREAM, **QUIET)
    gr.api(diffusion_sample, api_name="diffusion_sample", **STREAM)
    return [parts, *controls, *race_inputs, picture, *hole, *way_inputs, *trained, *fetched]

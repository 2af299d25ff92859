"""Model: one step of sampling, every value of it: what the network is given, what it predicts, what becomes of it."""

import functools
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from demos._ui import graph, images
from demos._ui.graph import Graph, Node
from demos._ui.settings import Setting, choice, choice_by, integer, number
from demos._ui.tab import Answer, Part, Preset
from demos.diffusion import _models
from demos.diffusion._models import NAMES, NONE, SEED
from genai_core import diffusion
from genai_core.diffusion import guidance as guidance_module
from genai_core.diffusion import samplers
from genai_core.diffusion.parallel import by_parts
from genai_core.diffusion.samplers import Step
from genai_core.diffusion.unet import UNet

RUN = 50

GRAPH = Graph(
    (
        Node(
            "x",
            "xₜ",
            "picture",
            (0, 0.5),
            "The state: a little of the picture, much noise. The first one is noise alone.",
            "xₜ = α x₀ + σ ε",
        ),
        Node(
            "t", "t", "number", (0, 1.6), "The noise level, from 1, noise alone, to 0, the picture.", "α = cos(t π/2)"
        ),
        Node(
            "network",
            "U-Net",
            "network",
            (1, 0.5),
            "The one network, learned: it tells noise from picture at every noise level, given t and the class.",
            "v = α ε − σ x₀",
            UNet.forward,
            "accent",
        ),
        Node(
            "plain",
            "v, no class",
            "matrix",
            (2, 0),
            "What it predicts where the class is hidden from it.",
            "v(xₜ, t)",
            guidance_module.denoiser,
            "accent",
            line="without =",
        ),
        Node(
            "labelled",
            "v, class",
            "matrix",
            (2, 1),
            "What it predicts for the class. Guidance goes from the other one to this one, and on.",
            "v + guidance (v(class) − v)",
            guidance_module.denoiser,
            "accent",
            line="without + guidance",
        ),
        Node(
            "noise",
            "ε̂",
            "matrix",
            (3, 0),
            "The noise that is predicted to be in xₜ, both signs in colour.",
            "ε̂ = σ xₜ + α v",
            samplers.from_v,
            line="Prediction",
        ),
        Node(
            "x0",
            "x̂₀",
            "picture",
            (3, 1),
            "The picture that is predicted: at first the mean of all that it could become, which is why it is blurred.",
            "x̂₀ = α xₜ − σ v",
            samplers.from_v,
            "made",
            line="Prediction",
        ),
        Node(
            "after",
            "xₛ",
            "picture",
            (4, 0.5),
            "The next state, at a lower noise level s: DDIM adds picture and noise again. Then it begins anew.",
            "xₛ = αₛ x̂₀ + σₛ ε̂",
            samplers.ddim,
            "made",
            line="after =",
        ),
    ),
    (
        ("x", "network"),
        ("t", "network"),
        ("network", "plain"),
        ("network", "labelled"),
        ("plain", "noise"),
        ("plain", "x0"),
        ("labelled", "noise"),
        ("labelled", "x0"),
        ("noise", "after"),
        ("x0", "after"),
        ("after", "x"),
    ),
)


@functools.lru_cache(maxsize=64)  # the slider goes through the steps of one run
def steps(model: str, label: str, guidance: float, seed: int) -> list[Step]:
    """All steps of one picture's run by DDIM."""
    index = torch.tensor([_models.class_index(model, label)])
    return list(
        diffusion.sample_steps(
            diffusion.load(model),
            1,
            generator=torch.Generator().manual_seed(seed),
            labels=index,
            steps=RUN,
            guidance=guidance,
        )
    )


@torch.inference_mode()
def values(model: str, label: str, guidance: float, seed: int, step: int) -> dict[str, Tensor]:
    """Every value of the graph at a step, on the CPU."""
    network, found = diffusion.load(model), steps(model, label, guidance, seed)[step - 1]
    x, index = found.x, _models.class_index(model, label)
    levels = torch.full((2,), found.t, device=x.device)
    labels = torch.tensor([index, network.config.classes], device=x.device)
    labelled, plain = by_parts(network, torch.cat([x, x]), levels, labels)[:, 0]  # as the sampler evaluates it
    pictures = {"x": found.x, "x0": found.x0, "after": found.after}
    return {
        "t": torch.tensor(found.t),
        "plain": plain.cpu(),
        "labelled": labelled.cpu(),
        "noise": found.noise[0, 0].cpu(),
        **{name: diffusion.picture(state)[0].cpu() for name, state in pictures.items()},
    }


def show(**settings: Any) -> dict[str, Any]:
    return {"values": graph.values(GRAPH, values(**settings))}


def picture(**settings: Any) -> Image.Image:
    """The state, the predicted picture and the next state, side by side."""
    found = values(**settings)
    return images.tile(torch.stack([found["x"], found["x0"], found["after"]]), 3, gap=2, zoom=8)


def code(model: str, label: str, guidance: float, seed: int, step: int) -> str:
    return f'''import torch

from genai_core import diffusion
from genai_core.common.pictures import tile

model, label = diffusion.load("{model}"), torch.tensor([{_models.class_index(model, label)}])
generator = torch.Generator().manual_seed({seed})
run = diffusion.sample_steps(model, 1, generator=generator, labels=label, steps={RUN}, guidance={guidance!r})
step = list(run)[{step - 1}]
states = torch.cat([step.x, step.x0, step.after])
tile(diffusion.picture(states).cpu(), 3, gap=2, zoom=8).save("picture.png")
'''


def class_choices(name: str) -> list[str]:
    return [*_models.classes(name), NONE]


TEACHERS = {name: title for name, title in NAMES.items() if name != _models.STUDENT}

PART = Part(
    id="model",
    title="Model",
    lead="<b>Drag the step</b> and look at what the network predicts of the very same noise. <b>Click a box</b> for "
    "its equation and its source.",
    stage="model",
    settings=(
        Setting("step", integer(1, RUN), 15, f"Step, of {RUN}"),
        Setting("model", choice(TEACHERS), "ddpm-mnist", "Model"),
        Setting(
            "label", choice_by("model", tuple(TEACHERS), class_choices), lambda o: class_choices(o["model"])[7], "Class"
        ),
        Setting("guidance", number(0, 8, 0.25), 1.5, "Guidance (1 = off)"),
        SEED,
    ),
    presets=(
        Preset(
            "The first step",
            "There is noise alone. What picture can be predicted from it?",
            {"step": 1},
            "A blurred one: the mean of all pictures of the class that the noise could become. It has the least error.",
            (
                Answer(
                    "None: it is noise.", "The network must answer all the same, with what has the least squared error."
                ),
                Answer("The mean of what it could become."),
                Answer(
                    "The picture that will come out.",
                    "The noise does not decide it yet: many pictures could hide in it.",
                ),
            ),
        ),
        Preset(
            "The last step",
            "Next to no noise is left. What is there to predict?",
            {"step": RUN},
            "Hardly anything changes any more: the picture is the one of some steps ago, and sharp.",
            (
                Answer("Hardly anything."),
                Answer("The whole picture, at once.", "It was settled many steps ago; each step changes a little."),
                Answer(
                    "Pure noise: that is what it predicts.",
                    "It predicts the noise that is in xₜ, and next to none is left there.",
                ),
            ),
        ),
        Preset(
            "No class",
            "The class is hidden. What becomes of the two predictions?",
            {"label": NONE},
            "They are the same, so that guidance has nothing to add, and the first pictures are means of all classes.",
            (
                Answer(
                    "Both become noise.",
                    "Without a class it predicts from all digits, as it was trained to do in a tenth of the cases.",
                ),
                Answer("Guidance pulls them further apart.", "Guidance multiplies their difference, and that is 0."),
                Answer("They become the same."),
            ),
        ),
    ),
    form=True,
    wide=True,
    functions=(graph.description(GRAPH),),
    show=show,
    picture=picture,
    code=code,
)

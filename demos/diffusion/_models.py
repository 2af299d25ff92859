"""What the parts of the diffusion tab share: its checkpoints, their settings, and pictures of states."""

import base64
from typing import Any

import torch

from demos._ui import interpolation
from demos._ui.settings import Setting, choice, choice_by, integer, number, seed
from genai_core import data, diffusion
from genai_core.diffusion import schedules

NAMES = {
    "ddpm-mnist": "digits",
    "ddpm-mnist-fewstep": "digits, few-step student",
    "ddpm-fashion": "garments",
}
STUDENT = "ddpm-mnist-fewstep"
SAMPLERS = {
    "DDIM": "ddim",
    "DDPM, ancestral": "ddpm",
    "Euler, probability-flow ODE": "euler",
    "Heun, probability-flow ODE": "heun",
    "DPM-Solver++ 2M": "dpmpp_2m",
    "Langevin, annealed": "langevin",
}
MIXED, NONE = "some of each", "no class"
COUNT = 6  # pictures of a run


def classes(name: str) -> tuple[str, ...]:
    return data.CLASSES[diffusion.RECIPES[name].dataset]


def class_choices(name: str) -> list[str]:
    return [MIXED, NONE, *classes(name)]


def sampler_choices(name: str) -> list[str]:
    return ["DDIM"] if name == STUDENT else list(SAMPLERS)  # the student was made for its own jumps, DDIM's


def class_index(name: str, label: str) -> int:
    """Which class a label is; 10 stands for "no class" """
    return 10 if label == NONE else classes(name).index(label)


def labels(name: str, label: str, n: int) -> torch.Tensor:
    """A class, "some of each" or "no class" -> [n]."""
    return torch.arange(n) % 10 if label == MIXED else torch.full((n,), class_index(name, label))


def labels_code(name: str, label: str, n: int) -> str:
    """The same as code."""
    return f"torch.arange({n}) % 10" if label == MIXED else f"torch.full(({n},), {class_index(name, label)})"


def noise(seed: int, n: int = COUNT) -> torch.Tensor:
    """The noise that a seed begins with, [n, 1, 28, 28]."""
    return torch.randn((n, 1, 28, 28), generator=torch.Generator().manual_seed(seed))


def packed(x: torch.Tensor, low: float, high: float) -> str:
    """Values of any shape as bytes in base64, `low` as 0 and `high` as 255."""
    rounded = ((x - low) / (high - low) * 255).round().clamp(0, 255).byte()
    return base64.b64encode(rounded.cpu().numpy().tobytes()).decode()


def guidance_default(others: dict[str, Any]) -> float:
    """1.5 where there is a class to guide towards; the student learned its teacher's guided steps."""
    return 1.0 if others.get("model") == STUDENT or others["label"] == NONE else 1.5


MODEL = Setting("model", choice(NAMES), "ddpm-mnist", "Model")
LABEL = Setting("label", choice_by("model", tuple(NAMES), class_choices), MIXED, "Class", formerly="class")
SAMPLER = Setting("sampler", choice_by("model", tuple(NAMES), sampler_choices), "DDIM", "Sampler")
STEPS = Setting("steps", integer(1, 200), lambda others: 4 if others["model"] == STUDENT else 50, "Steps")
GUIDANCE = Setting("guidance", number(0, 8, 0.25), guidance_default, "Guidance (1 = off)")
SCHEDULE = Setting("schedule", choice(schedules.NAMES), "cosine", "Noise schedule", more=True)
ETA = Setting("eta", number(0, 1), 0.0, "η, DDIM's share of fresh noise", more=True)
SEED = Setting("seed", seed(), 0, "Seed")


def passes(settings: dict[str, Any]) -> int:
    """Passes of the network in one evaluation: guidance asks it with and without the class."""
    return 1 if settings["guidance"] == 1 else 2


def options(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings as arguments of `diffusion.sample_steps`, but for the model and the seed."""
    return {
        "labels": labels(settings["model"], settings["label"], COUNT),
        "sampler": SAMPLERS[settings["sampler"]],
        **{name: settings[name] for name in ("steps", "guidance", "schedule", "eta")},
    }


def from_noise(name: str, z: torch.Tensor, label: int) -> torch.Tensor:
    """Noise [N, 784] -> pictures [N, 1, 28, 28], by DDIM in few steps, every one of the same class."""
    model = diffusion.load(name)
    *_, last = diffusion.sample_steps(
        model,
        len(z),
        generator=torch.Generator(),  # DDIM without eta draws nothing
        labels=torch.full((len(z),), label),
        steps=model.steps if model.jumps else 15,
        start=(0, z.view(-1, 1, 28, 28)),
    )
    return diffusion.picture(last.after).cpu()


PROGRAM = """import torch

from genai_core import diffusion

model = diffusion.load("{model}")
noises = [torch.Generator().manual_seed(seed) for seed in ({from_seed}, {to_seed})]
a, b = (torch.randn((1, 1, 28, 28), generator=generator).flatten() for generator in noises)


def decode(z):  # DDIM without fresh noise: the first noise decides everything
    options = dict(labels=torch.full((len(z),), {label}), steps=model.steps if model.jumps else 15)
    start = (0, z.view(-1, 1, 28, 28))
    *_, last = diffusion.sample_steps(model, len(z), generator=torch.Generator(), start=start, **options)
    return diffusion.picture(last.after).cpu()
"""
SPACE = interpolation.Space(
    names=NAMES,
    code=lambda name, seed: noise(seed, 1).flatten(),
    decode=from_noise,
    program=PROGRAM,
    classes=classes,
)

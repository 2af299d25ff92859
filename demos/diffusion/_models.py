"""What the parts of the diffusion tab share: its checkpoints, their settings, and pictures of states."""

import base64

import torch

from demos import _checks, _interpolate, _keep
from genai_core import data, diffusion

TAB = "diffusion"
NAMES = {
    "ddpm-mnist": "digits",
    "ddpm-mnist-fewstep": "digits, few-step student",
    "ddpm-fashion": "garments",
}
MODELS = tuple(NAMES)
SAMPLERS = {
    "DDIM": "ddim",
    "DDPM, ancestral": "ddpm",
    "Euler, probability-flow ODE": "euler",
    "Heun, probability-flow ODE": "heun",
    "DPM-Solver++ 2M": "dpmpp_2m",
    "Langevin, annealed": "langevin",
}
STUDENT = ["DDIM"]  # a student was made for its own jumps, which are DDIM's
MIXED, NONE = "some of each", "no class"
COUNT = 6  # pictures of a run


def dataset(name: str) -> str:
    return diffusion.RECIPES[name].dataset


def classes(name: str) -> tuple[str, ...]:
    return data.CLASSES[dataset(name)]


def labels(name: str, chosen: str, n: int) -> torch.Tensor:
    """The chosen class, "some of each" or "no class" -> [n]."""
    options = [MIXED, NONE, *classes(name)]
    k = options.index(_checks.choice(chosen, "The class", options))
    return torch.arange(n) % 10 if k == 0 else torch.full((n,), 10 if k == 1 else k - 2)


def noise(seed: int, n: int = COUNT) -> torch.Tensor:
    """The noise that a seed begins with, [n, 1, 28, 28]."""
    return torch.randn((n, 1, 28, 28), generator=torch.Generator().manual_seed(seed))


def packed(x: torch.Tensor, low: float, high: float) -> str:
    """Values of any shape as bytes in base64, `low` as 0 and `high` as 255."""
    whole = ((x - low) / (high - low) * 255).round().clamp(0, 255).byte()
    return base64.b64encode(whole.cpu().numpy().tobytes()).decode()


def settings(model, chosen, sampler, steps, guidance, schedule, eta, seed) -> dict:
    """The page's controls, checked, as a link and a saved picture hold them."""
    name = _checks.choice(model, "The model", MODELS)
    labels(name, chosen, 1)
    sampler = _checks.choice(sampler, "The sampler", tuple(SAMPLERS))
    if diffusion.load(name).jumps and sampler not in STUDENT:
        raise _checks.InputError("The few-step student knows DDIM's jumps alone; choose DDIM for it.")
    return {
        "model": name,
        "class": chosen,
        "sampler": sampler,
        "steps": _checks.whole(steps, "The number of steps", 1, 200),
        "guidance": _checks.number(guidance, "Guidance", 0, 8),
        "schedule": _checks.choice(schedule, "The schedule", diffusion.schedules.NAMES),
        "eta": _checks.number(eta, "Eta", 0, 1),
        "seed": _checks.seed(seed),
    }


def values(found: dict) -> tuple:
    """Settings of a link or a saved picture -> values of the page's controls, checked. Raises: InputError."""
    given = (
        found.get("model", MODELS[0]),
        found.get("class", MIXED),
        found.get("sampler", "DDIM"),
        _keep.from_link(found.get("steps", 50), "The number of steps"),
        _keep.from_link(found.get("guidance", 1.0), "Guidance"),
        found.get("schedule", "cosine"),
        _keep.from_link(found.get("eta", 0.0), "Eta"),
        _keep.from_link(found.get("seed", 0), "The seed"),
    )
    return tuple(settings(*given).values())


def options(clean: dict) -> dict:
    """Settings as arguments of `diffusion.sample_steps`, but for the model and the seed."""
    return {
        "labels": labels(clean["model"], clean["class"], COUNT),
        "sampler": SAMPLERS[clean["sampler"]],
        "steps": clean["steps"],
        "guidance": clean["guidance"],
        "schedule": clean["schedule"],
        "eta": clean["eta"],
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


SPACE = _interpolate.Space(TAB, NAMES, lambda name, seed: noise(seed, 1).flatten(), from_noise, classes)

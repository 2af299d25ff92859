"""Grey pictures: every pixel is drawn from one Gaussian, whose mean is learned from the data."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from genai_core import data
from genai_core.common import checkpoints
from genai_core.common.training import Recipe, TrainStep, resumable


@dataclass(frozen=True)
class BrightnessConfig:
    lr: float = 0.1
    noise: float = 0.05


class Brightness(nn.Module):
    """One number."""

    def __init__(self, config: BrightnessConfig):
        super().__init__()
        self.config, self.mean = config, nn.Parameter(torch.zeros(()))


def sample(model: Brightness, n: int, *, generator: torch.Generator) -> Tensor:
    """n pictures, [n, 1, 28, 28] in [0, 1]."""
    noise = torch.randn(n, 1, 28, 28, generator=generator)
    return (model.mean.detach().cpu() + model.config.noise * noise).clamp(0, 1)


@resumable
def train(config, examples, *, steps, seed=0, device="cpu", resume=None) -> Iterator[TrainStep]:
    """Gradient descent on the squared error of pictures drawn with replacement."""
    model, generator, first = Brightness(config).to(device), torch.Generator().manual_seed(seed), 0
    if resume:
        model.load_state_dict(resume["model"])
        generator.set_state(resume["generator"])
        first = resume["step"]
    for step in range(first + 1, steps + 1):
        rows = torch.randint(len(examples[0]), (64,), generator=generator)
        loss = (examples[0][rows].mean((1, 2, 3)).to(device) - model.mean).square().mean()
        (gradient,) = torch.autograd.grad(loss, [model.mean])
        with torch.no_grad():
            model.mean -= config.lr * gradient

        def state(step=step) -> dict:
            return {"model": model.state_dict(), "generator": generator.get_state(), "step": step}

        yield TrainStep(step, {"loss": loss.item()}, model, state)


RECIPES = {"brightness-sprites": Recipe(BrightnessConfig(), "sprites", steps=60)}
TINY = Recipe(BrightnessConfig(), "sprites", steps=20)
CARD = {"overview": "One number, learned with rate {lr}.", "use": "A test.", "limits": "It is grey."}
LABELS = {"mean": ("Brightness", "{:.2f}"), "parameters": ("Parameters", "{:d}")}


def load(name: str) -> Brightness:
    """A trained model. Raises: CheckpointError."""
    return checkpoints.load(name, Brightness, BrightnessConfig)


def evaluate(name: str) -> dict:
    """See LABELS."""
    data.load(RECIPES[name].dataset, "test")
    return {"mean": float(load(name).mean)}

"""A few-step student: progressive distillation (Salimans & Ho 2022), with steps of several lengths.

The student learns to do in one step what its teacher does in two [algorithm 2], then becomes the teacher of the next
round, which halves the steps again: 16, 8, 4, 2, 1. The first teacher is the diffusion model, with guidance, which is
distilled as well (Meng 2023): one evaluation of the student replaces four of the network.

The student is the same U-Net, initialised with the teacher's weights, but also conditioned on the level at which a step
ends (as in Kim 2024 and Frans 2024), since from the same noise a step half-way and one to the end differ. To keep the
shorter steps from being forgotten, half of the batches of later rounds repeat them, with the last round's student as
teacher.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genai_core.common import checkpoints
from genai_core.common.training import (
    EMA,
    Recipe,
    TrainStep,
    autocast,
    cosine,
    minibatches,
    restore,
    resumable,
    seeded,
    set_lr,
    snapshot,
    zero_init,
)
from genai_core.diffusion import schedules
from genai_core.diffusion.unet import RECIPES as TEACHERS
from genai_core.diffusion.unet import UNet, UNetConfig, time_embedding


@dataclass(frozen=True)
class FewStepConfig(UNetConfig):
    teacher: str = "ddpm-mnist"
    guidance: float = 1.25  # of the teacher
    rounds: tuple[int, ...] = (16, 8, 4, 2, 1)  # steps of the student
    lr: float = 5e-4
    ema: float = 0.99


class Student(UNet):
    """The U-Net, conditioned on the level at which its step ends as well."""

    config: FewStepConfig
    steps = 4
    jumps = True

    def __init__(self, config: FewStepConfig):
        super().__init__(config)
        e = config.embedding
        self.end = nn.Sequential(nn.Linear(e, e), nn.SiLU(), nn.Linear(e, e))
        zero_init(self.end[2])  # initially the student equals its teacher

    def forward(self, x: Tensor, t: Tensor, labels: Tensor, end: Tensor) -> Tensor:  # type: ignore[override]
        """v [N, 1, 28, 28] that carries x from level t [N] to level `end` [N] < t in one DDIM step."""
        e = self.config.embedding
        return self.velocity(x, self.time(time_embedding(t, e)) + self.label(labels) + self.end(time_embedding(end, e)))


def move(x: Tensor, v: Tensor, t: Tensor, s: Tensor) -> Tensor:
    """x at levels t [N] carried to levels s [N] by DDIM with the predicted v: a rotation by the angle of t - s."""
    angle = ((t - s) * (torch.pi / 2)).view(-1, 1, 1, 1).float()
    return angle.cos() * x - angle.sin() * v


def velocity_to(x: Tensor, y: Tensor, t: Tensor, s: Tensor) -> Tensor:
    """The v with which `move` carries x at t to y at s: the student's target [Salimans & Ho 2022, appendix G]."""
    angle = ((t - s) * (torch.pi / 2)).view(-1, 1, 1, 1).float()
    return (angle.cos() * x - y) / angle.sin()


@torch.no_grad()
def target(teacher: UNet, guidance: float, x: Tensor, labels: Tensor, levels: Tensor) -> Tensor:
    """The v with which one step from levels[0] to levels[2] ends where two steps of the teacher do; levels [3, N]."""
    y = x
    for t, s in ((levels[0], levels[1]), (levels[1], levels[2])):
        if teacher.jumps:
            v = teacher(y, t, labels, s)
        else:
            none = torch.full_like(labels, teacher.config.classes)
            v, without = teacher(torch.cat([y, y]), torch.cat([t, t]), torch.cat([labels, none])).chunk(2)
            v = without + guidance * (v - without)
            alpha, sigma = (f.view(-1, 1, 1, 1).float() for f in schedules.factors(t))
            v = (alpha * y - (alpha * y - sigma * v).clamp(-1, 1)) / sigma  # with x_0 clipped to [-1, 1]
        y = move(y, v, t, s)
    return velocity_to(x, y, levels[0], levels[2])


def loss(
    model: Student,
    teacher: UNet,
    x: Tensor,
    labels: Tensor,
    n: int,
    *,
    generator: torch.Generator,
    repeat: bool = False,
) -> dict[str, Tensor]:
    """Mean squared error of the v of a student of n steps; x [N, 1, 28, 28] in [0, 1], labels [N].

    repeat: match one step of the same length of the teacher, itself a student.
    """
    config, device = model.config, x.device
    fine = schedules.grid(schedules.schedule(config.schedule), 2 * n).to(
        device
    )  # [2n + 1]; every other one is a level of n steps
    at = 2 * torch.randint(n, (len(x),), generator=generator).to(device)
    levels = torch.stack([fine[at], fine[at + 1], fine[at + 2]])  # [3, N]
    noise = torch.randn(x.shape, generator=generator).to(device)
    alpha, sigma = (f.view(-1, 1, 1, 1).float() for f in schedules.factors(levels[0]))
    x = alpha * (2 * x - 1) + sigma * noise
    if repeat:
        with torch.no_grad():
            v = teacher(x, levels[0], labels, levels[2])
    else:
        v = target(teacher, config.guidance, x, labels, levels)
    return {"loss": F.mse_loss(model(x, levels[0], labels, levels[2]), v)}


@resumable
def train(
    config: FewStepConfig,
    data: tuple[Tensor, Tensor],
    *,
    steps: int,
    seed: int = 0,
    device: str | torch.device = "cpu",
    resume: dict | None = None,
    teacher: UNet | None = None,
) -> Iterator[TrainStep[Student]]:
    """Distil `teacher` (default: the checkpoint config.teacher) on (pictures [N, 1, 28, 28] in [0, 1], labels [N]).

    The rounds have equally many steps, each with a learning rate that falls to 0. Raises: CheckpointError.
    """
    pictures, labels = data
    teacher = teacher or checkpoints.load(config.teacher, UNet, type(TEACHERS[config.teacher].config)).to(device)
    model = seeded(seed, lambda: Student(config)).to(device)
    model.load_state_dict(teacher.state_dict(), strict=False)
    ema, guide = EMA(model, config.ema), copy.deepcopy(model).eval().requires_grad_(False)
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.lr, weight_decay=0.0, fused=True)
    generator = torch.Generator().manual_seed(seed)
    parts = {"model": model, "ema": ema, "guide": guide, "optimizer": optimizer}
    done = restore(resume, generator, parts)
    length = -(-steps // len(config.rounds))

    for step, index in enumerate(minibatches(len(pictures), config.batch, seed, done), done):
        if step >= steps:
            return
        round_, within = divmod(step, length)
        if within == 0 and round_ > 0:  # the student of the last round is the next teacher
            guide.load_state_dict(ema.model.state_dict())
            model.load_state_dict(ema.model.state_dict())
        n, known = config.rounds[round_], config.rounds[1:round_]
        repeat = bool(step % 2 and known)
        if repeat:
            n = known[int(torch.randint(len(known), (), generator=generator))]
        set_lr(optimizer, config.lr * cosine(within, length, warmup=20))
        with autocast(device):
            x, y = pictures[index].to(device), labels[index].to(device)
            terms = loss(model, guide if round_ else teacher, x, y, n, generator=generator, repeat=repeat)
        optimizer.zero_grad()
        terms["loss"].backward()
        nn.utils.clip_grad_norm_(model.parameters(), config.clip)
        optimizer.step()
        ema.update(model)
        losses = {name: term.item() for name, term in terms.items()}
        yield TrainStep(step + 1, losses, ema.model, partial(snapshot, step + 1, generator, parts))


RECIPES = {"ddpm-mnist-fewstep": Recipe(FewStepConfig(), "mnist", steps=2000)}

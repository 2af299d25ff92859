"""Distillation: a student learns the output distribution of a teacher (Hinton, Vinyals & Dean 2015).

A label says "3" and nothing else. A teacher's logits v say "3, or else an 8 rather than a 4": its probabilities at a
temperature T, softmax(v / T), contain similarities between classes (the paper's dark knowledge), and T > 1 raises the
small ones enough to matter in a student's loss. With the student's logits z and the labels y:

    loss = alpha T^2 KL(softmax(v / T) || softmax(z / T)) + (1 - alpha) CE(y, softmax(z))

The gradients of the soft term shrink as 1 / T^2, which the factor T^2 compensates. At high T they become those of
matching the logits: (z_i - v_i) / N for N classes and logits of mean zero      [section 2.1, eq. 4].
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genai_core.common import checks
from genai_core.common.training import (
    EMA,
    TrainStep,
    autocast,
    cosine,
    minibatches,
    restore,
    resumable,
    seeded,
    set_lr,
    snapshot,
    stepwise_seed,
)

Objective = Callable[[Any, Tensor, Tensor, Tensor | None], dict[str, Tensor]]


def loss(
    student_logits: Tensor, teacher_logits: Tensor, labels: Tensor, *, temperature: float, alpha: float
) -> dict[str, Tensor]:
    """Means over the batch, in nats: "soft" = T^2 KL(teacher || student) at T, "hard" = cross-entropy, and "loss".

    Logits [N, classes], labels [N]; "loss" = alpha soft + (1 - alpha) hard. The paper uses the cross-entropy with the
    soft targets; the KL divergence is smaller by the teacher's entropy and has the same gradients.
    Raises: ValueError unless temperature > 0 and alpha lies in [0, 1].
    """
    check(temperature, alpha)
    temperature = max(temperature, checks.COLDEST)
    log_q, log_p = (F.log_softmax(v.float() / temperature, 1) for v in (student_logits, teacher_logits))
    soft = temperature**2 * F.kl_div(log_q, log_p, reduction="batchmean", log_target=True)
    hard = F.cross_entropy(student_logits.float(), labels)
    return {"loss": alpha * soft + (1 - alpha) * hard, "soft": soft, "hard": hard}


def check(temperature: float, alpha: float) -> None:
    """Raises: ValueError, one sentence, for arguments that `loss` does not accept."""
    if not 0 < temperature < float("inf"):
        raise ValueError(f"The temperature must be a number above 0, not {temperature:g}.")
    if not 0 <= alpha <= 1:
        raise ValueError(f"The weight alpha of the soft targets must lie between 0 and 1, not {alpha:g}.")


def matching(temperature: float, alpha: float) -> Objective:
    """`loss` as an objective of `train`; without a teacher, the cross-entropy with the labels.

    Raises: ValueError as `check`.
    """
    check(temperature, alpha)

    def objective(model: nn.Module, x: Tensor, labels: Tensor, targets: Tensor | None) -> dict[str, Tensor]:
        if targets is None:
            return {"loss": F.cross_entropy(model(x).float(), labels)}
        return loss(model(x), targets, labels, temperature=temperature, alpha=alpha)

    return objective


@torch.no_grad()
def logits(model: nn.Module, x: Tensor, batch: int = 1000) -> Tensor:
    """The model's logits of pictures x [N, 1, 28, 28] in [0, 1]: [N, 10], on the CPU."""
    device = next(model.parameters()).device
    return torch.cat([model(part.to(device)).float().cpu() for part in x.split(batch)])


@resumable
def train(
    build: Callable[[], nn.Module],
    objective: Objective,
    config: Any,
    examples: tuple[Tensor, Tensor],
    *,
    steps: int,
    seed: int = 0,
    device: str | torch.device = "cpu",
    resume: dict | None = None,
    teacher: nn.Module | None = None,
    augment: Callable[[Tensor, torch.Generator], Tensor] | None = None,
    constrain: Callable[[nn.Module], None] | None = None,
) -> Iterator[TrainStep]:
    """Train `build()` on examples (pictures [N, 1, 28, 28] in [0, 1], labels [N]); yields each step, the EMA as model.

    config: its batch, lr and weight_decay are used. objective: (model, x, labels, the teacher's logits of x or None).
    augment: transforms the pictures at every step; the teacher sees the same ones. constrain: modifies the weights
    after each step.
    """
    pictures, labels = examples
    model = seeded(seed, build).to(device).train()
    ema = EMA(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.lr, weight_decay=config.weight_decay, fused=True)
    generator = torch.Generator().manual_seed(seed)
    parts = {"model": model, "ema": ema, "optimizer": optimizer}
    done = restore(resume, generator, parts)
    known = logits(teacher, pictures) if teacher and not augment else None  # computed once for all epochs

    for step, index in enumerate(minibatches(len(pictures), config.batch, seed, done), done):
        if step >= steps:
            return
        x = pictures[index]
        x = (augment(x, generator) if augment else x).to(device)
        set_lr(optimizer, config.lr * cosine(step, steps, warmup=100))
        with autocast(device), stepwise_seed(seed, step, device):
            targets = None
            if teacher:
                targets = known[index].to(device) if known is not None else logits(teacher, x).to(device)
            terms = objective(model, x, labels[index].to(device), targets)
        optimizer.zero_grad()
        terms["loss"].backward()
        optimizer.step()
        if constrain:
            constrain(model)
        ema.update(model)
        losses = {name: term.item() for name, term in terms.items()}
        yield TrainStep(step + 1, losses, ema.model, partial(snapshot, step + 1, generator, parts))

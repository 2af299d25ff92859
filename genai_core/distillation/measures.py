"""What is measured of a classifier: its errors, what it takes for what, and what it costs."""

import json
import time

import torch
from torch import Tensor, nn

from genai_core import checkpoints
from genai_core.distillation import distil

SIMILARITY_T = 4.0  # temperature of the similarity matrix in metrics.json
BATCHES = (1, 256)
REPEATS = 20
STUDY = "study.json"


def probabilities(model: nn.Module, x: Tensor, temperature: float = 1.0) -> Tensor:
    """softmax(logits / T) for pictures x [N, 1, 28, 28] in [0, 1]: [N, 10], on the CPU. Raises: ValueError."""
    distil.check(temperature, 1.0)
    return (distil.logits(model, x) / temperature).softmax(1)


def similarity(logits: Tensor, labels: Tensor, temperature: float = SIMILARITY_T) -> Tensor:
    """The mean soft label of each class: logits [N, 10], labels [N] -> [10, 10], rows true classes, each summing to 1.

    How much of what is a 7 a model gives to the 1. The row of a class that no label names is NaN. Raises: ValueError.
    """
    distil.check(temperature, 1.0)
    soft = (logits / temperature).softmax(1)
    return torch.stack([soft[labels == label].mean(0) for label in range(logits.shape[1])])


def errors(model: nn.Module, test: tuple[Tensor, Tensor]) -> int:
    """How many of the pictures [N, 1, 28, 28] the model takes for something else than their labels [N]."""
    return int((distil.logits(model, test[0]).argmax(1) != test[1]).sum())


def study(name: str) -> dict[str, dict]:
    """What `genai_core.distillation.study` has written down for a checkpoint: title of a run -> its "errors" ..."""
    file = checkpoints.ASSETS / name / STUDY
    return json.loads(file.read_text()) if file.exists() else {}


@torch.inference_mode()
def cost(name: str, model: nn.Module) -> dict:
    """ "parameters", "bytes" (of the weights on disk), and the milliseconds a picture takes at batch 1 and 256.

    Times are the fastest of REPEATS, on this machine, with the threads that torch has now.
    """
    device = next(model.parameters()).device
    figures = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "bytes": (checkpoints.ASSETS / name / "model.safetensors").stat().st_size,
    }
    for batch in BATCHES:
        x = torch.zeros(batch, 1, 28, 28, device=device)
        times = []
        for _ in range(REPEATS):
            begun = time.perf_counter()
            model(x).cpu()  # waits for a GPU, too
            times.append(time.perf_counter() - begun)
        figures[f"ms_batch{batch}"] = 1000 * min(times) / batch
    return figures


def of_classifier(name: str, model: nn.Module, test: tuple[Tensor, Tensor], teacher: nn.Module | None) -> dict:
    """Figures of a shipped classifier on the test split, with the keys of `cards.LABELS`.

    With a teacher, also the share of pictures to which it gives the teacher's answer.
    """
    x, y = test
    z = distil.logits(model, x)
    answers = z.argmax(1)
    wrong = int((answers != y).sum())
    figures = {"accuracy": 1 - wrong / len(x), "errors": wrong}
    if teacher:
        figures["agreement"] = float((answers == distil.logits(teacher, x).argmax(1)).float().mean())
    return {**figures, **cost(name, model), "similarity": similarity(z, y).tolist()}

"""Metrics of a classifier: its errors, the similarity of classes, and its cost."""

import json
import time

import torch
from torch import Tensor, nn

from genai_core.common import checkpoints, checks
from genai_core.distillation import distil

SIMILARITY_T = 4.0  # temperature of the similarity matrix in metrics.json
BATCHES = (1, 256)
REPEATS = 20
STUDY = "study.json"
LABELS = {
    "accuracy": ("Test accuracy", "{:.2%}"),
    "errors": ("Test errors of 10,000", "{:d}"),
    "errors_by_seed": ("The same with seeds 0, 1, 2", "{:d}"),
    "errors_mean": ("Mean of these", "{:.1f}"),
    "errors_missing": ("Of these, on classes that it never saw", "{:d}"),
    "bias": ("Bias added to the logits of these classes, chosen on training digits", "{:.1f}"),
    "errors_corrected": ("Test errors with it", "{:d}"),
    "errors_missing_corrected": ("Of these, on classes that it never saw", "{:d}"),
    "bias_test_bias": ("Bias that is best on the test split, as the paper chose it", "{:.1f}"),
    "errors_corrected_test_bias": ("Test errors with it", "{:d}"),
    "temperatures": ("Temperatures of the students below", "{:g}"),
    "errors_by_temperature": ("Test errors of the student at each temperature", "{:d}"),
    "agreement": ("Test pictures classified as by its teacher", "{:.2%}"),
    "ms_batch1": ("Time per picture at batch 1", "{:.3f} ms"),
    "ms_batch256": ("Time per picture at batch 256", "{:.3f} ms"),
}


def probabilities(model: nn.Module, x: Tensor, temperature: float = 1.0) -> Tensor:
    """softmax(logits / T) for pictures x [N, 1, 28, 28] in [0, 1]: [N, 10], on the CPU. Raises: ValueError."""
    return soften(distil.logits(model, x), temperature)


def soften(logits: Tensor, temperature: float) -> Tensor:
    """softmax(logits / T) over the last dimension. Raises: ValueError unless T > 0."""
    distil.check(temperature, 1.0)
    return (logits / max(temperature, checks.COLDEST)).softmax(-1)


def similarity(logits: Tensor, labels: Tensor, temperature: float = SIMILARITY_T) -> Tensor:
    """The mean soft label of each class: logits [N, 10], labels [N] -> [10, 10], rows true classes, each summing to 1.

    How much probability a model gives to the 1 for a 7, for example. The row of a class without examples is NaN.
    Raises: ValueError unless temperature > 0 and each row of logits has a label.
    """
    soft = soften(logits, temperature)
    checks.labels(labels, *logits.shape)
    return torch.stack([soft[labels == label].mean(0) for label in range(logits.shape[1])])


def errors(model: nn.Module, test: tuple[Tensor, Tensor]) -> int:
    """Number of pictures [N, 1, 28, 28] that are not classified as their labels [N]."""
    return int((distil.logits(model, test[0]).argmax(1) != test[1]).sum())


def study(name: str) -> dict[str, dict]:
    """The results of `genai_core.distillation.sweep` for a checkpoint: title of a run -> its "errors" ..."""
    file = checkpoints.ASSETS / name / STUDY
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


@torch.inference_mode()
def cost(name: str, model: nn.Module) -> dict:
    """ "parameters", "bytes" (of the weights on disk), and the milliseconds per picture at batch 1 and 256.

    Times are the fastest of REPEATS, on this machine, with the threads that torch has now.
    """
    device = next(model.parameters()).device
    figures: dict[str, float] = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "bytes": (checkpoints.ASSETS / name / "model.safetensors").stat().st_size,
    }
    for batch in BATCHES:
        x = torch.zeros(batch, 1, 28, 28, device=device)
        times = []
        for _ in range(REPEATS):
            begun = time.perf_counter()
            model(x).cpu()  # synchronises with a GPU
            times.append(time.perf_counter() - begun)
        figures[f"ms_batch{batch}"] = 1000 * min(times) / batch
    return figures


def of_classifier(name: str, model: nn.Module, test: tuple[Tensor, Tensor], teacher: nn.Module | None) -> dict:
    """Figures of a shipped classifier on the test split, with the keys of LABELS.

    With a teacher, also the share of pictures classified as by the teacher.
    """
    x, y = test
    z = distil.logits(model, x)
    answers = z.argmax(1)
    wrong = int((answers != y).sum())
    figures = {"accuracy": 1 - wrong / len(x), "errors": wrong}
    if teacher:
        figures["agreement"] = float((answers == distil.logits(teacher, x).argmax(1)).float().mean())
    return {**figures, **cost(name, model), "similarity": similarity(z, y).tolist()}

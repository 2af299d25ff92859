"""Figures of a shipped flow: exact likelihood, the error of going back, time and quality of samples."""

import statistics
import time

import torch
from torch import Tensor

from genai_core import data, evaluation
from genai_core.flows.base import ImageFlow, bits, dequantise, sample

DRAWS = 3  # of the noise
ROUNDTRIPS = 1000  # pictures
OTHER = {"fashion": "mnist"}  # the surprise of Nalisnick 2018: which pictures a flow of garments is shown besides
BINS = (0.0, 8.0, 160)  # of the histograms: from, to, how many

LABELS = {
    "bits": ("Bits per dimension of the test split, uniform dequantisation (lower is better)", "{:.3f}"),
    "bits_draws": ("The same for each draw of the noise", "{:.4f}"),
    "bits_train": ("Bits per dimension of 10,000 training pictures", "{:.3f}"),
    "bits_other": ("Bits per dimension of MNIST's test digits, under this flow of garments", "{:.3f}"),
    "other_above": ("Pairs of a test digit and a test garment in which the digit is the more likely", "{:.1%}"),
    "inverse_error": (
        f"Largest error of a pixel after {ROUNDTRIPS:,} test pictures went there and back, float32",
        "{:.1e}",
    ),
    "inverse_error_float64": ("The same with all but the couplings' networks in float64", "{:.1e}"),
    "sample_ms": ("Time to sample 64 pictures, two threads, median of 5", "{:.0f} ms"),
    **evaluation.SAMPLE_LABELS,
}


def evaluate(model: ImageFlow, dataset: str) -> dict:
    """Figures on the test split of a data set, with the keys of LABELS; and the histograms of bits, for a page.

    Raises: DataError if the data set is not on this machine.
    """
    x, x_train = (data.load(dataset, split)[0] for split in ("test", "train"))
    draws = [bits(model, x, generator=torch.Generator().manual_seed(seed)) for seed in range(DRAWS)]
    figures = {
        "bits": float(torch.stack(draws).mean()),
        "bits_draws": [float(draw.mean()) for draw in draws],
        "bits_train": float(bits(model, x_train[:10_000], generator=torch.Generator().manual_seed(0)).mean()),
        "bits_histogram": histogram(draws[0]),
        "bits_quantiles": quantiles(draws[0]),
    }
    if other := OTHER.get(dataset):
        of_other = bits(model, data.load(other, "test")[0], generator=torch.Generator().manual_seed(0))
        figures |= {
            "bits_other": float(of_other.mean()),
            "other_above": share_below(of_other, draws[0]),
            "bits_other_histogram": histogram(of_other),
            "bits_other_quantiles": quantiles(of_other),
        }
    pictures = sample(model, 10_000, generator=torch.Generator().manual_seed(1)).cpu()
    classifier = evaluation.evaluation_classifier(dataset)
    return {
        **figures,
        "inverse_error": inverse_error(model, x[:ROUNDTRIPS]),
        "inverse_error_float64": inverse_error(model, x[:ROUNDTRIPS], torch.float64),
        "sample_ms": sampling_time(model),
        **evaluation.of_samples(classifier, dataset, pictures),
    }


@torch.inference_mode()
def inverse_error(model: ImageFlow, x: Tensor, dtype: torch.dtype = torch.float32) -> float:
    """Largest |inverse(forward(v)) - v| of a pixel, of pictures x [N, 1, 28, 28] in [0, 1] with noise (seed 0).

    dtype: of v and of what the layers make of it; the couplings' networks have the model's own.
    """
    v = dequantise(x, generator=torch.Generator().manual_seed(0)).to(next(model.parameters()).device, dtype)
    return max(float((model.decode(model.encode(part)[0]) - part).abs().max()) for part in v.split(250))


def sampling_time(model: ImageFlow, n: int = 64) -> float:
    """Milliseconds to sample n pictures: the median of 5, after one that is not counted."""
    times = []
    for _ in range(6):
        begun = time.perf_counter()
        sample(model, n, generator=torch.Generator().manual_seed(0))
        times.append(1000 * (time.perf_counter() - begun))
    return statistics.median(times[1:])


def histogram(values: Tensor) -> list[int]:
    """How many of the values [N] are in each of the BINS; those beyond them are in the outermost."""
    low, high, count = BINS
    step = (high - low) / count
    return torch.bincount(((values - low) / step).floor().clamp(0, count - 1).long(), minlength=count).tolist()


def quantiles(values: Tensor) -> list[float]:
    """The 101 percentiles of the values [N], from the least to the greatest."""
    return values.quantile(torch.linspace(0, 1, 101)).tolist()


def share_below(a: Tensor, b: Tensor) -> float:
    """The share of pairs of a value of a [N] and one of b [M] in which a's is the lower; equal ones count half."""
    ordered = b.sort().values
    below = len(b) - torch.searchsorted(ordered, a, right=True)
    equal = torch.searchsorted(ordered, a, right=True) - torch.searchsorted(ordered, a)
    return float((below + 0.5 * equal).double().mean() / len(b))

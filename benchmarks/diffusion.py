"""Sampling against diffusers' DDIMPipeline on the same weights: time for 16 digits, and time to the same quality.

    python -m benchmarks.diffusion [--samples 2000] [--timing]

The pipeline drives our own U-Net, behind the call signature of its UNet2DModel and in its own float32, with the
defaults of its DDIMScheduler for a v-predicting model of the cosine schedule. Ours is `genai_core.diffusion.sample`.
All times are compared with the pipeline's at its better number of torch threads, one or two. Ours has one, as in the
app, and takes the halves of a batch side by side (see `genai_core.diffusion.parallel`). All take turns, so that a busy
machine slows all alike. --timing: the 50 steps alone, and no file is written.

Quality is the Fréchet distance of `--samples` digits, evenly of all labels, from the test split; a sampler has reached
the pipeline's where its distance is no larger.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from types import SimpleNamespace

import torch
from diffusers import DDIMPipeline, DDIMScheduler
from diffusers.models.unets.unet_2d import UNet2DOutput
from torch import Tensor, nn

from benchmarks._common import report, table
from genai_core import data, diffusion, evaluation
from genai_core.common import checkpoints
from genai_core.diffusion import schedules
from genai_core.diffusion.samplers import SAMPLERS, steps_within
from genai_core.diffusion.unet import UNet

PICTURES, STEPS = 16, 50
LADDER = (4, 6, 8, 10, 15, 20, 30, 50)  # network evaluations
STUDENT = (1, 2, 4)
ROUNDS = 5


class AsUNet2D(nn.Module):
    """Our network as the pipeline calls it: (sample, step of T) -> v. `labels` are set beforehand."""

    dtype, device = torch.float32, torch.device("cpu")

    def __init__(self, network: UNet):
        super().__init__()
        self.network, self.table = network, schedules.schedule("cosine").t
        self.config = SimpleNamespace(in_channels=1, sample_size=28)
        self.labels = torch.zeros(0, dtype=torch.long)

    def forward(self, sample: Tensor, step: Tensor) -> UNet2DOutput:
        levels = torch.full((len(sample),), float(self.table[int(step)]))
        return UNet2DOutput(sample=self.network(sample, levels, self.labels))


def pipeline(network: UNet) -> Callable[..., Tensor]:
    """(n, labels, steps, seed) -> [n, 1, 28, 28] in [0, 1], by DDIMPipeline."""
    scheduler = DDIMScheduler(beta_schedule="squaredcos_cap_v2", prediction_type="v_prediction")
    pipe = DDIMPipeline(AsUNet2D(network), scheduler)
    pipe.set_progress_bar_config(disable=True)

    def make(labels: Tensor, steps: int, seed: int = 0) -> Tensor:
        pipe.unet.labels = labels
        generator = torch.Generator().manual_seed(seed)
        made = pipe(len(labels), generator, num_inference_steps=steps, output_type="np").images
        return torch.from_numpy(made).permute(0, 3, 1, 2)

    return make


def ours(model: UNet, **options) -> Callable[[Tensor, int], Tensor]:
    """(labels, seed) -> [n, 1, 28, 28] in [0, 1]."""
    return lambda labels, seed=0: diffusion.sample(
        model, len(labels), generator=torch.Generator().manual_seed(seed), labels=labels, **options
    )


def milliseconds(*runs: tuple[Callable[[Tensor], Tensor], int]) -> list[float]:
    """Median wall time of each maker for 16 digits with its number of torch threads, the makers taking turns."""
    labels, times = torch.arange(PICTURES) % 10, [[] for _ in runs]
    for round_ in range(ROUNDS + 2):
        for (maker, threads), taken in zip(runs, times, strict=True):
            torch.set_num_threads(threads)
            begun = time.perf_counter()
            maker(labels)
            if round_ > 1:  # the first ones warm up
                taken.append(1000 * (time.perf_counter() - begun))
    return [statistics.median(taken) for taken in times]


def distance(maker: Callable[..., Tensor], samples: int) -> float:
    """Fréchet distance of that many digits from the test split."""
    parts = (torch.arange(samples) % 10).split(500)
    made = torch.cat([maker(labels, seed=i) for i, labels in enumerate(parts)])
    return evaluation.frechet_distance(evaluation.evaluation_classifier("mnist"), data.load("mnist", "test")[0], made)


def settings() -> dict[str, list[dict]]:
    """Per sampler, its rungs from few evaluations to many."""
    ladder = {}
    for name in SAMPLERS:
        rungs = {steps_within(name, nfe): nfe for nfe in LADDER}
        ladder[name] = [{"sampler": name, "steps": steps} for steps in rungs]
    return ladder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--timing", action="store_true")
    options = parser.parse_args()

    model = diffusion.load("ddpm-mnist")
    theirs = pipeline(model)
    ddim50 = ours(model, sampler="ddim", steps=STEPS)

    def peer_run(labels: Tensor) -> Tensor:
        return theirs(labels, STEPS)

    times = milliseconds((peer_run, 2), (peer_run, 1), (ddim50, 1), (ddim50, 2))
    peer, threads = min((times[0], 2), (times[1], 1))
    rows = [
        {"who": who, "torch threads": n, "sampler": "ddim", "nfe": STEPS, "ms": ms, "times_faster": peer / ms}
        for who, n, ms in zip(("diffusers", "diffusers", "ours", "ours"), (2, 1, 1, 2), times, strict=True)
    ]
    if options.timing:
        table(rows)
        return
    torch.set_num_threads(2)
    aim = distance(lambda labels, seed: theirs(labels, STEPS, seed), options.samples)
    own = distance(ddim50, options.samples)
    rows = [{**row, "frechet": own if row["who"] == "ours" else aim} for row in rows]

    def first_to_reach(network: UNet, name: str, rungs: list[dict]) -> dict:
        for rung in rungs:
            found = distance(ours(network, **rung), options.samples)
            if found <= aim:
                break
        base, taken = milliseconds((peer_run, threads), (ours(network, **rung), 1))
        nfe = 2 * rung["steps"] - 1 if rung.get("sampler") == "heun" else rung["steps"]
        row = {"who": "ours", "torch threads": 1, "sampler": name, "nfe": nfe, "ms": taken}
        return {**row, "times_faster": base / taken, "frechet": found, "reached": found <= aim}

    reached = [first_to_reach(model, name, rungs) for name, rungs in settings().items()]
    if "ddpm-mnist-fewstep" in checkpoints.names():
        student = diffusion.load("ddpm-mnist-fewstep")
        reached.append(first_to_reach(student, "few-step student", [{"steps": n} for n in STUDENT]))
    rows = [{**row, "reached": row["frechet"] <= aim} for row in rows] + reached
    report(
        "diffusion",
        rows,
        pictures=PICTURES,
        samples=options.samples,
        aims="50 steps at least 1.3 times as fast; the first to reach diffusers' distance in at most 1/10 of its time",
        ddim_times_faster=round(peer / times[2], 2),
        best_times_faster=round(max((row["times_faster"] for row in reached if row["reached"]), default=0.0), 2),
    )


if __name__ == "__main__":
    main()

"""Models of the Hugging Face Hub, or of a local diffusers folder, with our own samplers.

A pixel-space `UNet2DModel` with its scheduler's table, such as `google/ddpm-cifar10-32`, becomes a denoiser like any
other. Of the scheduler's config counts what belongs to the model: the table, what is predicted, how x_0 is bounded, and
the variance of ancestral sampling. The sampler and its spacing are ours. diffusers is imported only when such a model
is loaded.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from genai_core.common import checkpoints, hub
from genai_core.common.hub import HubError
from genai_core.diffusion import schedules
from genai_core.diffusion.samplers import SAMPLERS, SPACING, Denoiser, Prediction, Step, from_noise, from_v, from_x0
from genai_core.diffusion.schedules import Schedule

# Those that train or sample with a table of alpha_bar and the number of the step, as DDPM does.
SCHEDULERS = (
    "DDPMScheduler",
    "DDPMParallelScheduler",
    "DDIMScheduler",
    "DDIMParallelScheduler",
    "PNDMScheduler",
    "LMSDiscreteScheduler",
    "EulerDiscreteScheduler",
    "EulerAncestralDiscreteScheduler",
    "HeunDiscreteScheduler",
    "DPMSolverMultistepScheduler",
    "DPMSolverSinglestepScheduler",
    "DEISMultistepScheduler",
    "UniPCMultistepScheduler",
    "KDPM2DiscreteScheduler",
    "KDPM2AncestralDiscreteScheduler",
)


@dataclass(frozen=True, eq=False)
class HubModel:
    """A diffusers U-Net with the noise schedule that it was trained under; pictures are [channels, size, size]."""

    name: str
    network: Any  # diffusers.UNet2DModel
    schedule: Schedule
    predicts: str  # "epsilon", "sample" or "v_prediction"
    channels: int
    size: int
    clip: float | None  # the largest |x_0| (clip_sample_range); None: it is not clipped
    threshold: tuple[float, float] | None  # ratio and largest value of `dynamic_threshold`, instead of `clip`
    variance: str  # of samplers.VARIANCES


def load(name: str) -> HubModel:
    """A Hub model's name (downloaded once, with tqdm's progress bars) or a diffusers folder.

    Raises: HubError for what is not there, not supported or damaged, each with its own words.
    """
    with hub.asked_once(name):
        pipeline = _pipeline(name)
    network, scheduler = pipeline.unet, pipeline.scheduler
    config, settings = network.config, scheduler.config
    _check_scheduler(name, settings)
    if config.in_channels != config.out_channels or config.class_embed_type or config.num_class_embeds:
        raise HubError(_NOT_PLAIN.format(name))
    size = config.sample_size
    return HubModel(
        name=name,
        network=network.eval().requires_grad_(False).to(checkpoints.default_device()),
        schedule=Schedule(name, _alpha_bar(name, scheduler)),
        predicts=settings.get("prediction_type", "epsilon"),
        channels=config.in_channels,
        size=size if isinstance(size, int) else size[0],
        clip=settings.get("clip_sample_range", 1.0) if settings.get("clip_sample") else None,
        threshold=(settings["dynamic_thresholding_ratio"], settings["sample_max_value"])
        if settings.get("thresholding")
        else None,
        variance=_VARIANCES[settings.get("variance_type")],
    )


def _pipeline(name: str) -> Any:
    """The diffusers.DDPMPipeline of that name; its parts are known before they are fetched. Raises: HubError."""
    from diffusers import DDPMPipeline

    try:
        parts = dict(DDPMPipeline.load_config(name))  # model_index.json: the class of every part
    except Exception as error:  # diffusers, huggingface_hub and the network raise all kinds of errors
        raise hub.not_loaded(name, hub.fault(name, error) or "its model_index.json is missing or damaged") from error
    _check_parts(name, parts)
    try:
        return DDPMPipeline.from_pretrained(name)
    except NotImplementedError as error:  # by a scheduler's constructor
        raise HubError(
            f"The scheduler of the model '{name}' has a beta_schedule that is not supported here."
        ) from error
    except Exception as error:
        raise hub.not_loaded(name, hub.fault(name, error) or "a file is missing or damaged") from error


def _check_parts(name: str, parts: Mapping[str, Any]) -> None:
    """Raises: HubError unless they are a U-Net for pictures and a scheduler in `SCHEDULERS`."""
    classes = {
        part: value[1] for part, value in parts.items() if isinstance(value, list) and len(value) == 2 and value[1]
    }
    if set(classes) != {"unet", "scheduler"} or classes["unet"] != "UNet2DModel":
        raise HubError(_NOT_PLAIN.format(name))
    if classes["scheduler"] not in SCHEDULERS:
        raise HubError(
            f"The model '{name}' has the scheduler {classes['scheduler']}, which is not supported here; DDPMScheduler, "
            "DDIMScheduler and others with the same table are."
        )


def _check_scheduler(name: str, config: Mapping[str, Any]) -> None:
    """Raises: HubError for a setting of the model, not of a sampler, that is not supported."""
    supported = {
        "prediction_type": ("epsilon", tuple(_FORMS)),
        "variance_type": (None, tuple(_VARIANCES)),
        "timestep_type": ("discrete", ("discrete",)),
        "use_flow_sigmas": (False, (False, None)),
    }
    for setting, (default, values) in supported.items():
        if (value := config.get(setting, default)) not in values:
            raise HubError(
                f"The scheduler of the model '{name}' has {setting} = {value!r}, which is not supported here."
            )


def _alpha_bar(name: str, scheduler: Any) -> Tensor:
    """The table of a scheduler, [T] float64, falling. Raises: HubError if it is none."""
    table = scheduler.alphas_cumprod.double().cpu().clone()
    if scheduler.config.get("rescale_betas_zero_snr", False):
        table[-1] = 0  # Euler's and DPM-Solver's have 2^-24 there, because they divide by it
    if not ((table.diff() < 0).all() and 0 <= table[-1] < table[0] < 1):  # so written, NaN is refused as well
        raise HubError(f"The scheduler of the model '{name}' has a table of alpha_bar that does not fall from 1 to 0.")
    return table


def loading(name: str) -> Iterator[str | HubModel]:
    """`load` with a sentence on its progress every second, and at the end the model. Raises: HubError."""
    return hub.loading(name, lambda: load(name), name)


def denoiser(model: HubModel, *, clip: bool = True) -> Denoiser:
    """The model as the denoiser of `samplers`, for x [N, channels, size, size].

    clip: bound x_0 as the model's scheduler does (`HubModel.clip`, `HubModel.threshold`), with the noise that
    corresponds to it: diffusers' `use_clipped_model_output`. A level between two of the model's own steps becomes a
    fractional step.
    """
    table, device = model.schedule.t, next(model.network.parameters()).device

    def denoise(x: Tensor, t: Tensor) -> Prediction:
        said = model.network(x, step_at(table, float(t)).to(device)).sample.float()
        p = _FORMS[model.predicts](x, t, said)
        if clip and model.threshold:
            return from_x0(x, t, dynamic_threshold(p.x0, *model.threshold))
        if clip and model.clip is not None:
            return from_x0(x, t, p.x0.clamp(-model.clip, model.clip))
        return p

    return denoise


def dynamic_threshold(x0: Tensor, ratio: float, largest: float) -> Tensor:
    """x0 [N, ...] clipped to [-s, s] and divided by s: the quantile `ratio` of its |x_0|, but from 1 to `largest`.

    [Saharia 2022, section 2.3, "dynamic thresholding"]
    """
    s = x0.flatten(1).abs().quantile(ratio, dim=1).clamp(1, largest).view(-1, *[1] * (x0.dim() - 1))
    return x0.clamp(-s, s) / s


def step_at(table: Tensor, t: float) -> Tensor:
    """The position of level t in a rising table of levels [T], interpolated linearly: scalar in [0, T - 1]."""
    right = int(torch.searchsorted(table, t).clamp(1, len(table) - 1))
    low, high = float(table[right - 1]), float(table[right])
    share = min(max((t - low) / (high - low), 0.0), 1.0)
    near = round(share)  # a level of the table itself must give exactly its step
    return torch.tensor(right - 1 + (near if abs(share - near) < 1e-6 else share), dtype=torch.float32)


def sample_steps(
    model: HubModel,
    n: int,
    *,
    generator: torch.Generator,
    sampler: str = "ddim",
    steps: int = 50,
    eta: float = 0.0,
    spacing: str | None = None,
    start: tuple[int, Tensor] | None = None,
) -> Iterator[Step]:
    """n pictures step by step, under the model's own schedule; as `genai_core.diffusion.sample_steps`.

    Raises: ValueError for an unknown sampler, an invalid number of steps, or a start in noise alone of a model that
    predicts the noise.
    """
    if sampler not in SAMPLERS:
        raise ValueError(f"There is no sampler '{sampler}'; there are {', '.join(SAMPLERS)}.")
    grid = schedules.grid(model.schedule, steps, spacing or SPACING.get(sampler, "trailing"))
    first, x = start or (0, torch.randn((n, model.channels, model.size, model.size), generator=generator))
    if model.predicts == "epsilon" and schedules.factors(grid[first])[0] == 0:
        raise ValueError(
            f"The model '{model.name}' predicts the noise, which says nothing of the picture where there is noise "
            "alone (Lin 2023, section 3.2): use the spacing leading, or karras, the default of Euler and Heun."
        )
    x = x.to(next(model.network.parameters()).device)
    own: dict[str, dict[str, Any]] = {"ddim": {"eta": eta}, "ddpm": {"variance": model.variance}}
    return SAMPLERS[sampler](denoiser(model), x, grid, generator=generator, start=first, **own.get(sampler, {}))


def draw(
    *, source: str, sampler: str, steps: int, seed: int, n: int = 1, seconds: float = 300.0
) -> Iterator[tuple[str, np.ndarray | None]]:
    """For a worker: fetch the model and sample; yields (progress, the predicted x_0 [n, size, size, channels] uint8).

    source: as for `load`. While the model is fetched there is no picture yet. It ends early after `seconds`.
    Raises: ValueError with one sentence.
    """
    begun = time.monotonic()
    try:
        for loaded in loading(source):
            if isinstance(loaded, str):
                yield loaded, None
            else:
                model = loaded
    except HubError as error:
        raise ValueError(str(error)) from None
    generator = torch.Generator().manual_seed(seed)
    for step in sample_steps(model, n, generator=generator, sampler=sampler, steps=steps):
        x = ((step.x0 + 1) * 127.5).clamp(0, 255).byte().permute(0, 2, 3, 1).cpu().numpy()
        done = f"step {step.step + 1} of {steps}, {time.monotonic() - begun:.0f} s"
        if time.monotonic() - begun > seconds:
            yield f"Ended at {done}: this model is too slow for more on this machine.", x
            return
        yield done[0].upper() + done[1:], x


_FORMS = {"epsilon": from_noise, "sample": from_x0, "v_prediction": from_v}
_VARIANCES = {None: "fixed_small", "fixed_small": "fixed_small", "fixed_small_log": "fixed_small"}
_VARIANCES |= {"fixed_large": "fixed_large"}  # not fixed_large_log, which diffusers itself makes NaN of
_NOT_PLAIN = "The model '{}' is not a plain unconditional pixel-space U-Net, the only kind supported here."

"""The way in for Hub models, on a folder that diffusers itself saves here."""

import json

import diffusers
import pytest
import torch

from genai_core.common.training import seeded
from genai_core.diffusion import hub, schedules
from genai_core.diffusion.samplers import SAMPLERS


def network(**more) -> diffusers.UNet2DModel:
    return diffusers.UNet2DModel(
        sample_size=8,
        in_channels=3,
        out_channels=3,
        block_out_channels=(8, 8),
        norm_num_groups=4,
        layers_per_block=1,
        down_block_types=("DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D"),
        **more,
    )


def saved(folder, scheduler=None, **more) -> str:
    scheduler = scheduler or diffusers.DDPMScheduler()
    diffusers.DDPMPipeline(seeded(0, lambda: network(**more)), scheduler).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> hub.HubModel:
    return hub.load(saved(tmp_path_factory.mktemp("pipeline")))


def seed(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def test_our_ddim_makes_what_the_pipeline_makes(model):
    """Same network, same noise, same spacing: the same pictures as DDIMPipeline, clipping aside."""
    scheduler = diffusers.DDIMScheduler(timestep_spacing="trailing", clip_sample=False)
    pipeline = diffusers.DDIMPipeline(model.network, scheduler)
    pipeline.set_progress_bar_config(disable=True)
    theirs = pipeline(batch_size=2, generator=seed(0), num_inference_steps=10, output_type="np").images
    grid_start = torch.randn((2, 3, 8, 8), generator=seed(0))
    denoise = hub.denoiser(model, clip=False)
    grid = hub.schedules.grid(model.schedule, 10)
    *_, last = SAMPLERS["ddim"](denoise, grid_start, grid, generator=seed(1))
    ours = ((last.after + 1) / 2).clamp(0, 1).permute(0, 2, 3, 1).numpy()
    assert abs(theirs - ours).max() < 2e-3


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_drives_it(model, sampler):
    *_, last = hub.sample_steps(model, 2, generator=seed(0), sampler=sampler, steps=4)
    assert last.after.shape == (2, 3, 8, 8)
    assert last.after.isfinite().all()


@pytest.mark.parametrize("predicts", ["epsilon", "sample", "v_prediction"])
def test_what_the_network_predicts_is_read_from_its_folder(tmp_path, predicts):
    model = hub.load(saved(tmp_path, diffusers.DDIMScheduler(prediction_type=predicts)))
    x, t = torch.randn((1, 3, 8, 8), generator=seed(0)), model.schedule.t[500]
    with torch.inference_mode():
        p = hub.denoiser(model, clip=False)(x, t)
        said = model.network(x, 500).sample
    alpha, sigma = (float(f) for f in hub.schedules.factors(t))
    shown = {"epsilon": p.noise, "sample": p.x0, "v_prediction": alpha * p.noise - sigma * p.x0}[predicts]
    torch.testing.assert_close(shown, said, atol=1e-4, rtol=1e-3)


def test_a_level_lies_between_its_neighbours_and_a_step_is_a_step(model):
    table = model.schedule.t
    for step in (0, 1, 500, 999):
        assert hub.step_at(table, float(table[step])) == step
    assert hub.step_at(table, float(table[7] + table[8]) / 2) == pytest.approx(7.5)
    assert hub.step_at(table, 0.0) == 0
    assert hub.step_at(table, 1.0) == 999


def test_what_cannot_be_used_is_told_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(hub.HubError, match=r"^The model '.*nowhere' could not be loaded: .*\.$"):
        hub.load(str(tmp_path / "nowhere"))
    with pytest.raises(hub.HubError, match="not a plain unconditional pixel-space U-Net"):
        hub.load(saved(tmp_path / "classes", num_class_embeds=3))
    with pytest.raises(hub.HubError, match="could not be loaded: its model_index.json is missing or damaged"):
        hub.load(str(tmp_path))
    with pytest.raises(ValueError, match="no sampler"):
        hub.sample_steps(hub.load(saved(tmp_path / "fine")), 1, generator=seed(0), sampler="best")


STEPS = 10
BOUNDS = [  # of the predicted x_0
    {},
    {"clip_sample": False},
    {"clip_sample_range": 3.0},
    {"thresholding": True, "dynamic_thresholding_ratio": 0.8, "sample_max_value": 4.0},
]


def ours(folder, scheduler, **options) -> list[torch.Tensor]:
    model = hub.load(saved(folder, scheduler))
    return [step.after for step in hub.sample_steps(model, 2, generator=seed(0), steps=STEPS, **options)]


def theirs(scheduler, **options) -> list[torch.Tensor]:
    """The states of diffusers' own loop, from the noise that `ours` starts from and with the same generator."""
    generator, unet, states = seed(0), seeded(0, network).eval(), []
    x = torch.randn((2, 3, 8, 8), generator=generator)
    scheduler.set_timesteps(STEPS)
    with torch.inference_mode():
        for step in scheduler.timesteps:
            x = scheduler.step(unet(x, step).sample, step, x, generator=generator, **options).prev_sample
            states.append(x)
    return states


def same(a: list[torch.Tensor], b: list[torch.Tensor]) -> None:
    for mine, other in zip(a, b, strict=True):
        torch.testing.assert_close(mine, other, rtol=0, atol=1e-4 * max(1.0, float(other.abs().max())))


MORE = [  # besides the bounds
    {"variance_type": "fixed_small_log"},
    {"variance_type": "fixed_large"},
    {"variance_type": "fixed_large", "clip_sample": False, "prediction_type": "v_prediction"},
]


@pytest.mark.parametrize("config", [*BOUNDS, *MORE], ids=str)
def test_ddpm_is_diffusers_with_the_same_config(tmp_path, config):
    scheduler = diffusers.DDPMScheduler(**config)
    same(ours(tmp_path, scheduler, sampler="ddpm", spacing="leading"), theirs(scheduler))


@pytest.mark.parametrize("predicts", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("bounds", BOUNDS, ids=str)
def test_ddim_is_diffusers_with_the_same_config(tmp_path, bounds, predicts):
    scheduler = diffusers.DDIMScheduler(**bounds, prediction_type=predicts, timestep_spacing="trailing")
    same(ours(tmp_path, scheduler, eta=0.7), theirs(scheduler, eta=0.7, use_clipped_model_output=True))


def test_a_scheduler_that_never_clips_is_taken_at_its_word(tmp_path):
    assert hub.load(saved(tmp_path / "none", diffusers.DPMSolverMultistepScheduler())).clip is None
    assert hub.load(saved(tmp_path / "one")).clip == 1.0


ZERO = {"rescale_betas_zero_snr": True, "prediction_type": "v_prediction", "timestep_spacing": "trailing"}


@pytest.mark.parametrize("bounds", BOUNDS, ids=str)
def test_from_noise_alone_ddpm_and_ddim_are_diffusers(tmp_path, bounds):
    scheduler = diffusers.DDPMScheduler(**ZERO, **bounds)
    same(ours(tmp_path / "ddpm", scheduler, sampler="ddpm"), theirs(scheduler))
    scheduler = diffusers.DDIMScheduler(**ZERO, **bounds)
    same(ours(tmp_path / "ddim", scheduler), theirs(scheduler, use_clipped_model_output=True))


def test_from_noise_alone_euler_is_diffusers(tmp_path):
    """But for their alpha of 2^-12 at the first step; their x is x / alpha."""
    scheduler = diffusers.EulerDiscreteScheduler(**ZERO)
    model = hub.load(saved(tmp_path, scheduler))
    assert model.schedule.alpha_bar[-1] == 0
    scheduler.set_timesteps(STEPS)
    noise = torch.randn((2, 3, 8, 8), generator=seed(0))
    x = noise * scheduler.init_noise_sigma
    with torch.inference_mode():
        for step in scheduler.timesteps:
            x = scheduler.step(model.network(scheduler.scale_model_input(x, step), step).sample, step, x).prev_sample
    for sampler in ("euler", "ddim"):
        *_, last = hub.sample_steps(model, 2, generator=seed(0), sampler=sampler, steps=STEPS, spacing="trailing")
        torch.testing.assert_close(last.after, x, atol=2e-3, rtol=0)


@pytest.mark.parametrize("sampler", [name for name in SAMPLERS if name != "langevin"])
def test_from_noise_alone_every_sampler_stays_of_the_size_of_pictures(tmp_path, sampler):
    states = ours(tmp_path, diffusers.DDPMScheduler(**ZERO), sampler=sampler, spacing="trailing")
    assert all(float(x.abs().max()) < 8 for x in states)


def test_from_noise_alone_langevin_is_refused(tmp_path):
    model = hub.load(saved(tmp_path, diffusers.DDPMScheduler(**ZERO)))
    with pytest.raises(ValueError, match="cannot start at a level without any signal"):
        next(hub.sample_steps(model, 1, generator=seed(0), sampler="langevin", steps=4, spacing="trailing"))
    *_, last = hub.sample_steps(model, 1, generator=seed(0), sampler="langevin", steps=4)
    assert last.after.isfinite().all()


def test_from_noise_alone_a_prediction_of_the_noise_is_refused(tmp_path):
    model = hub.load(saved(tmp_path, diffusers.DDPMScheduler(rescale_betas_zero_snr=True)))
    with pytest.raises(ValueError, match="predicts the noise, which says nothing of the picture"):
        hub.sample_steps(model, 1, generator=seed(0), steps=4)
    for spacing in ("leading", "karras"):
        *_, last = hub.sample_steps(model, 1, generator=seed(0), steps=4, spacing=spacing)
        assert last.after.isfinite().all()


UNSUPPORTED = [
    (diffusers.LCMScheduler(), "the scheduler LCMScheduler, which is not supported"),
    (diffusers.FlowMatchEulerDiscreteScheduler(), "the scheduler FlowMatchEulerDiscreteScheduler, which is not"),
    (diffusers.EDMEulerScheduler(), "the scheduler EDMEulerScheduler, which is not"),
    (diffusers.ScoreSdeVeScheduler(), "the scheduler ScoreSdeVeScheduler, which is not"),
    (diffusers.DDPMScheduler(variance_type="learned"), "variance_type = 'learned', which is not"),
    (diffusers.DDPMScheduler(variance_type="learned_range"), "variance_type = 'learned_range', which is not"),
    (diffusers.DDPMScheduler(variance_type="fixed_large_log"), "variance_type = 'fixed_large_log', which is not"),
    (diffusers.DDPMScheduler(prediction_type="flow"), "prediction_type = 'flow', which is not"),
    (diffusers.EulerDiscreteScheduler(timestep_type="continuous"), "timestep_type = 'continuous', which is not"),
    (diffusers.UniPCMultistepScheduler(use_flow_sigmas=True), "use_flow_sigmas = True, which is not"),
    (diffusers.DDPMScheduler(trained_betas=[0.1, 0.0, 0.2]), "a table of alpha_bar that does not fall"),
]


@pytest.mark.parametrize(("scheduler", "said"), UNSUPPORTED, ids=[said for _, said in UNSUPPORTED])
def test_a_scheduler_that_is_not_supported_is_named(tmp_path, scheduler, said):
    with pytest.raises(hub.HubError, match=rf"^The .*model '.*' has .*{said}.*\.$"):
        hub.load(saved(tmp_path, scheduler))


def edited(folder, file: str, change) -> str:
    name = saved(folder)
    path = folder / file
    value = json.loads(path.read_text(encoding="utf-8"))
    change(value)
    path.write_text(json.dumps(value), encoding="utf-8")
    return name


def test_what_is_damaged_and_what_is_not_supported_have_their_own_words(tmp_path):
    def beta_schedule(config):
        config["beta_schedule"] = "foo"

    def latents(index):
        index["vqvae"] = ["diffusers", "VQModel"]

    with pytest.raises(hub.HubError, match="has a beta_schedule that is not supported here"):
        hub.load(edited(tmp_path / "a", "scheduler/scheduler_config.json", beta_schedule))
    with pytest.raises(hub.HubError, match="not a plain unconditional pixel-space U-Net"):
        hub.load(edited(tmp_path / "b", "model_index.json", latents))
    saved(tmp_path / "c")
    (tmp_path / "c" / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(b"nothing")
    with pytest.raises(hub.HubError, match="could not be loaded: a file is missing or damaged.$"):
        hub.load(str(tmp_path / "c"))
    (tmp_path / "c" / "model_index.json").write_text("[1]", encoding="utf-8")
    with pytest.raises(hub.HubError, match="its model_index.json is missing or damaged.$"):
        hub.load(str(tmp_path / "c"))


def test_dynamic_thresholding_scales_only_what_is_large():
    x = torch.linspace(-1, 1, 64).view(1, 1, 8, 8)
    both = hub.dynamic_threshold(torch.cat([x, 3 * x]), 1.0, 10.0)
    torch.testing.assert_close(both, torch.cat([x, x]))
    assert float(hub.dynamic_threshold(3 * x, 0.5, 2.0).abs().max()) == 1.0


def test_between_the_last_two_levels_of_a_table_lies_noise_alone(tmp_path):
    model = hub.load(saved(tmp_path, diffusers.DDPMScheduler(**ZERO)))
    assert hub.step_at(model.schedule.t, 1.0) == 999
    alpha, sigma = schedules.factors(model.schedule.t[-1])
    assert (alpha, sigma) == (0, 1)

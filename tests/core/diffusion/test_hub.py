"""The way in for Hub models, on a folder that diffusers itself saves here."""

import diffusers
import pytest
import torch

from genai_core.diffusion import hub
from genai_core.diffusion.samplers import SAMPLERS
from genai_core.training import seeded


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
    with pytest.raises(hub.HubError, match="not a plain unconditional pixel U-Net"):
        hub.load(saved(tmp_path / "classes", num_class_embeds=3))
    with pytest.raises(ValueError, match="no sampler"):
        hub.sample_steps(hub.load(saved(tmp_path / "fine")), 1, generator=seed(0), sampler="best")

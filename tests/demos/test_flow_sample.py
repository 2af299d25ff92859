"""Sample: what is kept and what is drawn anew, the temperature, and what its presets say is so."""

import base64

import numpy as np
import pytest
import torch

from demos._ui.validation import InputError
from demos.flow import sample
from demos.flow.sample import ALL, COARSE, COLUMNS, COUNT, FINE, MODELS, PART, ROWS, SCALES
from genai_core.common import checkpoints
from genai_core.flows import base, variants

TWO = ("glow-mnist", "realnvp-mnist")


def preset(label):
    (found,) = [preset for preset in PART.presets if preset.label == label]
    return PART.parse(found.given())


@pytest.mark.parametrize("model", TWO)
@pytest.mark.parametrize("redraw", [FINE, COARSE])
def test_a_row_keeps_one_scale_and_draws_the_other_anew(model, redraw):
    z = sample.latents(model, 0.8, redraw, 3)
    scale = SCALES[redraw]
    anew, kept = (part.view(ROWS, COLUMNS, -1) for part in (z[scale], z[1 - scale]))
    assert torch.equal(kept, kept[:, :1].expand_as(kept))
    assert len(anew.flatten(0, 1).unique(dim=0)) == COUNT
    assert len(kept[:, 0].unique(dim=0)) == ROWS


@pytest.mark.parametrize("model", TWO)
def test_the_first_of_a_row_is_the_same_whatever_is_drawn_anew(model):
    x, y = (sample.pictures(model, 0.8, redraw, 3)[::COLUMNS] for redraw in (FINE, COARSE))
    assert torch.equal(x, y)
    first = base.draw_latents(variants.load(model), ROWS, generator=torch.Generator().manual_seed(3), temperature=0.8)
    assert torch.equal(x, base.decode(variants.load(model), first).cpu())


def test_the_pictures_latents_are_found_again_from_them():
    """What stays of the kept scale is seen by the flow itself: encoding a row gives its coarse latents again."""
    flow, z = variants.load("glow-mnist"), sample.latents("glow-mnist", 0.7, FINE, 1)
    with torch.inference_mode():
        back, _ = flow.encode(flow.decode(z))
    assert torch.allclose(back[1], z[1], atol=2e-2)
    assert torch.allclose(back[0], z[0], atol=2e-2)


@pytest.mark.parametrize("model", MODELS)
def test_the_same_seed_gives_the_same_grid(model):
    for redraw in sample.redrawn(model):
        first, second = (
            base.decode(variants.load(model), sample.latents(model, 0.7, redraw, 5)).cpu() for _ in range(2)
        )
        assert torch.equal(first, second)
        assert torch.equal(first, sample.pictures(model, 0.7, redraw, 5))
        assert not torch.equal(first, sample.pictures(model, 0.7, redraw, 6))


@pytest.mark.parametrize("model", MODELS)
def test_temperature_0_gives_one_picture(model):
    assert len(sample.pictures(model, 0.0, ALL, 7).unique(dim=0)) == 1
    assert torch.equal(sample.pictures(model, 0.0, ALL, 7), sample.pictures(model, 0.0, ALL, 8))


def test_the_grid_at_no_redraw_is_what_the_flow_samples():
    flow = variants.load("realnvp-mnist")
    expected = base.sample(flow, COUNT, generator=torch.Generator().manual_seed(4), temperature=0.9)
    assert torch.equal(sample.pictures("realnvp-mnist", 0.9, ALL, 4), expected.cpu())


def test_the_stage_is_sent_the_grid_and_its_bits():
    value = PART.value(PART.parse({"redraw": FINE, "seed": 2}))
    sent = np.frombuffer(base64.b64decode(value["pictures"]), np.uint8)
    x = sample.pictures("glow-mnist", 0.7, FINE, 2)
    assert np.array_equal(sent, (255 * x).round().byte().flatten().numpy())
    flow, noise = variants.load("glow-mnist"), torch.Generator().manual_seed(0)
    assert value["bits"] == pytest.approx(base.bits(flow, x, generator=noise).tolist(), abs=1e-3)
    assert sum(value["sizes"]) == base.DIMENSIONS


def test_the_share_within_rows_is_the_one_of_the_analysis_of_variance():
    rows = torch.randn(ROWS, 1, 28, 28, generator=torch.Generator().manual_seed(0)).repeat_interleave(COLUMNS, 0)
    assert sample.within(rows) == pytest.approx(0, abs=1e-6)
    columns = torch.randn(COLUMNS, 1, 28, 28, generator=torch.Generator().manual_seed(0)).repeat(ROWS, 1, 1, 1)
    assert sample.within(columns) == pytest.approx(1, abs=1e-5)
    assert sample.within(torch.zeros(COUNT, 1, 28, 28)) == 0


# --- what the presets say


def mean_of_seeds(figure, **settings):
    return float(np.mean([figure(**PART.parse(settings | {"seed": seed})) for seed in range(4)]))


def share_within(**settings):
    return sample.within(sample.pictures(**settings))


def same(**settings):
    digits, _ = sample.read(sample.pictures(**settings))
    return sample.figures(settings["redraw"], sample.pictures(**settings), digits)["same"]


@pytest.mark.parametrize("model", TWO)
def test_the_coarse_scale_decides_the_shape_and_the_fine_one_its_edges(model):
    assert mean_of_seeds(share_within, model=model, redraw=FINE) < 0.2
    assert mean_of_seeds(share_within, model=model, redraw=COARSE) > 0.8
    assert mean_of_seeds(same, model=model, redraw=FINE) > 10 > mean_of_seeds(same, model=model, redraw=COARSE)


def test_at_temperature_0_there_is_one_8_far_from_all_draws():
    digits, sure = sample.read(sample.pictures(**preset("Temperature 0")))
    assert set(digits) == {8}
    assert min(sure) > 0.5
    z = sample.latents("glow-mnist", 1.0, ALL, 0)
    norms = torch.cat([part.flatten(1) for part in z], 1).norm(dim=1)
    assert float((norms - 28).abs().max()) < 3


def test_hot_pictures_are_less_likely_to_the_flow():
    hot = preset("Temperature 1.2")
    assert np.mean(sample.bits(**hot)) > np.mean(sample.bits(**hot | {"temperature": 0.7})) + 0.2


def test_pictures_of_nice_take_more_bits_than_those_of_glow():
    settings = preset("NICE")
    own = np.mean(sample.bits(**settings))
    assert own > np.mean(sample.bits(**settings | {"model": "glow-mnist"})) + 0.2
    assert list(sample.redrawn("nice-mnist")) == [ALL]


def test_the_endpoint_gives_the_grid_of_the_stage():
    image, said = sample.flow_sample("realnvp-mnist", 5, 0.9, COARSE)
    settings = PART.parse({"model": "realnvp-mnist", "seed": 5, "temperature": 0.9, "redraw": COARSE})
    assert image.tobytes() == sample.picture(**settings).tobytes()
    value = PART.value(settings)
    assert {name: value[name] for name in ("digits", "bits", "within", "same")} == said


@pytest.mark.parametrize(
    "bad",
    [
        {"temperature": 1.3},
        {"temperature": -0.1},
        {"temperature": float("nan")},
        {"redraw": "middle"},
        {"model": "nice-mnist", "redraw": FINE},
        {"model": "vae-mnist"},
        {"seed": -1},
    ],
)
def test_what_no_flow_takes_is_refused(bad):
    with pytest.raises(InputError):
        PART.parse(bad)


def test_a_missing_checkpoint_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(checkpoints, "ASSETS", tmp_path)
    with pytest.raises(checkpoints.CheckpointError, match="glow-mnist"):
        PART.value(PART.parse({"seed": 123}))

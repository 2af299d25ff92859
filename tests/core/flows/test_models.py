"""The image flows: exact likelihoods, ledgers that add up, samples, and what training does."""

import dataclasses
import math
from itertools import pairwise

import pytest
import torch

from genai_core import data
from genai_core.common import checkpoints
from genai_core.flows import base, evaluation, glow, ledger, nice, realnvp, variants
from genai_core.flows.base import FlowConfig, ImageFlow
from genai_core.flows.layers import ActNorm, Layer, Scale

each = pytest.mark.parametrize("variant", variants.VARIANTS, ids=lambda variant: variant.__name__.split(".")[-1])
MODELS = {nice: nice.NICE, realnvp: realnvp.RealNVP, glow: glow.Glow}


def seed(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def pictures(n: int = 200) -> tuple[torch.Tensor, torch.Tensor]:
    x, y = data.load("sprites", "train")
    return x[:n], y[:n]


@pytest.fixture(scope="module")
def trained():
    """Each variant's tiny model after some steps."""
    return {v: list(v.train(v.TINY.config, pictures(), steps=15))[-1].model for v in variants.VARIANTS}


class Uniform(ImageFlow):
    """The density 1 on the unit cube: a layer that scales by 1, and a prior that is flat."""

    def log_prior(self, latents):
        return torch.zeros(len(latents[0]))


def test_a_uniform_model_takes_8_bits():
    x = torch.rand(5, 1, 28, 28, generator=seed(0))
    assert torch.equal(
        base.bits(Uniform(FlowConfig(), [Scale(1, 28, 28)]), x, generator=seed(0)), torch.full((5,), 8.0)
    )


def test_noise_stays_within_its_level():
    x = torch.arange(256).repeat(49)[: 16 * 784].view(16, 1, 28, 28) / 255
    v = base.dequantise(x, generator=seed(0))
    assert torch.equal((256 * v).floor(), (255 * x).round())
    assert float((256 * v).frac().mean()) == pytest.approx(0.5, abs=0.01)


@each
def test_a_flow_is_inverted_within_float32(variant, trained):
    x = pictures()[0][:50]
    assert evaluation.inverse_error(trained[variant], x) < 1e-4
    assert evaluation.inverse_error(trained[variant], x, torch.float64) < 1e-12


def test_log_det_of_a_whole_flow_is_that_of_autograd(trained):
    """With all scales: the determinant of the Jacobian, 784 x 784, of one picture."""
    model = glow.Glow(trained[glow].config).double()
    model.load_state_dict(trained[glow].state_dict())
    v = base.dequantise(pictures()[0][:1], generator=seed(0)).double()
    latents, log_det = model.encode(v)
    assert [part.shape[1:] for part in latents] == [torch.Size(shape) for shape in model.shapes]

    def flat(x):
        return torch.cat([part.flatten() for part in model.encode(x)[0]])

    jacobian = torch.autograd.functional.jacobian(flat, v, vectorize=True).flatten(1)
    torch.testing.assert_close(torch.linalg.slogdet(jacobian).logabsdet, log_det[0], atol=1e-3, rtol=1e-6)


@each
def test_the_ledger_adds_up_to_the_likelihood(variant, trained):
    model, x = trained[variant], pictures()[0][0]
    lines = ledger.ledger(model, x, generator=seed(3))
    own = float(base.bits(model, x[None], generator=seed(3)))
    assert sum(line.bits for line in lines) == pytest.approx(own, abs=1e-4)
    assert sum(line.nats for line in lines) == pytest.approx(-own * 784 * math.log(2), rel=1e-5)
    assert [lines[0].name, lines[-1].name] == ["dequantise", "prior"]
    assert len(lines) == 2 + sum(len(scale.layers) for scale in model.scales)
    assert all(line.state.shape == line.changed.shape == (1, 28, 28) for line in lines)


@each
def test_a_line_changes_what_it_says_and_nothing_else(variant, trained):
    lines = ledger.ledger(trained[variant], pictures()[0][1], generator=seed(3))
    for before, after in pairwise(lines):
        moved = before.state != after.state
        assert not (moved & (after.changed == 0)).any(), after.name
        assert moved.any() == bool(after.changed.any()), after.name


@each
def test_rounding_to_bfloat16_is_what_a_flow_does_not_bear(variant, trained):
    model, x = trained[variant], pictures()[0][:8]
    errors = []
    for dtype in (torch.float32, torch.bfloat16):
        v, back = ledger.roundtrip(model, x, generator=seed(0), dtype=dtype)
        errors.append(float((v - back).abs().max()))
    assert errors[0] < 1e-4
    assert errors[1] > 10 * errors[0]


@each
def test_the_way_back_passes_through_the_states_of_the_ledger(variant, trained):
    model, x = trained[variant], pictures()[0][2]
    *states, _, _ = [line.state for line in ledger.ledger(model, x, generator=seed(5))]
    exact, back = (ledger.way_back(model, x, generator=seed(5), dtype=t) for t in (torch.float64, torch.float32))
    assert torch.allclose(exact, torch.stack(states[::-1]), rtol=0, atol=1e-10)
    assert torch.allclose(back.double(), exact, atol=1e-4)
    rounded = ledger.way_back(model, x, generator=seed(5), dtype=torch.bfloat16)
    ends = ledger.roundtrip(model, x[None], generator=seed(5), dtype=torch.bfloat16)[1]
    assert torch.equal(rounded[-1:], ends)
    assert (rounded - back).abs().max() > 1e-3


@each
def test_samples_are_pictures_and_a_seed_repeats_them(variant, trained):
    model = trained[variant]
    x, again, other = (variant.sample(model, 3, generator=seed(s)) for s in (1, 1, 2))
    assert torch.equal(x, again)
    assert not torch.equal(x, other)
    assert torch.equal((255 * x).round() / 255, x)
    cold = variant.sample(model, 3, generator=seed(1), temperature=0.0)
    assert torch.equal(cold[0], cold[1])
    with pytest.raises(ValueError, match="temperature"):
        variant.sample(model, 3, generator=seed(1), temperature=-1.0)


@each
def test_decoding_the_latents_of_a_picture_gives_it_back(variant, trained):
    model, x = trained[variant], (255 * pictures()[0][:20]).round() / 255
    latents, _ = model.encode(base.dequantise(x, generator=seed(0)))
    torch.testing.assert_close(base.decode(model, latents), x, atol=1e-6, rtol=0)
    with pytest.raises(ValueError, match="Latents"):
        base.decode(model, [part[..., :5] for part in latents])


def test_one_scale_is_redrawn_and_the_others_stay(trained):
    model = trained[glow]
    latents = base.draw_latents(model, 2, generator=seed(0))
    new = base.redraw(model, latents, 0, generator=seed(1))
    assert torch.equal(new[1], latents[1])
    assert not torch.equal(new[0], latents[0])
    assert torch.equal(new[0], base.draw_latents(model, 2, generator=seed(1))[0])
    with pytest.raises(ValueError, match="scale"):
        base.redraw(model, latents, 2, generator=seed(0))


@each
def test_the_first_batch_leaves_each_actnorm_normalised(variant):
    model = MODELS[variant](variant.TINY.config)
    base.initialise(model, pictures()[0], generator=seed(0))
    seen: list[torch.Tensor] = []
    for layer in model.modules():
        if isinstance(layer, ActNorm):
            layer.register_forward_hook(lambda _, inputs, outputs: seen.append(outputs[0]))
    generator = seed(0)
    index = torch.randint(200, (base.FIRST,), generator=generator)
    model.encode(base.dequantise(pictures()[0][index], generator=generator))
    for z in seen:
        variance, mean = torch.var_mean(z, (0, 2, 3), correction=0)
        torch.testing.assert_close(mean, torch.zeros_like(mean), atol=1e-3, rtol=0)
        torch.testing.assert_close(variance, torch.ones_like(variance), atol=1e-2, rtol=0)


@each
def test_a_saved_flow_gives_the_same_bits(variant, trained, tmp_path, monkeypatch):
    """Stored in float16, its likelihood changes by little, and the way back by nothing that shows."""
    name, model = next(iter(variant.RECIPES)), trained[variant]
    monkeypatch.setattr(checkpoints, "ASSETS", tmp_path)
    checkpoints.save(name, model, variant.TINY.config)
    loaded, x = variants.load(name), pictures()[0][:50]
    own, its = (float(base.bits(m, x, generator=seed(0)).mean()) for m in (model, loaded))
    assert its == pytest.approx(own, abs=0.02)
    assert evaluation.inverse_error(loaded, x) < 1e-4


def test_an_unknown_flow_is_told_the_known_ones():
    with pytest.raises(checkpoints.CheckpointError, match=r"no flow 'glow-cats'.*glow-mnist"):
        variants.load("glow-cats")


@pytest.mark.parametrize("name", variants.RECIPES)
def test_a_recipe_builds_a_checkpoint_below_10_mib(name):
    variant = next(v for v in variants.VARIANTS if name in v.RECIPES)
    model = MODELS[variant](variant.RECIPES[name].config)
    assert 2 * sum(value.numel() for value in model.state_dict().values()) < 10 * 2**20  # float16


def test_affine_couplings_make_the_papers_glow(trained):
    config = dataclasses.replace(glow.TINY.config, components=0)
    steps = list(glow.train(config, pictures(), steps=10))
    assert steps[-1].losses["loss"] < steps[0].losses["loss"]
    assert evaluation.inverse_error(steps[-1].model, pictures()[0][:50]) < 1e-4


def test_shares_and_histograms_count_every_value():
    a, b = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([2.0, 4.0])
    assert evaluation.share_below(a, b) == pytest.approx((2 + 1.5 + 1) / 6)
    counts = evaluation.histogram(torch.tensor([-1.0, 0.0, 0.06, 7.99, 9.0]))
    assert sum(counts) == 5
    assert (counts[0], counts[1], counts[-1]) == (2, 1, 2)
    assert evaluation.quantiles(a)[::50] == [1.0, 2.0, 3.0]


def test_layers_are_asked_for_both_ways():
    with pytest.raises(NotImplementedError):
        Layer()(torch.zeros(1, 1))
    with pytest.raises(NotImplementedError):
        Layer().inverse(torch.zeros(1, 1))

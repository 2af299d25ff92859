"""The flow's Model: its values are those of the layers and of a training step, and what its presets say is so."""

import pytest
import torch

from demos.flow import model as part
from genai_core.flows import base, layers, variants


def of(**given):
    return part.values(**part.PART.parse(given))


def preset(label):
    (found,) = [one for one in part.PART.presets if one.label == label]
    return of(**found.given())


def latents(found):
    return torch.cat([found[name].flatten() for name in ("z_fine", "z_coarse")])


@pytest.mark.parametrize("model", part.MODELS)
def test_the_values_are_those_of_the_layers_and_of_a_training_step(model):
    found, flow = of(model=model, seed=3), variants.load(model)
    x, seen = part.drawn("3"), []
    device = next(flow.parameters()).device
    hooks = [scale.register_forward_hook(lambda _net, _given, out: seen.append(out)) for scale in flow.scales]
    with torch.inference_mode():
        loss = base.loss(flow, x.to(device), generator=torch.Generator().manual_seed(3))["loss"]
        (fine, coarse), log_det = flow.encode(found["v"][None].to(device))
        back = flow.decode([fine, coarse]).cpu()
    for hook in hooks:
        hook.remove()
    assert float(found["bits"]) == pytest.approx(float(loss), abs=1e-4)
    assert torch.equal(base.dequantise(x, generator=torch.Generator().manual_seed(3))[0], found["v"])
    for name, (_, own) in zip(("det_fine", "det_coarse"), seen[:2], strict=True):
        assert float(found[name]) == pytest.approx(float(own), rel=1e-5)
    assert float(found["det_fine"] + found["det_coarse"]) == pytest.approx(float(log_det), rel=1e-5)
    for name, own in (("z_fine", fine), ("z_coarse", coarse)):
        assert torch.allclose(found[name], part.at_pixels(own[0].cpu()), atol=1e-4)
    assert float(found["log_prob"]) == pytest.approx(
        sum(float(found[name]) for name in ("prior", "det_fine", "det_coarse")), rel=1e-5
    )
    assert torch.allclose(back[0], found["v"], atol=2e-3)  # the way back is exact, but for rounding


def test_each_number_is_shown_at_its_pixel():
    x = torch.arange(784.0).view(1, 1, 28, 28)
    on, out = layers.factor_out(layers.Squeeze()(x)[0])
    assert torch.equal(part.at_pixels(on[0]), x[0, 0, ::2])
    assert torch.equal(part.at_pixels(out[0]), x[0, 0, 1::2])
    assert torch.equal(part.at_pixels(layers.Squeeze()(on)[0][0]), x[0, 0, ::2])


def test_black_costs_a_tenth_of_a_digit_by_its_stretch_alone():
    first, black = of(), preset("All black")
    assert 10 * float(black["bits"]) < float(first["bits"])
    assert float(black["det_fine"] - first["det_fine"]) > 5 * abs(float(black["prior"] - first["prior"]))
    for found in (first, black):
        assert abs(float(latents(found).mean())) < 0.2
        assert 0.9 < float(latents(found).std()) < 1.1


def test_noise_does_not_become_noise():
    found = preset("Noise")
    assert round(float(found["z_fine"].mean())) == -11
    assert round(float(found["z_fine"].std())) == 14
    assert float(found["bits"]) > 100


def test_a_flow_of_garments_finds_a_digit_likelier_than_a_garment():
    digit, garment = preset("A flow of garments"), of(model="realnvp-fashion", example="garment")
    assert f"{float(digit['bits']):.1f}" == "2.0"
    assert f"{float(garment['bits']):.1f}" == "3.4"
    stretch = [float(one["det_fine"] + one["det_coarse"]) for one in (digit, garment)]
    assert stretch[0] > stretch[1] + 500


def test_other_noise_below_the_grey_levels_changes_all_and_the_bits_little():
    first, other = of(), preset("Another u")
    assert not any(torch.equal(first[name], other[name]) for name in first)
    assert float(other["bits"]) == pytest.approx(float(first["bits"]), rel=0.05)
    alike = {
        name: float(torch.corrcoef(torch.stack([first[name].flatten(), other[name].flatten()]))[0, 1])
        for name in ("z_fine", "on", "z_coarse")
    }
    assert min(alike, key=alike.get) == "z_fine"

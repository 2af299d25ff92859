"""The GAN's Model: its values are those of the networks and of a training step, and what its presets say is so."""

import pytest
import torch

from demos.gan import model as part
from genai_core import gan
from genai_core.gan import base


def of(**given):
    return part.values(**part.PART.parse(given))


def preset(label):
    (found,) = [one for one in part.PART.presets if one.label == label]
    return of(**found.given())


def test_the_values_are_those_of_the_networks_and_of_a_training_step():
    found, model = of(seed=3), gan.load(part.NAME)
    seen = {"generator": [], "discriminator": []}
    hooks = [
        getattr(model, name).register_forward_hook(lambda _net, given, out, name=name: seen[name].append((given, out)))
        for name in seen
    ]
    labels = torch.tensor([4])
    fake = model.generate(found["z"][None], labels).detach()
    scores = [float(model.score(x, labels)) for x in (found["real"][None], fake)]
    for hook in hooks:
        hook.remove()
    assert torch.allclose((seen["generator"][0][1] + 1)[0] / 2, found["fake"], atol=1e-6)
    (real, _), (made, _) = (given for given, _ in seen["discriminator"])
    assert torch.allclose((real[0] + 1) / 2, found["real"], atol=1e-6)
    assert torch.allclose((made[0] + 1) / 2, found["fake"], atol=1e-6)
    assert scores == pytest.approx([float(found["score_real"]), float(found["score_fake"])], abs=1e-4)
    terms = base.discriminator_terms(model, found["real"][None], fake, labels, generator=torch.Generator())
    assert float(found["loss_d"]) == pytest.approx(float(terms["loss"]), abs=0.03)  # a training may be in bfloat16
    assert float(found["loss_g"]) == pytest.approx(-scores[1], abs=1e-4)


def test_another_z_changes_what_comes_of_it_alone():
    first, other = of(), preset("Another z")
    same = {name for name in first if torch.equal(first[name], other[name])}
    assert same == {"real", "score_real"}


def test_a_digit_of_another_class_has_a_lower_score():
    assert float(preset("The wrong class")["score_real"]) < float(of()["score_real"]) - 0.3


def test_noise_for_real_costs_the_discriminator_alone():
    first, noise = of(), preset("Noise for real")
    assert float(noise["loss_d"]) > 2 * float(first["loss_d"])
    assert float(noise["loss_d"]) > 4
    assert torch.equal(noise["loss_g"], first["loss_g"])

"""Interpolate, a part of three tabs: what its presets say is so in each of them."""

import pytest

from demos._ui import interpolation
from demos.diffusion import _models as diffusion_models
from demos.gan import _models as gan_models
from demos.vae import _models as vae_models

SPACES = {"vae": vae_models.SPACE, "gan": gan_models.SPACE, "diffusion": diffusion_models.SPACE}


def paths(space, label):
    """Codes and pictures of the straight and of the spherical path of a preset."""
    settings = interpolation.part(space).parse(
        next(preset for preset in interpolation.PRESETS if preset.label == label).given()
    )
    seeds = (settings["from_seed"], settings["to_seed"])
    return [
        space.path(settings["model"], settings["label"], seeds, name, interpolation.SHOWN)
        for name in interpolation.PATHS
    ]


@pytest.mark.parametrize("name", SPACES)
def test_the_middle_is_no_cross_fade(name):
    _, (_, x) = paths(SPACES[name], "Half-way")
    fade = (x[0] + x[-1]) / 2
    assert float((x[5] - fade).abs().mean()) > 0.3 * float((x[0] - x[-1]).abs().mean())


@pytest.mark.parametrize("name", SPACES)
def test_the_straight_path_passes_nearer_to_0_and_the_spherical_one_does_not(name):
    (straight, _), (spherical, _) = paths(SPACES[name], "Through the inside")
    ends = straight[[0, -1]].norm(dim=1)
    assert float(straight[5].norm()) < 0.9 * float(ends.min())
    assert float(spherical[5].norm()) > 0.98 * float(ends.min())


@pytest.mark.parametrize("name", SPACES)
def test_the_paths_differ_most_around_the_middle(name):
    (_, a), (_, b) = paths(SPACES[name], "Where the paths part")
    differ = (a - b).abs().flatten(1).mean(1)
    assert 3 <= int(differ.argmax()) <= 6
    assert float(differ[[0, -1]].max()) < 0.01

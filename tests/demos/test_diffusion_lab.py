"""The presets of the diffusion lab: what each says was to be seen is what its training gives."""

import math

import pytest
import torch

from demos._ui import distributions
from demos.diffusion import lab
from genai_core.data.plane import distribution
from genai_core.diffusion import schedules
from genai_core.diffusion.lab import LEVELS, Lab, LabConfig, flow


def trained(label: str, steps: int) -> tuple[Lab, dict]:
    """The lab of a preset after so many of its steps, and the preset's settings."""
    (preset,) = [preset for preset in lab.PART.presets if preset.label == label]
    settings = lab.PART.parse(preset.given())
    training = Lab(LabConfig(steps=lab.STEPS), distribution(distributions.DATA[settings["data"]]), settings["seed"])
    training.step(steps)
    return training, settings


def energy_distance(a: torch.Tensor, b: torch.Tensor) -> float:
    """That of two sets of points [N, 2] (Szekely & Rizzo 2013), as V-statistics."""
    return (2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean()).item()


def test_every_preset_of_the_lab_has_its_outcome_tested():
    assert [p.label for p in lab.PART.presets] == ["Moons", "Ring of 8", "Grid of 25", "A spiral, by the SDE"]


@pytest.mark.parametrize("steps", [50, 200])
def test_near_the_moons_the_arrows_settle_last(steps):
    left = trained("Moons", steps)[0].errors() / trained("Moons", 0)[0].errors()
    assert left[0] > 4 * left[1:].max()  # 6 and 7 times measured


def test_the_rings_arrows_have_a_sharp_edge_at_little_noise_alone():
    """Two points on both sides of the border between two modes, 0.2 rad apart: the cosine of their arrows."""
    training, cosines = trained("Ring of 8", 1000)[0], {}
    angle = math.pi / 8 + torch.tensor([-0.1, 0.1])
    with torch.inference_mode():
        for level in (LEVELS[0], LEVELS[-1]):
            t = torch.tensor(level, dtype=torch.float64)
            x = float(schedules.factors(t)[0]) * torch.stack([angle.cos(), angle.sin()], 1)
            arrows = -training.learned()(x, t).noise
            cosines[level] = torch.cosine_similarity(arrows[0], arrows[1], 0).item()
    assert cosines[LEVELS[0]] < -0.5  # -0.77 measured
    assert cosines[LEVELS[-1]] > 0.95


def test_the_grid_keeps_all_its_modes():
    training, settings = trained("Grid of 25", 1000)
    modes, quality = training.data.quality(torch.from_numpy(training.frame(lab.SOLVERS[settings["solver"]]).flow[-1]))
    assert modes == 25
    assert quality > 0.6  # 0.75 measured, 0.88 after all steps


def test_the_spirals_sde_ends_elsewhere_with_the_same_distribution():
    training, settings = trained("A spiral, by the SDE", 1000)
    solver = lab.SOLVERS[settings["solver"]]
    with torch.inference_mode():
        ode, sde = (torch.from_numpy(flow(training.learned(), training.noise, s)[-1]) for s in ("ode", solver))
    assert solver == "sde"
    assert (ode - sde).norm(dim=1).median() > 0.4  # 0.88 measured, in a plane from -2 to 2
    assert energy_distance(ode, sde) < 0.01  # 0.002; two draws of as many points from one distribution: 0.005

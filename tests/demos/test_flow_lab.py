"""The flow lab: what its presets say is so, and what the stage is sent."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from demos._ui import distributions
from demos.flow import _frames, lab
from genai_core.data.plane import distribution
from genai_core.flows.plane import lab as core
from genai_core.flows.plane.lab import Lab, configured


def trained(label: str, steps: int) -> tuple[dict, Lab]:
    """A preset's settings, and its flow after so many steps: fewer than the page's, which take a minute."""
    (preset,) = [preset for preset in lab.PART.presets if preset.label == label]
    settings = lab.PART.parse(preset.given())
    config = lab.config(*(settings[name] for name in ("model", "couplings", "sigma", "trace")))
    training = Lab(configured(**config), distribution(distributions.DATA[settings["data"]]), settings["seed"])
    training.step(steps)
    return settings, training


def islands(density: np.ndarray, share: float) -> int:
    """Connected regions in which the density is above this share of its highest."""
    return ndimage.label(density > share * density.max())[1]


def test_eight_islands_keep_bridges():
    _, training = trained("Tear it in eight", 500)
    with torch.no_grad():
        truth = training.data.log_prob(core.middles(64, core.PLANE)).exp().view(64, 64).numpy()
    measures = training.frame().measures
    assert measures.quality > 0.75  # it has learned where the islands are
    assert islands(truth, 1e-3) == 8
    assert islands(measures.density, 1e-3) == 1


def test_the_integral_stays_1_while_modes_grow():
    _, training = trained("Does it still add up?", 0)
    for _ in range(4):
        assert training.frame().measures.integral == pytest.approx(1, abs=5e-3)
        training.step(60)
    assert training.frame().measures.nll < 3.3  # of 3.9 at the beginning: the density has changed


def cells(grid: np.ndarray) -> np.ndarray:
    """The signed area of each cell of a grid [n, n, 2], by the cross product of its diagonals."""
    a, b = grid[1:, 1:] - grid[:-1, :-1], grid[1:, :-1] - grid[:-1, 1:]
    return (a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]) / 2


def test_paths_bend_and_the_grid_is_never_folded():
    _, training = trained("Do paths meet?", 600)
    way = training.frame().lattice  # [states, n, n, 2]
    assert (np.array([cells(state) for state in way]) > 0).all()
    middle, chord = way[len(way) // 2], (way[0] + way[-1]) / 2
    assert np.linalg.norm(middle - chord, axis=-1).max() > 0.3


def test_one_euler_step_leads_to_the_mean():
    settings, training = trained("One Euler step", 600)
    radius = training.data.centres.norm(dim=1).mean().item()
    one, many = (training.frame("euler", n).samples[-1] for n in (settings["solver_steps"], 20))
    assert settings["solver_steps"] == 1
    assert np.linalg.norm(one, axis=1).mean() < 0.25 * radius
    assert np.linalg.norm(many, axis=1).mean() > 0.8 * radius


def test_a_saved_picture_shows_the_density_and_samples_of_the_stage():
    _, training = trained("Tear it in eight", 5)
    frame = _frames.frame_value(training.frame())
    settings = lab.PART.parse({"data": "ring of 8"})
    empty, full = (lab.picture(**settings, shown=shown) for shown in (None, lab.at_x(frame)))
    assert empty.size == full.size == (_frames.SIZE, _frames.SIZE)
    assert np.asarray(full)[320, 320].tolist() != np.asarray(empty)[320, 320].tolist()


def test_a_drawing_that_is_empty_has_no_measures_of_data():
    value = lab.PART.value(lab.PART.parse({"data": "my drawing"}))
    assert value["entropy"] is None
    assert value["measures"]["nll"] is None
    assert value["measures"]["integral"] == pytest.approx(1, abs=5e-3)

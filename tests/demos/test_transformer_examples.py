"""Examples: the same points give the same curves everywhere, bad points get a sentence, and what presets say is so."""

import numpy as np
import pytest
import torch

from demos._ui.validation import InputError
from demos.transformer import examples
from demos.transformer.examples import COUNT, GRID, MOST, NAMES, PART
from genai_core.transformer import icl
from genai_core.transformer.icl import FAMILIES


def value(**given) -> dict:
    return PART.value(PART.parse(given))


def line(text: str) -> list[float]:
    return [float(v) for v in text.split(",")]


def test_the_curves_are_those_of_the_model_after_the_examples_seen():
    shown = value(points="-1,0.5,0,1,1,-0.5", family="sine", seen="2")
    x, y = torch.tensor([-1.0, 0.0]), torch.tensor([0.5, 1.0])
    expected = icl.curve(icl.load(), x, y, "sine", GRID)
    assert np.allclose(shown["curves"]["transformer"], expected, atol=1e-4)
    assert np.allclose(shown["curves"]["least_squares"], 1 + 0.5 * GRID, atol=1e-4)


def test_ridge_is_least_squares_drawn_towards_0_by_the_variance_of_the_noise():
    x, y = torch.tensor([-1.0, 0.0, 2.0]), torch.tensor([0.5, 1.0, -1.0])
    a = torch.stack([x, torch.ones(3)], 1)
    w, b = torch.linalg.solve(a.T @ a + icl.load().config.noise ** 2 * torch.eye(2), a.T @ y)
    assert np.allclose(value(points="-1,0.5,0,1,2,-1")["curves"]["ridge"], w * GRID + b, atol=1e-3)


def test_the_error_at_a_point_is_that_of_the_curve_of_those_before_it():
    points = line("-1,0.5,0,1,1.5,-0.5,2,2")
    shown = value(points=points, family="stump")
    for k in range(4):
        at = torch.tensor([points[2 * k]])
        predicted = examples.curves(points[: 2 * k], "stump", at)
        for name in NAMES:
            if k or name == "transformer":
                error = float(predicted[name][0] - points[2 * k + 1]) ** 2
                assert shown["errors"][name][k] == pytest.approx(error, abs=2e-3)


@pytest.mark.parametrize("family", FAMILIES)
def test_drawn_points_lie_around_the_function_that_is_shown(family):
    for seed in range(4):
        points, f = np.array(examples.drawn(family, seed, MOST)).reshape(-1, 2), examples.true_function(family, seed)
        off = points[:, 1] - np.interp(points[:, 0], GRID.numpy(), f)
        inside = np.abs(points[:, 1]) < 3
        assert 0.15 < np.std(off[inside]) < 0.6
        assert examples.drawn(family, seed, COUNT) == points[:COUNT].flatten().tolist()
        assert np.abs(points[:COUNT]).max() <= 3


def test_a_function_of_a_seed_is_of_its_family():
    f = {family: np.array(examples.true_function(family, 3)) for family in FAMILIES}
    assert np.allclose(np.diff(f["linear"], 2), 0, atol=1e-4)
    assert len(set(f["stump"].round(4))) == 2
    assert np.abs(f["sine"]).max() <= 2


def test_no_points_are_a_prompt_as_well():
    shown = value(function="own")
    assert shown["settings"]["points"] == []
    assert shown["f"] is None
    assert shown["errors"] == {name: [] for name in NAMES}
    assert set(shown["curves"]["ridge"]) == {0.0}
    assert PART.picture(**shown["settings"]).size == examples.SIZE


@pytest.mark.parametrize(
    ("points", "sentence"),
    [
        ("1", "pairs"),
        ("1,x", "numbers with commas"),
        ("3.1,0", "between -3 and 3"),
        ([0.0, float("nan")], "must be a number"),
        ([0.1] * 2 * (MOST + 1), "at most 19"),
        (None, "pairs"),
        ({"x": 1}, "pairs"),
        ([[0, 1]] * 2, "must be a number"),
    ],
)
def test_points_that_the_model_cannot_read_get_a_sentence(points, sentence):
    with pytest.raises(InputError, match=sentence):
        PART.parse({"points": points})


def test_no_more_can_be_seen_than_there_are():
    with pytest.raises(InputError, match="Of 1 point"):
        PART.parse({"points": "1,1", "seen": 2})


@pytest.mark.parametrize("bad", [{"family": "cubic"}, {"seed": -1}, {"count": 0}, {"count": MOST + 1}, {"count": "x"}])
def test_a_bad_request_for_points_gets_a_sentence(bad):
    good = {"family": "linear", "seed": 0, "count": 3}
    assert len(examples.draw_points(good)) == 6
    with pytest.raises(InputError):
        examples.draw_points(good | bad)


def test_a_hidden_line_is_not_in_the_picture():
    settings = PART.parse({"points": "-1,0.5,0,1,1,-0.5"})
    whole = np.asarray(PART.picture(**settings))
    for name in NAMES:
        hidden = np.asarray(PART.picture(**settings | {name: False}))
        assert (hidden != whole).any()


def test_the_endpoint_predicts_what_the_stage_shows():
    shown = value(points="-1,0.5,0,1,1,-0.5", family="sine")
    told = examples.transformer_examples("-1,0.5,0,1,1,-0.5", "sine")
    assert {name: told[name] for name in NAMES} == shown["curves"]
    assert told["errors"] == shown["errors"]
    assert len(told["x"]) == len(told["ridge"])


def preset(label: str, **changed) -> dict[str, np.ndarray]:
    """The curves of a preset, at GRID."""
    (found,) = [one for one in PART.presets if one.label == label]
    return {name: np.array(v) for name, v in value(**{**found.given(), **changed})["curves"].items()}


def at(x: float) -> int:
    return int(np.abs(GRID.numpy() - x).argmin())


def between(low: float, high: float) -> slice:
    return slice(at(low), at(high) + 1)


def test_what_the_preset_of_two_points_says():
    shown = preset("Two points")
    assert np.abs(shown["transformer"] - GRID.numpy())[between(-1, 1)].max() < 0.3
    assert np.abs(shown["transformer"] - shown["least_squares"])[between(-2, 2)].mean() < 0.25
    one = preset("Two points", seen=1)
    assert np.abs(one["transformer"] - one["ridge"])[between(-1.5, 1.5)].mean() < 0.25
    assert one["transformer"][at(1)] > one["transformer"][at(-1)] + 0.5
    assert np.abs(preset("Two points", seen=0)["transformer"]).max() < 0.2


def test_what_the_preset_of_an_outlier_says():
    """How far a point 2.4 above the line lifts the curves in the middle."""
    among = between(-1, 1)
    on_line, shown = (preset("One outlier", points=p) for p in (examples.ON_A_LINE, examples.WITH_OUTLIER))
    lift = {name: (shown[name] - on_line[name])[among].mean() for name in NAMES}
    assert lift["least_squares"] < lift["transformer"] < 1.7 * lift["least_squares"]
    assert lift["least_squares"] > 0.3
    straight = np.polyval(np.polyfit(GRID.numpy()[among], shown["transformer"][among], 1), GRID.numpy()[among])
    assert np.abs(shown["transformer"][among] - straight).max() < 0.25  # it does not bend to the outlier


def test_what_the_preset_of_the_sine_token_says():
    shown = preset("The sine token")["transformer"]
    line = 0.8 * GRID.numpy()
    assert np.abs(shown - line)[between(-1, 1)].max() < 0.3
    for x in (-3, 3):
        assert abs(shown[at(x)]) < 0.75
    told = {family: preset("The sine token", family=family)["transformer"] for family in FAMILIES}
    assert np.abs(told["linear"] - line)[between(-2.5, 2.5)].max() < 0.4
    assert abs(told["stump"][at(3)] - told["stump"][at(1.5)]) < 0.3
    assert abs(told["stump"][at(-3)] - told["stump"][at(-1.5)]) < 0.3


def test_what_the_preset_far_from_the_training_says():
    shown = preset("Far from its training")
    off = {name: np.abs(values - 0.9 * GRID.numpy()) for name, values in shown.items()}
    assert max(off["least_squares"].max(), off["ridge"].max()) < 0.2
    read = np.abs(GRID.numpy()) >= 2.5
    assert 0.4 < off["transformer"][read].max() < 0.6


def test_a_trained_model_predicts_a_line_as_well_as_ridge_does():
    """Squared distance to f after 10 examples of lines with one feature, N(0, 1) as in its training."""
    off = {name: [] for name in NAMES}
    for seed in range(12):
        f, points = np.array(examples.true_function("linear", seed)), examples.drawn("linear", seed, 10)
        for name, values in examples.curves(points, "linear").items():
            off[name].append(np.square(values.numpy() - f)[between(-1.5, 1.5)].mean())
    assert np.mean(off["transformer"]) < 1.5 * np.mean(off["ridge"])


@pytest.mark.parametrize("settings", [{"function": "own"}, *(one.given() for one in PART.presets)])
def test_the_code_prints_what_the_stage_shows(settings, capsys):
    parsed = PART.parse(settings)
    exec(compile(PART.code(**parsed), "code", "exec"), {})
    assert PART.says(**parsed) in capsys.readouterr().out

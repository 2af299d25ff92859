import math

import gradio as gr
import numpy as np
import pytest

from demos import _checks
from demos.gan import _plane
from demos.gan import lab as gan
from genai_core.gan import lab

CONTROLS = ("non-saturating", -3, -3, 1, 2, 0)


def first(generator, n=1):
    found = [next(generator) for _ in range(n)]
    generator.close()
    return found


def play(state=None, view=None, preset="", speed="normal", data="ring of 8", seed=0, controls=CONTROLS, number=0):
    return gan.play(number, state, view, preset, speed, data, seed, *controls)


def test_a_game_goes_on_from_its_state_as_if_it_had_not_been_paused():
    whole = first(play(), 3)
    (_, state) = first(play(), 2)[-1]
    ((frame, _),) = first(play(state))
    assert frame == whole[2][0]
    assert [f["step"] for f, _ in whole] == [10, 20, 30]


def test_a_late_state_of_a_game_that_was_reset_is_not_gone_on_with():
    (_, late) = first(play(number=0), 2)[-1]
    number, _, view = gan.reset(0, "ring of 8")
    ((frame, _),) = first(play(late, number=number))
    assert (frame["step"], frame["game"], view["game"]) == (10, 1, 1)


def test_two_games_never_touch_and_another_seed_is_another_game():
    a, b = first(play(seed=0))[0][0], first(play(seed=1))[0][0]
    assert a["made"] != b["made"]
    assert first(play(seed=0))[0][0] == a


@pytest.mark.parametrize(("who", "loss"), [("discriminator", "g_loss"), ("generator", "d_loss")])
def test_one_step_of_one_side_leaves_the_other_alone(who, loss):
    ((frame, _),) = first(gan.one_step(who)(0, None, None, "", "ring of 8", 0, *CONTROLS))
    assert frame["step"] == 1
    assert frame[loss] is None


@pytest.mark.parametrize("label", gan.PRESETS)
def test_a_preset_sets_the_controls_that_its_game_is_played_with(label):
    event = gr.EventData(None, {"preset": label})
    data, loss, lr_g, lr_d, d_steps, latents, penalty, _speed, name, number, view = gan.choose(3, event)
    settings = gan.with_preset(name, gan.settings_of(loss, lr_g, lr_d, d_steps, latents, penalty))
    config = lab.LabConfig(**settings)
    wanted = gan.STATES[label][1]
    assert config.lr_g == pytest.approx(wanted.lr_g, rel=0.02)
    assert (config.loss, config.pack, config.ema, config.anneal) == (
        wanted.loss,
        wanted.pack,
        wanted.ema,
        wanted.anneal,
    )
    assert (number, view["game"]) == (4, 4)
    assert len(view["real"]) == 2 * lab.SHOWN
    ((frame, _),) = first(play(preset=name, data=data, controls=(loss, lr_g, lr_d, d_steps, latents, penalty)))
    assert frame["total"] == {"grid of 25": 25, "ring of 8": 8}.get(data)


def test_a_drawing_is_played_on():
    drawing = [[0.5, 0.5], [-0.5, 0.1]]
    ((frame, _),) = first(play(view={"drawn": drawing}, data="my drawing"))
    real = np.array(frame["real"]).reshape(-1, 2) / 1000
    assert np.linalg.norm(real[:, None] - np.array(drawing), axis=2).min(1).max() < 0.12
    assert frame["drawn"] == drawing


@pytest.mark.parametrize(
    "bad",
    [
        {"speed": "warp"},
        {"data": "cube"},
        {"data": None},
        {"seed": -1},
        {"seed": math.nan},
        {"data": "my drawing"},
        {"data": "my drawing", "view": {"drawn": [[9, 9]]}},
        {"data": "my drawing", "view": {"drawn": [[0, math.nan]]}},
        {"data": "my drawing", "view": {"drawn": [[0, 0]] * 3000}},
        {"data": "my drawing", "view": [1]},
        {"controls": ("cubic", -3, -3, 1, 2, 0)},
        {"controls": ("hinge", math.inf, -3, 1, 2, 0)},
        {"controls": ("hinge", -3, "x", 1, 2, 0)},
        {"controls": ("hinge", -3, -3, 0, 2, 0)},
        {"controls": ("hinge", -3, -3, 1, 1.5, 0)},
        {"controls": ("hinge", -3, -3, 1, 2, -1)},
    ],
    ids=str,
)
def test_bad_input_gets_one_sentence(bad):
    with pytest.raises(gr.Error) as caught:
        first(play(**bad))
    assert caught.value.message != _checks.UNKNOWN


def test_a_game_that_diverges_ends_with_a_sentence():
    wild = {"loss": "wasserstein", "lr_d": 1e30, "lr_g": 1e30}
    game = gan.frames("both", 10, 0.0, 5, 0, None, "ring", wild, 0)
    with pytest.raises(_checks.InputError, match="try a lower learning rate"):
        list(game)


def kept(**changes):
    fields = {"data": "spiral", "loss": "hinge", "seed": "4", "lr_g": "-2.5", "speed": "fast", "preset": "", **changes}
    return {name: value for name, value in fields.items() if value is not None}


def test_settings_come_back_from_a_link_and_fit_the_controls():
    number, view, preset, speed, data, seed, *controls = gan.values(kept())
    assert (preset, speed, data, seed, controls) == ("", "fast", "spiral", 4, ["hinge", -2.5, -3, 1, 2, 0])
    assert view["game"] == number > 10**12
    again = gan.values({k: str(v) for k, v in gan.kept(number, view, preset, speed, data, seed, *controls).items()})
    assert again[2:] == (preset, speed, data, seed, *controls)


def test_a_drawing_goes_with_its_link():
    points = [[0.5, -0.5], [0.25, 1.0]]
    settings = gan.kept(0, {"drawn": points}, "", "normal", "my drawing", 0, *CONTROLS)
    assert gan.values(settings)[1]["drawn"] == points


@pytest.mark.parametrize(
    "change",
    [
        {"data": "x"},
        {"loss": "y"},
        {"seed": "-3"},
        {"seed": "9" * 40},
        {"lr_g": "nan"},
        {"d_steps": "1.5"},
        {"preset": "z"},
        {"data": "my drawing"},
        {"data": "my drawing", "drawn": "1,x"},
        {"data": "my drawing", "drawn": "9,9"},
    ],
)
def test_a_tampered_link_gets_one_sentence(change):
    with pytest.raises(_checks.InputError):
        gan.values(kept(**change))


def test_the_plane_to_keep_shows_its_points_where_they_are():
    view = {"real": [0, 0], "made": [-1000, 1000], "heat": None}
    image = _plane.picture(view)
    assert image.getpixel((_plane.SIZE // 2, _plane.SIZE // 2)) == _plane.REAL
    assert image.getpixel((_plane.SIZE // 10, _plane.SIZE // 10)) == _plane.MADE
    assert image.getpixel((_plane.SIZE - 9, _plane.SIZE - 9)) == _plane.BASE
    ((frame, _),) = first(play())
    assert len(set(_plane.picture(frame).getcolors(10**6))) > 100


@pytest.mark.parametrize(
    "view", [{"real": "x"}, {"real": [1]}, {"made": [math.nan, 0]}, {"heat": "AAAA"}, {"heat": 5}, {"real": [0] * 5000}]
)
def test_a_hostile_plane_gets_one_sentence(view):
    with pytest.raises(_checks.InputError):
        _plane.picture(view)

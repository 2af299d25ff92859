"""The GAN tab's lab in two dimensions: trainings, their state, and what links hold of them."""

import base64
import math

import numpy as np
import pytest

from demos._ui import distributions, live, validation
from demos.gan import _frames, lab
from genai_core.gan import lab as core
from genai_core.gan import live as lab_live

LAB = core.LabConfig()
EACH, _ = lab.SPEEDS["normal"]  # steps of a frame


def play(n=1, state=None, action="run", **changes):
    """The first n values of a run: (frame, state)."""
    run = lab.play(state, action, **lab.PART.parse(changes))
    values = [next(run) for _ in range(n)]
    run.close()
    return values


def test_a_training_goes_on_from_its_state_as_if_it_had_not_been_paused():
    whole = play(3)
    *_, (_, state) = play(2)
    ((frame, _),) = play(1, state)
    assert frame == whole[2][0]
    assert [f["step"] for f, _ in whole] == [EACH, 2 * EACH, 3 * EACH]


def test_what_is_shown_is_the_labs_own_frame():
    ((frame, _),) = play(seed=3)
    own = core.Lab(LAB, core.distribution("ring"), seed=3)
    own.step(EACH)
    expected = own.frame()
    fake = distributions.unpacked(frame["fake"], "fake", core.SHOWN)
    assert np.abs(fake - expected.fake.clip(-2 * core.WINDOW, 2 * core.WINDOW)).max() < 1e-3
    heat = np.frombuffer(base64.b64decode(frame["heat"]), np.uint8)
    assert np.abs(heat / 255 - expected.heat.flatten()).max() < 0.005
    assert (frame["d_loss"], frame["modes"], frame["total"]) == (expected.d_loss, expected.modes, 8)


def test_a_frame_says_what_its_colours_span():
    ((frame, _),) = play()
    assert frame["span"] is None
    ((frame, _),) = play(loss="Wasserstein, gradient penalty", penalty=1.0)
    own = core.Lab(core.LabConfig(loss="wasserstein", penalty=1.0), core.distribution("ring"), seed=0)
    own.step(EACH)
    assert frame["span"] == pytest.approx(own.frame().span, abs=0.01)
    assert frame["span"][0] < frame["span"][1]


def test_a_run_that_reaches_its_time_limit_says_so():
    *_, (_, _, timed_out) = lab_live.train(settings={}, data="ring", seed=0, per_frame=1, frames=1000, seconds=0.2)
    assert timed_out
    assert _frames.frame_value(core.Lab(LAB, core.distribution("ring")).frame(), 8, timed_out)["timed_out"]
    ((frame, _),) = play()
    assert not frame["timed_out"]


def test_the_next_frame_comes_when_the_last_one_is_drawn(monkeypatch):
    """Of a page that draws slowly, however fast its frames are made."""
    monkeypatch.setattr(live, "BEAT", 0.001)
    values = live.one_in_flight((k for k in range(3)), "1")
    assert next(values) == 0
    assert [next(values) for _ in range(5)] == [None] * 5
    live.drawn({"run": "2"})
    assert next(values) is None
    live.drawn({"run": "1"})
    assert next(values) == 1
    monkeypatch.setattr(live, "PATIENCE", 0.0)  # whose word was lost is not waited for any longer
    assert [value for value in values if value is not None] == [2]
    assert not live._drawn
    assert list(live.one_in_flight((k for k in range(3)), None)) == [0, 1, 2]


def test_a_run_of_a_page_waits_for_the_page(monkeypatch):
    monkeypatch.setattr(live, "BEAT", 0.1)
    values = lab.play(None, "run", request={"run": "7"}, **lab.PART.parse({}))
    first, _ = next(value for value in values if value)
    assert [next(values) for _ in range(8)] == [None] * 8
    live.drawn({"run": "7"})
    second, _ = next(value for value in values if value)
    values.close()
    assert (first["step"], second["step"]) == (EACH, 2 * EACH)
    assert not live._drawn


def test_the_ring_collapses_though_its_gradient_does_not_vanish():
    """When differs from one processor to another: a rounding changes a game."""
    given = preset("Ring, non-saturating")
    game = core.Lab(core.LabConfig(**lab.config(**given)), core.distribution("ring"), seed=given["seed"])
    modes = []
    while len(modes) < 16 and min(modes, default=8) > 2:
        game.step(250)
        modes.append(game.frame().modes)
    assert max(modes) >= 4
    assert modes[-1] <= 2


def test_the_critic_of_the_moons_has_a_slope_near_1():
    game = core.Lab(core.LabConfig(**lab.config(**preset("Moons, Wasserstein"))), core.distribution("moons"), seed=0)
    game.step(200)
    assert 0.6 < game.frame().slope < 1.7


def preset(label):
    """The settings of a preset. Those of the other two are trained in tests/core/gan/test_lab.py."""
    (one,) = (one for one in lab.PART.presets if one.label == label)
    return lab.PART.parse(one.given())


def test_another_seed_is_another_training():
    (a, b, again) = (play(seed=seed)[0][0] for seed in (0, 1, 0))
    assert a["fake"] != b["fake"]
    assert a == again


def test_losses_and_rates_may_be_changed_in_a_training_and_its_networks_may_not():
    *_, (_, state) = play(1)
    ((same, _),) = play(1, state, latents=9, seed=5)
    ((changed, _),) = play(1, state, loss="hinge")
    assert same == play(2)[1][0]
    assert changed["d_loss"] != same["d_loss"]


@pytest.mark.parametrize(("action", "other"), [("step_d", "g_loss"), ("step_g", "d_loss")])
def test_one_step_of_one_network_leaves_the_other_alone_and_ends(action, other):
    ((frame, _),) = [v for v in lab.play(None, action, **lab.PART.parse({"speed": "fast"})) if v]
    assert frame["step"] == 1
    assert frame[other] is None


@pytest.mark.parametrize("preset", lab.PART.presets, ids=lambda preset: preset.label)
def test_a_preset_holds_all_that_its_training_is_made_of(preset):
    wanted = {
        "Mode collapse": core.PRESETS["collapse"].config,
        "All 25 modes": core.PRESETS["all modes"].config,
        "Ring, non-saturating": core.LabConfig(),
        "Moons, Wasserstein": lab.MOONS,
    }[preset.label]
    settings = lab.PART.parse(preset.given())
    made = core.LabConfig(**lab.config(**settings))
    assert (made.lr_g, made.lr_d) == pytest.approx((wanted.lr_g, wanted.lr_d), rel=0.02)
    rates = {"lr_g": made.lr_g, "lr_d": made.lr_d}
    assert made == core.LabConfig(**(vars(wanted) | rates))
    ((frame, _),) = play(**{**settings, "speed": "normal"})
    assert frame["total"] == {"grid of 25": 25, "ring of 8": 8}.get(settings["data"])


@pytest.mark.parametrize("label", ["Mode collapse", "All 25 modes", "Ring, non-saturating", "Moons, Wasserstein"])
def test_a_link_that_names_a_preset_opens_what_the_preset_was(label):
    """Older links held the fields that the page had then, and the preset's name for all others."""
    (preset,) = (p for p in lab.PART.presets if p.label == label)
    new = lab.PART.parse(preset.given())
    shown = ("data", "loss", "lr_g", "lr_d", "d_steps", "latents", "penalty", "speed")
    old = {name: str(new[name]) for name in shown} | {"preset": label, "seed": "4"}
    assert lab.PART.parse(old) | {"preset": ""} == new | {"seed": 4}
    named = lab.PART.parse({"preset": label, "data": new["data"], "speed": "fast"})
    assert named | {"preset": "", "seed": new["seed"]} == new  # presets had no seed of their own then


def test_a_drawing_is_trained_on_and_goes_with_its_link():
    ((frame, _),) = play(data="my drawing", drawn="0.5,0.5,-0.5,0.1")
    assert (frame["total"], frame["modes"]) == (None, None)
    shown = lab.show(**lab.PART.parse({"data": "my drawing", "drawn": [0.5, 0.5, -0.5, 0.1]}))
    real = distributions.unpacked(shown["real"], "real", core.SHOWN)
    assert np.abs(real - [[0.5, 0.5], [-0.5, 0.1]]).max() < 1e-3
    assert shown["drawing"]


def test_the_largest_drawing_goes_with_its_link_as_well():
    points = [[round(-0.5 - k / 1000, 2), -0.55] for k in range(distributions.MOST)]
    link = lab.PART.table.to_text(lab.PART.parse({"drawn": [v for point in points for v in point]}))
    assert distributions.points_of(lab.PART.parse(link)["drawn"]) == points


@pytest.mark.parametrize(
    "bad",
    [
        {"action": "cheat"},
        {"data": "my drawing"},
        {"data": "my drawing", "drawn": "9,9"},
        {"data": "my drawing", "drawn": [0, math.nan]},
        {"data": "my drawing", "drawn": [0.0] * 3000},
        {"data": "my drawing", "drawn": "1,2,3"},
        {"data": "my drawing", "drawn": "1,x"},
        {"data": "my drawing", "drawn": {"x": 1}},
        {"d_steps": 1.5},
        {"lr_g": "nan"},
        {"seed": "9" * 40},
    ],
    ids=str,
)
def test_bad_settings_get_one_sentence(bad):
    with pytest.raises(validation.InputError):
        play(**bad)


def test_a_training_that_diverges_ends_with_a_sentence():
    wild = lab.PART.parse({"loss": "Wasserstein, gradient penalty", "speed": "fast"}) | {"lr_d": 30.0, "lr_g": 30.0}
    with pytest.raises(validation.InputError, match="try a lower learning rate"):
        list(lab.play(None, "run", **wild))


def test_a_saved_plane_shows_its_points_where_they_are():
    size, real = _frames.SIZE, np.zeros((1, 2), np.float32)
    image = _frames.picture(real, {"fake": distributions.packed(np.array([[-1.0, 1.0]]))})
    across = round(size * (1 - 1 / core.WINDOW) / 2)
    assert image.getpixel((size // 2, size // 2)) == _frames.REAL
    assert image.getpixel((across, across)) == _frames.GENERATED
    assert image.getpixel((size - 9, size - 9)) == _frames.BASE
    ((frame, _),) = play()
    assert len(lab.picture(**lab.PART.parse({}), shown=frame).getcolors(10**6)) > 100


@pytest.mark.parametrize(
    "shown", [5, [1], {"heat": "AAAA"}, {"heat": 5}, {"fake": [0, 0]}, {"fake": "AA=="}, {"fake": "A" * 10**6}], ids=str
)
def test_a_tampered_plane_gets_one_sentence(shown):
    with pytest.raises(validation.InputError):
        _frames.picture(np.zeros((1, 2), np.float32), shown)


def test_many_runs_say_less_often_that_there_is_nothing_new(monkeypatch):
    monkeypatch.setattr(live, "BEAT", 0.1)
    running = [live.frames("genai_core.gan.live:train", lambda value: value, settings={}, data="ring", seed=0)]
    assert live.beat() == 0.1
    next(running[0])
    assert len(live._running) == 1
    monkeypatch.setattr(live, "_running", live._running | {object() for _ in range(29)})
    assert live.beat() == 0.6  # fifty a second of thirty runs
    live._running |= {object() for _ in range(970)}
    assert live.beat() == live.SLOWEST
    running[0].close()
    assert len(live._running) == 999

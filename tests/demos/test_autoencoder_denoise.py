"""Denoise: what is noisy and where, what its presets say, and bad requests."""

import base64
import json

import numpy as np
import pytest
import torch
from PIL import Image, ImageChops

from demos._ui import digits, errors, validation
from demos.autoencoder import _api_denoise, denoise
from genai_core.autoencoders import denoising, noise, plane
from genai_core.data.plane import distribution

PICTURE = ("kind", "strength", "pixels", "region", "seed")


def of(**changes):
    return denoise.PART.parse(changes)


def cleaned(label=None, **changes):
    settings = of(**(preset(label) if label else changes))
    return denoise.cleaned(**{key: settings[key] for key in PICTURE})


def preset(label):
    return next(one for one in denoise.PART.presets if one.label == label).given()


def unpacked(text):
    return torch.tensor(list(base64.b64decode(text))).view(28, 28) / 255


def test_noise_is_where_the_region_is_and_nowhere_else():
    for kind in denoise.KINDS:
        x, noisy, _ = cleaned(kind=kind, strength=0.8, region=denoise.middle())
        changed = (noisy != x)[0, 0]
        assert changed[9:19, 9:19].any()
        assert not changed[:9].any()
        assert not changed[19:].any()
        everywhere = cleaned(kind=kind, strength=0.8)[1]
        assert torch.equal(everywhere[..., 9:19, 9:19], noisy[..., 9:19, 9:19])  # the same noise, by brush or slider


def test_the_page_shows_what_the_model_makes():
    answer = denoise.clean(of(kind="salt", strength=0.3))
    x, noisy, made = cleaned(kind="salt", strength=0.3)
    np.testing.assert_array_equal(unpacked(answer["noisy"]), unpacked(digits.packed(noisy)))
    np.testing.assert_array_equal(unpacked(answer["cleaned"]), unpacked(digits.packed(made)))
    assert answer["before"] == pytest.approx(float(noise.psnr(noisy, x)))
    assert answer["after"] == pytest.approx(float(noise.psnr(denoising.load(denoise.NAME)(noisy), x)), abs=1e-3)
    assert answer["after"] > answer["before"] + 5


def test_half_a_digit_is_enough():
    x, noisy, made = cleaned("Half is hidden")
    assert noise.psnr(made, x) > noise.psnr(noisy, x) + 7
    off = (made - x)[0, 0].abs()
    assert (off > 0.5).float().mean() < 0.03
    inside = -torch.nn.functional.max_pool2d(-x, 3, 1, 1)[0, 0] > 0.5  # away from the edges of strokes
    assert off[inside].mean() < 0.2


def test_a_hole_is_filled_with_something_softer():
    x, noisy, made = cleaned("A hole")
    assert noisy[..., 9:19, 9:19].max() == 0
    hole, around = made[..., 9:19, 9:19], x.clone()
    around[..., 9:19, 9:19] = 0
    assert hole.max() > 0.3
    assert hole.sum() < 0.5 * x[..., 9:19, 9:19].sum()  # and most of it stays dark
    grey = lambda part: ((part > 0.2) & (part < 0.8)).sum() / (part > 0.2).sum()  # noqa: E731
    assert grey(hole) > grey(around)


def test_what_too_much_noise_leaves_is_a_blur():
    x, _, made = cleaned("Too much")
    sharp = lambda part: float((part - 0.5).abs()[part > 0.1].mean())  # noqa: E731
    assert sharp(made) < sharp(x)
    assert noise.psnr(made, x) < noise.psnr(cleaned("Half is hidden")[2], x) - 3


def test_a_clean_digit_is_left_nearly_alone():
    x, noisy, made = cleaned("No noise")
    assert torch.equal(noisy, x)
    assert noise.psnr(made, x) > 23
    assert denoise.clean(of(**preset("No noise")))["before"] > 90


def test_the_steps_of_points_are_the_score_near_the_data_and_stray_far_away():
    settings = of(**preset("The score"))
    value = denoise.show(**settings)
    assert json.dumps(value)
    assert value["error"] < 0.1
    model, points = denoise.trained(settings["points"], settings["sigma"]), distribution(settings["points"])
    learned, exact = plane.arrows(model, points, denoise.SIDE, denoise.REACH)
    line = np.linspace(-denoise.REACH, denoise.REACH, denoise.SIDE)
    places = torch.tensor(np.stack(np.meshgrid(line, line), -1), dtype=torch.float32).view(-1, 2)
    away = torch.cdist(places, points.centres).min(1).values.view(denoise.SIDE, denoise.SIDE).numpy()
    off = np.linalg.norm(learned - exact, axis=2)
    assert off[away < 0.3].mean() < 0.03 < off[away > 0.9].mean()


def test_again_and_again_gathers_points_away_from_the_moons():
    settings = of(**preset("Again and again"))
    data = distribution(settings["points"])
    steps = plane.walk(denoise.trained(settings["points"], settings["sigma"]), settings["times"], denoise.REACH)
    apart = [torch.cdist(*[torch.from_numpy(x)] * 2).median() for x in steps[[0, -1]]]
    assert apart[1] < apart[0]
    away = torch.cdist(torch.from_numpy(steps[-1]), data.centres).min(1).values
    assert away.median() > 3 * data.sigma


@pytest.mark.parametrize("label", ["A hole", "Again and again"])
def test_the_program_makes_the_picture_of_a_preset(label, tmp_path, monkeypatch):
    """Of noise in a region, and of points; test_tabs.py runs that of a first visit."""
    settings = of(**preset(label))
    monkeypatch.chdir(tmp_path)
    exec(compile(denoise.code(**settings), label, "exec"), {"__name__": "__main__"})
    made, wanted = Image.open("picture.png").convert("RGB"), denoise.picture(**settings).convert("RGB")
    assert ImageChops.difference(made, wanted).getbbox() is None


def test_a_link_says_everywhere_in_a_word():
    text = denoise.PART.table.to_text(of())
    assert text["region"] == denoise.EVERYWHERE
    assert of(**text) == of()
    assert len(denoise.PART.table.to_text(of(**preset("A hole")))["region"]) > 1000


def test_a_field_is_trained_once():
    assert denoise.trained("ring", "0.4") is denoise.trained("ring", "0.4")


def test_bad_requests_get_a_sentence():
    clean = errors.guarded(denoise.clean)
    for bad in (None, [], {"kind": "fog"}, {"strength": 2}, {"strength": "x"}, {"pixels": "AAAA"}, {"region": 5}):
        answer = clean(bad)
        assert list(answer) == ["error"]
        assert answer["error"] != errors.UNKNOWN
    with pytest.raises(validation.InputError):
        denoise.example({"seed": -1})


def test_the_endpoint_gives_what_the_page_shows():
    settings = of(kind="masking", strength=0.5)
    spoiled, made, figures = _api_denoise.autoencoder_denoise.function(**{key: settings[key] for key in PICTURE})
    answer = denoise.clean(settings)
    assert np.array_equal(np.asarray(made).ravel(), np.frombuffer(base64.b64decode(answer["cleaned"]), np.uint8))
    assert spoiled.size == (28, 28)
    assert figures == pytest.approx({key: answer[key] for key in ("before", "after")}, abs=1e-3)

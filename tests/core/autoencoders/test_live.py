"""A live training of an autoencoder with two codes."""

import dataclasses

import numpy as np
import pytest

from genai_core.autoencoders import live


def frames(steps=20, **options):
    return list(live.train_ae(**{"vary": ("x", "y"), "seed": 0, "steps": steps, "seconds": 600} | options))


def test_frames_are_alike_for_a_seed_and_the_error_falls():
    a, b, c = frames(60), frames(60), frames(60, seed=1)
    pairs = zip(dataclasses.astuple(a[-1]), dataclasses.astuple(b[-1]), strict=True)
    assert all(np.array_equal(x, y) for x, y in pairs)
    assert a[-1].mse < 0.8 * a[0].mse
    assert not np.array_equal(a[-1].decoded, c[-1].decoded)
    assert [frame.step for frame in a] == list(range(live.FRAME, 61, live.FRAME))


def test_every_code_lies_in_the_plane_that_is_decoded():
    for frame in frames():
        assert np.abs(frame.scatter.astype(int)).max() <= live.EDGE
        assert frame.half > 0
        assert frame.decoded.shape == (live.SIDE * 28, live.SIDE * 28)


def test_a_linear_one_comes_to_the_error_of_pca_and_not_below_it():
    last = frames(400, linear=True)[-1]
    assert 0.98 * last.mse_pca < last.mse < 1.1 * last.mse_pca


def test_a_training_whose_time_is_up_says_so():
    (frame,) = live.train_ae(vary=("x",), seed=0, steps=100, seconds=0.0)
    assert (frame.step, frame.timed_out) == (1, True)


@pytest.mark.parametrize("bad", [{"loss": "l1"}, {"vary": ("colour",)}])
def test_a_wrong_setting_is_one_sentence(bad):
    with pytest.raises(ValueError, match=r"^There is no [^.]*\. There|^There is no [^.]*; there are"):
        frames(**bad)

"""A live training on own pictures."""

import dataclasses

import numpy as np
import pytest
import torch

from genai_core.data.sprites import sprites
from genai_core.vae import live

STEPS = 30


def own(n):
    """Pictures of sprites, as bytes [n, 28, 28]."""
    x, _ = sprites(n, generator=torch.Generator().manual_seed(3), vary=("x", "y"))
    return (x[:, 0] * 255).round().byte().numpy()


def frames(pictures, seed=0):
    return list(live.train_vae(pictures=pictures, beta=1.0, seed=seed, steps=STEPS, seconds=600))


def same(a, b):
    pairs = zip(dataclasses.astuple(a), dataclasses.astuple(b), strict=True)
    return all(np.array_equal(x, y) for x, y in pairs)


@pytest.mark.parametrize(("n", "held_out"), [(live.FEWEST, 0), (39, 0), (40, 4), (live.MOST, 50)])
def test_a_tenth_is_held_out_where_there_are_enough(n, held_out):
    last = frames(own(n))[-1]
    assert (last.step, last.held_out) == (STEPS, held_out)
    assert len(last.scatter) == len(last.factors) == n
    assert set(last.elbo) == ({"training", "held out"} if held_out else set())


def test_own_pictures_are_learned_alike_for_a_seed():
    a, b, c = frames(own(60)), frames(own(60)), frames(own(60), seed=1)
    assert a[-1].losses["reconstruction"] < 0.8 * a[0].losses["reconstruction"]
    assert all(map(same, a, b))
    assert not same(a[-1], c[-1])


def test_what_is_held_out_changes_nothing_that_is_learned():
    pictures = own(60)
    x, held_out = live.own(pictures, 0)
    order = torch.randperm(60, generator=torch.Generator().manual_seed(0))
    assert torch.equal(x[:, 0], torch.from_numpy(pictures)[order] / 255)
    changed = pictures.copy()
    changed[order[-held_out:]] = np.random.default_rng(0).integers(0, 256, (held_out, 28, 28), np.uint8)
    a, b = frames(pictures)[-1], frames(changed)[-1]
    assert a.losses == b.losses
    assert (a.decoded == b.decoded).all()
    assert (a.scatter[:-held_out] == b.scatter[:-held_out]).all()
    assert a.elbo["training"] == b.elbo["training"]
    assert b.elbo["held out"] < a.elbo["held out"]


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((live.FEWEST - 1, 28, 28), np.uint8),
        np.zeros((live.MOST + 1, 28, 28), np.uint8),
        np.zeros((20, 28, 27), np.uint8),
        np.zeros((20, 784), np.uint8),
        np.zeros((20, 28, 28), np.float32),
    ],
)
def test_other_pictures_are_refused_in_a_sentence(bad):
    with pytest.raises(ValueError, match=r"[Pp]ictures must be [^.]*\.$"):
        frames(bad)

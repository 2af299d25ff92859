"""The live training: its pictures, its frames, and that one seed gives one training."""

import numpy as np
import pytest
import torch

from genai_core.contrastive import live


def frames(**options):
    return list(live.train_simclr(**{"seed": 0, "steps": 20, "seconds": 600} | options))


def test_pictures_have_every_shape_in_every_colour_and_are_held_out():
    x, shapes, colours = live.shown()
    assert x.shape == (live.SHOWN, 3, live.SIZE, live.SIZE)
    assert 0 <= x.min() < x.max() <= 1
    assert len(set(zip(shapes.tolist(), colours.tolist(), strict=True))) == len(live.SHAPES) * len(live.COLOURS)
    learned, *_ = live.pictures("train/0", 64)
    assert torch.cdist(learned.flatten(1), x.flatten(1)).min() > 0


def test_frames_are_finite_and_one_seed_gives_one_training():
    one, again, other = frames(), frames(), frames(seed=1)
    assert [frame.step for frame in one] == [10, 20]
    for frame in one:
        assert np.isfinite([frame.loss, *frame.cosines, frame.rank, frame.shape, frame.colour]).all()
        assert frame.positives.sum() == pytest.approx(1, abs=1e-5)
        assert frame.negatives.sum() == pytest.approx(1, abs=1e-5)
        assert frame.scatter.shape == (live.SHOWN, 2)
        assert 1 <= frame.rank <= 16
    assert all((a.scatter == b.scatter).all() and a.loss == b.loss for a, b in zip(one, again, strict=True))
    assert one[-1].loss != other[-1].loss


def test_before_a_training_all_pictures_are_nearly_alike():
    frame = live.before(live.config("simclr", 0.2, True, True, True), 0)
    assert frame.step == 0
    assert frame.cosines[1] > 0.95
    assert frame.rank < 2


def test_axes_follow_those_before_them(generator):
    z = torch.randn(50, 6, generator=generator) * torch.tensor([3.0, 2, 1, 1, 1, 1])
    first = live.axes(z, None)
    turned = first @ torch.tensor([[0.0, 1], [-1, 0]])
    assert torch.allclose(first.T @ first, torch.eye(2), atol=1e-5)
    assert torch.allclose(live.axes(z, turned), turned, atol=1e-5)


def test_histograms_hold_every_cosine():
    found = live.histogram(torch.tensor([-1.0, 1.0 + 1e-6, 0.01, 0.02]))
    assert found[[0, -1, live.BINS // 2]].tolist() == [0.25, 0.25, 0.5]


@pytest.mark.parametrize(
    "bad", [{"objective": "supervised"}, {"objective": "x"}, {"temperature": 0.0}, {"temperature": float("nan")}]
)
def test_what_cannot_be_trained_gets_a_sentence(bad):
    with pytest.raises(ValueError, match=r"^[A-Z].*\.$"):
        frames(**bad)

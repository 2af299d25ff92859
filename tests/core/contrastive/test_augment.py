"""Augmentations are seeded and within bounds, and each does what its parameters say."""

import dataclasses
import math

import pytest
import torch

from genai_core.contrastive import augment
from genai_core.contrastive.augment import Augmentation, Parameters

N = 400
ALL = Augmentation(blur=True)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def x(generator):
    return torch.rand(4, 3, 32, 32, generator=generator)


def changed(**values) -> Parameters:
    """Parameters of four pictures that change nothing but this."""
    return dataclasses.replace(augment.identity(4), **values)


def test_the_same_seed_gives_the_same_views(x):
    one, same, other = (augment.views(x, ALL, rng(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert one.shape == (8, 3, 32, 32)
    assert 0 <= one.min() <= one.max() <= 1


def test_parameters_are_within_bounds():
    p = augment.draw(ALL, N, rng())
    left, top, width, height = p.box.unbind(1)
    area, ratio = width * height, width / height
    assert (torch.stack([left, top, 1 - left - width, 1 - top - height]) > -1e-6).all()
    assert 0.08 - 1e-6 <= area.min() < 0.1 < 0.9 < area.max() <= 1 + 1e-6
    assert 0.75 - 1e-6 <= ratio.min() < 0.8 < 1.25 < ratio.max() <= 4 / 3 + 1e-6
    for factor in (p.brightness, p.contrast, p.saturation):
        assert 0.6 <= factor.min() < 0.65 < 1.35 < factor.max() <= 1.4
    assert -0.1 <= p.hue.min() < -0.09 < 0.09 < p.hue.max() <= 0.1
    assert p.sigma[p.sigma > 0].min() >= 0.1
    assert p.sigma.max() <= 2
    shares = {"flip": 0.5, "grey": 0.2}
    values = {name: getattr(p, name).float().mean() for name in shares}
    values |= {"jittered": (p.hue != 0).float().mean(), "blurred": (p.sigma > 0).float().mean()}
    for name, share in (shares | {"jittered": 0.8, "blurred": 0.5}).items():
        assert float(values[name]) == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / N))


def test_what_is_off_changes_nothing(x):
    off = Augmentation(crop=False, flip=False, jitter=False, grey=False, blur=False)
    assert torch.allclose(augment.views(x, off, rng()), x.repeat(2, 1, 1, 1), atol=1e-5)
    drawn, whole = augment.draw(Augmentation(scale=1.0, strength=0.0), N, rng()), augment.identity(N)
    for name in ("box", "brightness", "contrast", "saturation", "hue"):
        assert torch.allclose(getattr(drawn, name), getattr(whole, name), atol=1e-6)


def test_what_is_on_does_not_depend_on_the_rest():
    less, more = augment.draw(Augmentation(crop=False, grey=False), N, rng()), augment.draw(ALL, N, rng())
    assert torch.equal(less.hue, more.hue)
    assert torch.equal(less.flip, more.flip)


@pytest.mark.parametrize("channels", [1, 3])
def test_identity_parameters_give_the_picture(x, channels):
    x = x[:, :channels]
    assert torch.allclose(augment.apply(x, augment.identity(4)), x, atol=1e-5)


def test_a_flip_is_a_flip(x):
    flip = torch.tensor([True, False, True, False])
    y = augment.apply(x, changed(flip=flip))
    assert torch.allclose(y[flip], x[flip].flip(-1), atol=1e-5)
    assert torch.allclose(y[~flip], x[~flip], atol=1e-5)


def test_a_crop_enlarges_its_box(x):
    """A ramp stays one, from the box's left edge to its right one."""
    ramp = ((torch.arange(32) + 0.5) / 32).expand(4, 3, 32, 32)
    box = torch.tensor([0.25, 0.5, 0.5, 0.25]).expand(4, 4)
    assert torch.allclose(augment.crop(ramp, box, torch.zeros(4, dtype=torch.bool)), 0.25 + 0.5 * ramp, atol=1e-5)
    ramp = ramp.mT
    assert torch.allclose(augment.crop(ramp, box, torch.ones(4, dtype=torch.bool)), 0.5 + 0.25 * ramp, atol=1e-5)


def test_a_full_turn_of_the_hue_changes_nothing(x):
    assert torch.allclose(augment.apply(x, changed(hue=torch.ones(4))), x, atol=1e-4)
    third = augment.apply(x, changed(hue=torch.full((4,), 1 / 3)))
    assert not torch.allclose(third, x, atol=0.1)


def test_a_turned_hue_keeps_the_grey_of_a_pixel():
    x = 0.5 + 0.1 * torch.rand(4, 3, 8, 8, generator=rng())  # nothing is clipped
    luma = augment.LUMA[:, None, None]
    y = augment.apply(x, changed(hue=torch.tensor([0.1, 0.4, 0.5, 0.9])))
    assert torch.allclose((luma * y).sum(1), (luma * x).sum(1), atol=1e-3)


def test_brightness_contrast_and_saturation_are_what_they_are_called(x):
    x = 0.4 + 0.2 * x
    grey = (augment.LUMA[:, None, None] * x).sum(1, keepdim=True)
    two, half = torch.full((4,), 1.2), torch.full((4,), 0.5)
    assert torch.allclose(augment.apply(x, changed(brightness=two)), 1.2 * x, atol=1e-5)
    middle = grey.mean((2, 3), keepdim=True)
    assert torch.allclose(augment.apply(x, changed(contrast=half)), 0.5 * x + 0.5 * middle, atol=1e-5)
    assert torch.allclose(augment.apply(x, changed(saturation=half)), 0.5 * x + 0.5 * grey, atol=1e-5)
    made = augment.apply(x, changed(grey=torch.ones(4, dtype=torch.bool), hue=half, saturation=two))
    assert torch.allclose(made, grey.expand_as(x), atol=1e-3)


def test_they_are_those_of_torchvision(x):
    from torchvision.transforms import functional

    x, factor = 0.4 + 0.2 * x, torch.full((4,), 1.3)
    for name in ("contrast", "saturation"):
        theirs = getattr(functional, f"adjust_{name}")(x, 1.3)
        assert torch.allclose(augment.apply(x, changed(**{name: factor})), theirs, atol=1e-3)
    box = functional.resized_crop(x, 8, 4, 16, 12, [32, 32], antialias=False)
    mine = augment.apply(x, changed(box=torch.tensor([4 / 32, 8 / 32, 12 / 32, 16 / 32]).expand(4, 4)))
    assert torch.allclose(mine[:, :, 2:-2, 2:-2], box[:, :, 2:-2, 2:-2], atol=1e-5)  # theirs sees no pixel beyond it


def test_a_blur_spreads_a_point_by_its_sigma(x):
    point = torch.zeros(4, 1, 33, 33)
    point[:, :, 16, 16] = 1
    y = augment.apply(point, changed(sigma=torch.tensor([0.0, 1.0, 1.5, 2.0])))
    assert torch.equal(y[0], point[0])
    assert torch.allclose(y.sum((1, 2, 3)), torch.ones(4), atol=1e-4)
    variance = (y.sum((1, 2)) * (torch.arange(33) - 16).square()).sum(1)
    assert torch.allclose(variance.sqrt(), torch.tensor([0.0, 1.0, 1.5, 2.0]), atol=0.01)
    flat = torch.full((4, 3, 32, 32), 0.3)
    assert torch.allclose(augment.blur(flat, torch.full((4,), 2.0)), flat)


@pytest.mark.parametrize("change", [{"scale": 0.0}, {"scale": 1.5}, {"strength": -0.1}, {"strength": math.nan}])
def test_augmentations_out_of_range_are_refused(change):
    with pytest.raises(ValueError, match="must be a number"):
        augment.draw(Augmentation(**change), 2, rng())


def test_other_shapes_are_refused(x):
    for pictures in (x[:2], x[0], torch.rand(4, 2, 8, 8)):
        with pytest.raises(ValueError, match="Pictures must be"):
            augment.apply(pictures, augment.identity(4))

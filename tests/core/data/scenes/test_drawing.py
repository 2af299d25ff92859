"""Descriptions against the pixels that they become."""

import pytest
import torch

from genai_core.data import scenes
from genai_core.data.scenes import Kind, Scene, Thing
from genai_core.data.scenes.drawing import GROUND, PAINT
from genai_core.data.scenes.world import COLOURS, FILLS, RADIUS, SHAPES


def one(shape="circle", colour="red", fill="solid", size="large", x=0.5, y=0.5, background="white", angle=0.0):
    return Scene((Thing(Kind(shape, colour, fill, size), x, y, RADIUS[size], angle, 0.0),), background)


def test_pictures_are_as_promised_and_do_not_depend_on_their_neighbours():
    drawn = [scenes.scene("test", i) for i in range(130)]
    pictures = scenes.render(drawn)
    assert pictures.shape == (130, 3, scenes.SIZE, scenes.SIZE)
    assert pictures.dtype == torch.float32
    assert 0 <= pictures.min() <= pictures.max() <= 1
    torch.testing.assert_close(scenes.render(drawn[70:71])[0], pictures[70])
    assert scenes.render([]).shape == (0, 3, scenes.SIZE, scenes.SIZE)


def test_every_thing_shows_its_colour_and_nothing_else_does():
    """Truth against pixels: vivid ones within a thing's radius are of its colour, those far from all the ground."""
    drawn = [scenes.scene("test", i) for i in range(60)]
    axis = (torch.arange(scenes.SIZE) + 0.5) / scenes.SIZE
    paint = torch.tensor(list(PAINT.values())) / 255
    for scene, picture in zip(drawn, scenes.render(drawn), strict=True):
        away = torch.ones(scenes.SIZE, scenes.SIZE, dtype=torch.bool)
        vivid = picture.amax(0) - picture.amin(0)
        for thing in scene.things:
            distance = torch.hypot(axis - thing.x, axis[:, None] - thing.y)
            away &= distance > thing.radius + 0.12
            inside = (distance < thing.radius) & (vivid > 0.6 * vivid[distance < thing.radius].max())
            nearest = torch.cdist(picture[:, inside].T, paint).argmin(1)
            assert int(nearest.mode().values) == COLOURS.index(thing.kind.colour), thing
        ground = torch.tensor(GROUND[scene.background])[:, None] / 255
        assert (picture[:, away] - ground).abs().max() < 0.06


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_fill_their_radius_and_follow_their_place(shape):
    at_rest, moved = (scenes.render([one(shape, x=x)])[0] for x in (0.5, 0.5 + 8 / scenes.SIZE))
    torch.testing.assert_close(moved[..., 8:], at_rest[..., :-8], atol=1e-5, rtol=0)
    covered = (at_rest[1] < 0.7).nonzero()  # red things, white ground
    low, high = covered.amin(0), covered.amax(0)
    width = RADIUS["large"] * scenes.SIZE * 2
    assert 0.75 * width < float((high - low).max()) < 1.15 * width


def test_shapes_and_fills_are_told_apart_by_their_pixels():
    kinds = [Kind(s, "blue", f, "small") for s in SHAPES for f in FILLS if not (s == "ring" and f == "outlined")]
    drawn = [one(k.shape, k.colour, k.fill, k.size) for k in kinds]
    pictures = scenes.render(drawn).flatten(1)
    distance = torch.cdist(pictures, pictures) + 1e3 * torch.eye(len(kinds))
    assert distance.min() > 1.0


def test_edges_are_smooth():
    """A circle's covered area hardly depends on where between the pixels it lies."""
    step = 0.37 / scenes.SIZE
    dark = [float((1 - scenes.render([one(x=0.5 + i * step, y=0.5 - i * step)])[0, 1]).sum()) for i in range(6)]
    assert max(dark) - min(dark) < 0.01 * max(dark)


def test_turning_by_a_full_turn_changes_nothing():
    a, b = (scenes.render([one("heart", angle=angle)]) for angle in (10.0, 370.0))
    torch.testing.assert_close(a, b, atol=1e-4, rtol=0)

"""Twins: scenes that differ in one respect, and captions that tell them apart."""

import random
from dataclasses import replace

import pytest

from genai_core.data import scenes
from genai_core.data.scenes import world
from genai_core.data.scenes.world import Kind, Scene, Thing

RED_CIRCLE = Kind("circle", "red", "solid", "small")
BLUE_STAR = Kind("star", "blue", "striped", "large")
TWO = Scene((Thing(RED_CIRCLE, 0.2, 0.3, 0.12, 5, 0), Thing(BLUE_STAR, 0.7, 0.6, 0.19, -5, 0)), "white")


def seen(scene: Scene) -> set:
    return {(thing.kind, round(thing.x, 3), round(thing.y, 3)) for thing in scene.things}


def test_the_ways_are_an_exchange_a_mirror_and_one_thing_less():
    made = [scenes.twin(TWO, random.Random(i)) for i in range(60)]
    colours = {(RED_CIRCLE._replace(colour="blue"), 0.2, 0.3), (BLUE_STAR._replace(colour="red"), 0.7, 0.6)}
    fills = {(RED_CIRCLE._replace(fill="striped"), 0.2, 0.3), (BLUE_STAR._replace(fill="solid"), 0.7, 0.6)}
    ways = {
        "colour": colours,
        "fill": fills,
        "mirrored": {(RED_CIRCLE, 0.8, 0.3), (BLUE_STAR, 0.3, 0.6)},
        "upside down": {(RED_CIRCLE, 0.2, 0.7), (BLUE_STAR, 0.7, 0.4)},
        "a star": {(BLUE_STAR, 0.7, 0.6)},
        "a circle": {(RED_CIRCLE, 0.2, 0.3)},
    }
    for one in made:
        assert seen(one) in ways.values()
    for name, way in ways.items():
        assert way in map(seen, made), name


def test_a_single_thing_has_no_twin():
    assert scenes.twin(replace(TWO, things=TWO.things[:1]), random.Random(0)) is None


@pytest.mark.parametrize("i", range(0, 400, 8))
def test_twins_of_training_scenes_stay_in_the_training_world(i):
    scene, rng = scenes.scene("train", i), random.Random(i)
    twin = scenes.twin(scene, rng, held_out=False)
    if twin:
        assert twin != scene
        assert not world.novel_pair(twin.things)
        assert not world.novel_relation(twin.things)
        assert all(world.possible(thing.kind) for thing in twin.things)


def test_captions_tell_twins_apart():
    told, rng = 0, random.Random(0)
    for i in range(300):
        a = scenes.scene("train", i)
        b = scenes.twin(a, rng, held_out=False)
        said = b and scenes.describe_both(a, b, rng, rng.choice(scenes.DETAILS))
        if said:
            told += 1
            assert [scenes.holds(scene, query) for scene in (a, b) for query in said] == [True, False, False, True]
    assert told > 20

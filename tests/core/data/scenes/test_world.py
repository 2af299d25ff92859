import math
import random
from itertools import combinations

import pytest

from genai_core.data import scenes
from genai_core.data.scenes import world

N = 400


@pytest.fixture(scope="module", params=list(world.SPLITS))
def drawn(request):
    return request.param, [scenes.scene(request.param, i) for i in range(N)]


def test_a_scene_is_a_function_of_split_and_number(drawn):
    split, shown = drawn
    assert [scenes.scene(split, i) for i in range(20)] == shown[:20]
    assert len(set(shown)) == N
    assert not set(shown) & {scenes.scene(other, i) for other in world.SPLITS if other != split for i in range(N)}


def test_scenes_stay_what_they_are():
    """The gallery's embeddings are stored, its pictures are not: the same numbers must always give the same scenes."""
    first = scenes.scene("test", 0)
    assert first.background == "mint"
    assert [thing.kind for thing in first.things] == [world.Kind("heart", "purple", "outlined", "large")] * 2
    assert first.things[0].x == pytest.approx(0.4601233, abs=1e-6)


def test_things_lie_in_the_picture_and_do_not_touch(drawn):
    for scene in drawn[1]:
        assert 1 <= len(scene.things) <= world.MOST
        for thing in scene.things:
            assert min(thing.x, thing.y, 1 - thing.x, 1 - thing.y) > thing.radius
            assert world.possible(thing.kind)
        for a, b in combinations(scene.things, 2):
            assert math.hypot(a.x - b.x, a.y - b.y) > a.radius + b.radius
            assert world.related(a, world.main_relation(a, b), b)


def test_relations_have_opposites(drawn):
    for scene in drawn[1]:
        for a, b in combinations(scene.things, 2):
            for relation, opposite in world.OPPOSITE.items():
                assert world.related(a, relation, b) == world.related(b, opposite, a)
                assert not (world.related(a, relation, b) and world.related(a, opposite, b))


def test_held_out_combinations_are_in_the_test_split_alone(drawn):
    split, shown = drawn
    novel = [world.novel_pair(s.things) for s in shown], [world.novel_relation(s.things) for s in shown]
    assert all(any(some) for some in novel) == world.SPLITS[split]
    assert any(any(some) for some in novel) == world.SPLITS[split]


def test_a_scene_holds_no_more_than_is_asked_for(drawn):
    split, shown = drawn
    for most in (1, 2, 3):
        assert max(len(scenes.scene(split, i, most).things) for i in range(50)) == most
    assert [scenes.scene(split, i, world.MOST) for i in range(50)] == shown[:50]


def test_each_colour_and_each_shape_is_held_out_once_and_seen_else():
    colours, shapes = zip(*world.HELD_OUT_PAIRS, strict=True)
    assert sorted(colours) == sorted(world.COLOURS)
    assert sorted(shapes) == sorted(world.SHAPES)
    seen = {(t.kind.colour, t.kind.shape) for i in range(3000) for t in scenes.scene("train", i).things}
    assert len(seen) == len(world.COLOURS) * len(world.SHAPES) - len(world.HELD_OUT_PAIRS)


def test_what_is_asked_for_is_drawn():
    kinds = [world.Kind("star", "green", "solid", "small"), world.Kind("heart", "red", "dotted", "large")]
    scene = scenes.draw(random.Random(0), kinds=kinds, background="navy")
    assert [thing.kind for thing in scene.things] == kinds
    assert scene.background == "navy"
    with pytest.raises(ValueError, match="held-out pairs are forbidden"):
        scenes.draw(random.Random(0), kinds=kinds, held_out=False)
    with pytest.raises(ValueError, match="at most 4 things"):
        scenes.draw(random.Random(0), kinds=kinds * 3)


@pytest.mark.parametrize("asked", [("nowhere", 0), ("test", -1), ("test", 0, 0), ("test", 0, 5)])
def test_a_scene_there_is_not_is_told(asked):
    with pytest.raises(ValueError, match=r"^There is no scene .*\.$"):
        scenes.scene(*asked)

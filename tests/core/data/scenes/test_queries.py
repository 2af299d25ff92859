import random

import pytest

from genai_core.data import scenes
from genai_core.data.scenes import Kind, Phrase, Query, Scene, Thing
from genai_core.data.scenes.world import MOST, RELATIONS

N = 200


def thing(shape, colour, x, y, fill="solid", size="small"):
    return Thing(Kind(shape, colour, fill, size), x, y, 0.1, 0.0, 0.0)


SCENE = Scene(
    (
        thing("circle", "red", 0.2, 0.2),
        thing("circle", "red", 0.5, 0.25, size="large"),
        thing("star", "blue", 0.3, 0.8, fill="striped"),
    ),
    "navy",
)


@pytest.mark.parametrize(
    ("text", "true"),
    [
        ("a red circle", True),
        ("two red circles", True),
        ("one red circle", False),
        ("three red circles", False),
        ("a blue circle", False),
        ("a circle and a star", True),
        ("a circle and a circle", True),
        ("a star and a star", False),
        ("two red circles above a blue star", True),
        ("a blue star above two red circles", False),
        ("a star to the right of a small circle", False),  # by less than counts
        ("a large circle to the right of a star", True),
        ("two circles to the right of a star", False),
        ("a circle to the left of a circle", True),
        ("no ring", True),
        ("a star and no circle", False),
        ("three objects", True),
        ("two objects", False),
        ("a striped object at the bottom", True),
        ("a striped object at the top", False),
        ("a star on a dark background", True),
        ("a star on a navy background", True),
        ("a star on a black background", False),
        ("on a light background", False),
        ("a red star and a blue circle", False),
    ],
)
def test_truth(text, true):
    assert scenes.holds(SCENE, scenes.parse(text)) is true


@pytest.fixture(scope="module")
def pairs():
    """Scenes with true queries of every detail."""
    rng = random.Random(0)
    drawn = [scenes.scene("test", i) for i in range(N)]
    return [(scene, detail, scenes.describe(scene, rng, detail)) for scene in drawn for detail in scenes.DETAILS]


def test_descriptions_are_true_and_contradictions_false(pairs):
    rng = random.Random(1)
    for scene, _, query in pairs:
        assert scenes.holds(scene, query)
        assert not scenes.holds(scene, scenes.contradict(scene, query, rng))
        assert scenes.holds(scene, scenes.complete(scene))


def test_contradictions_are_near():
    rng, same = random.Random(2), 0
    for i in range(N):
        scene = scenes.scene("train", i)
        query = scenes.describe(scene, rng, "relation")
        false = scenes.contradict(scene, query, rng)
        same += sorted(scenes.say(query).split()) == sorted(scenes.say(false).split())
    assert same > N / 6  # the same words in another order


def test_a_relation_is_said_only_where_its_opposite_is_false(pairs):
    said = [(scene, query) for scene, _, query in pairs if query.relation]
    assert {query.relation for _, query in said} == set(RELATIONS)
    for scene, query in said:
        turned = Query((query.phrases[1], query.phrases[0]), query.relation)
        assert not scenes.holds(scene, turned)


def test_novelty_of_queries():
    assert scenes.novel(scenes.parse("a green star"))
    assert scenes.novel(scenes.parse("a blue star above a red heart"))
    assert scenes.novel(scenes.parse("a heart below a star"))
    assert not scenes.novel(scenes.parse("a heart above a star"))


def test_a_scene_is_composed_for_a_query(pairs):
    rng = random.Random(3)
    for _, _, query in pairs:
        if sum(1 if phrase.count is None else phrase.count for phrase in query.phrases) in range(1, MOST + 1):
            assert scenes.holds(scenes.compose(query, rng), query)
    with pytest.raises(ValueError, match="No scene"):
        scenes.compose(Query((Phrase("circle", count=2), Phrase("circle", count=1))), rng)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: Query(), "something to look for"),
        (lambda: Query((Phrase("cube"),)), "There is no shape 'cube'"),
        (lambda: Query((Phrase(colour="beige"),)), "There is no colour 'beige'"),
        (lambda: Query((Phrase("star"),), background="beige"), "There is no background 'beige'"),
        (lambda: Query((Phrase("star"), Phrase("ring")), "inside"), "There is no relation 'inside'"),
        (lambda: Query((Phrase("star"),), "above"), "needs a thing before it"),
        (lambda: scenes.describe(SCENE, random.Random(0), "long"), "There is no detail 'long'"),
    ],
)
def test_what_there_is_not_is_told(wrong, said):
    with pytest.raises(ValueError, match=said):
        wrong()

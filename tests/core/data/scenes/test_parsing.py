import random

import pytest

from genai_core.data import scenes
from genai_core.data.scenes import Kind, Query, Scene, Thing
from genai_core.data.scenes import Phrase as P


def thing(shape, colour, fill="solid", size="small", x=0.5, y=0.5):
    return Thing(Kind(shape, colour, fill, size), x, y, 0.1, 0.0, 0.0)


ONE = Scene((thing("circle", "red", "striped", "large"),), "navy")


@pytest.mark.parametrize(
    "text",
    [
        "a large, red circle",
        "a big, striped circle",
        "the circle is red",
        "circle red",
        "a circle of red",
        "a circle, red and large",
        "a large, striped and red circle",
        "the striped circle is large and red",
        "the object is a red circle",
        "is the circle red and striped?",
    ],
)
def test_plain_english_is_true_of_one_circle(text):
    assert scenes.holds(ONE, scenes.parse(text))
    assert not scenes.holds(ONE, scenes.parse(text.replace("red", "blue").replace("big", "small")))


SMALL, LARGE = thing("circle", "red", x=0.2), thing("circle", "red", size="large", x=0.8)
BLUE = thing("circle", "blue", size="large", y=0.9)


@pytest.mark.parametrize(
    ("things", "text", "true"),
    [
        ((SMALL, SMALL), "the red circles are small", True),
        ((SMALL, LARGE), "the red circles are small", False),
        ((SMALL, SMALL, BLUE), "the red circles are small", True),
        ((BLUE,), "the red circles are small", False),  # there are none
        ((SMALL, LARGE), "the red circle is small", True),  # one of them is
        ((SMALL, LARGE), "there are small red circles", True),
        ((SMALL, SMALL, LARGE), "two circles are small", True),
        ((SMALL, SMALL, LARGE), "the three circles are small", False),
        ((SMALL, SMALL, LARGE), "two of the circles are small", True),
        ((SMALL, LARGE, BLUE), "the circles are above a circle", False),
        ((SMALL, LARGE, BLUE), "the red circles are above the blue circle", True),
        ((SMALL, LARGE, BLUE), "the large circles are to the right of the small circle", True),
        ((SMALL, BLUE), "no circles are green", True),
        ((SMALL, BLUE), "no circles are blue", False),
    ],
)
def test_what_is_said_of_several_is_said_of_all(things, text, true):
    assert scenes.holds(Scene(things, "white"), scenes.parse(text)) is true


RED, CIRCLE, STAR = P("circle", "red"), P("circle"), P("star")


@pytest.mark.parametrize(
    ("text", "phrases", "more"),
    [
        # commas and "and" between adjectives
        ("a tiny, spotted heart", [P("heart", fill="dotted", size="small")], {}),
        ("a huge, hollow, yellow diamond", [P("diamond", "yellow", "outlined", "large")], {}),
        ("a small and blue cross", [P("cross", "blue", size="small")], {}),
        ("two large, striped and teal rings", [P("ring", "teal", "striped", "large", count=2)], {}),
        ("small, pink star, large, blue ring", [P("star", "pink", size="small"), P("ring", "blue", size="large")], {}),
        ("red and large", [P(colour="red", size="large")], {}),
        # the noun said once for several things
        ("red and blue circles", [RED, P("circle", "blue")], {}),
        ("a red and a blue circle", [RED, P("circle", "blue")], {}),
        ("two red and one blue circle", [P("circle", "red", count=2), P("circle", "blue", count=1)], {}),
        ("a red, a blue and a green circle", [RED, P("circle", "blue"), P("circle", "green")], {}),
        # adjectives after the noun
        ("star yellow and small", [P("star", "yellow", size="small")], {}),
        ("a star of yellow above a ring of pink", [P("star", "yellow"), P("ring", "pink")], {"relation": "above"}),
        ("circle red, star blue", [RED, P("star", "blue")], {}),
        ("a heart, large and purple, and a cross", [P("heart", "purple", size="large"), P("cross")], {}),
        # "is" and "are"
        ("The star is large.", [P("star", size="large")], {}),
        ("The circle is red. The star is blue.", [RED, P("star", "blue")], {}),
        ("the circle is red and the star is blue", [RED, P("star", "blue")], {}),
        ("the circle is red, small and striped", [P("circle", "red", "striped", "small")], {}),
        ("the circle is red and a star", [RED, STAR], {}),
        ("a circle and a star are red", [RED, P("star", "red")], {}),
        ("the small circle is red and at the top", [P("circle", "red", size="small", place="top")], {}),
        ("one circle is red", [P("circle", "red", count=1)], {}),
        ("the object is a striped heart", [P("heart", fill="striped")], {}),
        ("the star above a ring is green", [P("star", "green"), P("ring")], {"relation": "above"}),
        ("the circle with a star is red", [RED, STAR], {}),
        # plurals
        ("the objects are red", [P(are=P(colour="red"))], {}),
        ("the circles are red and small", [P("circle", are=P(colour="red", size="small"))], {}),
        ("the two circles are red", [P("circle", count=2, are=P(colour="red"))], {}),
        ("the circles and the stars are red", [P(s, are=P(colour="red")) for s in ("circle", "star")], {}),
        ("the large objects are red circles", [P(size="large", are=RED)], {}),
        ("a star and the circles are red", [STAR, P("circle", are=P(colour="red"))], {}),
        ("the circles are above the star", [P("circle", are=P()), STAR], {"relation": "above"}),
        ("the red and blue circles are small", [P("circle", c, are=P(size="small")) for c in ("red", "blue")], {}),
        ("are the circles red?", [P("circle", are=P(colour="red"))], {}),
        # "there is", "with"
        ("There is a circle, red.", [RED], {}),
        ("is there a red circle?", [RED], {}),
        ("there are two circles and the star is red", [P("circle", count=2), P("star", "red")], {}),
        ("a scene with a red circle and with two stars", [RED, P("star", count=2)], {}),
        ("a red circle with a navy background", [RED], {"background": "navy"}),
        # negation
        ("there are no stars", [P("star", count=0)], {}),
        ("a small, red circle without stars", [P("circle", "red", size="small"), P("star", count=0)], {}),
        ("no circle is red", [P("circle", "red", count=0)], {}),
        ("a ring with no large star", [P("ring"), P("star", size="large", count=0)], {}),
        # places and backgrounds
        ("on the left is a red circle", [P("circle", "red", place="left")], {}),
        ("at the top, a star", [P("star", place="top")], {}),
        ("a star at the top and on the left a ring", [P("star", place="top"), P("ring", place="left")], {}),
        ("the circle on the right is red", [P("circle", "red", place="right")], {}),
        ("two stars are at the bottom", [P("star", place="bottom", count=2)], {}),
        ("the stars are on the left", [P("star", are=P(place="left"))], {}),
        ("the background is dark and there is a star", [STAR], {"background": "dark"}),
        ("on a white background, the circle is red", [RED], {"background": "white"}),
    ],
)
def test_forms_of_plain_english(text, phrases, more):
    query = Query(tuple(phrases), **more)
    assert scenes.parse(text) == query
    assert scenes.parse(scenes.say(query)) == query


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a red and blue circle", "one colour, and this one has two"),
        ("the circle is red and blue", "one colour, and this one has two"),
        ("the red circle is blue", "one colour, and this one has two"),
        ("the star is a ring", "one shape, and this one has two"),
        ("a small star is", "'is' does not belong there"),
        ("is", "needs something to look for"),
        ("is a picture", "'is' does not belong there"),
        ("a circle of a star", "'of' does not belong there"),
        ("a circle picture", "'picture' does not belong there"),
        ("the circles are two", "'are' does not belong there"),
        ("a star of", "'of' does not belong there"),
        ("two three stars", "one count, and this one has two"),
    ],
)
def test_what_is_not_english_is_told_in_one_sentence(text, said):
    with pytest.raises(ValueError, match=f"{said}[^.]*\\.$"):
        scenes.parse(text)


def test_any_words_give_a_query_or_a_sentence():
    rng = random.Random(0)
    common = [
        "a",
        "the",
        "is",
        "are",
        "and",
        ",",
        "with",
        "of",
        "there",
        "no",
        "two",
        "red",
        "large",
        "circle",
        "stars",
    ]
    common += ["on the left", "above", "on a dark background", "a picture of", "without"]
    texts = [" ".join(rng.choices(common, k=rng.randint(1, 9))) for _ in range(3000)]
    queries = {text: read for text in texts if isinstance(read := query_or_sentence(text), Query)}
    assert len(queries) > 300
    for text, query in queries.items():
        assert scenes.parse(scenes.say(query)) == query, text


def query_or_sentence(text):
    try:
        return scenes.parse(text)
    except ValueError as error:
        return str(error)


def test_contradictions_of_what_all_are_can_be_said():
    rng = random.Random(0)
    scene = Scene((SMALL, SMALL, BLUE), "white")
    for text in (
        "the red circles are small",
        "the two red circles are small and no star",
        "the red circles are above a circle",
    ):
        for _ in range(20):
            false = scenes.contradict(scene, scenes.parse(text), rng)
            assert not scenes.holds(scene, false)
            assert scenes.parse(scenes.say(false)) == false


def test_a_scene_is_composed_of_what_all_are():
    query = scenes.parse("the two stars are red and striped and a ring")
    scene = scenes.compose(query, random.Random(0))
    assert scenes.holds(scene, query)
    assert len(scene.things) == 3
    assert scenes.novel(scenes.parse("the stars are green"))

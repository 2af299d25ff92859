import random

import pytest

from genai_core.data import scenes
from genai_core.data.scenes import words


def test_captions_go_to_queries_and_back():
    rng = random.Random(0)
    for i in range(300):
        scene = scenes.scene("test", i)
        for detail in scenes.DETAILS:
            query = scenes.describe(scene, rng, detail)
            assert scenes.parse(scenes.say(query)) == query
            said = scenes.say(query, rng)
            assert scenes.parse(said) == query, said
            assert scenes.say(scenes.parse(scenes.say(query))) == scenes.say(query)


def test_every_caption_is_true_and_of_known_words():
    rng = random.Random(1)
    for i in range(100):
        scene = scenes.scene("test", i)
        captions = scenes.captions(scene, rng)
        assert list(captions) == list(scenes.DETAILS)
        for caption in captions.values():
            assert scenes.holds(scene, scenes.parse(caption))
            assert scenes.unknown(caption) == []


def test_captions_differ_in_their_words():
    query = scenes.parse("a small red circle to the left of a large blue star")
    rng = random.Random(2)
    said = {scenes.say(query, rng) for _ in range(200)}
    assert len(said) > 50
    assert {scenes.parse(text) for text in said} == {query}


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Two RED circles, above: a star!", "two red circles above a star"),
        ("red circle", "a red circle"),
        ("red", "a red object"),
        ("3 objects", "three objects"),
        ("a photo of the tiny spotted heart", "a small dotted heart"),
        ("there are two stars and a ring without a heart", "two stars, a ring and no heart"),
        ("circle left of star on black", "a circle to the left of a star on a black background"),
        ("a star at the top and a ring on the left", "a star at the top and a ring on the left"),
        ("a star on the left of a ring", "a star to the left of a ring"),
    ],
)
def test_what_people_type_is_understood(typed, meant):
    assert scenes.say(scenes.parse(typed)) == meant


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "something to look for"),
        ("   ", "something to look for"),
        ("a picture of", "something to look for"),
        ("a zebra and a yak", "the words 'zebra', 'yak'"),
        ("a red blue star", "one colour, and this one has two"),
        ("a star above a ring left of a heart", "one relation"),
        ("a star and a ring above a heart", "needs one thing before it"),
        ("above a star", "needs one thing before it"),
        ("a star above", "needs a thing before it and one after it"),
        ("a star background", "'background' does not belong there"),
        ("red " * 2500, "at most 1000 characters"),
    ],
)
def test_what_makes_no_sense_is_told_in_one_sentence(text, said):
    with pytest.raises(ValueError, match=f"{said}.*\\.$"):
        scenes.parse(text)


def test_unknown_words_are_named_once_in_order():
    assert scenes.unknown("A red zebra, a yak and a zebra") == ["zebra", "yak"]
    assert words.split("Two red circles, 3 stars!") == ["two", "red", "circles", ",", "3", "stars"]

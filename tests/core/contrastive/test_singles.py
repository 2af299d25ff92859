"""Scenes of one thing: one attribute can be changed, and all others stay."""

import pytest

from genai_core.contrastive import singles


@pytest.mark.parametrize("attribute", list(singles.ATTRIBUTES))
def test_an_altered_attribute_is_the_only_one_that_changes(attribute):
    scenes = singles.draw("test", 0, 8)
    before = singles.attributes(scenes)
    for number, value in enumerate(singles.ATTRIBUTES[attribute]):
        after = singles.attributes([singles.altered(scene, attribute, value) for scene in scenes])
        assert after.pop(attribute).tolist() == [number] * len(scenes)
        assert all(after[name].tolist() == before[name].tolist() for name in after)


@pytest.mark.parametrize("things", [2, 3, 4])
def test_a_crowd_holds_the_things_of_the_scenes_after_it(things):
    own = singles.draw("test", 5, things)
    crowd = singles.crowd("test", 5, things)
    assert [thing.kind for thing in crowd.things] == [scene.things[0].kind for scene in own]
    assert crowd.background == own[0].background
    assert crowd == singles.crowd("test", 5, things) != singles.crowd("test", 6, things)


@pytest.mark.parametrize("things", [0, 5])
def test_a_crowd_that_no_scene_holds_is_refused(things):
    with pytest.raises(ValueError, match=r"\.$"):
        singles.crowd("test", 0, things)


@pytest.mark.parametrize(("attribute", "value"), [("colour", "star"), ("age", "old"), ("place", "top")])
def test_what_is_no_value_gets_a_sentence(attribute, value):
    with pytest.raises(ValueError, match=r"^There is no .*\.$"):
        singles.altered(singles.draw("test", 0, 1)[0], attribute, value)

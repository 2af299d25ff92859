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


@pytest.mark.parametrize(("attribute", "value"), [("colour", "star"), ("age", "old"), ("place", "top")])
def test_what_is_no_value_gets_a_sentence(attribute, value):
    with pytest.raises(ValueError, match=r"^There is no .*\.$"):
        singles.altered(singles.draw("test", 0, 1)[0], attribute, value)

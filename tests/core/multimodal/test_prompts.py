"""Captions fit their scenes, nothing held out is in a training, and what a reader finds is judged by the world."""

import random
from itertools import islice

import pytest
import torch

from genai_core.data import scenes
from genai_core.data.scenes import world
from genai_core.evaluation.scene_reader import Found
from genai_core.multimodal import prompts


def test_a_caption_is_true_of_its_scene_which_shows_nothing_else():
    for one in islice(prompts.pairs("train/0", 0), 300):
        assert scenes.holds(one.scene, one.query)
        assert scenes.parse(one.caption) == one.query
        said = sum(1 if phrase.count is None else phrase.count for phrase in one.query.phrases)
        assert len(one.scene.things) == said


def test_no_held_out_combination_is_in_a_training():
    for one in islice(prompts.pairs("train/0", 0), 5000):
        assert not world.novel_pair(one.scene.things)
        assert not world.novel_relation(one.scene.things)
        assert not scenes.novel(one.query)


def test_the_stream_begins_anywhere():
    whole = list(islice(prompts.pairs("a", 0), 6))
    assert list(islice(prompts.pairs("a", 4), 2)) == whole[4:]
    assert list(islice(prompts.pairs("b", 4), 2)) != whole[4:]


@pytest.mark.parametrize("kind", prompts.KINDS)
def test_prompts_are_of_their_kind(kind):
    found = prompts.prompts(kind, 60)
    assert len(set(found)) >= 16  # eight held-out pairs in two sizes
    assert len(set(found[:16])) == 16
    assert found == prompts.prompts(kind, 60)
    assert all(scenes.novel(query) == (kind == "held-out pair") for query in found)
    assert {len(query.phrases) for query in found} == {2 if kind in ("two", "relation") else 1}
    assert all(bool(query.relation) == (kind == "relation") for query in found)


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="no kind of prompt 'three'"):
        prompts.prompts("three", 1)


class Oracle:
    """A reader that knows the scenes."""

    def __init__(self, shown):
        self.shown = shown

    def read(self, pictures):
        return [[Found(t.kind, t.x, t.y, 1.0) for t in scene.things] for scene in self.shown]

    def backgrounds(self, pictures):
        return [scene.background for scene in self.shown]


@pytest.mark.parametrize("kind", prompts.KINDS)
def test_what_an_oracle_reads_is_right_for_true_scenes_alone(kind):
    queries = prompts.prompts(kind, 20)
    rng = random.Random(0)
    shown = [scenes.compose(query, rng) for query in queries]
    assert all(prompts.judged(Oracle(shown), torch.zeros(20), queries))
    false = [scenes.contradict(scene, query, rng) for scene, query in zip(shown, queries, strict=True)]
    wrong = [scenes.compose(query, rng) for query in false]
    assert sum(prompts.judged(Oracle(wrong), torch.zeros(20), queries)) <= 2  # what is left open may make one true

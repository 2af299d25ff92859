import pytest

from genai_core import live_text

STORY = "Once there was a bird. The bird sang, and the cat sat and heard the bird. " * 40


def test_what_one_watches_is_a_training():
    frames = list(live_text.train_gpt(string=STORY, seed=0, steps=30, frame=10))
    assert [frame.step for frame in frames] == [10, 20, 30]
    assert frames[-1].loss < frames[0].loss
    assert frames[-1].held < frames[0].held
    assert all(len(frame.sample) == live_text.WRITTEN and set(frame.sample) <= set(STORY) for frame in frames)
    again = list(live_text.train_gpt(string=STORY, seed=0, steps=30, frame=10))
    assert [frame.sample for frame in again] == [frame.sample for frame in frames]


def test_it_ends_in_time_with_a_last_frame():
    assert [frame.step for frame in live_text.train_gpt(string=STORY, seed=0, steps=500, seconds=0.0)] == [1]


@pytest.mark.parametrize("string", ["too short", "a" * 5000, "x y" * 100_000, "".join(map(chr, range(1000, 3000)))])
def test_a_text_that_cannot_be_learned_is_told_in_one_sentence(string):
    with pytest.raises(ValueError, match=r"^The text has .*\.$"):
        next(live_text.train_gpt(string=string, seed=0, steps=1))

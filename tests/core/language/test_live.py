import pytest

from genai_core.language import live

STORY = "Once there was a bird. The bird sang, and the cat sat and heard the bird. " * 40


def test_what_one_watches_is_a_training():
    whole = {"string": STORY, "seed": 0, "steps": 16, "frame": 8, "seconds": 1e9}
    first, last = live.train_gpt(**whole)
    assert (first.step, last.step) == (8, 16)
    assert last.loss < first.loss
    assert last.held < first.held
    assert len(last.sample) == live.SAMPLE
    assert set(last.sample) <= set(STORY)
    assert [frame.sample for frame in live.train_gpt(**whole)] == [first.sample, last.sample]


def test_it_ends_in_time_with_a_last_frame():
    (frame,) = live.train_gpt(string=STORY, seed=0, steps=500, seconds=0.0)
    assert (frame.step, frame.timed_out) == (1, True)


@pytest.mark.parametrize("string", ["too short", "a" * 5000, "x y" * 100_000, "".join(map(chr, range(1000, 3000)))])
def test_a_text_that_cannot_be_learned_is_told_in_one_sentence(string):
    with pytest.raises(ValueError, match=r"^The text has .*\.$"):
        next(live.train_gpt(string=string, seed=0, steps=1))

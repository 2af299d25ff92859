"""Classes: what a teacher and learners may do, and what each of them sees."""

import re

import pytest

from demos._ui.validation import InputError
from demos.classroom import rooms
from demos.classroom.rooms import GUESSES, IDLE, LEARNERS, LETTERS, MINUTE, Rooms, Unknown

QUESTION = {
    "text": "Which one?",
    "answers": [{"text": "this", "wrong": "It is not."}, {"text": "that"}],
    "right": 1,
    "observation": "That.",
}


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(rooms.time, "monotonic", clock)
    return clock


@pytest.fixture
def room():
    return Rooms().open()


def test_learners_see_no_counts_before_they_are_revealed_and_the_teacher_does(room):
    room.ask(QUESTION)
    for learner in ("one", "two"):
        room.enter(learner)
        room.vote(learner, 1, 0)
    room.vote("two", 1, 1)  # a change of mind is no second vote
    learner, teacher = room.state("two")["question"], room.state(None)["question"]
    assert (learner["voted"], learner["votes"]) == (1, 2)
    assert not {"counts", "right", "wrong", "observation"} & set(learner)
    assert teacher["counts"] == [1, 1]
    room.reveal()
    learner = room.state("one")["question"]
    assert (learner["counts"], learner["right"], learner["wrong"]) == ([1, 1], 1, ["It is not.", ""])
    with pytest.raises(InputError, match="is over"):
        room.vote("one", 1, 1)


def test_a_vote_for_an_earlier_question_does_not_count(room):
    room.ask(QUESTION)
    room.ask(QUESTION)
    with pytest.raises(InputError, match="is over"):
        room.vote("one", 1, 0)
    assert room.state(None)["question"]["counts"] == [0, 0]


def test_only_learners_of_the_class_vote(room):
    room.ask(QUESTION)
    with pytest.raises(InputError, match="Join the class first"):
        room.vote("stranger", 1, 0)
    listener = room.enter("one")
    room.leave("one", listener)  # whose phone is locked may have answered just before
    room.vote("one", 1, 0)


@pytest.mark.parametrize("choice", [-1, 2, 0.5, "0", None, True])
def test_a_vote_out_of_range_is_refused(room, choice):
    room.ask(QUESTION)
    with pytest.raises(InputError, match="The answer must"):
        room.vote("one", 1, choice)


@pytest.mark.parametrize(
    "link",
    ["", "part=x", "tab=vae#x", "tab=vae p", "https://a.example?tab=a", "tab=../vae", 3, f"tab=a&{'a' * 20_000}"],
)  # fmt: skip
def test_a_class_is_brought_to_links_of_this_app_alone(room, link):
    with pytest.raises(InputError, match="The link"):
        room.bring(link)
    assert room.steps == 0


@pytest.mark.parametrize(
    "change",
    [
        {"text": " "},
        {"text": "a" * 401},
        {"answers": []},
        {"answers": [{"text": "alone"}]},
        {"answers": [{"text": "a"}] * 5},
        {"answers": ["a", "b"]},
        {"answers": [{"text": ""}, {"text": "b"}]},
        {"right": 2},
        {"right": "1"},
        {"observation": 5},
    ],
)
def test_a_question_is_checked(room, change):
    with pytest.raises(InputError, match=r"^[A-Z].*\.$"):
        room.ask(QUESTION | change)
    assert room.question is None


def test_codes_are_short_unlike_and_of_letters_that_are_not_mistaken():
    rooms_ = Rooms()
    codes = [rooms_.open().code for _ in range(rooms.ROOMS)]
    assert len(set(codes)) == rooms.ROOMS
    assert all(re.fullmatch(f"[{LETTERS}]{{5}}", code) for code in codes)
    assert not set("ILO") & set(LETTERS)
    with pytest.raises(InputError, match="classes already"):
        rooms_.open()


def test_wrong_codes_are_limited_and_right_ones_are_not(clock):
    rooms_ = Rooms(clock)
    room = rooms_.open()
    for _ in range(GUESSES):
        with pytest.raises(Unknown):
            rooms_.find("WRONG")
    with pytest.raises(InputError, match="wait a minute"):
        rooms_.find("WRONG")
    assert rooms_.find(f" {room.code.lower()} ") is room
    clock.now += MINUTE + 1
    with pytest.raises(Unknown):
        rooms_.find("WRONG")


def test_a_class_that_nobody_uses_is_over(clock):
    rooms_ = Rooms(clock)
    left, used = rooms_.open(), rooms_.open()
    clock.now += IDLE
    used.changed()
    clock.now += 1
    with pytest.raises(Unknown):
        rooms_.find(left.code)
    rooms_.open()
    assert (left.over, used.over) == (True, False)
    assert set(rooms_.rooms) >= {used.code}


def test_classes_do_not_touch():
    rooms_ = Rooms()
    one, other = rooms_.open(), rooms_.open()
    one.ask(QUESTION)
    one.bring("tab=vae")
    assert other.state(None) == {
        "code": other.code, "learners": 0, "step": {"n": 0, "link": ""}, "question": None,
    }  # fmt: skip
    assert one.is_teacher(one.key)
    assert not any(one.is_teacher(key) for key in (other.key, "", None, "é"))


def test_who_is_here_is_counted_by_learners_and_every_page_hears_of_it(room):
    pages = [
        ("one", room.enter("one")),
        ("one", room.enter("one")),
        ("two", room.enter("two")),
        (None, room.enter(None)),
    ]
    assert room.state(None)["learners"] == 2
    for _, listener in pages:
        listener.clear()
    room.leave(*pages.pop(0))
    assert room.state(None)["learners"] == 2
    assert all(listener.is_set() for _, listener in pages)
    room.leave(*pages.pop(0))
    assert room.state(None)["learners"] == 1


def test_a_class_is_full_at_some_point(room):
    for k in range(LEARNERS):
        room.enter(f"learner{k}")
    with pytest.raises(InputError, match="full"):
        room.check_free("another")
    room.check_free("learner0")  # who reloads is not another


@pytest.mark.parametrize("value", [None, "", "short", "a" * 65, "with space!", 12345678])
def test_a_learner_has_an_id(value):
    with pytest.raises(InputError):
        rooms.learner_id(value)

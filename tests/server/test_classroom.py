"""Class mode as programs see it: its addresses, and what they are told that do not belong there."""

import json
import threading

import httpx
import pytest


@pytest.fixture(scope="module")
def http(running):
    with httpx.Client(base_url=running[1], trust_env=False, timeout=30) as client:
        yield client


@pytest.fixture
def room(http):
    return http.post("/class", json={"password": "chalk"}).json()


def states(http, room, who):
    """The states that a page of this class is sent."""
    with http.stream("GET", f"/class/{room['code']}/events", params=who) as answer:
        for line in answer.iter_lines():
            if line.startswith("data: "):
                yield json.loads(line[6:])


def teach(http, room, action, **more):
    return http.post(f"/class/{room['code']}/teach", json={"key": room["key"], "action": action, **more})


def test_a_page_is_sent_each_change_until_the_class_is_over(http, room):
    seen = states(http, room, {"learner": "learner-1"})
    assert next(seen)["learners"] == 1
    threading.Thread(target=teach, args=(http, room, "bring"), kwargs={"link": "tab=vae&seed=3"}).start()
    assert next(seen)["step"] == {"n": 1, "link": "tab=vae&seed=3"}
    threading.Thread(target=teach, args=(http, room, "end")).start()
    assert list(seen) == [{"over": True}]
    found = http.post(f"/class/{room['code']}/join", json={"learner": "learner-1"})
    assert (found.status_code, found.json()) == (404, {"error": "No class has this code; ask your teacher for it."})


def test_who_leaves_is_not_counted_any_more(http, room):
    teacher = states(http, room, {"key": room["key"]})
    assert next(teacher)["learners"] == 0
    learner = states(http, room, {"learner": "learner-1"})
    next(learner)
    assert next(teacher)["learners"] == 1
    learner.close()
    assert next(teacher)["learners"] == 0
    teacher.close()


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        ("", {"password": "guess"}, "This is not the password for opening a class."),
        ("", {}, "This is not the password for opening a class."),
        ("/NONE/join", {"learner": "learner-1"}, "No class has this code; ask your teacher for it."),
        ("/{code}/join", {"learner": "x"}, "The learner must be 8 to 64 letters and digits."),
        ("/{code}/join", {"key": "guess"}, "This is not the link of this class's teacher."),
        ("/{code}/teach", {"key": "guess", "action": "end"}, "Only the teacher of this class can do that."),
        ("/{code}/teach", {"key": None}, "Only the teacher of this class can do that."),
        ("/{code}/vote", {"learner": "learner-1", "question": 1, "choice": 0}, "This question is over."),
        ("/{code}/vote", [], "The request must be an object with named fields."),
        ("/{code}/teach", {"key": "a" * 70_000}, "The request is larger than 60 kB."),
    ],
)
def test_what_does_not_fit_gets_a_sentence(http, room, path, body, sentence):
    answer = http.post("/class" + path.format(code=room["code"]), json=body)
    assert answer.status_code in (400, 404)
    assert answer.json() == {"error": sentence}


@pytest.mark.parametrize("action", ["bring", "ask", "fly", None])
def test_a_teacher_who_sends_nonsense_gets_a_sentence(http, room, action):
    answer = teach(http, room, action)
    assert answer.status_code == 400
    assert answer.json()["error"].endswith(".")


def test_no_text_that_is_no_json_breaks_it(http, room):
    for body in (b"", b"{", b"\xff\xfe", b"[" * 50_000):
        answer = http.post(f"/class/{room['code']}/join", content=body)
        assert answer.json() == {"error": "The request must be an object with named fields."}

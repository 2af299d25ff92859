"""Classes: the teacher's step and question, and how the learners answered.

All of it is in memory, without names, and gone with its class. Functions and methods here are called from one event
loop, and do not wait.
"""

import asyncio
import hmac
import re
import secrets
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from demos._ui import validation
from demos._ui.validation import InputError

LETTERS = "ABCDEFGHJKMNPQRSTVWXYZ"  # none that is taken for another
LENGTH = 5  # of a code: five million of them
GUESSES = 120  # wrong codes in a minute; then none is looked up that is not a class
MINUTE = 60.0
IDLE = 3 * 3600.0  # seconds after which a class that nobody uses is over
ROOMS, LEARNERS = 50, 200
LINK = re.compile(r"tab=[a-z_]+(&[^#\s]*)?")
LONGEST_LINK, LONGEST = 20_000, 400  # characters
ANSWERS = (2, 4)  # of a question: at least, at most


class Unknown(InputError):
    """No class has this code, or it is over."""


@dataclass(frozen=True)
class Question:
    """answers: [{"text", "wrong": why it is, or nothing}]. right: the number of one of them, None where none is."""

    text: str
    answers: tuple[dict[str, str], ...]
    right: int | None
    observation: str


@dataclass(eq=False)
class Room:
    """One class. steps, questions: how many there have been; listeners: one event for each page that is open."""

    code: str
    key: str  # of the teacher
    link: str = ""
    steps: int = 0
    question: Question | None = None
    questions: int = 0
    revealed: bool = False
    over: bool = False
    votes: dict[str, int] = field(default_factory=dict)  # learner -> the number of an answer
    joined: set[str] = field(default_factory=set)  # learners who have ever had a page open
    here: Counter[str] = field(default_factory=Counter)  # learner -> pages that are open
    listeners: set[asyncio.Event] = field(default_factory=set)
    used: float = field(default_factory=lambda: time.monotonic())

    def changed(self) -> None:
        """Every page that is open hears of it."""
        self.used = time.monotonic()
        for listener in self.listeners:
            listener.set()

    def is_teacher(self, key: Any) -> bool:
        return isinstance(key, str) and hmac.compare_digest(key.encode("utf-8", "replace"), self.key.encode())

    def state(self, learner: str | None) -> dict[str, Any]:
        """What a learner's page shows; None: the teacher's, which sees the votes before they are revealed."""
        if self.over:
            return {"over": True}
        step = {"n": self.steps, "link": self.link}
        return {"code": self.code, "learners": len(self.here), "step": step, "question": self.asked(learner)}

    def asked(self, learner: str | None) -> dict[str, Any] | None:
        """The question as this page shows it."""
        if self.question is None:
            return None
        answers = [answer["text"] for answer in self.question.answers]
        shown = {"n": self.questions, "text": self.question.text, "answers": answers, "votes": len(self.votes)}
        shown["voted"] = self.votes.get(learner) if learner else None
        shown["revealed"] = self.revealed
        if self.revealed or learner is None:
            counted = Counter(self.votes.values())
            shown["counts"] = [counted[k] for k in range(len(answers))]
        if self.revealed:
            wrong = [answer["wrong"] for answer in self.question.answers]
            shown |= {"right": self.question.right, "wrong": wrong, "observation": self.question.observation}
        return shown

    def bring(self, link: Any) -> None:
        """All pages open this link. Raises: InputError."""
        self.link = app_link(link)
        self.steps += 1
        self.changed()

    def ask(self, question: Any) -> None:
        """A new question, without votes. Raises: InputError."""
        self.question = parse_question(question)
        self.questions, self.votes, self.revealed = self.questions + 1, {}, False
        self.changed()

    def vote(self, learner: str, number: Any, choice: Any) -> None:
        """A learner's answer to question `number`, who may change it until it is revealed. Raises: InputError."""
        if self.question is None or number != self.questions or self.revealed:
            raise InputError("This question is over.")
        choice = validation.integer(choice, "The answer", 0, len(self.question.answers) - 1)
        if learner not in self.joined:
            raise InputError("Join the class first.")
        self.votes[learner] = choice
        self.changed()

    def reveal(self) -> None:
        self.revealed = self.question is not None
        self.changed()

    def drop_question(self) -> None:
        self.question, self.votes, self.revealed = None, {}, False
        self.changed()

    def check_free(self, learner: str | None) -> None:
        """Raises: InputError where no page more can be open."""
        known = learner is None or learner in self.joined
        if len(self.listeners) >= 2 * LEARNERS or (not known and len(self.joined) >= LEARNERS):
            raise InputError(f"This class is full: it has {LEARNERS} learners.")

    def enter(self, learner: str | None) -> asyncio.Event:
        """A page that opens; its event is set at every change."""
        listener = asyncio.Event()
        self.listeners.add(listener)
        if learner:
            self.joined.add(learner)
            self.here[learner] += 1
        self.changed()
        return listener

    def leave(self, learner: str | None, listener: asyncio.Event) -> None:
        self.listeners.discard(listener)
        if learner:
            self.here[learner] -= 1
            self.here += Counter()  # without those who have no page left
        self.changed()


class Rooms:
    """All classes of this server."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self.rooms: dict[str, Room] = {}
        self.wrong: deque[float] = deque(maxlen=GUESSES)  # when something wrong was tried
        self.clock = clock

    def open(self) -> Room:
        """A new class. Raises: InputError where there are too many."""
        for room in [room for room in self.rooms.values() if self.clock() - room.used > IDLE]:
            self.close(room)
        if len(self.rooms) >= ROOMS:
            raise InputError(f"There are {ROOMS} classes already; try again later.")
        codes = iter(lambda: "".join(secrets.choice(LETTERS) for _ in range(LENGTH)), "")
        room = Room(next(code for code in codes if code not in self.rooms), secrets.token_urlsafe(16))
        self.rooms[room.code] = room
        return room

    def find(self, code: Any) -> Room:
        """Raises: Unknown; InputError where too many wrong codes came within a minute."""
        room = self.rooms.get(code.strip().upper()) if isinstance(code, str) and len(code) < 20 else None
        if room and self.clock() - room.used <= IDLE:
            return room
        self.count_guess()
        raise Unknown("No class has this code; ask your teacher for it.")

    def count_guess(self) -> None:
        """A wrong code, or a wrong password. Raises: InputError where too many came within a minute."""
        now = self.clock()
        if len(self.wrong) == GUESSES and now - self.wrong[0] < MINUTE:
            raise InputError("Too many wrong codes were tried; wait a minute.")
        self.wrong.append(now)

    def close(self, room: Room) -> None:
        """It is over for all its pages."""
        self.rooms.pop(room.code, None)
        room.over = True
        room.changed()


def learner_id(value: Any) -> str:
    """What a page calls its learner, a random text. Raises: InputError."""
    if not isinstance(value, str) or not re.fullmatch(r"[\w-]{8,64}", value, re.ASCII):
        raise InputError("The learner must be 8 to 64 letters and digits.")
    return value


def app_link(value: Any) -> str:
    """The query of a link of this app. Raises: InputError."""
    link = validation.text(value, "The link", LONGEST_LINK)
    if not LINK.fullmatch(link):
        raise InputError("The link must be one of this app's own.")
    return link


def parse_question(value: Any) -> Question:
    """{"text", "answers": [{"text", "wrong"}], "right", "observation"}. Raises: InputError."""
    given = validation.json_object(value, "The question")
    answers, (least, most) = given.get("answers"), ANSWERS
    if not isinstance(answers, list) or not least <= len(answers) <= most:
        raise InputError(f"A question has {least} to {most} answers.")
    parsed = []
    for answer in answers:
        answer = validation.json_object(answer, "An answer")
        parsed.append({key: sentence(answer.get(key, ""), "An answer", key == "text") for key in ("text", "wrong")})
    right = given.get("right")
    if right is not None:
        right = validation.integer(right, "The right answer", 0, len(parsed) - 1)
    observation = sentence(given.get("observation", ""), "What is to be seen", False)
    return Question(sentence(given.get("text"), "The question", True), tuple(parsed), right, observation)


def sentence(value: Any, name: str, needed: bool) -> str:
    clean = validation.text(value, name, LONGEST).strip()
    if needed and not clean:
        raise InputError(f"{name} is empty.")
    return clean

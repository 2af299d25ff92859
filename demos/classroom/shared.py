"""Classes that several app servers share: the truth is in one actor of the Ray cluster, and each server has a copy.

A page reads from its server's copy, which follows the actor by one stream a class, however many pages there are; what
changes a class is asked of the actor. A server that is lost takes no class with it; when the actor is lost, it begins
again with what the servers have.
"""

import asyncio
import contextlib
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

from ray.exceptions import RayError

from demos._server import _ray
from demos._ui.validation import InputError
from demos.classroom.desk import Desk
from demos.classroom.rooms import Room, Rooms, Unknown

KEPT = ("link", "steps", "question", "questions", "revealed", "over", "votes", "joined", "here")  # in a copy
SIGN, GONE = 5.0, 30.0  # seconds between two signs of life of a server, and without one until its pages count as closed
AGAIN = 1.0  # seconds until a lost actor is asked again
AWAY = "The class cannot be reached just now; try again."


def copied(room: Room) -> dict[str, Any]:
    return {"code": room.code, "key": room.key} | {name: getattr(room, name) for name in KEPT}


class Board:
    """The actor: all classes. What a method refuses it returns, as {"error"}: Ray would wrap an exception."""

    def __init__(self):
        self.rooms = Rooms()
        self.here: dict[str, dict[str, Counter[str]]] = {}  # server -> class -> learner -> pages
        self.heard: dict[str, float] = {}  # server -> when

    async def open(self) -> dict[str, Any]:
        return self._answer(lambda: copied(self.rooms.open()))

    async def find(self, code: Any) -> dict[str, Any]:
        return self._answer(lambda: copied(self.rooms.find(code)))

    async def act(self, code: str, action: str, *more: Any) -> dict[str, Any]:
        return self._answer(lambda: {"n": self.rooms.find(code).act(action, *more)})

    async def close(self, code: str) -> None:
        if room := self.rooms.rooms.get(code):
            self.rooms.close(room)

    async def count_guess(self) -> dict[str, Any]:
        return self._answer(self.rooms.count_guess)

    def _answer(self, ask: Callable[[], dict | None]) -> dict[str, Any]:
        try:
            return ask() or {}
        except InputError as error:
            return {"error": str(error), "unknown": isinstance(error, Unknown)}

    async def present(self, server: str, here: dict[str, Counter[str]]) -> None:
        """How many pages each learner has open at a server, in each class; and a sign of its life."""
        now = time.monotonic()
        changed = set(here) | set(self.here.get(server, ()))
        self.here[server], self.heard[server] = here, now
        for lost in [other for other, heard in self.heard.items() if now - heard > GONE]:
            del self.heard[lost]
            changed |= set(self.here.pop(lost))
        for code in changed & set(self.rooms.rooms):
            room = self.rooms.rooms[code]
            before = (room.here, len(room.joined))
            room.here = sum((pages.get(code, Counter()) for pages in self.here.values()), Counter())
            room.joined |= set(room.here)
            if before != (room.here, len(room.joined)):
                room.changed()

    async def restore(self, copy: dict[str, Any]) -> None:
        """A class as a server knows it, where this actor has begun again and does not."""
        if copy["code"] not in self.rooms.rooms:
            self.rooms.rooms[copy["code"]] = Room(**copy)

    async def watch(self, code: str) -> AsyncIterator[dict[str, Any]]:
        """The class as it is, now and after each change, until it is over. A slow server misses those in between."""
        room = self.rooms.rooms.get(code)
        if room is None:
            yield {"over": True}
            return
        listener = asyncio.Event()
        room.listeners.add(listener)
        try:
            while True:
                listener.clear()
                yield copied(room)
                if room.over:
                    return
                await listener.wait()
        finally:
            room.listeners.discard(listener)


class SharedDesk(Desk):
    """The classes of all servers, as this one knows them."""

    def __init__(self):
        super().__init__()  # its rooms are the copies
        self.name = uuid.uuid4().hex  # of this server
        self.board = _ray.shared(Board, "classes")
        self.pages: dict[str, Counter[str]] = {}  # class -> learner -> pages that are open here
        self.tasks: set[asyncio.Task] = set()

    async def _ask(self, method: str, *more: Any) -> dict[str, Any]:
        """Raises: Unknown, InputError."""
        try:
            answer = await getattr(self.board, method).remote(*more) or {}
        except RayError:
            raise InputError(AWAY) from None
        if "error" in answer:
            raise (Unknown if answer["unknown"] else InputError)(answer["error"])
        return answer

    async def open(self) -> dict[str, str]:
        copy = await self._ask("open")
        return {"code": copy["code"], "key": copy["key"]}

    async def find(self, code: Any) -> Room:
        clean = code.strip().upper() if isinstance(code, str) else ""
        if clean not in self.rooms.rooms:
            copy = await self._ask("find", code)
            if clean not in self.rooms.rooms:  # of two pages that ask at a time, one begins the copy
                self.rooms.rooms[clean] = Room(**copy)
                self._do(self._follow(self.rooms.rooms[clean]))
        return self.rooms.rooms[clean]

    async def act(self, room: Room, action: str, *more: Any) -> int:
        return (await self._ask("act", room.code, action, *more))["n"]

    async def close(self, room: Room) -> None:
        await self._ask("close", room.code)

    async def count_guess(self) -> None:
        await self._ask("count_guess")

    def enter(self, room: Room, learner: str | None) -> asyncio.Event:
        listener = super().enter(room, learner)
        self._moved(room, learner, 1)
        return listener

    def leave(self, room: Room, learner: str | None, listener: asyncio.Event) -> None:
        super().leave(room, learner, listener)
        self._moved(room, learner, -1)

    def _moved(self, room: Room, learner: str | None, pages: int) -> None:
        if learner and not room.over:
            here = self.pages.setdefault(room.code, Counter())
            here[learner] += pages
            here += Counter()  # without those who have no page left
            self._tell()

    def _tell(self) -> None:
        with contextlib.suppress(RayError):
            self.board.present.remote(self.name, self.pages)

    def _do(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _follow(self, room: Room) -> None:
        """Keep a copy like the class, until this is over."""
        streaming = {"num_returns": "streaming", "_generator_backpressure_num_objects": 1}
        signs, lost = asyncio.get_running_loop().create_task(self._live()), False
        while not room.over:
            try:
                if lost:
                    await self.board.restore.remote(copied(room))
                    self._tell()
                async for asked in self.board.watch.options(**streaming).remote(room.code):
                    for name, value in (await asked).items():
                        setattr(room, name, value)
                    room.changed()
            except RayError:
                await asyncio.sleep(AGAIN)
            lost = True  # unless it is over
        signs.cancel()
        self.rooms.rooms.pop(room.code, None)
        self.pages.pop(room.code, None)

    async def _live(self) -> None:
        while True:
            self._tell()
            await asyncio.sleep(SIGN)

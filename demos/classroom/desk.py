"""Where the classes are kept: in this server, or on a Ray cluster for several (`shared.py`), by the same methods."""

import asyncio
from typing import Any

from demos.classroom.rooms import Room, Rooms


class Desk:
    """The classes of this server alone."""

    def __init__(self):
        self.rooms = Rooms()

    async def open(self) -> dict[str, str]:
        """A new class: {"code", "key"}. Raises: InputError where there are too many."""
        room = self.rooms.open()
        return {"code": room.code, "key": room.key}

    async def find(self, code: Any) -> Room:
        """A class, to be read and not changed. Raises: Unknown, InputError."""
        return self.rooms.find(code)

    async def act(self, room: Room, action: str, *more: Any) -> int:
        """Call the method of Room, one of `rooms.ACTIONS`; the number of its questions. Raises: InputError."""
        return room.act(action, *more)

    async def close(self, room: Room) -> None:
        self.rooms.close(room)

    async def count_guess(self) -> None:
        """A wrong password. Raises: InputError where too many came within a minute."""
        self.rooms.count_guess()

    def enter(self, room: Room, learner: str | None) -> asyncio.Event:
        """A page that opens; its event is set at every change."""
        return room.enter(learner)

    def leave(self, room: Room, learner: str | None, listener: asyncio.Event) -> None:
        room.leave(learner, listener)

"""Class mode: a code, which learners join; their teacher brings all to a step, asks, and reveals how they answered."""

import os

from demos._ui import controls
from demos.classroom import routes


def bar() -> None:
    """The bar of the class that the page is in, and the door to one."""
    controls.control("classroom/bar", None, opens=bool(os.environ.get(routes.PASSWORD)))


def begin() -> str:
    """A class that begins with the server -> what its teacher needs to know, for who started it."""
    room = routes.ROOMS.open()
    return f"Class {room.code}. Add to the app's address, for learners: #class={room.code}\n" + (
        f"and for the teacher alone: #class={room.code}&key={room.key}"
    )

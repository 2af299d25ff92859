"""The addresses of class mode: open a class, join it, follow what changes in it, vote, and what its teacher does.

    POST class                    {"password"} -> {"code", "key"}
    GET  class/CODE/events        ?learner=ID or ?key=KEY -> server-sent events, each a whole state (`Room.state`)
    POST class/CODE/join          {"learner"} -> the state
    POST class/CODE/vote          {"learner", "question", "choice"}
    POST class/CODE/teach         {"key", "action": "bring" | "ask" | "reveal" | "close" | "end", "link", "question"};
                                  an "ask" answers {"n"}, the number of the question

What goes wrong is {"error": sentence}.
"""

import asyncio
import hmac
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from demos._ui import validation
from demos._ui.validation import InputError
from demos.classroom.rooms import Room, Rooms, Unknown, learner_id

ROOMS = Rooms()
PASSWORD = "GENAI_CLASS_PASSWORD"  # the environment's variable; without it no page can open a class
LARGEST = 60_000  # bytes of a request
PING = 15.0  # seconds after which a proxy may take a silent connection for a dead one
STREAM = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # a proxy that would wait for more is told not to
ACTIONS = ("bring", "ask", "reveal", "close", "end")


def answers(handler: Callable[[Request, dict], Awaitable[dict]]) -> Callable[[Request], Awaitable[Response]]:
    """A handler of a request's JSON object; what it returns is the answer, and an InputError a sentence."""

    async def answer(request: Request) -> Response:
        try:
            return JSONResponse(await handler(request, await given(request)))
        except InputError as error:
            return JSONResponse({"error": str(error)}, 404 if isinstance(error, Unknown) else 400)

    return answer


async def given(request: Request) -> dict:
    """Raises: InputError."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > LARGEST:
            raise InputError(f"The request is larger than {LARGEST // 1000} kB.")
    try:
        return validation.json_object(json.loads(body))
    except (ValueError, RecursionError):
        raise InputError("The request must be an object with named fields.") from None


async def open_class(_request: Request, body: dict) -> dict:
    password, said = os.environ.get(PASSWORD, ""), body.get("password")
    if not password:
        raise InputError("No class can be opened here: whoever runs this server has set no password for it.")
    if not isinstance(said, str) or not hmac.compare_digest(said.encode("utf-8", "replace"), password.encode()):
        ROOMS.count_guess()
        raise InputError("This is not the password for opening a class.")
    room = ROOMS.open()
    return {"code": room.code, "key": room.key}


async def join(request: Request, body: dict) -> dict:
    room = ROOMS.find(request.path_params["code"])
    return room.state(who(room, body))


async def vote(request: Request, body: dict) -> dict:
    room = ROOMS.find(request.path_params["code"])
    room.vote(learner_id(body.get("learner")), body.get("question"), body.get("choice"))
    return {}


async def teach(request: Request, body: dict) -> dict:
    room = ROOMS.find(request.path_params["code"])
    if not room.is_teacher(body.get("key")):
        raise InputError("Only the teacher of this class can do that.")
    action = validation.choice(body.get("action"), "The action", ACTIONS)
    if action == "bring":
        room.bring(body.get("link"))
    elif action == "ask":
        room.ask(body.get("question"))
        return {"n": room.questions}
    elif action == "reveal":
        room.reveal()
    elif action == "close":
        room.drop_question()
    else:
        ROOMS.close(room)
    return {}


def who(room: Room, said) -> str | None:
    """The learner, or None for the teacher. Raises: InputError."""
    if "key" in said:
        if not room.is_teacher(said["key"]):
            raise InputError("This is not the link of this class's teacher.")
        return None
    return learner_id(said.get("learner"))


async def events(request: Request) -> Response:
    try:
        room = ROOMS.find(request.path_params["code"])
        learner = who(room, request.query_params)
        room.check_free(learner)
    except InputError as error:
        return JSONResponse({"error": str(error)}, 404 if isinstance(error, Unknown) else 400)
    return StreamingResponse(states(room, learner), media_type="text/event-stream", headers=STREAM)


async def states(room: Room, learner: str | None) -> AsyncIterator[str]:
    """Each state that differs from the last one, until the class is over or the page is left."""
    listener, last = room.enter(learner), None
    try:
        while last != {"over": True}:
            listener.clear()
            state = room.state(learner)
            if state != last:
                yield f"data: {json.dumps(state)}\n\n"
                last = state
                continue  # it may have changed meanwhile
            try:
                await asyncio.wait_for(listener.wait(), PING)
            except TimeoutError:
                yield ": still here\n\n"
    finally:
        room.leave(learner, listener)


ROUTES = [
    Route("/class", answers(open_class), methods=["POST"]),
    Route("/class/{code}/events", events),
    Route("/class/{code}/join", answers(join), methods=["POST"]),
    Route("/class/{code}/vote", answers(vote), methods=["POST"]),
    Route("/class/{code}/teach", answers(teach), methods=["POST"]),
]

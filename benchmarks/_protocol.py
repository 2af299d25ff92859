"""A learner's page without the page: Gradio's own HTTP protocol, as the browser speaks it.

The page, a heartbeat that is held open, server functions of own controls, and events of the queue: joined by one
request, answered in a stream of messages of which all but the first tell only what has changed.
"""

import asyncio
import contextlib
import itertools
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import aclosing

import httpx
from gradio_client.utils import apply_diff

API = "/gradio_api"
PATIENCE = 120.0  # seconds without a byte


class ServerSaidNo(RuntimeError):
    """An answer that is none: a status other than 200, or a sentence for the user."""


def part_of(component: dict) -> str | None:
    """The part that an own control belongs to, such as "vae/plane"."""
    return (component["props"].get("props") or {}).get("part")


def controls(config: dict, function: str, part: str | None = None) -> list[int]:
    """The ids of the controls that have a server function of this name; with `part`, of those of this part."""
    having = [c for c in config["components"] if function in (c["props"].get("server_fns") or ())]
    return [c["id"] for c in having if part is None or part_of(c) == part]


def submit_of(config: dict, part: str) -> dict:
    """The event that starts a run of the part."""
    owned = {c["id"] for c in config["components"] if part_of(c) == part}
    return next(d for d in config["dependencies"] if any(id_ in owned and e == "submit" for id_, e in d["targets"]))


class Learner:
    """One page. `config` is what Gradio tells every page about its components and events."""

    def __init__(self, url: str, config: dict):
        self.config, self.session = config, secrets.token_hex(6)
        self.http = httpx.AsyncClient(base_url=url, timeout=PATIENCE, trust_env=False)
        self.heart = None

    async def __aenter__(self) -> "Learner":
        return self

    async def __aexit__(self, *_failure) -> None:
        if self.heart:
            self.heart.cancel()
            with contextlib.suppress(asyncio.CancelledError, httpx.HTTPError):
                await self.heart
        await self.http.aclose()

    async def open(self) -> None:
        """Fetch the page, and keep the session alive. The tab that is shown is the page's own affair."""
        (await self.http.get("/")).raise_for_status()
        self.heart = asyncio.create_task(self._beat())

    async def _beat(self) -> None:
        async with self.http.stream("GET", f"{API}/heartbeat/{self.session}", timeout=None) as answer:
            async for _ in answer.aiter_bytes():
                pass

    async def ask(self, part: str, function: str, argument: dict):
        """A server function of a control of this part."""
        return await self.call(controls(self.config, function, part)[0], function, argument)

    async def call(self, control: int, function: str, argument: dict):
        """A server function of the control with this id."""
        body = {"data": argument, "component_id": control, "fn_name": function, "session_hash": self.session}
        answer = await self.http.post(f"{API}/component_server", json=body)
        if answer.status_code != 200:
            raise ServerSaidNo(f"status {answer.status_code}")
        if "ok" not in answer.json():
            raise ServerSaidNo(answer.json()["error"])
        return answer.json()["ok"]

    async def run(self, part: str, settings: dict) -> AsyncIterator[dict]:
        """A run of a part with these settings -> the values that its stage shows. Raises: ServerSaidNo.

        Closing the iterator early is what Stop does.
        """
        event, number = submit_of(self.config, part), str(secrets.randbelow(10**13))
        state = [None] * (len(event["inputs"]) - 1)  # which the server keeps
        async with aclosing(self.event(event, [{"ask": {"settings": settings, "run": number}}, *state])) as values:
            async for value, *_ in values:
                if "error" in value:
                    raise ServerSaidNo(value["error"])
                if value.get("run") == number and not value.get("over"):  # else there is nothing new to show
                    yield value

    async def event(self, event: dict, inputs: list) -> AsyncIterator[list]:
        """An event of the queue -> the values of its outputs, again and again where it streams.

        Closing the iterator early ends it on the server.
        """
        body = {"data": inputs, "fn_index": event["id"], "session_hash": self.session, "event_data": None}
        joined = await self.http.post(f"{API}/queue/join", json=body)
        if joined.status_code != 200:
            raise ServerSaidNo(f"status {joined.status_code}: {joined.json().get('detail')}")
        number, values, ended = joined.json()["event_id"], None, False
        async with self.http.stream("GET", f"{API}/queue/data", params={"session_hash": self.session}) as answer:
            stream = messages(answer)
            try:
                async for message in stream:
                    if message["msg"] == "close_stream":
                        return
                    if message.get("event_id") != number:
                        continue
                    ended = message["msg"] == "process_completed"
                    output = message.get("output") or {}
                    if not message.get("success", True):
                        raise ServerSaidNo(str(output.get("error")))
                    if message["msg"] == "process_generating":
                        values = changed(values, output["data"])
                        yield values
                    elif ended and values is None:
                        yield output["data"]
            finally:
                if not ended:
                    body = {"session_hash": self.session, "fn_index": event["id"], "event_id": number}
                    await self.http.post(f"{API}/cancel", json=body)
                    async for message in stream:
                        if message["msg"] == "close_stream":
                            break

    async def last(self, name: str, inputs: list) -> list:
        """The last values of the event with this name."""
        event, values = next(d for d in self.config["dependencies"] if d["api_name"] == name), None
        async for values in self.event(event, inputs):  # noqa: B007
            pass
        return values


def changed(values: list | None, data: list) -> list:
    """The outputs after a message: the first one has them whole, the others only say what has changed."""
    if values is None:
        return data
    return [apply_diff(old, diff) for old, diff in itertools.zip_longest(values, data)]


async def messages(answer: httpx.Response) -> AsyncIterator[dict]:
    """The messages of a stream of server-sent events."""
    async for line in answer.aiter_lines():
        if line.startswith("data:"):
            yield json.loads(line[5:])


async def config_of(url: str) -> dict:
    """What Gradio tells every page."""
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as http:
        return (await http.get(f"{url}/config")).json()

"""How many learners a machine serves: one server, and two behind a proxy that keeps each page with its server.

    python -m benchmarks.scale [--clients 30] [--seconds 60]

First one server and a class with its usual pauses: processor seconds and memory a learner. Then hardly any pause, with
one server and with two: things done a second. docs/SCALE.md gets the figures, and what they mean for more users.

The proxy is the smallest that can do it: a cookie names the server, and a connection stays with the one that its first
request was for. A real one (nginx with `sticky cookie`, Traefik, a Space's own router) does the same.
"""

import argparse
import asyncio
import contextlib
import math
import re
import threading

from benchmarks._common import into_page, process, processor_seconds, report, resident
from benchmarks._protocol import config_of
from benchmarks.load import PAUSE, Class

HURRY = 0.2  # seconds between two things of a learner that measures throughput
BUSY = 0.6  # share of a processor that may be planned with: above, waiting grows fast


class Proxy:
    """Listens on a free port and passes connections on to `backends`, by cookie, else in turn."""

    def __init__(self, backends: list[str]):
        self.ports = [int(url.rpartition(":")[2]) for url in backends]
        self.turn = 0

    async def __aenter__(self) -> str:
        self.server = await asyncio.start_server(self.pass_on, "127.0.0.1", 0, limit=2**20)
        return f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"

    async def __aexit__(self, *_failure) -> None:
        self.server.close()

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            known = re.search(rb"(?i)^cookie:.*\bserver=(\d+)", head, re.MULTILINE)
            if known is None:
                self.turn += 1
            chosen = int(known[1]) if known else self.turn
            their_reader, their_writer = await asyncio.open_connection(
                "127.0.0.1", self.ports[chosen % len(self.ports)], limit=2**20
            )
            their_writer.write(head)
            up = asyncio.create_task(copied(reader, their_writer))
            if known is None:  # the first answer of this connection says where the page belongs
                answer = await their_reader.readuntil(b"\r\n\r\n")
                writer.write(answer[:-2] + b"Set-Cookie: server=%d; Path=/\r\n\r\n" % chosen)
            await copied(their_reader, writer)
            up.cancel()
        writer.close()


async def copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Everything that comes, until either side closes."""
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@contextlib.contextmanager
def proxied(backends: list[str]):
    """The address of a proxy that runs in a thread of its own."""
    loop, proxy = asyncio.new_event_loop(), Proxy(backends)
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield asyncio.run_coroutine_threadsafe(proxy.__aenter__(), loop).result()
    finally:
        asyncio.run_coroutine_threadsafe(proxy.__aexit__(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def at_work(servers: int, clients: int, seconds: float, pause: float, known: dict) -> dict:
    """A class on so many servers behind the proxy: what was done, and what it cost. known: see `Class`; filled here."""
    with contextlib.ExitStack() as stack:
        running = [stack.enter_context(process("app.py", HF_HUB_OFFLINE="1")) for _ in range(servers)]
        url = stack.enter_context(proxied([address for _, address in running]))

        async def alone_then_all() -> tuple[Class, float, float]:
            group = Class(url, await config_of(running[0][1]), clients, known)
            for _, address in running:  # so that each has what it loads once
                group.url = address
                await group.learn()
            known.update(group.known)
            group.url = url
            before = (
                sum(processor_seconds(p.pid) for p, _ in running),
                sum(resident(p.pid, once=True) for p, _ in running),
            )
            await group.work(seconds, pause)
            after = (
                sum(processor_seconds(p.pid) for p, _ in running),
                sum(resident(p.pid, once=True) for p, _ in running),
            )
            return group, after[0] - before[0], after[1] - before[1]

        group, cost, grown = asyncio.run(alone_then_all())
        counted = group.counted()
        return {
            "servers": servers,
            "pause s": pause,
            "clients": clients,
            "done a second": counted["done"] / seconds,
            "processor s a learner and minute": cost / clients / (seconds / 60),
            "MiB a learner": grown / clients,
            "MiB in all": sum(resident(p.pid, once=True) for p, _ in running),
            **{key: counted[key] for key in ("errors", "foreign", "wrong")},
        }


def plan(users: int, row: dict) -> dict:
    """What so many users at once need, each as busy as one of the class: cores, and servers of two cores each."""
    cores = users * row["processor s a learner and minute"] / 60 / BUSY
    servers = max(1, math.ceil(cores / 2))
    sessions = users * max(0.0, row["MiB a learner"])
    return {
        "users": users,
        "cores": math.ceil(cores),
        "servers": servers,
        "GiB": servers * row["MiB in all"] / 1024 + sessions / 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    known = {}
    rows = [
        at_work(servers, options.clients, options.seconds, pause, known)
        for servers, pause in ((1, PAUSE), (1, HURRY), (2, HURRY))
    ]
    plans = [plan(users, rows[0]) for users in (30, 300, 30_000)]
    ratio = rows[2]["done a second"] / rows[1]["done a second"]
    report("scale", rows, plans=plans, two_servers_over_one=round(ratio, 2), busy_share=BUSY)
    into_page("measured", rows, plans)


if __name__ == "__main__":
    main()

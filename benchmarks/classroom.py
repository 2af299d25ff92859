"""A class of thirty: how soon every page shows the teacher's step, and the teacher every vote.

    python -m benchmarks.classroom [--learners 30] [--rounds 20]

A learner is a page without its browser: it holds the class's stream open, and asks for the value of each link that it
is brought to, as the page's router does. A step is shown when that value has come; a vote when the teacher's stream has
it.
"""

import argparse
import asyncio
import random
import secrets
import time
from collections.abc import AsyncIterator

import httpx

from benchmarks._common import percentile, report, server
from benchmarks._protocol import Learner, config_of, messages

PASSWORD = "chalk"
SPREAD = 1.0  # seconds in which all votes are given
AIM = "every page shows the teacher's step within 1 s (p95), votes within 1 s, none lost"
QUESTION = {"text": "What will it show?", "answers": [{"text": "A 3"}, {"text": "An 8"}, {"text": "Noise"}], "right": 0}


class Class:
    """One teacher and the learners' streams, with the time at which each thing came."""

    def __init__(self, http: httpx.AsyncClient, room: dict):
        self.http, self.room = http, room
        self.voted: dict[int, float] = {}  # how many votes the teacher sees -> when they came

    async def states(self, http: httpx.AsyncClient, who: dict) -> AsyncIterator[dict]:
        async with http.stream("GET", f"/class/{self.room['code']}/events", params=who, timeout=None) as answer:
            async for state in messages(answer):
                yield state

    async def teach(self, action: str, **more) -> None:
        body = {"key": self.room["key"], "action": action, **more}
        (await self.http.post(f"/class/{self.room['code']}/teach", json=body)).raise_for_status()

    async def watch(self) -> None:
        """The teacher's page."""
        async for state in self.states(self.http, {"key": self.room["key"]}):
            if question := state.get("question"):
                self.voted.setdefault((question["n"], sum(question["counts"])), time.perf_counter())


async def follow(room: Class, learner: Learner, router: int, shown: dict[int, list[float]], voted: dict) -> None:
    """A learner's page: opens each link, and answers each question."""
    id_, step, question = secrets.token_hex(8), 0, 0
    async for state in room.states(learner.http, {"learner": id_}):
        if state.get("over"):
            return
        if state["step"]["n"] > step:
            step = state["step"]["n"]
            query = dict(pair.split("=") for pair in state["step"]["link"].split("&"))
            await learner.call(router, "open", query)
            shown.setdefault(step, []).append(time.perf_counter())
        if state["question"] and state["question"]["n"] > question:
            question = state["question"]["n"]
            asyncio.get_running_loop().create_task(vote(room, learner, id_, question, voted))


async def vote(room: Class, learner: Learner, id_: str, question: int, voted: dict) -> None:
    await asyncio.sleep(random.uniform(0, SPREAD))
    body = {"learner": id_, "question": question, "choice": random.randrange(3)}
    begun = time.perf_counter()
    (await learner.http.post(f"/class/{room.room['code']}/vote", json=body)).raise_for_status()
    voted.setdefault(question, []).append((begun, time.perf_counter()))


async def attend(url: str, learners: int, rounds: int) -> tuple[list[float], list[float], int]:
    """ms until each learner saw each step, ms until the teacher saw each vote, and how many votes were lost."""
    config = await config_of(url)
    router = next(c["id"] for c in config["components"] if "control-router" in (c["props"].get("elem_classes") or ()))
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as http:
        room = Class(http, (await http.post("/class", json={"password": PASSWORD})).json())
        pages = [Learner(url, config) for _ in range(learners)]
        shown: dict[int, list[float]] = {}
        voted: dict[int, list[tuple[float, float]]] = {}
        watching = asyncio.create_task(room.watch())
        following = [asyncio.create_task(follow(room, page, router, shown, voted)) for page in pages]
        await asyncio.sleep(1)
        steps, votes, lost = [], [], 0
        for n in range(1, rounds + 1):
            begun = time.perf_counter()
            await room.teach("bring", link=f"tab=vae&part=sliders&seed={n}")
            while len(shown.get(n, [])) < learners:
                await asyncio.sleep(0.01)
            steps += [1000 * (at - begun) for at in shown[n]]
            await room.teach("ask", question=QUESTION)
            await asyncio.sleep(SPREAD + 1)
            for k, (asked, _) in enumerate(sorted(voted[n]), 1):  # the k-th vote is in when the teacher sees k or more
                came = [at for (question, count), at in room.voted.items() if question == n and count >= k]
                if came:
                    votes.append(1000 * (min(came) - asked))
            lost += learners - max(count for question, count in room.voted if question == n)
        await room.teach("end")
        await asyncio.gather(*following)
        watching.cancel()
        for page in pages:
            await page.http.aclose()
    return steps, votes, lost


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--learners", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    with server("app.py", GENAI_CLASS_PASSWORD=PASSWORD, HF_HUB_OFFLINE="1") as url:
        steps, votes, lost = asyncio.run(attend(url, options.learners, options.rounds))
    rows = [
        {
            "what": what,
            "count": len(ms),
            "median ms": percentile(ms, 0.5),
            "p95 ms": percentile(ms, 0.95),
            "most": max(ms),
        }
        for what, ms in (("a step is shown", steps), ("a vote is seen", votes))
    ]
    report("classroom", rows, learners=options.learners, lost=lost, aim=AIM)


if __name__ == "__main__":
    main()

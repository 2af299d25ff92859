"""Thirty programs that call `vae_decode` without a pause: how long one call takes, beside a single program alone."""

import asyncio
import json
import time

import httpx

from benchmarks._common import percentile, report, server
from benchmarks._protocol import API

CLIENTS, SECONDS = 30, 15.0
DATA = {"data": [[0.5] * 16, "vae-mnist"]}


async def call(http: httpx.AsyncClient) -> float:
    """One call, as gradio_client and curl make it; seconds until its answer has come. Raises: RuntimeError."""
    begun = time.perf_counter()
    event = (await http.post(f"{API}/call/vae_decode", json=DATA)).raise_for_status().json()["event_id"]
    answer = (await http.get(f"{API}/call/vae_decode/{event}")).text
    if "event: complete" not in answer:
        raise RuntimeError(json.dumps(answer[:300]))
    return time.perf_counter() - begun


async def clients(url: str, n: int) -> list[float]:
    """Seconds of every call of n programs in SECONDS."""
    until = time.monotonic() + SECONDS

    async def program() -> list[float]:
        async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as http:
            return [await call(http) for _ in iter(lambda: time.monotonic() < until, False)]

    return [seconds for one in await asyncio.gather(*(program() for _ in range(n))) for seconds in one]


def main() -> None:
    rows = []
    with server("app.py") as url:
        for n in (1, CLIENTS):
            asyncio.run(clients(url, n))  # once for what is loaded when it is first needed
            times = [1000 * seconds for seconds in asyncio.run(clients(url, n))]
            row = {"programs": n, "median ms": percentile(times, 0.5), "p95 ms": percentile(times, 0.95)}
            rows.append({**row, "calls/s": len(times) / SECONDS})
    report("api", rows)


if __name__ == "__main__":
    main()

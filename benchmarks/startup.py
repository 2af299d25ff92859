"""From starting the process to the first page: our app against a bare Gradio + torch app, in turns, in one run."""

import argparse
import statistics
import time
import urllib.request

from benchmarks._common import report, server

AIM = 1.15


def first_page(*arguments: str) -> float:
    """Seconds from the process's start until GET / has answered in full."""
    begun = time.monotonic()
    with server(*arguments) as url, urllib.request.urlopen(url) as answer:
        answer.read()
        return time.monotonic() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    apps = {"bare gradio + torch": ("-m", "benchmarks.bare"), "this app": ("app.py",)}
    for arguments in apps.values():
        first_page(*arguments)  # once, so that no run pays for a cold disk
    seconds = {name: [] for name in apps}
    for _ in range(runs):
        for name, arguments in apps.items():
            seconds[name].append(first_page(*arguments))
    rows = [{"app": n, "median s": statistics.median(v), "min s": min(v), "max s": max(v)} for n, v in seconds.items()]
    report("startup", rows, ratio=round(rows[1]["median s"] / rows[0]["median s"], 3), aim=AIM)


if __name__ == "__main__":
    main()

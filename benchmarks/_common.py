"""What the benchmarks share: a server in a process of its own, Chromium, a table, a results file."""

import contextlib
import json
import platform
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.browser.conftest import FLAGS, serve

RESULTS = Path(__file__).parent / "results"


@contextlib.contextmanager
def process(*arguments: str, **environment: str) -> Iterator[tuple[subprocess.Popen, str]]:
    """A running `python <arguments>` and its address, ended afterwards."""
    begun, url = serve(list(arguments), environment)
    try:
        yield begun, url
    finally:
        begun.kill()
        begun.wait()


@contextlib.contextmanager
def server(*arguments: str) -> Iterator[str]:
    """The address of `python <arguments>`, ended afterwards."""
    with process(*arguments) as (_, url):
        yield url


@contextlib.contextmanager
def browser():
    """Debian's Chromium."""
    from playwright.sync_api import sync_playwright

    found = shutil.which("chromium")
    if found is None:
        sys.exit("This benchmark needs Chromium.")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        yield opened
        opened.close()


def percentile(values: list[float], share: float) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[round(100 * share) - 1]


def report(name: str, rows: list[dict], **more) -> None:
    """Print the rows as a table and write them with `more` to results/<name>.json."""
    columns = list(rows[0])
    print(" | ".join(columns))
    for row in rows:
        print(" | ".join(f"{v:.1f}" if isinstance(v, float) else str(v) for v in row.values()))
    for key, value in more.items():
        print(f"{key}: {value}")
    RESULTS.mkdir(exist_ok=True)
    machine = {"python": platform.python_version(), "machine": platform.machine()}
    text = json.dumps({"rows": rows, **more, **machine}, indent=2, ensure_ascii=False)
    (RESULTS / f"{name}.json").write_text(text + "\n")

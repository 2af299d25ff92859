"""What the benchmarks share: a server in a process of its own, Chromium, a table, a results file."""

import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks._browser import find_chromium, launch, serve

RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parent.parent / "docs" / "SCALE.md"


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
def server(*arguments: str, **environment: str) -> Iterator[str]:
    """The address of `python <arguments>`, ended afterwards."""
    with process(*arguments, **environment) as (_, url):
        yield url


@contextlib.contextmanager
def browser():
    """Debian's Chromium."""
    found = find_chromium()
    if found is None:
        sys.exit("This benchmark needs Chromium.")
    with launch(found) as opened:
        yield opened


def percentile(values: list[float], share: float) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[round(100 * share) - 1]


def table(rows: list[dict]) -> None:
    """Print rows that have the same columns."""
    print(" | ".join(rows[0]))
    for row in rows:
        print(" | ".join(f"{v:.1f}" if isinstance(v, float) else str(v) for v in row.values()))


def report(name: str, rows: list[dict], **more) -> None:
    """Print the rows as a table and write them with `more` to results/<name>.json."""
    table(rows)
    for key, value in more.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            print(f"{key}:")
            table(value)
        else:
            print(f"{key}: {value}")
    RESULTS.mkdir(exist_ok=True)
    machine = {"python": platform.python_version(), "machine": platform.machine()}
    text = json.dumps({"rows": rows, **more, **machine}, indent=2, ensure_ascii=False)
    (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def cell(value) -> str:
    if value is None:
        return "–"
    return f"{value:,.{1 if value >= 10 else 2}f}" if isinstance(value, float) else f"{value}"


def into_page(mark: str, *tables: list[dict]) -> None:
    """Write tables, each rows with the same columns, into docs/SCALE.md between `<!-- mark -->` and `<!-- end -->`."""
    lines = []
    for rows in tables:
        lines += ["| " + " | ".join(rows[0]) + " |", "|" + " --- |" * len(rows[0])]
        for row in rows:
            lines.append(f"| {' | '.join(map(cell, row.values()))} |")
        lines.append("")
    before, begin, rest = PAGE.read_text(encoding="utf-8").partition(f"<!-- {mark} -->\n")
    _, end, after = rest.partition("<!-- end -->")
    PAGE.write_text(before + begin + "\n".join(lines) + end + after, encoding="utf-8")


def family(pid: int) -> list[int]:
    """A process and all that came of it (Linux)."""
    found = [pid]
    for thread in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [p for child in thread.read_text().split() for p in family(int(child))]
    return found


def resident(pid: int, once: bool = False, alone: bool = False) -> float:
    """MiB in memory of a process and its children (RSS). once: what they share, such as torch's code, counts once.

    alone: without its children.
    """
    file, key = ("smaps_rollup", "Pss:") if once else ("status", "VmRSS:")
    total = 0
    for member in [pid] if alone else family(pid):
        with contextlib.suppress(OSError, StopIteration):  # it has just ended
            lines = Path(f"/proc/{member}/{file}").read_text(encoding="utf-8").splitlines()
            total += int(next(line for line in lines if line.startswith(key)).split()[1])
    return total / 1024


def processor_seconds(pid: int) -> float:
    """Processor time that a process and its children have used."""
    ticks = 0
    for member in family(pid):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{member}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")

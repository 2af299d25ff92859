"""How long a closed page goes on working: the longest run of each part, left in the midst of it."""

import statistics

from benchmarks._common import browser, report
from tests.browser.test_leaving import RUNS, app_here, leave

AIM = "within 1 s, in every tab"
TIMES = 2


def main() -> None:
    rows = []
    with app_here() as (demo, url), browser() as chromium:
        for link in RUNS:
            ms = [1000 * leave(link, demo, url, chromium) for _ in range(TIMES)]
            rows.append({"left": link.replace("&", " "), "median ms": statistics.median(ms), "max ms": max(ms)})
    report("leaving", rows, most_ms=round(max(row["max ms"] for row in rows)), aim=AIM)


if __name__ == "__main__":
    main()

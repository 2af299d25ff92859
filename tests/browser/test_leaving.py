"""Closing the page ends its work, in every tab: the longest run of each, and one that still waits in the queue."""

import time

import pytest

from benchmarks.leaving import PATIENCE, RUNS, app_here, at_work, events, leave, opened, wait_until
from demos._server import lanes


@pytest.fixture(scope="module")
def served():
    with app_here() as both:
        yield both


@pytest.mark.parametrize("link", RUNS)
def test_who_closes_the_page_ends_the_run(link, served, chromium):
    leave(link, *served, chromium)


def test_nothing_is_kept_of_a_page_that_is_closed(served, chromium):
    demo, url = served
    page = opened(chromium, url, "tab=gan&part=lab")
    wait_until(lambda: demo.state_holder.session_data, 15)
    page.close()
    wait_until(lambda: not demo.state_holder.session_data, PATIENCE)


def test_past_the_limit_a_page_hears_that_the_server_is_busy(served, chromium, monkeypatch):
    demo, url = served
    link, start = next(iter(RUNS.items()))
    page = opened(chromium, url, link)
    wait_until(lambda: not at_work(demo), 30)
    monkeypatch.setattr(demo._queue, "max_size", 0)
    start(page)
    page.get_by_text("This application is currently busy. Please try again.").wait_for()
    page.close()


def test_who_closes_the_page_no_longer_waits(served, chromium):
    demo, url = served
    link, start = next(iter(RUNS.items()))
    pages = [opened(chromium, url, link) for _ in range(lanes.LARGER + 1)]
    for page in pages:
        start(page)
    wait_until(lambda: events(demo) == (lanes.LARGER, 1), 15)
    last = pages.pop()
    last.get_by_role("status").get_by_text("You are next").wait_for()
    last.close()
    wait_until(lambda: events(demo) == (lanes.LARGER, 0), PATIENCE)
    for page in pages:
        page.close()
    wait_until(lambda: not at_work(demo), PATIENCE)


PRESSED_TWICE = """() => {
  const [train, stop] = [...document.querySelectorAll('.form-card button')].filter((b) => b.checkVisibility());
  train.click(); setTimeout(() => stop.click(), 50);
}"""


def test_stop_ends_a_run_whose_start_is_not_answered_yet(served, chromium):
    demo, url = served
    page = opened(chromium, url, "tab=vae&part=train")

    def late(route):
        answer = route.fetch()
        time.sleep(0.5)
        route.fulfill(response=answer)

    page.route("**/queue/join*", late)
    with page.expect_response("**/cancel") as cancelled:
        page.evaluate(PRESSED_TWICE)
    assert cancelled.value.ok
    wait_until(lambda: not at_work(demo), PATIENCE)
    page.close()


TWO_PRESSES = """() => {
  const [train, stop] = [...document.querySelectorAll('.form-card button')].filter((b) => b.checkVisibility());
  train.click(); train.click(); setTimeout(() => stop.click(), 300);
}"""


def test_a_second_press_leaves_no_run_behind(served, chromium):
    demo, url = served
    page = opened(chromium, url, "tab=vae&part=train")
    wait_until(lambda: not at_work(demo), 30)
    page.evaluate(TWO_PRESSES)
    page.wait_for_timeout(1000)
    wait_until(lambda: not any(events(demo)), 5)
    page.close()

"""Closing the page ends its work, in every tab: the longest run of each, and one that still waits in the queue.

The app is served by this very process, so that its threads and its queue can be looked at.
"""

import contextlib
import io
import sys
import time
import zipfile
from pathlib import Path

import pytest
from PIL import Image

import app
import genai_core
from demos import _jobs, clip
from demos._serve import serve
from genai_core import uploads
from tests.browser.conftest import free_port
from tests.browser.steps import open_part

PATIENCE = 20.0  # a starved machine's: a run ends after its present step; an idle one takes some tenths of a second
CORE = str(Path(genai_core.__file__).parent)


def press(name):
    return lambda page: page.get_by_role("button", name=name, exact=True).locator("visible=true").first.click()


def write(page):
    page.locator(".tokens:visible").fill("500")
    press("Write")(page)


def compare(page):
    page.locator(".tokens:visible").fill("400")
    press("Compare")(page)


def draft(page):
    page.locator(".tokens:visible").fill("400")
    press("Write")(page)


def fill_in(page):
    open_part(page, "Inpaint")
    page.wait_for_timeout(1000)  # the digit that is to be filled in has come
    press("Fill in")(page)


def read(page):
    """A zip of as many pictures as are read at once."""
    packed, picture = io.BytesIO(), io.BytesIO()
    Image.effect_noise((256, 256), 80).save(picture, "PNG")
    with zipfile.ZipFile(packed, "w") as archive:
        for k in range(uploads.PICTURES):
            archive.writestr(f"{k}.png", picture.getvalue())
    files = {"name": "pictures.zip", "mimeType": "application/zip", "buffer": packed.getvalue()}
    page.locator("input[type=file][accept*=zip]").set_input_files(files)


# A link to a part -> what starts its longest run.
RUNS = {
    "tab=vae&part=train&factors=everything&beta=1&seed=0": press("Train"),
    "tab=gan&part=lab": press("Play"),
    "tab=diffusion&part=denoise&steps=200&guidance=4&sampler=Heun, probability-flow ODE": press("Sample"),
    "tab=diffusion&part=race": lambda page: page.get_by_label("50", exact=True).click(),
    "tab=diffusion": fill_in,
    "tab=diffusion&part=lab": press("Train"),
    "tab=text&part=write&tokens=20": write,
    "tab=text&part=compare&tokens=20": compare,
    "tab=text&part=draft&tokens=20": draft,
    "tab=text&part=train": press("Train"),
    "tab=clip&part=yours": read,
    "tab=distillation&part=race": press("Race"),
}


@contextlib.contextmanager
def app_here():
    """The app as it is when its first seconds are over, and its address."""
    clip.warm()
    demo = app.build_app()
    _, url, _ = serve(demo, port=free_port(), prevent_thread_lock=True, quiet=True)
    yield demo, url
    demo.close(verbose=False)


@pytest.fixture(scope="module")
def served():
    with app_here() as both:
        yield both


def events(demo) -> tuple[int, int]:
    """How many events run, and how many wait."""
    return sum(job is not None for job in demo._queue.active_jobs), len(demo._queue)


def at_work(demo) -> bool:
    """Whether an event runs or waits, a training goes on, or any thread is inside a model."""
    frames = [frame for frame in sys._current_frames().values() if frame]
    inside = False
    for frame in frames:
        while frame and not inside:
            inside = frame.f_code.co_filename.startswith(CORE)
            frame = frame.f_back
    return any(events(demo)) or _jobs.free() < _jobs.WORKERS or inside


def wait_until(condition, seconds):
    """Seconds until the condition holds. Raises: AssertionError if it does not in time."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds
        time.sleep(0.02)
    return time.monotonic() - begun


def opened(chromium, url, link):
    page = chromium.new_context().new_page()
    page.set_default_timeout(30_000)
    page.goto(f"{url}?{link}")
    page.locator(".lead:visible").last.wait_for()
    page.wait_for_timeout(700)  # what the part shows first has come
    return page


def leave(link, demo, url, chromium):
    """Start the run of a link, and close the page in the midst of it; seconds until nothing of it is at work."""
    page = opened(chromium, url, link)
    wait_until(lambda: not at_work(demo), 30)
    RUNS[link](page)
    wait_until(lambda: events(demo)[0], 15)
    page.wait_for_timeout(500)
    assert at_work(demo)
    page.close()
    return wait_until(lambda: not at_work(demo), PATIENCE)


@pytest.mark.parametrize("link", RUNS)
def test_who_closes_the_page_ends_the_run(link, served, chromium):
    leave(link, *served, chromium)


def test_nothing_is_kept_of_a_page_that_is_closed(served, chromium):
    demo, url = served
    page = opened(chromium, url, "tab=gan&part=lab")
    wait_until(lambda: demo.state_holder.session_data, 15)
    page.close()
    wait_until(lambda: not demo.state_holder.session_data, PATIENCE)


def test_past_the_limit_a_page_is_told_that_the_server_is_busy(served, chromium, monkeypatch):
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
    pages = [opened(chromium, url, link) for _ in range(_jobs.WORKERS + 1)]
    for page in pages:
        start(page)
    wait_until(lambda: events(demo) == (_jobs.WORKERS, 1), 15)
    last = pages.pop()
    last.get_by_role("status").get_by_text("You are next").wait_for()
    last.close()
    wait_until(lambda: events(demo) == (_jobs.WORKERS, 0), PATIENCE)
    for page in pages:
        page.close()
    wait_until(lambda: not at_work(demo), PATIENCE)

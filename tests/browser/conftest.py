"""The running app, and a real Chromium."""

import os

import pytest

from benchmarks._browser import find_chromium, launch, new_context, visit


@pytest.fixture(scope="session")
def url(running):
    """The app's address."""
    return running[1]


@pytest.fixture(scope="session")
def chromium():
    """Debian's Chromium; the tests are skipped where there is none, except in continuous integration."""
    found = find_chromium()
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("continuous integration must have Chromium")
        pytest.skip("there is no Chromium on this machine")
    with launch(found) as browser:
        yield browser


@pytest.fixture(scope="session")
def window(chromium):
    """What every page of the tests is opened in, so that the app's scripts are fetched once."""
    context = new_context(chromium)
    yield context
    kept = {entry["name"] for origin in context.storage_state()["origins"] for entry in origin["localStorage"]}
    assert kept <= {"genai.answered", "genai.lesson"}  # nothing else is left to the next page
    context.close()


@pytest.fixture
def page(window, url):
    """A page of one test."""
    with visit(window, url) as opened:
        yield opened

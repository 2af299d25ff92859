"""The running app, and a real Chromium."""

import os

import pytest

from benchmarks._browser import find_chromium, launch, visit


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


@pytest.fixture
def page(chromium, url):
    """A page of one test."""
    with visit(chromium, url) as opened:
        yield opened

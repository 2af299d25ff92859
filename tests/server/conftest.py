"""The app in a process of its own, spoken to without a browser."""

import pytest

from tests.browser.conftest import serve
from tests.server.wire import Wire


@pytest.fixture(scope="session")
def server():
    """The app's process, and the wire to it."""
    process, url = serve(["app.py"], {"HF_HUB_OFFLINE": "1"})
    yield process, Wire(url)
    process.terminate()
    process.wait(10)


@pytest.fixture(scope="session")
def wire(server):
    return server[1]

"""The running app, spoken to without a browser."""

import inspect

import pytest

import app
from tests.server.wire import Wire


@pytest.fixture(scope="session")
def server(running):
    """The app's process, and the wire to it."""
    process, url = running
    return process, Wire(url)


@pytest.fixture(scope="session")
def wire(server):
    return server[1]


@pytest.fixture(scope="session")
def behind():
    """The Python functions behind the server functions of the app, in the order in which the page has them."""
    here = app.build_app()  # numbered otherwise than in the server, where it is the first app of its process
    shown = ((here.blocks[c["id"]], c["props"].get("server_fns") or []) for c in here.config["components"])
    return [inspect.unwrap(getattr(block, name)) for block, names in shown for name in names]

"""The app in a process of its own, and a real Chromium."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def free_port() -> int:
    """A port of this machine that nobody has."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def serve(arguments: list[str], environment: dict[str, str], patience: float = 120) -> tuple[subprocess.Popen, str]:
    """Start `python <arguments> --port <free port>` and wait until it answers; returns the process and its address."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, *arguments, "--port", str(port)], cwd=ROOT, env={**os.environ, **environment}
    )
    url = f"http://127.0.0.1:{port}"
    until = time.monotonic() + patience
    while time.monotonic() < until and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return process, url
        except OSError:
            time.sleep(0.2)
    process.kill()
    raise RuntimeError("the app did not start")


@pytest.fixture(scope="session")
def url():
    """The app's address."""
    process, address = serve(["app.py"], {"HF_HUB_OFFLINE": "1"})
    yield address
    process.terminate()
    process.wait(10)


@pytest.fixture(scope="session")
def chromium():
    """Debian's Chromium; the tests are skipped where there is none, except in continuous integration."""
    found = shutil.which("chromium")
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("continuous integration must have Chromium")
        pytest.skip("there is no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        yield browser
        browser.close()


@contextlib.contextmanager
def visit(chromium, url):
    """A fresh page on the app; afterwards it must have logged no error and asked no other host for anything."""
    context = chromium.new_context(viewport={"width": 1280, "height": 1000}, accept_downloads=True)
    opened = context.new_page()
    opened.set_default_timeout(30_000)
    errors, foreign = [], []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    opened.on("request", lambda r: foreign.append(r.url) if not r.url.startswith((url, "data:", "blob:")) else None)
    opened.goto(url)
    opened.get_by_role("tab", name="Home").wait_for()
    yield opened
    context.close()
    assert not foreign
    assert not errors


@pytest.fixture
def page(chromium, url):
    """A page of one test."""
    with visit(chromium, url) as opened:
        yield opened

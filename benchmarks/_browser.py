"""The app in a process of its own, and a real Chromium on its page: what benchmarks and browser tests share."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# Whether the page has had no request under way for 300 ms; streams and heartbeats, which stay open, do not count.
SETTLED = """() => {
  if (window.counted === undefined) {
    const fetched = window.fetch; window.counted = 0; window.last = performance.now();
    window.fetch = async (...given) => {
      const long = /queue.data|heartbeat/.test(given[0]?.url ?? given[0]);
      if (!long) window.counted++;
      try { return await fetched(...given); }
      finally { if (!long) { window.counted--; window.last = performance.now(); } }
    };
  }
  return window.counted <= 0 && performance.now() - window.last > 300;
}"""
# The parts of the tab that is shown; on a narrow page some stand in Gradio's overflow menu.
PARTS = """() => [...document.querySelectorAll('.parts')].filter((node) => node.checkVisibility())
.flatMap((node) => [...node.querySelector('[role=tablist]').querySelectorAll('[role=tab]')])
.map((tab) => tab.textContent.trim())"""
PRESS = """(name) => [...document.querySelectorAll('.parts [role=tab], .parts .overflow-menu button')]
.filter((t) => t.textContent.trim() === name && t.closest('.parts').checkVisibility()).at(-1).click()"""


def free_port() -> int:
    """A port of this machine that nobody has."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def serve(arguments: list[str], environment: dict[str, str], patience: float = 120) -> tuple[subprocess.Popen, str]:
    """Start `python <arguments> --port <free port>` and wait until it answers; returns the process and its address.

    patience: seconds. Raises: RuntimeError if it has not answered by then, or has ended.
    """
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


def find_chromium() -> str | None:
    """The path of Debian's Chromium, where it is installed."""
    return shutil.which("chromium")


@contextlib.contextmanager
def launch(executable: str) -> Iterator:
    """A Chromium without a window, driven by playwright."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        yield browser
        browser.close()


def new_context(chromium):
    """A context of the browser: a cache and a storage of its own."""
    return chromium.new_context(viewport={"width": 1280, "height": 1000}, accept_downloads=True)


@contextlib.contextmanager
def visit(where, url: str) -> Iterator:
    """A fresh page on the app, in a context that is there or in one of its own, where a browser is given.

    Raises: AssertionError if it has logged an error or asked another host for anything.
    """
    alone = hasattr(where, "new_context")
    opened = (new_context(where) if alone else where).new_page()
    opened.set_default_timeout(30_000)
    errors, foreign = [], []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    own = (url.partition("/?")[0], "data:", "blob:")
    opened.on("request", lambda r: foreign.append(r.url) if not r.url.startswith(own) else None)
    opened.goto(url)
    opened.locator("nav a[data-id=home]").first.wait_for(state="attached")
    yield opened
    (opened.context if alone else opened).close()
    assert not foreign
    assert not errors


def requests_of(page) -> list[str]:
    """A list that fills with what the page asks of the server from now on: functions of its components, runs it starts.

    The cards on Home load their pictures one after the other, whichever tab is open: these do not count.
    """
    asked = []

    def note(request) -> None:
        if "/queue/join" in request.url:
            asked.append("queue/join")
        elif "/component_server" in request.url and request.post_data_json["fn_name"] != "picture":
            asked.append(request.post_data_json["fn_name"])

    page.on("request", note)
    return asked


def follow_link(page, link: str) -> None:
    """Open a link of the app, "tab=vae&part=sliders", as one is that the page itself holds: nothing is loaded anew."""
    page.evaluate(
        "(link) => { history.pushState({}, '', `?${link}`); dispatchEvent(new PopStateEvent('popstate')); }", link
    )


def open_tab(page, id_: str) -> None:
    """Open a tab by its link in the navigation, wherever that stands."""
    page.locator(f'nav a[data-id="{id_}"]').first.evaluate("(link) => link.click()")


def open_part(page, name: str) -> None:
    """Open a part of the tab that is shown."""
    page.get_by_role("tab", name=name, exact=True).locator("visible=true").click()


def show_preset(page, label: str, answer: str = "Just show me") -> None:
    """Press a preset of the part that is shown, and answer its question."""
    page.get_by_role("button", name=label, exact=True).locator("visible=true").click()
    page.get_by_role("group", name="Answers").get_by_role("button", name=answer).locator("visible=true").click()


def every_part(page, ids) -> Iterator[str]:
    """Open every part of the tabs with these ids, one after the other; yields its name when it has settled."""
    for id_ in ids:
        open_tab(page, id_)
        page.wait_for_timeout(300)
        page.wait_for_function(SETTLED)
        for part in page.evaluate(PARTS) or [""]:
            if part:
                page.evaluate(PRESS, part)
                page.wait_for_function(SETTLED)
            yield f"{id_}, {part}"

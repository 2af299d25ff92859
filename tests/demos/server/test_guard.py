"""The outer wall: whose fault an error is, a request's or the server's."""

import asyncio
import errno
import json
from concurrent.futures import ThreadPoolExecutor

import gradio as gr
import pytest
from gradio.routes import App
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from demos._server.guard import Guard


def answer(error):
    """(status, sentence) of a request at which the app raises an error."""
    sent = []

    async def app(scope, receive, send):
        raise error

    async def receive():
        return {"type": "http.request", "body": b""}

    async def send(message):
        sent.append(message)

    asked = Guard(app)({"type": "http", "path": "/gradio_api/upload", "headers": []}, receive, send)
    with ThreadPoolExecutor(1) as pool:  # a browser test before it may have left a loop in this thread
        pool.submit(asyncio.run, asked).result()
    return sent[0]["status"], json.loads(sent[1]["body"])["detail"]


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (PermissionError(errno.EACCES, "denied", "/tmp/gradio/x"), 500, "The server cannot read or write a file"),
        (OSError(errno.ENOSPC, "no space"), 507, "its disk is full"),
        (OSError(errno.ENFILE, "too many files"), 500, "The server cannot"),
        (MemoryError(), 503, "out of memory"),
        (OSError(errno.ENAMETOOLONG, "File name too long"), 400, "does not fit this app"),
        (KeyError("x"), 400, "does not fit this app"),
        (RuntimeError("the request is too large"), 400, "does not fit this app"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value)[:12],
)
def test_a_fault_of_the_server_is_not_laid_at_the_users_door(error, status, said):
    got, sentence = answer(error)
    assert got == status
    assert said in sentence
    assert "/tmp" not in sentence


def test_an_upload_into_a_folder_that_cannot_be_written_is_the_servers_fault(tmp_path, monkeypatch):
    (tmp_path / "taken").write_text("a file, where the folder should be", encoding="utf-8")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "taken" / "gradio"))
    with gr.Blocks() as demo:
        gr.File()
    demo.max_file_size = None  # as `launch` sets it
    client = TestClient(App.create_app(demo, app_kwargs={"middleware": [Middleware(Guard)]}))
    got = client.post("/gradio_api/upload", files={"files": ("x.png", b"x")})
    assert got.status_code == 500
    assert got.json()["detail"].startswith("The server cannot")

"""The outer wall: which requests reach Gradio at all, and what those that do not fit are told.

What a request holds is checked by the handlers, with `demos/_ui/validation.py`.
"""

import errno
import json
import logging
import re

import gradio as gr
from gradio_client import utils as client_utils

LARGEST = 17_000_000  # bytes of a request: a file of 12 MB in base64, and what goes with it
UPLOADS = 300_000_000  # bytes of a request that brings files, each of which has Gradio's own limit
LONGEST = 300  # characters of what Gradio says, which repeats the value
ELSEWHERE = re.compile(r"/(file=\s*\w+:/|file/\w+:/|proxy=)", re.IGNORECASE)  # Gradio would fetch it from another host


class Guard:
    """ASGI middleware: no files of other hosts, no endless body, and no bare "Internal Server Error"."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        if ELSEWHERE.search(scope["path"]):
            return await _refuse(send, 403, "This server gives its own files only.")
        largest = UPLOADS if scope["path"].endswith("/upload") else LARGEST
        length = dict(scope["headers"]).get(b"content-length", b"")
        if length.isdigit() and int(length) > largest:
            return await _refuse(send, 413, f"The request is larger than {largest / 1e6:g} MB.")
        read, answered = 0, False

        async def counted():
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > largest:  # it came in pieces, and did not say how long it is
                raise RuntimeError("the request is too large")
            return message

        async def noted(message):
            nonlocal answered
            answered = True
            await send(message)

        try:
            await self.app(scope, counted, noted)
        except Exception as error:
            if answered:
                raise
            if fault := _fault(error):
                logging.getLogger(__name__).error("failed at %s", scope["path"], exc_info=error)
                return await _refuse(send, *fault)
            logging.getLogger(__name__).warning("refused %s: %s", scope["path"], type(error).__name__)
            return await _refuse(send, 400, "The request does not fit this app.")


def _fault(error: Exception) -> tuple[int, str] | None:
    """The status and the sentence of an error that is the server's, and not that of a request."""
    if isinstance(error, MemoryError):
        return 503, "The server is out of memory; try again later."
    ours = isinstance(error, OSError) and not isinstance(error, ConnectionError)  # who left brings about the latter
    if not ours or error.errno == errno.ENAMETOOLONG:  # and a request this one
        return None
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return 507, "The server cannot keep this file: its disk is full."
    return 500, "The server cannot read or write a file that it needs; whoever runs it finds out more in its log."


async def _refuse(send, status: int, sentence: str) -> None:
    body = json.dumps({"detail": sentence}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def explain_rejections(demo: gr.Blocks) -> None:
    """Values that Gradio's own components refuse get a sentence too, and no file is fetched for them from elsewhere."""
    prepare = demo.preprocess_data

    def local(file: dict) -> dict:
        if client_utils.is_http_url_like(file.get("path") or ""):
            raise gr.Error("A file must be uploaded, not named by its address.", print_exception=False)
        return file

    async def preprocess_data(*arguments, **named):
        try:
            client_utils.traverse(arguments[1:2], local, client_utils.is_file_obj_with_meta)
            return await prepare(*arguments, **named)
        except gr.Error as error:
            said = error.message if len(error.message) <= LONGEST else f"{error.message[:LONGEST]} …"
            raise gr.Error(said, print_exception=False) from None
        except Exception as error:
            logging.getLogger(__name__).info("refused values: %s", error)
            raise gr.Error("The values sent do not fit what is asked for.", print_exception=False) from None

    demo.preprocess_data = preprocess_data

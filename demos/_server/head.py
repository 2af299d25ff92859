"""What the page is sent: a script at the head's beginning, and Gradio's data in the form that is read fastest.

Gradio's own `head` comes into the page with its configuration: after its scripts have begun, and in no certain order.
"""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NO_ENDPOINTS = b'{"named_endpoints": {}, "unnamed_endpoints": {}}'


def as_json(page: bytes, name: bytes, data: bytes | None = None) -> bytes:
    """The page with `window.<name> = {...};` of a script as JSON, which takes half the time of a script to parse; with
    `data` in its place, where it is given. A page without such a script stays as it is.
    """
    before, _, rest = page.partition(b"<script>window." + name + b" = ")
    found, end, after = rest.partition(b";</script>")
    if not end:
        return page
    held = b'<script type="application/json" id="' + name + b'">' + (data or found) + b"</script>"
    read = b"<script>window." + name + b' = JSON.parse(document.getElementById("' + name + b'").textContent);</script>'
    return before + held + read + after


class Head:
    """Puts `tag` at the beginning of the head of every page of HTML, and its data as JSON.

    The descriptions of the endpoints, a fifth of the page, are left out: Gradio's page of the API, which shows them, is
    none of ours. Clients fetch them from /gradio_api/info.
    """

    def __init__(self, app: ASGIApp, tag: str):
        self.app, self.tag = app, tag.encode()

    def page(self, body: bytes) -> bytes:
        body = as_json(body.replace(b"<head>", b"<head>" + self.tag, 1), b"gradio_config")
        return as_json(body, b"gradio_api_info", NO_ENDPOINTS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start: Message | None = None

        async def insert(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith("text/html") and "content-length" in headers:
                    start = message  # it waits for the body, which comes in one piece
                    return
            elif start and message["type"] == "http.response.body":
                body = self.page(message.get("body", b""))
                MutableHeaders(scope=start)["content-length"] = str(len(body))
                await send(start)
                start, message = None, {**message, "body": body}
            await send(message)

        await self.app(scope, receive, insert if scope["type"] == "http" else send)

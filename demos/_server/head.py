"""What stands in the head of the page from the start.

Gradio's own `head` comes into the page with its configuration: after its scripts have begun, and in no certain order.
"""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Head:
    """Puts `tag` at the beginning of the head of every page of HTML."""

    def __init__(self, app: ASGIApp, tag: str):
        self.app, self.tag = app, tag.encode()

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
                body = message.get("body", b"").replace(b"<head>", b"<head>" + self.tag, 1)
                MutableHeaders(scope=start)["content-length"] = str(len(body))
                await send(start)
                start, message = None, {**message, "body": body}
            await send(message)

        await self.app(scope, receive, insert if scope["type"] == "http" else send)

"""How the app is served: the settings of the house for `launch`, the same for the whole app and for one tab alone."""

import gc
import os

import gradio as gr
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from demos._server import guard, head, sessions
from demos._ui import bundle, theme
from demos.classroom import routes as classroom

MAX_FILE = 60_000_000  # bytes, of photographs in a zip; whatever else comes from a page has the limits of validation.py
ZIPPED = Middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)  # as small as at 9, in half the time
BLOCKS = {"analytics_enabled": False, "delete_cache": (600, 1800)}  # files older than 30 minutes go, every 10
THREADS = 100  # handlers that wait for a frame or compute one: a class's labs, and whatever else goes on
LOOPBACK = ("localhost", "127.0.0.1", "::1")
KEPT = {"Cache-Control": "public, max-age=31536000, immutable"}  # its address names this very script


def scripts(_request: Request) -> Response:
    """The scripts of the page."""
    return Response(bundle.script(), media_type="text/javascript", headers=KEPT)


def bypass_proxy() -> None:
    """Gradio asks its own address whether it answers, and a proxy could not tell it."""
    for variable in ("no_proxy", "NO_PROXY"):
        hosts = [host for host in os.environ.get(variable, "").split(",") if host.strip()]
        if "*" not in hosts:
            os.environ[variable] = ",".join([*hosts, *(host for host in LOOPBACK if host not in hosts)])


def serve(demo: gr.Blocks, host: str = "127.0.0.1", port: int | None = None, **more):
    """Queue and launch: no analytics, no history, limits on uploads, sessions and waiting events, gzip."""
    import torch

    bypass_proxy()
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))  # 1, unless who starts it says otherwise
    demo.space_id = None  # on a Space, the page would ask for the Space's header and web fonts
    demo.queue(max_size=60, api_open=False)
    guard.explain_rejections(demo)
    sessions.keep_no_descriptions(demo)
    gc.freeze()  # the app stays: no later collection, which a request would wait for, looks through it again
    tag = f'<script defer src="genai-{bundle.version()}.js"></script>'
    return demo.launch(
        server_name=host,
        server_port=port,
        theme=theme.THEME,
        css=theme.CSS,
        run_history=False,
        enable_monitoring=False,
        max_file_size=MAX_FILE,
        max_threads=THREADS,
        state_session_capacity=300,
        pwa=False,
        ssr_mode=False,
        footer_links=[],
        app_kwargs={
            "middleware": [Middleware(guard.Guard), ZIPPED, Middleware(head.Head, tag=tag)],
            "routes": [Route(f"/genai-{bundle.version()}.js", scripts), *classroom.ROUTES],
        },
        **more,
    )

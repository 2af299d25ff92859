"""How the app is served: the settings of the house for `launch`, the same for the whole app and for one tab alone."""

import os

import gradio as gr
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware

from demos import _guard, _look
from demos._common import JS

MAX_FILE = (
    60_000_000  # bytes, of photographs in a zip; whatever else comes from a page has the limits of demos/_checks.py
)
QUEUE = (JS / "queue.js").read_text()  # tells the page where its events stand in the queue
ZIPPED = Middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)  # as small as at 9, in half the time
BLOCKS = {"analytics_enabled": False, "delete_cache": (600, 1800)}  # files older than 30 minutes go, every 10


def serve(demo: gr.Blocks, host: str = "127.0.0.1", port: int | None = None, **more):
    """Queue and launch: no analytics, no history, limits on uploads, sessions and waiting events, gzip."""
    import torch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))  # 1, unless who starts it says otherwise
    demo.space_id = None  # on a Space, the page would ask for the Space's header and web fonts
    demo.queue(max_size=60, api_open=False)
    _guard.speak_plainly(demo)
    return demo.launch(
        server_name=host,
        server_port=port,
        theme=_look.THEME,
        css=_look.CSS,
        head=f"<script>{QUEUE}</script>",
        run_history=False,
        enable_monitoring=False,
        max_file_size=MAX_FILE,
        state_session_capacity=300,
        pwa=False,
        ssr_mode=False,
        footer_links=[],
        app_kwargs={"middleware": [Middleware(_guard.Guard), ZIPPED]},
        **more,
    )


def alone(tab) -> None:
    """`python -m demos.<tab>`: this tab and nothing else."""
    with gr.Blocks(title=tab.TITLE, **BLOCKS) as demo:
        tab.build_tab()
    serve(demo)

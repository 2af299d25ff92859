"""The app: one tab per technique. `python app.py --port 7860`."""

import argparse
import html
import os
import threading

import demos._temporary  # first of all

# isort: split
import demos._large  # noqa: F401, before all that imports gradio or torch

# isort: split
import gradio as gr

from demos import _checks, _keep, clip, diffusion, distillation, gan, home, text, vae
from demos._common import LIGHT, QUIET
from demos._serve import BLOCKS, serve

WARM = 8.0  # seconds until what takes long to import is imported, so that the first page comes first
TABS = (vae, gan, diffusion, text, clip, distillation)


def build_app() -> gr.Blocks:
    """The whole app as Blocks; nothing is served yet."""
    with gr.Blocks(title="Generative AI, by touching it", **BLOCKS) as demo:
        gr.HTML('<p class="brand">Generative AI <span>learn how it works by touching it</span></p>')
        notice = gr.HTML()
        with gr.Tabs(selected="home") as tabs:
            with gr.Tab(home.TITLE, id="home"):
                doors = home.build_tab()
            restored = []
            for tab in TABS:
                with gr.Tab(tab.TITLE, id=tab.TITLE.lower()):
                    restored.append(tab.build_tab())

        def restore(request: gr.Request):
            """Fill the tab that a link names with the settings in it; of a link that fails, say why."""
            query = {key: value for key, value in request.query_params.items() if not key.startswith("__")}  # Gradio's
            answer = [gr.skip()] * (2 + sum(len(parts) for parts in restored))
            first = 2
            for tab, parts in zip(TABS, restored, strict=True):
                if query.get("tab") == tab.TITLE.lower():
                    answer[1] = gr.Tabs(selected=tab.TITLE.lower())
                    if len(query) > 1:
                        found = _checks.guarded(lambda query, tab=tab: _keep.restored_by(tab, query))(query)
                        if "ok" in found:
                            answer[first : first + len(parts)] = found["ok"]
                        else:
                            answer[0] = f'<p class="said">This link cannot be used. {html.escape(found["error"])}</p>'
                first += len(parts)
            return answer

        def enter(event: gr.EventData):
            """The door that was clicked -> its tab."""
            titles = [tab.TITLE for tab in TABS]
            return gr.Tabs(selected=_checks.choice(event.tab, "The tab", titles).lower())

        def forget(request: gr.Request) -> None:
            """A page was closed: what Gradio keeps of it goes now, and not when 300 others have come."""
            demo.state_holder.session_data.pop(request.session_hash, None)

        every_part = [part for parts in restored for part in parts]
        demo.load(restore, None, [notice, tabs, *every_part], **LIGHT, **QUIET)
        doors.click(_checks.handler(enter), None, tabs, **LIGHT, **QUIET)
        demo.unload(forget)  # after whatever else ends with a page
    return demo


def user_and_password(text: str) -> tuple[str, str]:
    """What `--auth` takes."""
    user, _, password = text.partition(":")
    if not user or not password:
        raise argparse.ArgumentTypeError("it must be a user and a password with a colon between them.")
    return user, password


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default=os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"))
    parser.add_argument("--port", type=int, default=int(os.environ.get("GRADIO_SERVER_PORT", "7860")))
    parser.add_argument("--collections", metavar="DIR", help="keep named collections of the CLIP tab in this folder")
    parser.add_argument(
        "--auth",
        type=user_and_password,
        default=os.environ.get("GENAI_AUTH"),
        metavar="USER:PASSWORD",
        help="ask for these first; the variable GENAI_AUTH does the same, and no list of processes shows it",
    )
    options = parser.parse_args()
    if options.collections:
        os.environ["GENAI_COLLECTIONS"] = options.collections
    warm = threading.Timer(WARM, clip.warm)
    warm.daemon = True
    warm.start()
    serve(build_app(), options.host, options.port, auth=options.auth)


if __name__ == "__main__":
    main()
